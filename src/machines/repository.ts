import type { Machine } from './machine.ts'

/** Keeps machines. A resolved promise means: it survives `kill -9` and power loss. */
export interface MachineRepository {
  all(): Promise<Machine[]>
  /** Inserts or replaces by id. */
  save(machine: Machine): Promise<void>
  saveAll(machines: readonly Machine[]): Promise<void>
  remove(id: string): Promise<void>
}
