import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { absentAsUndefined, errorCode, syncDirectory } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'
import { type HeldLock, lockFile } from '../../durable/locks.ts'
import { writeFailure } from './descriptors.ts'
import { type LayerEntry, type Manifest, pruned, readManifest, writeManifest, writeNew } from './manifest.ts'

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/
const KINDS = ['data', 'map', 'live'] as const
/** How long somebody who changes a manifest may take. */
const CHANGE_MS = 15_000

/**
 * The directories of volumes. In each: `manifest.json`, files of layers, and two empty files to lock: `lock` by who has the current content
 * open (exclusive: to write), `open` by whoever has anything of it open. The directory itself is locked while its manifest is changed.
 */
export class Directories {
  readonly #root: string
  #naming: Promise<void> | undefined
  #namingNext: Promise<void> | undefined

  constructor(root: string) {
    this.#root = root
  }

  static async open(root: string, sweep: boolean): Promise<Directories> {
    await mkdir(root, { recursive: true, mode: 0o700 })
    if (sweep)
      for (const name of await readdir(root))
        if (name.startsWith('.')) await rm(join(root, name), { recursive: true, force: true })
    return new Directories(root)
  }

  /** The directory of a volume, whether or not it is there. */
  place(id: string): string {
    if (!ID.test(id)) throw new Refusal('validation-failed', 'the id of a volume has letters, digits, _, . and -')
    return join(this.#root, id)
  }

  async list(): Promise<string[]> {
    return (await readdir(this.#root)).filter((name) => ID.test(name)).sort()
  }

  async has(id: string): Promise<boolean> {
    return (await absentAsUndefined(stat(this.place(id)))) !== undefined
  }

  manifest(id: string): Promise<Manifest> {
    return readManifest(this.place(id), id)
  }

  lock(id: string, file: 'lock' | 'open', mode: 'shared' | 'exclusive', waitMs: number): Promise<HeldLock> {
    return lockFile(join(this.place(id), file), mode, { waitMs, what: `volume ${id}` })
  }

  /** Keeps others from changing the manifest meanwhile. */
  async locked<T>(id: string, work: () => Promise<T>): Promise<T> {
    const what = `volume ${id}`
    const lock = await lockFile(this.place(id), 'exclusive', { waitMs: CHANGE_MS, what, directory: true })
    try {
      return await work()
    } finally {
      await lock.release()
    }
  }

  /** Replaces the manifest by what `next` makes of it; layers that nothing needs any more go. */
  change(id: string, next: (manifest: Manifest) => Promise<Manifest>): Promise<Manifest> {
    return this.locked(id, async () => {
      const before = await this.manifest(id)
      const after = pruned(await next(before))
      await this.write(id, before, after)
      return after
    })
  }

  async write(id: string, before: Manifest, after: Manifest): Promise<void> {
    try {
      await writeManifest(this.place(id), after)
    } catch (error) {
      throw writeFailure(error)
    }
    const kept = new Set(after.layers.map((layer) => layer.id))
    for (const { id: gone } of before.layers) if (!kept.has(gone)) await this.#removeLayer(id, gone)
  }

  /** Deletes what a killed process left of layers that no manifest names. The directory must be locked. */
  async sweep(id: string, { layers }: Manifest): Promise<void> {
    const kept = new Set(layers.map((layer) => layer.id))
    for (const name of await readdir(this.place(id))) {
      const layer = /^([0-9a-f]{16})\.(data|map|live|map\.new)$/.exec(name)
      if (layer && (!kept.has(layer[1]!) || layer[2] === 'map.new'))
        await rm(join(this.place(id), name), { force: true })
    }
  }

  /** Makes a volume: seen by others as a whole or not at all, and durable. */
  async make(id: string, fill: (directory: string) => Promise<Manifest>): Promise<void> {
    const temporary = join(this.#root, `.new-${id}-${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(temporary, { mode: 0o700 })
      const first = await fill(temporary)
      await writeNew(temporary, first)
      if (first.layers.length > 1) await syncDirectory(temporary)
      await rename(temporary, this.place(id))
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      if (errorCode(error) === 'ENOTEMPTY' || errorCode(error) === 'EEXIST')
        throw new Refusal('conflict', `there is a volume ${id} already`)
      throw writeFailure(error)
    }
    await this.#syncNames()
  }

  /** The volume is gone when its name is; its files follow. */
  async remove(id: string): Promise<void> {
    const gone = join(this.#root, `.gone-${id}-${randomBytes(6).toString('hex')}`)
    await rename(this.place(id), gone)
    await this.#syncNames()
    await rm(gone, { recursive: true, force: true })
  }

  async #removeLayer(id: string, layer: string): Promise<void> {
    for (const kind of KINDS) await rm(join(this.place(id), `${layer}.${kind}`), { force: true })
  }

  /** Names of volumes become durable; who comes while it happens shares the next time. */
  #syncNames(): Promise<void> {
    if (!this.#naming) {
      this.#naming = syncDirectory(this.#root).finally(() => {
        this.#naming = undefined
      })
      return this.#naming
    }
    this.#namingNext ??= this.#naming
      .catch(() => undefined)
      .then(() => {
        this.#namingNext = undefined
        return this.#syncNames()
      })
    return this.#namingNext
  }
}

/** Gives another volume the files of frozen layers: names for the same bytes. */
export async function linkLayers(from: string, to: string, layers: readonly LayerEntry[]): Promise<void> {
  for (const { id } of layers)
    for (const kind of ['data', 'map'])
      await absentAsUndefined(link(join(from, `${id}.${kind}`), join(to, `${id}.${kind}`)))
}
