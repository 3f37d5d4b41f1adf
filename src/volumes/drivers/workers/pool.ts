import { Refusal } from '../../../kit/errors.ts'
import type { BlockDevice } from '../../block-device.ts'
import type { CreateVolume, PoolUsage, PublishedChunk, VolumePool } from '../../pool.ts'
import type { VolumeFacts } from '../../volume.ts'
import type { WorkerCalls } from './messages.ts'
import type { DiskWorkers } from './workers.ts'

/**
 * The pool as the main process uses it: what concerns a volume that a worker has open for writing happens there, everything else here, in a
 * pool on the same directory. Locks keep the two apart.
 */
export class WorkersPool implements VolumePool {
  readonly kind: string
  readonly #local: VolumePool
  readonly #workers: DiskWorkers

  constructor(local: VolumePool, workers: DiskWorkers) {
    this.kind = local.kind
    this.#local = local
    this.#workers = workers
  }

  usage(): Promise<PoolUsage> {
    return this.#local.usage()
  }

  list(): Promise<string[]> {
    return this.#local.list()
  }

  create(id: string, options: CreateVolume): Promise<void> {
    return this.#local.create(id, options)
  }

  clone(id: string, from: Readonly<{ id: string; snapshot: string | null }>): Promise<void> {
    if (from.snapshot !== null) return this.#local.clone(id, from)
    return this.#where(from.id, 'clone', [id, from], () => this.#local.clone(id, from))
  }

  remove(id: string): Promise<void> {
    return this.#local.remove(id)
  }

  facts(id: string): Promise<VolumeFacts> {
    return this.#where(id, 'facts', [id], () => this.#local.facts(id))
  }

  snapshot(id: string, snapshot: string): Promise<void> {
    return this.#where(id, 'snapshot', [id, snapshot], () => this.#local.snapshot(id, snapshot))
  }

  removeSnapshot(id: string, snapshot: string): Promise<void> {
    return this.#local.removeSnapshot(id, snapshot)
  }

  revert(id: string, snapshot: string | null): Promise<void> {
    return this.#closed(id, () => this.#local.revert(id, snapshot))
  }

  resize(id: string, bytes: number): Promise<void> {
    return this.#closed(id, () => this.#local.resize(id, bytes))
  }

  limit(id: string, limitBytes: number | null): Promise<void> {
    return this.#where(id, 'limit', [id, limitBytes], () => this.#local.limit(id, limitBytes))
  }

  publish(
    id: string,
    snapshot: string | null,
    progress: (doneBytes: number) => void,
  ): Promise<readonly PublishedChunk[]> {
    if (snapshot !== null) return this.#local.publish(id, snapshot, progress)
    return this.#where(id, 'publish', [id, snapshot], () => this.#local.publish(id, snapshot, progress), progress)
  }

  open(id: string, options: Readonly<{ readOnly: boolean; snapshot?: string | undefined }>): Promise<BlockDevice> {
    if (options.snapshot !== undefined) return this.#local.open(id, options)
    return this.#closed(id, () => this.#local.open(id, options))
  }

  close(): Promise<void> {
    return this.#local.close()
  }

  /** Asks the worker that writes it; here if none does. */
  async #where<M extends 'clone' | 'facts' | 'snapshot' | 'limit' | 'publish'>(
    id: string,
    method: M,
    args: Parameters<WorkerCalls[M]>,
    here: () => Promise<ReturnType<WorkerCalls[M]>>,
    progress?: (doneBytes: number) => void,
  ): Promise<ReturnType<WorkerCalls[M]>> {
    const writing = this.#workers.writing(id)
    if (writing) return writing.call(method, args, progress)
    try {
      return await here()
    } catch (error) {
      // A worker may have opened it just then.
      const now = error instanceof Refusal && error.code === 'in-use' ? this.#workers.writing(id) : undefined
      if (now) return now.call(method, args, progress)
      throw error
    }
  }

  /** Does what is only possible while no worker writes it, without waiting for a lock that will not come. */
  async #closed<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#workers.writing(id))
      throw new Refusal('in-use', `volume ${id} is open: an initiator is logged in, or was a moment ago`, {
        next: 'end its session or withdraw what it is attached to, then try again',
      })
    return work()
  }
}
