import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { LoginReport, Target } from '../../engine.ts'
import type { WorkerSettings } from './messages.ts'
import { DiskWorker } from './worker.ts'

export type DiskWorkersOptions = Readonly<{
  /** The program of a worker: `disk-worker.ts`, or what it was compiled to. */
  entry: URL
  /** How many processes. */
  workers: number
  settings: Omit<WorkerSettings, 'index'>
  log: Log
  /** What becomes of logins and sessions in workers. */
  report: (report: LoginReport) => void
}>

/** The processes that serve disks, and which of them has which target. A volume is written in one of them only. */
export class DiskWorkers {
  readonly #log: Log
  readonly #workers: DiskWorker[]
  readonly #targets = new Map<string, { target: Target; worker: DiskWorker }>()

  private constructor({ entry, workers, settings, log, report }: DiskWorkersOptions) {
    this.#log = log
    this.#workers = Array.from({ length: workers }, (_, index) => {
      const worker: DiskWorker = new DiskWorker({
        entry,
        settings: { ...settings, index },
        log: log.child({ worker: index }),
        report,
        restarted: () => this.#applyAgain(worker),
      })
      return worker
    })
  }

  /** Starts them; refused when one cannot serve. */
  static async start(options: DiskWorkersOptions): Promise<DiskWorkers> {
    const workers = new DiskWorkers(options)
    try {
      await Promise.all(workers.#workers.map((worker) => worker.ready))
      return workers
    } catch (error) {
      await workers.stop()
      throw error
    }
  }

  get all(): readonly DiskWorker[] {
    return this.#workers
  }

  get targets(): Readonly<{ get(iqn: string): Target | undefined; values(): Iterable<Target> }> {
    return {
      get: (iqn) => this.#targets.get(iqn)?.target,
      values: () => [...this.#targets.values()].map(({ target }) => target),
    }
  }

  /** The worker that has a volume open for writing. */
  writing(volume: string): DiskWorker | undefined {
    return this.#workers.find((worker) => worker.written.has(volume))
  }

  /** The worker of a target. */
  serving(iqn: string): DiskWorker | undefined {
    return this.#targets.get(iqn)?.worker
  }

  async apply(target: Target): Promise<void> {
    const before = this.#targets.get(target.iqn)
    const worker = this.#choose(target, before?.worker)
    if (before && before.worker !== worker) await before.worker.call('withdraw', [target.iqn])
    // Known before it is there: should the worker die meanwhile, the next one gets it.
    this.#targets.set(target.iqn, { target, worker })
    try {
      await worker.call('apply', [target])
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'not-available') {
        if (before) this.#targets.set(target.iqn, before)
        else this.#targets.delete(target.iqn)
        throw error
      }
    }
  }

  async withdraw(iqn: string): Promise<void> {
    const known = this.#targets.get(iqn)
    if (!known) return
    this.#targets.delete(iqn)
    try {
      await known.worker.call('withdraw', [iqn])
    } catch (error) {
      // A process that died has let go of everything.
      if (!(error instanceof Refusal) || error.code !== 'not-available') throw error
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()))
  }

  /** Where its writable volumes are served already; else where the fewest targets are. */
  #choose(target: Target, before: DiskWorker | undefined): DiskWorker {
    const writable = new Set(target.luns.flatMap(({ readOnly, volume }) => (readOnly ? [] : [volume])))
    const bound = new Set<DiskWorker>()
    const load = new Map(this.#workers.map((worker) => [worker, 0]))
    for (const { target: other, worker } of this.#targets.values()) {
      load.set(worker, load.get(worker)! + 1)
      if (other.iqn !== target.iqn && other.luns.some(({ readOnly, volume }) => !readOnly && writable.has(volume)))
        bound.add(worker)
    }
    for (const volume of writable) {
      const writing = this.writing(volume)
      if (writing) bound.add(writing)
    }
    if (bound.size > 1)
      throw new Refusal('conflict', `volumes of ${target.iqn} are written by initiators in different processes`, {
        next: 'end the other attachments of these volumes first; each may be written through one target only',
      })
    const [one] = bound
    if (one) return one
    return before ?? this.#workers.reduce((least, worker) => (load.get(worker)! < load.get(least)! ? worker : least))
  }

  async #applyAgain(worker: DiskWorker): Promise<void> {
    const targets = [...this.#targets.values()].filter((known) => known.worker === worker)
    for (const { target } of targets) {
      if (this.#targets.get(target.iqn)?.target !== target) continue
      await worker.call('apply', [target]).catch((error: Error) => {
        this.#log.error({ target: target.iqn, error: error.message }, 'a target could not be applied again')
      })
    }
  }
}
