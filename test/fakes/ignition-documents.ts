import type { GoodDocument } from './butane-document.ts'
import { FILES } from './butane-files.ts'
import { OTHERS } from './butane-others.ts'
import { SUGAR } from './butane-sugar.ts'

export const LOCAL: Readonly<Record<string, Uint8Array>> = {
  'hello.txt': text('hello\n'),
  'unit.service': text('[Service]\nExecStart=/bin/true\n'),
  'keys.pub': text('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne one\n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITwo two\n'),
  'bytes.bin': Uint8Array.from({ length: 30 }, (_, index) => 255 - index),
  'tree/a': text('a'),
  'tree/b/c': text('c'),
  'tools/run': text('r'),
}

function text(of: string): Uint8Array {
  return new TextEncoder().encode(of)
}

export const localFiles = {
  file: (path: string) => (Object.hasOwn(LOCAL, path) ? LOCAL[path] : undefined),
  list: (folder: string) => Object.keys(LOCAL).filter((path) => path.startsWith(`${folder}/`)),
  executable: (path: string) => path === 'tools/run',
}

/** Documents of Butane without a mistake. */
export const GOOD: readonly GoodDocument[] = [...FILES, ...OTHERS, ...SUGAR]
