import type { Command as Codec } from '../../../protocols/ipmi/command.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import { THIS_CHANNEL } from '../../../protocols/ipmi/net-fn.ts'
import type { Command, CommandContext } from '../command.ts'

/** A command that is answered by `run`, which may throw `CompletionError`. */
export function answers<Request, Answer>(
  codec: Codec<Request, Answer>,
  run: (request: Request, context: CommandContext) => Answer | Promise<Answer>,
): Command {
  const { name, netFn, command, privilege } = codec
  return {
    name,
    netFn,
    command,
    privilege,
    run: async (data, context) => ({
      completionCode: COMPLETION.ok,
      data: codec.encodeAnswer(await run(codec.decodeRequest(data), context)),
    }),
  }
}

/** The channel that everybody comes by. */
export const LAN_CHANNEL = 1

/** @throws CompletionError (CCh) for a channel that is not there */
export function checkChannel(channel: number): void {
  if (channel !== LAN_CHANNEL && channel !== THIS_CHANNEL) throw new CompletionError(COMPLETION.invalidField)
}

/** @throws CompletionError always */
export function refuse(code: number): never {
  throw new CompletionError(code)
}
