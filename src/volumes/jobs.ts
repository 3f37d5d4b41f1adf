import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { dumpTo, restoreFrom } from './content.ts'
import type { ExportFiles } from './export-files.ts'
import { type Publication, publishVersion } from './publish.ts'
import type { Volume } from './volume.ts'
import type { Volumes } from './volumes.ts'

/** Jobs that ended are remembered up to this number, until the server stops. */
const MOST_REMEMBERED = 200

/** Long work on a volume. One that a restart of the server interrupted is gone; the volume is as before, or `damaged` by half a restore. */
export type VolumeJob = Readonly<{
  /** `j_` and random letters. */
  id: string
  what: 'publish' | 'dump' | 'restore'
  volume: string
  volumeName: string
  state: 'running' | 'succeeded' | 'failed'
  doneBytes: number
  totalBytes: number
  detail: string
  /** `NAME@N` that was published. */
  image: string | null
  startedAt: number
  endedAt: number | null
}>

type Dependencies = Readonly<{
  volumes: Volumes
  images: Images
  files: ExportFiles
  clock: Clock
  log: Log
  events: { publish(event: { topic: 'volume'; id: string; change: 'saved' | 'removed' }): void }
}>
type Outcome = Readonly<{ detail: string; image?: string }>

export class VolumeJobs {
  readonly #with: Dependencies
  readonly #jobs = new Map<string, VolumeJob>()
  readonly #running = new Map<string, Promise<unknown>>()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** The newest first. */
  all(): VolumeJob[] {
    return [...this.#jobs.values()].reverse()
  }

  get(id: string): VolumeJob | undefined {
    return this.#jobs.get(id)
  }

  /** The job, once it has ended. */
  async ended(id: string): Promise<VolumeJob> {
    await this.#running.get(id)
    return this.#jobs.get(id) as VolumeJob
  }

  /** Waits for what runs; for tests and for an orderly end. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }

  /** Makes a new image version of a volume, also while it is in use: of this moment. `then` is part of the job. */
  publish(
    volume: Volume,
    snapshot: string | null,
    publication: Omit<Publication, 'source'> & { source?: string },
    then: (version: number) => Promise<string | undefined> = async () => undefined,
  ): VolumeJob {
    this.#refuseUnready(volume, snapshot)
    return this.#start('publish', volume, async (progress) => {
      const { images, volumes } = this.#with
      const release = volume.base ? images.hold(volume.base.chunks) : () => undefined
      try {
        const read = () => volumes.pool.publish(volume.id, snapshot, progress)
        const changed = await volumes.reading(volume, snapshot, read)
        const source = publication.source ?? `volume ${volume.name}`
        const version = await publishVersion(images, volume, changed, { ...publication, source })
        const image = `${publication.image}@${version}`
        const more = await then(version)
        const counted = `${changed.length} of its 4 MiB chunks differ from ${volume.base ? `${volume.base.image}@${volume.base.version}` : 'nothing'}`
        return { image, detail: `published as ${image}: ${counted}${more ? `; ${more}` : ''}` }
      } finally {
        release()
      }
    })
  }

  /** Writes the content of this moment, or of a snapshot, to a sparse file. */
  dump(volume: Volume, file: string, how: Readonly<{ snapshot: string | null; replace: boolean }>): VolumeJob {
    this.#refuseUnready(volume, how.snapshot)
    return this.#start('dump', volume, async (progress) => {
      const { volumes, files } = this.#with
      const target = await files.create(file, volume.bytes, how)
      try {
        const copy = async (snapshot: string) => {
          const device = await volumes.pool.open(volume.id, { readOnly: true, snapshot })
          try {
            await dumpTo(target, device, progress)
          } finally {
            await device.close()
          }
        }
        if (how.snapshot !== null) await copy(how.snapshot)
        else await volumes.frozen(volume.id, copy)
        await target.finish()
      } finally {
        await target.abandon()
      }
      return { detail: `written to ${file} in the export folder` }
    })
  }

  /** Replaces the content by a file. Nobody may use the volume; interrupted half-way it is `damaged`. */
  restore(volume: Volume, file: string): VolumeJob {
    if (volume.pending) this.#refuseUnready(volume, null)
    return this.#start('restore', volume, async (progress) => {
      const { volumes, files } = this.#with
      const source = await files.open(file)
      try {
        await volumes.overwrite(volume.id, source.bytes, (device) => restoreFrom(source, device, progress))
      } finally {
        await source.close()
      }
      return { detail: `its content is that of ${file} in the export folder` }
    })
  }

  #refuseUnready(volume: Volume, snapshot: string | null): void {
    if (volume.pending)
      throw new Refusal('wrong-state', `the volume ${volume.name} is being changed (${volume.pending.kind})`, {
        next: 'wait for it: reveille volume jobs',
      })
    if (volume.condition === 'damaged')
      throw new Refusal('corrupt', `the volume ${volume.name} is damaged: its base or its content is missing`, {
        next: `begin anew: reveille volume recreate ${volume.name}`,
      })
    if (snapshot !== null && !volume.snapshots.some(({ name }) => name === snapshot))
      throw new Refusal('not-found', `the volume ${volume.name} has no snapshot ${snapshot}`, {
        next: `see its snapshots: reveille volume show ${volume.name}`,
      })
  }

  #start(what: VolumeJob['what'], volume: Volume, work: (progress: (done: number) => void) => Promise<Outcome>) {
    const { clock, log } = this.#with
    const same = this.all().find((job) => job.volume === volume.id && job.state === 'running')
    if (same)
      throw new Refusal('in-use', `the job ${same.id} (${same.what}) works on ${volume.name}`, {
        next: 'wait for it: reveille volume jobs',
      })
    const job: VolumeJob = {
      id: this.#with.volumes.ledger.newId('j'),
      what,
      volume: volume.id,
      volumeName: volume.name,
      state: 'running',
      doneBytes: 0,
      totalBytes: volume.bytes,
      detail: '',
      image: null,
      startedAt: clock.now(),
      endedAt: null,
    }
    this.#put(job)
    const progress = (doneBytes: number) => {
      const now = this.#jobs.get(job.id) ?? job
      this.#jobs.set(job.id, { ...now, doneBytes })
    }
    const end = (patch: Partial<VolumeJob>) =>
      this.#put({ ...(this.#jobs.get(job.id) ?? job), ...patch, endedAt: clock.now() })
    const running = work(progress)
      .then(
        ({ detail, image }) => end({ state: 'succeeded', doneBytes: volume.bytes, detail, image: image ?? null }),
        (error: unknown) => {
          const refusal = error instanceof Refusal ? error : undefined
          const about = { job: job.id, volume: volume.id }
          if (refusal) log.info({ ...about, reason: refusal.message }, `a ${what} of a volume was refused`)
          else log.error({ ...about, error }, `a ${what} of a volume failed`)
          const next = refusal?.next ? `; ${refusal.next}` : ''
          end({ state: 'failed', detail: refusal ? `${refusal.message}${next}` : 'it failed; the log says more' })
        },
      )
      .finally(() => this.#running.delete(job.id))
    this.#running.set(job.id, running)
    return job
  }

  #put(job: VolumeJob): void {
    this.#jobs.set(job.id, job)
    for (const { id, state } of this.#jobs.values()) {
      if (this.#jobs.size <= MOST_REMEMBERED) break
      if (state !== 'running') this.#jobs.delete(id)
    }
    this.#with.events.publish({ topic: 'volume', id: job.id, change: 'saved' })
  }
}
