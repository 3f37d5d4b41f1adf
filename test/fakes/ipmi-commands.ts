import type {
  CommandContext,
  CommandSession,
  IpmiAnswer,
  PrivilegeLevel,
  SolPort,
} from '../../src/gateway/ipmi/command.ts'
import { COMMANDS } from '../../src/gateway/ipmi/commands/all.ts'
import { newBmcState } from '../../src/gateway/ipmi/commands/state.ts'
import { completionOf } from '../../src/gateway/ipmi/completion.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { Command as Codec } from '../../src/protocols/ipmi/command.ts'
import { CompletionError } from '../../src/protocols/ipmi/completion.ts'
import { bmcUser, FakeBmc } from './bmc.ts'

/** The serial line of a BMC that only remembers who has it. */
export class FakeSolPort implements SolPort {
  holder: number | undefined

  async activate(session: CommandSession): Promise<'activated' | 'busy'> {
    if (this.holder !== undefined) return 'busy'
    this.holder = session.handle
    return 'activated'
  }

  deactivate(): boolean {
    const had = this.holder !== undefined
    this.holder = undefined
    return had
  }
}

/** One session at an emulated BMC, without packets. */
export class CommandDesk {
  readonly bmc = new FakeBmc({
    users: [bmcUser(2, 'admin'), bmcUser(3, 'oper', 'operator'), bmcUser(4, 'user', 'user')],
  })
  readonly clock = new ManualClock()
  readonly sol = new FakeSolPort()
  readonly state = newBmcState(this.clock.now())
  privilege: PrivilegeLevel = 4
  /** How often sessions were ended. */
  ended = 0

  get context(): CommandContext {
    const session: CommandSession = {
      id: 0x1234,
      handle: 1,
      user: this.bmc.bmc.users[0]!,
      suite: 17,
      maximumPrivilege: 4,
      privilege: this.privilege,
      address: '192.0.2.1',
      port: 40_000,
    }
    return {
      backEnd: this.bmc,
      session,
      by: { face: 'ipmi', user: 'admin', address: '192.0.2.1' },
      state: this.state,
      sol: this.sol,
      sessions: [session],
      port: 623,
      suites: [17, 3],
      now: () => this.clock.now(),
      log: SILENT,
      endSessions: () => {
        this.ended++
      },
    }
  }

  /** The answer to bytes, as a client gets it. Throws what is no refusal. */
  async send(netFn: number, command: number, data: Uint8Array): Promise<IpmiAnswer> {
    const known = COMMANDS.commands.find((one) => one.netFn === netFn && one.command === command)
    try {
      if (known) return await known.run(data, this.context)
      return await COMMANDS.fallback!.run({ netFn, lun: 0, command, data }, this.context)
    } catch (error) {
      const completionCode = completionOf(error)
      if (completionCode === undefined) throw error
      return { completionCode, data: new Uint8Array(0) }
    }
  }

  /** @throws CompletionError when the answer is a refusal */
  async ask<Request, Answer>(codec: Codec<Request, Answer>, request: Request): Promise<Answer> {
    const answer = await this.send(codec.netFn, codec.command, codec.encodeRequest(request))
    if (answer.completionCode !== 0) throw new CompletionError(answer.completionCode, codec.name)
    return codec.decodeAnswer(answer.data)
  }

  /** The code that this is refused with; 0 when it is not. */
  async refusal<Request, Answer>(codec: Codec<Request, Answer>, request: Request): Promise<number> {
    return (await this.send(codec.netFn, codec.command, codec.encodeRequest(request))).completionCode
  }
}
