import type { PowerReading } from './outcome.ts'

/** What was read last of each machine. Who listens hears of a change, never of the same again. */
export class Readings {
  readonly #readings = new Map<string, PowerReading>()
  readonly #changed: (machine: string) => void

  constructor(changed: (machine: string) => void) {
    this.#changed = changed
  }

  of(machine: string): PowerReading | undefined {
    return this.#readings.get(machine)
  }

  all(): IterableIterator<PowerReading> {
    return this.#readings.values()
  }

  note(machine: string, reading: PowerReading): void {
    const before = this.#readings.get(machine)
    this.#readings.set(machine, reading)
    const same = before?.state === reading.state && before.driver === reading.driver
    if (!same || (before.problems.length === 0) !== (reading.problems.length === 0)) this.#changed(machine)
  }

  forget(machine: string): void {
    if (this.#readings.delete(machine)) this.#changed(machine)
  }
}
