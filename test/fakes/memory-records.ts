import type { ConsoleRecords } from '../../src/consoles/console.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (from: Uint8Array) => new TextDecoder().decode(from)

/** What consoles printed, in memory and without times. */
export class MemoryRecords implements ConsoleRecords {
  readonly kept = new Map<string, string>()
  append = (machine: string, _at: number, piece: Uint8Array) =>
    void this.kept.set(machine, (this.kept.get(machine) ?? '') + text(piece))
  tail = async (machine: string, most: number) => bytes((this.kept.get(machine) ?? '').slice(-most))
  search = async () => []
  extent = (machine: string) => ({ bytes: this.kept.get(machine)?.length ?? 0, lastAt: null })
  prune = async () => undefined
  forget = async (machine: string) => void this.kept.delete(machine)
  machines = () => [...this.kept.keys()]
  close = async () => undefined
}
