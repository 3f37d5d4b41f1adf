import type { Images } from '../../src/images/images.ts'
import { Refusal } from '../../src/kit/errors.ts'
import { CHUNK_BYTES, chunkCount, chunkLength } from '../../src/protocols/chunks/list.ts'
import type { BlockDevice } from '../../src/volumes/block-device.ts'
import type { CreateVolume, VolumePool } from '../../src/volumes/pool.ts'
import type { VolumeBase } from '../../src/volumes/volume.ts'

type Kept = {
  content: Uint8Array
  base: VolumeBase | null
  snapshots: Map<string, Uint8Array>
  written: boolean
  open: number
}

/** Volumes as arrays, with the rules of the interface. */
export class MemoryPool implements VolumePool {
  readonly kind = 'file'
  readonly kept = new Map<string, Kept>()
  totalBytes = 1000 * 2 ** 20
  freeBytes = 900 * 2 ** 20
  /** The next call of this name throws this. */
  failing: Partial<Record<keyof VolumePool, Error>> = {}
  readonly #images: Pick<Images, 'disks' | 'chunks'>

  constructor(images: Pick<Images, 'disks' | 'chunks'>) {
    this.#images = images
  }

  #fail(call: keyof VolumePool): void {
    const error = this.failing[call]
    delete this.failing[call]
    if (error) throw error
  }

  #known(id: string): Kept {
    const kept = this.kept.get(id)
    if (!kept) throw new Refusal('not-found', `no volume ${id} in the pool`)
    return kept
  }

  #closed(id: string): Kept {
    const kept = this.#known(id)
    if (kept.open > 0) throw new Refusal('in-use', `${id} is open`)
    return kept
  }

  usage = async () => ({
    totalBytes: this.totalBytes,
    freeBytes: this.freeBytes,
    usedBytes: this.totalBytes - this.freeBytes,
  })
  list = async () => [...this.kept.keys()]

  async #fresh(base: VolumeBase | null, bytes: number): Promise<Uint8Array> {
    const content = new Uint8Array(bytes)
    if (!base) return content
    const list = await this.#images.disks.list(base.chunks)
    for (const [index, sha256] of list.chunks.entries()) {
      const at = index * CHUNK_BYTES
      if (sha256 && at < bytes) content.set((await this.#images.disks.chunk(sha256)).subarray(0, bytes - at), at)
    }
    return content
  }

  async create(id: string, { base, bytes }: CreateVolume) {
    this.#fail('create')
    if (this.kept.has(id)) return
    const content = await this.#fresh(base, bytes)
    this.kept.set(id, { content, base, snapshots: new Map(), written: false, open: 0 })
  }

  async clone(id: string, from: { id: string; snapshot: string | null }) {
    this.#fail('clone')
    const source = this.#known(from.id)
    const content = from.snapshot === null ? source.content : source.snapshots.get(from.snapshot)
    if (!content) throw new Refusal('not-found', 'no such snapshot')
    this.kept.set(id, { content: content.slice(), base: source.base, snapshots: new Map(), written: true, open: 0 })
  }

  async remove(id: string) {
    this.#fail('remove')
    if (!this.kept.has(id)) return
    this.#closed(id)
    this.kept.delete(id)
  }

  async facts(id: string) {
    return { ownBytes: this.#known(id).written ? 4096 : 0, dirtyBytes: 0 }
  }

  async snapshot(id: string, snapshot: string) {
    this.#fail('snapshot')
    const { content, snapshots } = this.#known(id)
    snapshots.set(snapshot, content.slice())
  }

  async removeSnapshot(id: string, snapshot: string) {
    if (!this.#known(id).snapshots.delete(snapshot)) throw new Refusal('not-found', 'no such snapshot')
  }

  async revert(id: string, snapshot: string | null) {
    this.#fail('revert')
    const kept = this.#closed(id)
    const before = snapshot === null ? await this.#fresh(kept.base, kept.content.length) : kept.snapshots.get(snapshot)
    if (!before) throw new Refusal('not-found', 'no such snapshot')
    kept.content = before.slice()
  }

  async resize(id: string, bytes: number) {
    const kept = this.#closed(id)
    const content = new Uint8Array(bytes)
    content.set(kept.content.subarray(0, bytes))
    kept.content = content
  }

  async limit(id: string) {
    this.#known(id)
  }

  async publish(id: string, snapshot: string | null, progress: (doneBytes: number) => void) {
    this.#fail('publish')
    const kept = this.#known(id)
    const content = snapshot === null ? kept.content : kept.snapshots.get(snapshot)
    if (!content) throw new Refusal('not-found', 'no such snapshot')
    const bytes = content.length
    const base = kept.base ? await this.#fresh(kept.base, Math.max(bytes, kept.base.bytes)) : new Uint8Array(bytes)
    const changed: { index: number; sha256: string | null }[] = []
    for (let index = 0; index < chunkCount(bytes); index++) {
      const at = index * CHUNK_BYTES
      const part = content.subarray(at, at + chunkLength({ bytes }, index))
      if (Buffer.compare(part, base.subarray(at, at + part.length)) === 0) continue
      const zero = part.every((byte) => byte === 0)
      changed.push({ index, sha256: zero ? null : (await this.#images.chunks.add(part.slice())).sha256 })
      progress(at + part.length)
    }
    return changed
  }

  async open(id: string, { readOnly, snapshot }: { readOnly: boolean; snapshot?: string | undefined }) {
    this.#fail('open')
    const kept = this.#known(id)
    const content = snapshot === undefined ? kept.content : kept.snapshots.get(snapshot)
    if (!content) throw new Refusal('not-found', 'no such snapshot')
    if (snapshot === undefined) kept.open++
    return {
      bytes: content.length,
      readOnly,
      read: (into, at) => void into.set(content.subarray(at, at + into.length)),
      write: (parts, at) => {
        kept.written = true
        for (const part of parts) {
          content.set(part, at)
          at += part.length
        }
        return undefined
      },
      zero: (at, bytes) => void content.fill(0, at, at + bytes),
      flush: async () => undefined,
      allocation: (at) => ({ mapped: true, bytes: content.length - at }),
      close: async () => {
        if (snapshot === undefined) kept.open--
      },
    } satisfies BlockDevice
  }

  close = async () => undefined
}
