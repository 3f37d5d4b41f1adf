import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { absentAsUndefined } from '../../../images/durable/files.ts'
import type { Log } from '../../../kit/log.ts'
import type { Directories } from './directories.ts'
import { FrozenLayer } from './frozen-layer.ts'
import type { LayerEntry, Manifest } from './manifest.ts'
import { BLOCK_BYTES } from './map-page.ts'
import { layersToMerge, mayMerge, mergedManifest } from './merge-plan.ts'
import { removeMerged, writeMerged } from './merged-layer.ts'

/** A volume that is open for writing learns that frozen layers became one; `fewer`: blocks that count no more. */
export type Merged = (ids: readonly string[], layer: FrozenLayer, fewer: number) => void

type Job = { begun: boolean; stopped: boolean; again: boolean; done: Promise<void> }

type Dependencies = Readonly<{
  volumes: Directories
  hasRoom: (bytes: number) => boolean
  /** Keeps other changes of a volume from happening in this process meanwhile. */
  inTurn: <T>(id: string, work: () => Promise<T>) => Promise<T>
  log: Log | undefined
}>

/**
 * Makes one layer of frozen ones that nothing tells apart any more: states of removed snapshots, and those that clones and publishing left.
 * In the background, one after the other in a process, for volumes that it has open for writing, so that no other process does the same. The
 * new layer is durable before the manifest names it, and only then the old ones go; who reads those still has them open.
 */
export class Merges {
  readonly #with: Dependencies
  readonly #jobs = new Map<string, Job>()
  #last: Promise<void> = Promise.resolve()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** Looks whether there is something to merge, and does it. */
  begin(id: string, merged: Merged): void {
    const running = this.#jobs.get(id)
    if (running) {
      running.again = true
      return
    }
    const job: Job = { begun: false, stopped: false, again: false, done: Promise.resolve() }
    this.#jobs.set(id, job)
    job.done = this.#last
      .then(() => this.#work(id, job, merged))
      .catch((error) =>
        this.#with.log?.warn({ volume: id, error: String(error) }, 'old states of a volume could not be merged'),
      )
      .finally(() => {
        if (this.#jobs.get(id) === job) this.#jobs.delete(id)
      })
    this.#last = job.done
  }

  /** Before the volume is closed. What is half done is left. */
  async stop(id: string): Promise<void> {
    const job = this.#jobs.get(id)
    if (!job) return
    job.stopped = true
    // Others that are before it are not waited for.
    if (job.begun) await job.done
    else this.#jobs.delete(id)
  }

  /** Done when nothing is merged any more. */
  async rest(): Promise<void> {
    while (this.#jobs.size > 0) await this.#last
  }

  async #work(id: string, job: Job, merged: Merged): Promise<void> {
    const { volumes, hasRoom } = this.#with
    const directory = volumes.place(id)
    const stopped = () => job.stopped
    job.begun = true
    while (!stopped()) {
      job.again = false
      const layers = await volumes.locked(id, async () => {
        const manifest = await volumes.manifest(id)
        return layersToMerge(manifest, await sharedLayers(directory, manifest))
      })
      // It may be full: then some other time.
      if (!layers || !hasRoom(blocksOf(layers) * BLOCK_BYTES)) {
        if (job.again) continue
        return
      }
      const made = await writeMerged(directory, layers, stopped)
      if (!made || !(await this.#with.inTurn(id, () => this.#commit(id, job, layers, made, merged)))) return
    }
  }

  async #commit(
    id: string,
    job: Job,
    layers: readonly LayerEntry[],
    made: LayerEntry,
    merged: Merged,
  ): Promise<boolean> {
    const { volumes } = this.#with
    const directory = volumes.place(id)
    return volumes.locked(id, async () => {
      const before = await volumes.manifest(id)
      if (job.stopped || !mayMerge(before, await sharedLayers(directory, before), layers)) {
        await removeMerged(directory, made.id)
        return job.again && !job.stopped
      }
      const layer = new FrozenLayer(directory, made)
      try {
        // When this fails either manifest may be there after a power cut, so the files of both stay; opening the volume sweeps.
        await volumes.write(id, before, mergedManifest(before, layers, made))
      } catch (error) {
        layer.close()
        throw error
      }
      const ids = layers.map((one) => one.id)
      merged(ids, layer, made.own ? blocksOf(layers) - made.blocks : 0)
      return true
    })
  }
}

/** Layers whose files have other names too, in clones. */
async function sharedLayers(directory: string, { layers }: Manifest): Promise<Set<string>> {
  const shared = new Set<string>()
  for (const { id } of layers)
    for (const kind of ['data', 'map'])
      if (((await absentAsUndefined(stat(join(directory, `${id}.${kind}`))))?.nlink ?? 1) > 1) shared.add(id)
  return shared
}

function blocksOf(layers: readonly LayerEntry[]): number {
  return layers.reduce((sum, { blocks }) => sum + blocks, 0)
}
