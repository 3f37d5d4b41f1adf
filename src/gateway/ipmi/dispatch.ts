import { COMPLETION } from '../../protocols/ipmi/completion.ts'
import { NET_FN } from '../../protocols/ipmi/net-fn.ts'
import type { Command, CommandContext, CommandSet, IpmiAnswer } from './command.ts'
import { completionOf } from './completion.ts'
import { ANSWER_MS } from './limits.ts'
import type { SolClock } from './sol-holder.ts'

const NOTHING = new Uint8Array(0)
const fail = (completionCode: number): IpmiAnswer => ({ completionCode, data: NOTHING })

type Wanted = Readonly<{ netFn: number; lun: number; command: number; data: Uint8Array }>

/** Finds what answers a command, checks who asks, and turns failures into completion codes. */
export class Dispatch {
  readonly #commands = new Map<number, Command>()
  readonly #fallback: CommandSet['fallback']

  constructor(commands: readonly Command[], fallback: CommandSet['fallback']) {
    for (const command of commands) this.#commands.set(keyOf(command.netFn, command.command, command.group), command)
    this.#fallback = fallback
  }

  /** Always answers, and within `ANSWER_MS`. */
  async answer(request: Wanted, context: CommandContext, clock: SolClock): Promise<IpmiAnswer> {
    const { netFn, lun, command, data } = request
    // Every command that we know is the BMC's own; devices of other units there are none.
    const known = lun === 0 ? this.#find(netFn, command, data) : undefined
    const privilege = known?.privilege ?? this.#fallback?.privilege
    if (privilege === undefined) return fail(COMPLETION.unknownCommand)
    if (context.session.privilege < privilege) return fail(COMPLETION.insufficientPrivilege)
    try {
      const answer = known ? known.run(data, context) : this.#fallback!.run(request, context)
      return answer instanceof Promise ? await within(answer, clock) : answer
    } catch (error) {
      const code = completionOf(error)
      if (code === undefined)
        context.log.error(
          { machine: context.backEnd.bmc.machine, netFn, command, error: String(error) },
          'An IPMI command failed',
        )
      return fail(code ?? COMPLETION.unspecified)
    }
  }

  #find(netFn: number, command: number, data: Uint8Array): Command | undefined {
    const group = netFn === NET_FN.groupExtension ? data[0] : undefined
    return this.#commands.get(keyOf(netFn, command, group)) ?? this.#commands.get(keyOf(netFn, command, undefined))
  }
}

function keyOf(netFn: number, command: number, group: number | undefined): number {
  return ((group ?? 0x100) << 16) | (netFn << 8) | command
}

/** What takes too long goes on, but its client is told. */
function within(answer: Promise<IpmiAnswer>, clock: SolClock): Promise<IpmiAnswer> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ANSWER_MS, () => resolve(fail(COMPLETION.timeout)))
    answer.then(resolve, reject).finally(cancel)
  })
}
