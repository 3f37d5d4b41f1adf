import { FILES } from './butane-files.ts'
import { OTHERS } from './butane-others.ts'
import { SUGAR } from './butane-sugar.ts'

/** A document of Butane and the Ignition that it makes, without the version. The first line is made of `language`; see `butaneText`. */
export type GoodDocument = readonly [language: string, body: string, ignition: Record<string, unknown>]

export const LOCAL: Readonly<Record<string, Uint8Array>> = {
  'hello.txt': text('hello\n'),
  'unit.service': text('[Service]\nExecStart=/bin/true\n'),
  'keys.pub': text('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne one\n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITwo two\n'),
  'bytes.bin': Uint8Array.from({ length: 30 }, (_, index) => 255 - index),
  'tree/a': text('a'),
  'tree/b/c': text('c'),
}

function text(of: string): Uint8Array {
  return new TextEncoder().encode(of)
}

export const localFiles = {
  file: (path: string) => (Object.hasOwn(LOCAL, path) ? LOCAL[path] : undefined),
  list: (folder: string) => Object.keys(LOCAL).filter((path) => path.startsWith(`${folder}/`)),
}

export function butaneText(language: string, body: string): string {
  const [variant, version] = language.split(' ')
  return language === '' ? body : `variant: ${variant}\nversion: ${version}\n${body}`
}

/** Documents of Butane without a mistake. */
export const GOOD: readonly GoodDocument[] = [...FILES, ...OTHERS, ...SUGAR]
