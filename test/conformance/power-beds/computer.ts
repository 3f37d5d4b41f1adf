import { Secret } from '../../../src/kit/secret.ts'
import type { DriverMachine, DriverSecrets } from '../../../src/power/configured.ts'
import type { Deeds } from '../power-driver-suite.ts'

/** A computer as what switches it sees it. */
export class Computer implements Deeds {
  on = false
  starts = 0
  resets = 0
  softs = 0
  interrupts = 0

  start(): void {
    if (!this.on) this.starts++
    this.on = true
  }

  stop(): void {
    this.on = false
  }

  /** For tests: no deed. */
  set(on: boolean): void {
    this.on = on
  }

  deeds(): Deeds {
    const { on, starts, resets, softs, interrupts } = this
    return { on, starts, resets, softs, interrupts }
  }
}

export const MACHINE: DriverMachine = {
  id: 'm_alpha',
  name: 'alpha',
  macs: ['52:54:00:12:34:56'],
  address: () => '127.0.0.1',
}

export function secretsOf(texts: Readonly<Record<string, string>>): DriverSecrets {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, new Secret(text)]))
}
