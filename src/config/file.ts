import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml'
import { Refusal } from '../kit/errors.ts'

const NAME = 'reveille.yaml'
const SYSTEM_FILE = '/etc/reveille/reveille.yaml'

/** Larger than any sensible settings file: a mistaken path must not fill the memory. */
const LARGEST = 4 * 1024 * 1024

/** A settings file that was read. `where` names a place in it as `FILE:LINE:COLUMN`. */
export type SettingsFile = Readonly<{
  path: string
  values: Readonly<Record<string, unknown>>
  where: (path: readonly (string | number)[]) => string
}>

/** The file that `--config` or `REVEILLE_CONFIG` names, else the first of the usual ones that exists. */
export function findSettingsFile(named: string | undefined, cwd: string): string | undefined {
  if (named !== undefined) return isAbsolute(named) ? named : join(cwd, named)
  return [join(cwd, NAME), SYSTEM_FILE].find((path) => existsSync(path))
}

function readText(path: string): string {
  try {
    const text = readFileSync(path, 'utf8')
    if (text.length > LARGEST) throw new Error(`it has more than ${LARGEST / 1024 / 1024} MiB`)
    return text
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Refusal('validation-failed', `The settings file ${path} cannot be read: ${reason}`)
  }
}

/** Reads and parses a settings file; bad YAML is a `Refusal` that names line and column. */
export function readSettingsFile(path: string, cwd: string): SettingsFile {
  const near = relative(cwd, path)
  const shown = near.startsWith('..') ? path : near
  const lines = new LineCounter()
  const document = parseDocument(readText(path), { lineCounter: lines })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${shown}:${line}:${col}`
  }
  const [fault] = document.errors
  if (fault) {
    const [reason = ''] = fault.message.split(/ at line \d+|\n/)
    throw new Refusal('validation-failed', `${at(fault.pos[0])}: this is not YAML: ${reason}`)
  }
  if (document.contents !== null && !isMap(document.contents))
    throw new Refusal(
      'validation-failed',
      `${at(0)}: settings must be written as NAME: VALUE, such as dataDir: /srv/reveille`,
    )
  const values: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  return { path, values: values as Record<string, unknown>, where: (setting) => at(offsetOf(document, setting)) }
}

/** Where a value stands; a value that is missing, or a key by itself, is placed at its key or at what should hold it. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length)
    const node = document.getIn(part, true)
    if (isNode(node) && node.range) return node.range[0]
    const holder = length === 1 ? document.contents : document.getIn(part.slice(0, -1), true)
    const key = isMap(holder) ? holder.items.find((pair) => String(pair.key) === String(part.at(-1)))?.key : undefined
    if (isNode(key) && key.range) return key.range[0]
  }
  return 0
}
