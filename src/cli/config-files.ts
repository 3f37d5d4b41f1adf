import { InvalidArgumentError } from 'commander'
import type { InputOf } from '../api/client/client.ts'
import { type ConfigKind, readConfigFiles } from '../api/client/site/config-files.ts'
import { DISK_FILES } from './disk-files.ts'
import { WrongUse } from './failure.ts'

/** As `VARIABLE_TYPES` of the contract. */
export const VARIABLE_TYPES = ['string', 'number', 'boolean', 'list', 'secret'] as const

type Version = NonNullable<InputOf<'addConfigVersion'>['body']>
export type Variable = NonNullable<Version['variables']>[number]

export type FileOptions = { kind?: ConfigKind; part?: string[]; filesDir?: string; variable?: Variable[] }

/** A config as it is on disk. */
export async function readConfig(file: string, options: FileOptions) {
  const read = readConfigFiles(file, options, DISK_FILES).catch((error: unknown) => {
    // What the system says of a file is no wrong use.
    throw error instanceof Error && !('code' in error) ? new WrongUse(error.message) : error
  })
  return { ...(await read), variables: options.variable }
}

/** `NAME`, `NAME:TYPE`, `NAME=DEFAULT`, `NAME:TYPE=DEFAULT`. */
export function variable(text: string, before: Variable[] | undefined): Variable[] {
  const [, name, type = 'string', given] = /^([a-z][a-z0-9_]*)(?::([a-z]+))?(?:=([\s\S]*))?$/.exec(text) ?? []
  const known = VARIABLE_TYPES.find((each) => each === type)
  if (name === undefined || !known)
    throw new InvalidArgumentError(
      `It must be NAME[:TYPE][=DEFAULT] with one of ${VARIABLE_TYPES.join(', ')}, as in port:number=80.`,
    )
  return [...(before ?? []), { name, type: known, default: given === undefined ? null : typedValue(known, given) }]
}

/** A value as it is typed: numbers, true and false, lists with commas. */
export function typedValue(type: Variable['type'], text: string): string | number | boolean | string[] {
  switch (type) {
    case 'number': {
      const value = Number(text)
      if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError(`${text} is no number.`)
      return value
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new InvalidArgumentError(`${text} is neither true nor false.`)
      return text === 'true'
    case 'list':
      return text === '' ? [] : text.split(',')
    default:
      return text
  }
}
