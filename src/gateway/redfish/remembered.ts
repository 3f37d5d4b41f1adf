import { DEFAULT_EFI } from './boot.ts'
import type { Lamp } from './documents/system.ts'

type Entry = { lamp: Lamp; efi: boolean }

/**
 * What was ordered here and what no back end can be asked for: the lamp, and the boot mode while no boot order holds it. Kept in
 * memory: after a restart the lamp is `Unknown` and the mode UEFI.
 */
export class Remembered {
  readonly #entries = new Map<string, Entry>()

  of(machine: string): Readonly<Entry> {
    return this.#entries.get(machine) ?? { lamp: 'Unknown', efi: DEFAULT_EFI }
  }

  set(machine: string, change: Partial<Entry>): void {
    this.#entries.set(machine, { ...this.of(machine), ...change })
  }

  /** Forgets machines that have no BMC any more. */
  keepOnly(machines: ReadonlySet<string>): void {
    for (const machine of this.#entries.keys()) if (!machines.has(machine)) this.#entries.delete(machine)
  }
}
