import { latin1Bytes } from '../../kit/bytes.ts'
import type { Clock } from '../../kit/clock.ts'
import { printable } from '../../kit/printable.ts'
import type { ConsoleLine } from '../../power/driver.ts'
import { PAYLOAD } from '../../protocols/ipmi/packet.ts'
import { decodeSol, encodeSol, type SolPacket } from '../../protocols/ipmi/sol.ts'
import type { BmcBackEnd } from '../back-end.ts'
import type { CommandSession, SolPort, SolSettings } from './command.ts'
import type { LiveSession } from './live-session.ts'
import { type SolStep, SolTransport } from './sol-transport.ts'

/** Time for serial lines. `after` returns what calls it off. */
export type SolClock = Clock & Readonly<{ after: (ms: number, run: () => void) => () => void }>

type Held = {
  session: LiveSession
  settings: SolSettings
  transport: SolTransport
  /** `undefined` while it is being opened. */
  line: ConsoleLine | undefined
  started: boolean
  cancelTimer: (() => void) | undefined
}

/** Carries the console of one BMC to the session that activated it. */
export class SolHolder implements SolPort {
  readonly #backEnd: () => BmcBackEnd
  readonly #clock: SolClock
  #held: Held | undefined

  constructor(backEnd: () => BmcBackEnd, clock: SolClock) {
    this.#backEnd = backEnd
    this.#clock = clock
  }

  get holder(): number | undefined {
    return this.#held?.session.handle
  }

  async activate(to: CommandSession, settings: SolSettings): Promise<'activated' | 'busy'> {
    const session = to as LiveSession
    if (this.#held) return 'busy'
    const held: Held = {
      session,
      settings,
      transport: new SolTransport(settings),
      line: undefined,
      started: false,
      cancelTimer: undefined,
    }
    this.#held = held
    try {
      held.line = await this.#backEnd().openConsole(session.caller)
    } catch (error) {
      if (this.#held === held) this.#held = undefined
      throw error
    }
    // The session may have ended, or another taken the line away, while it was opened.
    if (this.#held !== held) {
      held.line.close()
      return 'busy'
    }
    return 'activated'
  }

  /** The answer to Activate Payload went out: characters may follow. */
  start(session: LiveSession): void {
    const held = this.#held
    if (!held?.line || held.started || held.session !== session) return
    held.started = true
    held.line.listen(
      (bytes) => {
        if (this.#held === held) this.#apply(held, held.transport.printed(bytes, this.#clock.now()))
      },
      (why) => this.#lineEnded(held, why),
    )
  }

  deactivate(): boolean {
    const held = this.#held
    if (!held) return false
    this.#release(held)
    for (const packet of held.transport.ended()) this.#send(held, packet)
    return true
  }

  /** A session ended: its client hears nothing more. */
  sessionEnded(session: LiveSession): void {
    const held = this.#held
    if (held?.session === session) this.#release(held)
  }

  /** @throws DecodeError on what is no SOL payload */
  received(session: LiveSession, payload: Uint8Array, encrypted: boolean): void {
    const held = this.#held
    if (!held?.started || held.session !== session) return
    if (!encrypted && held.settings.encrypted) return
    const step = held.transport.received(decodeSol(payload), this.#clock.now())
    // What was typed is acknowledged before the machine echoes it.
    this.#apply(held, step)
    if (step.typed) held.line!.write(step.typed)
    if (step.breaks) held.line!.sendBreak?.()
  }

  #lineEnded(held: Held, why: string): void {
    if (this.#held !== held) return
    this.#release(held)
    const text = `\r\n[console ended: ${printable(why)}]\r\n`.replace(/[^\x20-\x7e\r\n]/g, '?').slice(0, 200)
    for (const packet of held.transport.ended(latin1Bytes(text))) this.#send(held, packet)
  }

  #release(held: Held): void {
    this.#held = undefined
    held.cancelTimer?.()
    held.line?.close()
  }

  #apply(held: Held, step: SolStep): void {
    for (const packet of step.send) this.#send(held, packet)
    this.#setTimer(held)
  }

  #setTimer(held: Held): void {
    held.cancelTimer?.()
    held.cancelTimer = undefined
    const at = held.transport.nextAt()
    if (at === undefined || this.#held !== held) return
    held.cancelTimer = this.#clock.after(Math.max(1, at - this.#clock.now()), () => {
      held.cancelTimer = undefined
      if (this.#held === held) this.#apply(held, held.transport.tick(this.#clock.now()))
    })
  }

  #send(held: Held, packet: SolPacket): void {
    held.session.send(PAYLOAD.sol, encodeSol(packet), held.settings.encrypted)
  }
}
