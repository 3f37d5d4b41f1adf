import { Refusal } from '../../src/kit/errors.ts'
import type { RawAnswer, RawRequest } from '../../src/power/driver.ts'
import { Session } from '../../src/power/drivers/ipmi/session.ts'
import type { SessionAround, Step } from '../../src/power/drivers/ipmi/steps.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { BmcSimulator, type SimulatorOptions } from './bmc-simulator.ts'

/** A repeatable source of numbers from 0 to 1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

export type Outcome = Readonly<{ answer: RawAnswer } | { refusal: Refusal }>
export const CHASSIS_STATUS: RawRequest = { netFn: 0, lun: 0, command: 1, data: new Uint8Array(0) }
export const powerRequest = (control: number): RawRequest => ({
  netFn: 0,
  lun: 0,
  command: 2,
  data: Uint8Array.of(control),
})

/** A client's session and a simulated BMC joined by a wire, in time that only this moves: an hour of silence takes no time. */
export class BmcWire {
  readonly bmc: BmcSimulator
  readonly session: Session
  now = 0
  sentAt: number[] = []
  steps: Step[] = []
  readonly #outcomes = new Map<number, Outcome>()
  #arrivals: { at: number; bytes: Uint8Array }[] = []
  #nextId = 0

  constructor(
    options: Omit<SimulatorOptions, 'crypto' | 'random'> & { random?: () => number } = {},
    client: Partial<SessionAround> & { user?: string; password?: string; kg?: string; privilege?: number } = {},
  ) {
    const { random = seededRandom(1), ...rest } = options
    this.bmc = new BmcSimulator({ crypto: IPMI_CRYPTOGRAPHY, random, ...rest })
    const { user = 'admin', password = 'secret', kg, privilege = 4, ...around } = client
    const utf8 = new TextEncoder()
    let id = 0xa0000000
    this.session = new Session({
      crypto: IPMI_CRYPTOGRAPHY,
      credentials: {
        name: utf8.encode(user),
        password: utf8.encode(password),
        kg: kg === undefined ? undefined : utf8.encode(kg),
        privilege,
      },
      whom: { where: 'bmc.test:623', user, privilege: 'administrator' },
      suite: 'auto',
      takeId: () => id++,
      giveBackId: () => {},
      ...around,
    })
  }

  /** Asks, and lets time pass until it is answered. */
  ask(request: RawRequest, how: { once?: boolean; alone?: number; forMs?: number } = {}): Outcome {
    const id = this.begin(request, how)
    this.run(() => this.#outcomes.has(id))
    const outcome = this.#outcomes.get(id)
    if (!outcome) throw new Error(`nothing came of it by ${this.now} ms`)
    return outcome
  }

  begin(
    request: RawRequest,
    { once = false, alone, forMs = 45_000 }: { once?: boolean; alone?: number; forMs?: number } = {},
  ): number {
    const id = this.#nextId++
    this.#do(this.session.ask(this.now, { id, request, once, alone, deadline: this.now + forMs }))
    return id
  }

  outcome(id: number): Outcome | undefined {
    return this.#outcomes.get(id)
  }

  /** Lets time pass until `done`, or until nothing more would happen, at most `mostMs`. */
  run(done: () => boolean = () => false, mostMs = Number.POSITIVE_INFINITY): void {
    const end = this.now + mostMs
    while (!done()) {
      const arrival = this.#arrivals[0]
      const wakeAt = this.session.wakeAt ?? Number.POSITIVE_INFINITY
      const next = Math.min(arrival?.at ?? Number.POSITIVE_INFINITY, wakeAt)
      if (next > end || next === Number.POSITIVE_INFINITY) {
        if (end < Number.POSITIVE_INFINITY) this.now = end
        return
      }
      this.now = Math.max(this.now, next)
      if (arrival && arrival.at <= this.now) {
        this.#arrivals.shift()
        this.#do(this.session.receive(this.now, arrival.bytes))
      } else this.#do(this.session.wake(this.now))
    }
  }

  deliver(bytes: Uint8Array): void {
    this.#do(this.session.receive(this.now, bytes))
  }

  close(): void {
    this.#do(this.session.close(new Refusal('not-available', 'closed')))
  }

  #do(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.do === 'send') {
        this.sentAt.push(this.now)
        for (const { bytes, delayMs } of this.bmc.receive(this.now, step.bytes))
          this.#arrivals.push({ at: this.now + delayMs + 1, bytes })
        this.#arrivals.sort((a, b) => a.at - b.at)
      } else if (step.do === 'answer') this.#outcomes.set(step.id, { answer: step.answer })
      else if (step.do === 'refuse') this.#outcomes.set(step.id, { refusal: step.refusal })
      else this.steps.push(step)
    }
  }
}
