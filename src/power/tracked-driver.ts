import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { type Circuit, type CircuitState, CLOSED, circuitState, failed } from './circuit.ts'
import { withinDeadline } from './deadline.ts'
import { type Capability, capabilitiesOf, DRIVER_DEADLINE_MS, type PowerDriver } from './driver.ts'
import { type Health, NO_CALLS, noted } from './health.ts'
import type { UnseenRestart } from './restart.ts'
import type { DriverKind } from './settings.ts'

/** Drivers end their calls by themselves; one that does not is given up this much later, in milliseconds. */
const GRACE_MS = 5000

type Made = Readonly<{
  name: string
  kind: DriverKind
  builtIn: boolean
  unseenRestart: UnseenRestart
  /** Makes the driver when it is asked first; a `Refusal` says why it cannot be made. */
  make: () => PowerDriver
  clock: Clock
  /** Counts a call. */
  count: (kind: DriverKind, result: 'ok' | 'refused' | 'failed') => void
}>

/** One driver of one machine, with how it has fared: every call goes through here. */
export class TrackedDriver {
  readonly name: string
  readonly kind: DriverKind
  readonly builtIn: boolean
  readonly unseenRestart: UnseenRestart
  readonly #made: Made
  #driver: PowerDriver | undefined
  #capabilities: ReadonlySet<Capability> = new Set()
  #circuit: Circuit = CLOSED
  health: Health = NO_CALLS

  constructor(made: Made) {
    this.name = made.name
    this.kind = made.kind
    this.builtIn = made.builtIn
    this.unseenRestart = made.unseenRestart
    this.#made = made
  }

  /** What it can do; nothing when it cannot be made, which `health` tells. */
  get capabilities(): ReadonlySet<Capability> {
    try {
      this.#instance()
    } catch (error) {
      this.#note(false, 0, causeOf(error))
    }
    return this.#capabilities
  }

  get circuit(): CircuitState {
    return circuitState(this.#circuit, this.#made.clock.now())
  }

  /** When it is asked again by itself, in milliseconds since 1970; `null` when it does not rest. */
  get retryAt(): number | null {
    return this.circuit === 'open' ? this.#circuit.restsUntil : null
  }

  /** Refused (`not-available`) when it takes longer than a driver may. `deadlineMs`: from now on. */
  async ask<T>(work: (driver: PowerDriver) => Promise<T>, deadlineMs = DRIVER_DEADLINE_MS + GRACE_MS): Promise<T> {
    const { clock, count } = this.#made
    const startedAt = clock.now()
    try {
      const result = await withinDeadline(work(this.#instance()), deadlineMs)
      this.#circuit = CLOSED
      this.#note(true, clock.now() - startedAt, '')
      count(this.kind, 'ok')
      return result
    } catch (error) {
      const answered = error instanceof Refusal && !UNREACHABLE.has(error.code)
      if (answered) this.#circuit = CLOSED
      else {
        const refusedUs = error instanceof Refusal && error.code === 'wrong-credentials'
        this.#circuit = failed(this.#circuit, clock.now(), refusedUs)
      }
      this.#note(answered, clock.now() - startedAt, causeOf(error))
      count(this.kind, answered ? 'refused' : 'failed')
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#driver?.close()
  }

  /** What a person did, told to a driver that asks people; `false` when it does not. */
  answer(state: 'on' | 'off'): boolean {
    const driver = this.#instance()
    driver.answer?.(state)
    return driver.answer !== undefined
  }

  #instance(): PowerDriver {
    if (!this.#driver) {
      this.#driver = this.#made.make()
      this.#capabilities = capabilitiesOf(this.#driver)
    }
    return this.#driver
  }

  #note(ok: boolean, ms: number, cause: string): void {
    this.health = noted(this.health, { ok, ms, at: this.#made.clock.now(), cause })
  }
}

/** What says that the other side is not to be had. Any other refusal is an answer, and a driver that answers is well. */
const UNREACHABLE: ReadonlySet<string> = new Set(['not-available', 'wrong-credentials', 'corrupt', 'internal'])

/** A sentence for people. What is no `Refusal` is a fault of the driver, whose words might hold anything. */
export function causeOf(error: unknown): string {
  return error instanceof Refusal ? error.message : 'the driver failed'
}
