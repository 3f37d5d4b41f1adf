import type { Batch, BatchRepository } from '../../src/rooms/batch.ts'
import type { VolumeChange, VolumeRepository } from '../../src/volumes/repository.ts'

const KINDS = ['volumes', 'attachments', 'maintenances', 'rollouts'] as const

/** Rows of volumes in memory, as JSON so that nothing is shared. `killAfter`: that many more writes are kept, all others are lost. */
export class MemoryVolumes implements VolumeRepository {
  readonly #rows = {
    volumes: new Map(),
    attachments: new Map(),
    maintenances: new Map(),
    rollouts: new Map(),
  } as Record<(typeof KINDS)[number], Map<string, string>>
  killAfter = Number.POSITIVE_INFINITY

  async all() {
    const read = (kind: (typeof KINDS)[number]) => [...this.#rows[kind].values()].map((text) => JSON.parse(text))
    return {
      volumes: read('volumes'),
      attachments: read('attachments'),
      maintenances: read('maintenances'),
      rollouts: read('rollouts'),
    }
  }

  async write({ save = {}, remove = {} }: VolumeChange) {
    if (this.killAfter-- <= 0) throw new Error('killed')
    for (const id of remove.attachments ?? []) this.#rows.attachments.delete(id)
    for (const id of remove.volumes ?? []) this.#rows.volumes.delete(id)
    for (const kind of KINDS) for (const each of save[kind] ?? []) this.#rows[kind].set(each.id, JSON.stringify(each))
  }
}

export class MemoryBatches implements BatchRepository {
  readonly rows = new Map<string, string>()
  all = async () => [...this.rows.values()].map((text) => JSON.parse(text) as Batch)
  save = async (batch: Batch) => void this.rows.set(batch.id, JSON.stringify(batch))
  async remove(ids: readonly string[]) {
    for (const id of ids) this.rows.delete(id)
  }
}
