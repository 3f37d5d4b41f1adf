import type { Image } from '../../api/contract/images.ts'
import { type CliCommand, collect } from '../command.ts'
import { WrongUse } from '../failure.ts'

/** Options that say who may see an image. */
export type Access = { private?: boolean; public?: boolean; share?: string[] }

export function addAccess(command: CliCommand): CliCommand {
  return command
    .option('--private', 'only its owner and operators may see it')
    .option('--public', 'everybody with a login may see it')
    .option('--share <user>', 'this user may see it too; may be given several times', collect) as CliCommand
}

/** What of these options was given, as the API takes it. */
export function readAccess(options: Access): Partial<Pick<Image, 'visibility' | 'sharedWith'>> {
  const given = [options.private, options.public, options.share].filter((each) => each !== undefined)
  if (given.length > 1) throw new WrongUse('give one of --private, --public and --share')
  if (options.share) return { visibility: 'shared', sharedWith: options.share }
  if (options.private) return { visibility: 'private' }
  return options.public ? { visibility: 'public' } : {}
}

export function addLabels(command: CliCommand): CliCommand {
  return command.option('--label <name=value>', 'label; may be given several times', collect) as CliCommand
}

export function readLabels(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => {
      const at = label.indexOf('=')
      if (at < 1) throw new WrongUse(`${JSON.stringify(label)} is no label; write NAME=VALUE`)
      return [label.slice(0, at), label.slice(at + 1)]
    }),
  )
}
