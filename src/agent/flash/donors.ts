import { CHUNK_BYTES, type ChunkList, chunkLength } from '../../protocols/chunks/list.ts'
import type { Disk } from '../disk/disk.ts'
import { contentOf } from '../threads.ts'
import { type Found, withBuffer } from './compare.ts'

/** A disk of this machine that was last known to hold this content. */
export type OtherDisk = Readonly<{ disk: Disk; list: ChunkList }>

/** A disk that was wrong so often in a row is not what it is thought to be. */
const MOST_MISSES = 4

type Place = { disk: Disk; offset: number; bytes: number; misses: { inARow: number } }

/**
 * Where chunks can be had without the network: elsewhere on the disk that is being written, or on another one. Only hints: what is
 * read is checked, and what is not there any more is fetched instead.
 */
export class Donors {
  readonly #places = new Map<string, Map<string, Place>>()
  readonly #own: Disk
  readonly #list: ChunkList
  /** What is at each index of the own disk now. */
  readonly #at: (string | undefined)[]

  constructor(own: Disk, list: ChunkList, found: readonly Found[], others: readonly OtherDisk[]) {
    this.#own = own
    this.#list = list
    this.#at = found.map(() => undefined)
    const needed = new Set(list.chunks.filter((hash, index) => hash !== null && found[index] !== hash))
    for (const [index, hash] of found.entries()) if (hash && needed.has(hash)) this.#add(index, hash)
    for (const { disk, list: held } of others) {
      const misses = { inARow: 0 }
      for (const [index, hash] of held.chunks.entries())
        if (hash !== null && needed.has(hash) && !this.#places.has(hash))
          this.#set(hash, `${disk.name} ${index}`, {
            disk,
            offset: index * CHUNK_BYTES,
            bytes: chunkLength(held, index),
            misses,
          })
    }
  }

  /** What was at this place of the own disk is there no more. */
  changed(index: number): void {
    const hash = this.#at[index]
    if (hash === undefined) return
    this.#places.get(hash)?.delete(`own ${index}`)
    this.#at[index] = undefined
  }

  /** The chunk that belongs at this place is there now. */
  holds(index: number): void {
    const hash = this.#list.chunks[index]
    if (hash) this.#add(index, hash)
  }

  #add(index: number, hash: string): void {
    this.#at[index] = hash
    this.#set(hash, `own ${index}`, {
      disk: this.#own,
      offset: index * CHUNK_BYTES,
      bytes: chunkLength(this.#list, index),
      misses: { inARow: 0 },
    })
  }

  #set(hash: string, key: string, place: Place): void {
    const places = this.#places.get(hash) ?? new Map<string, Place>()
    places.set(key, place)
    this.#places.set(hash, places)
  }

  async read(hash: string): Promise<Uint8Array | undefined> {
    for (const [key, { disk, offset, bytes, misses }] of this.#places.get(hash) ?? []) {
      if (misses.inARow >= MOST_MISSES) continue
      try {
        const right = await withBuffer(async (memory) => {
          const buffer = memory.subarray(0, bytes)
          await disk.read(offset, buffer)
          return (await contentOf(buffer)) === hash ? buffer.slice() : undefined
        })
        if (right) {
          misses.inARow = 0
          return right
        }
      } catch {
        // A place that cannot be read is no reason to stop: the server has the chunk.
      }
      misses.inARow++
      this.#places.get(hash)?.delete(key)
    }
    return undefined
  }
}
