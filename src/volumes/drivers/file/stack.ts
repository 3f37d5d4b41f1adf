import { CHUNK_BYTES } from '../../../protocols/chunks/list.ts'
import { CANNOT_TELL, readCached } from '../../durable/libc.ts'
import type { Base } from './base.ts'
import { readLater, readNow } from './descriptors.ts'
import type { ReadLayer } from './frozen-layer.ts'
import { BLOCK_BYTES, CHUNK_BLOCKS, DATA, PAGE_BYTES } from './map-page.ts'

/** Most layers of a stack: each has a number of one byte. */
export const MOST_LAYERS = 250
/** Where a block is: in the base, in layer 1 (the lowest) to `MOST_LAYERS`, or nowhere, for it is zeros. */
const IN_BASE = 0
const ZEROS = 255
/** A chunk that must be fetched before the base has it. */
const MISSING = 254

/** For chunks that no layer has anything of. Never changed. */
const ALL_BASE = new Uint8Array(CHUNK_BLOCKS)
const ALL_ZEROS = new Uint8Array(CHUNK_BLOCKS).fill(ZEROS)

/** A read that took longer waited for the disk, where the kernel cannot tell beforehand. */
const SLOW_MS = 2
/** What a machine reads so long after its disk was opened belongs to its boot. */
const LEARN_MS = 180_000
/** How long reads go through the thread pool then. */
const SLOW_FOR_MS = 250

/** A layer, and the reads of it that wait for the disk: the last of them closes one that was replaced. */
type Held = { readonly layer: ReadLayer; reads: number; isGone: boolean }

/** Layers over a base, the lowest first, read as one. For each chunk that was used it knows where each block is. */
export class Stack {
  readonly base: Base | undefined
  /** Bytes of the base that were read from its file, and those that waited for a chunk to be fetched. */
  readonly cacheUse = { hitBytes: 0, missBytes: 0 }
  readonly #layers: Held[]
  readonly #places = new Map<number, Uint8Array>()
  readonly #reader: string
  /** Until when is looked at with what is new only. */
  #learns: boolean
  readonly #learnsUntil = performance.now() + LEARN_MS
  #canTell = true
  #slowUntil = 0

  /** `reader`: by whom chunks are fetched, for each has its turn. `learns`: whether it is noted what a machine reads of the base at first. */
  constructor(
    base: Base | undefined,
    layers: readonly ReadLayer[],
    { reader, learns }: Readonly<{ reader: string; learns: boolean }>,
  ) {
    this.base = base
    this.#reader = reader
    this.#learns = learns
    this.#layers = layers.map(held)
  }

  /** One more layer on top, which has nothing yet. */
  push(layer: ReadLayer): void {
    this.#layers.push(held(layer))
  }

  /** One layer in the place of some, which lie one over the other and read the same together. It belongs to the stack if they do. */
  replace(ids: readonly string[], layer: ReadLayer): void {
    const at = this.#layers.findIndex((one) => one.layer.id === ids[0])
    if (at < 0) {
      layer.close()
      return
    }
    const gone = this.#layers.splice(at, ids.length, held(layer))
    this.#places.clear()
    for (const one of gone) {
      one.isGone = true
      if (one.reads === 0) one.layer.close()
    }
  }

  /** The topmost layer has these blocks of a chunk now, or has zeros there. */
  moved(chunk: number, from: number, to: number, zeros: boolean): void {
    let places = this.#places.get(chunk) ?? this.#load(chunk)
    if (places === ALL_BASE || places === ALL_ZEROS) {
      places = places.slice()
      this.#places.set(chunk, places)
    }
    places.fill(zeros ? ZEROS : this.#layers.length, from, to)
  }

  /** Forgets where the blocks of a chunk are. */
  forget(chunk: number): void {
    this.#places.delete(chunk)
  }

  /** Whether a block reads as zeros and is known to. */
  isZeros(chunk: number, block: number): boolean {
    const place = (this.#places.get(chunk) ?? this.#load(chunk))[block]!
    return place === ZEROS || (place === IN_BASE && (this.base === undefined || this.base.isZero(chunk)))
  }

  /** Whether a chunk comes from the base as a whole. */
  isBase(chunk: number): boolean {
    const places = this.#places.get(chunk) ?? this.#load(chunk)
    return places === ALL_BASE || places.every((place) => place === IN_BASE)
  }

  /** Fills `into` from `at`; at once where nothing has to be waited for. Runs of blocks that lie in one place are one read. */
  read(into: Uint8Array, at: number): undefined | Promise<void> {
    const end = at + into.length
    let waiting: Promise<void>[] | undefined
    for (let from = at; from < end; ) {
      const chunk = Math.floor(from / CHUNK_BYTES)
      const place = this.#placeOf(chunk, Math.floor((from % CHUNK_BYTES) / BLOCK_BYTES))
      const to = this.#runEnd(place, from, end)
      const part = from === at && to === end ? into : into.subarray(from - at, to - at)
      const pending = this.#readRun(place, part, from, chunk)
      if (pending) {
        waiting ??= []
        waiting.push(pending)
      }
      from = to
    }
    return waiting && allOf(waiting)
  }

  close(): void {
    for (const { layer } of this.#layers) layer.close()
  }

  #placeOf(chunk: number, block: number): number {
    const place = (this.#places.get(chunk) ?? this.#load(chunk))[block]!
    if (place !== IN_BASE) return place
    const { base } = this
    if (base === undefined || base.isZero(chunk)) return ZEROS
    return base.has(chunk) ? IN_BASE : MISSING
  }

  /** How far what begins at `from` lies in one place, at most to `end`. Chunks that are fetched are read one by one. */
  #runEnd(place: number, from: number, end: number): number {
    for (let at = from; ; ) {
      const chunk = Math.floor(at / CHUNK_BYTES)
      const start = chunk * CHUNK_BYTES
      if (at !== from && this.#placeOf(chunk, 0) !== place) return at
      const last = Math.min(CHUNK_BLOCKS, Math.ceil((end - start) / BLOCK_BYTES))
      const places = this.#places.get(chunk)!
      const first = Math.floor((at - start) / BLOCK_BYTES)
      const here = places[first]!
      let block = first + 1
      while (block < last && places[block] === here) block++
      at = start + block * BLOCK_BYTES
      if (at >= end) return end
      if (block < CHUNK_BLOCKS || place === MISSING) return at
    }
  }

  #readRun(place: number, into: Uint8Array, at: number, chunk: number): undefined | Promise<void> {
    if (place === ZEROS) {
      into.fill(0)
      return undefined
    }
    if (this.#learns && (place === MISSING || place === IN_BASE)) this.#note(chunk, at + into.length)
    if (place === MISSING) return this.#readMissing(into, at, chunk)
    if (place !== IN_BASE) return this.#readLayer(this.#layers[place - 1]!, into, at)
    this.cacheUse.hitBytes += into.length
    return this.#readFile(this.base!.data, into, at)
  }

  #note(first: number, end: number): void {
    const { hot } = this.base!
    for (let chunk = first; chunk * CHUNK_BYTES < end; chunk++) {
      if (hot.isNoted(chunk)) continue
      if (performance.now() < this.#learnsUntil) hot.note(chunk)
      else this.#learns = false
    }
  }

  #readLayer(one: Held, into: Uint8Array, at: number): undefined | Promise<void> {
    const pending = this.#readFile(one.layer.data, into, at)
    if (!pending) return undefined
    one.reads++
    return pending.finally(() => {
      one.reads--
      if (one.isGone && one.reads === 0) one.layer.close()
    })
  }

  async #readMissing(into: Uint8Array, at: number, chunk: number): Promise<void> {
    if (await this.base!.readMissing(into, at, chunk, this.#reader)) this.cacheUse.missBytes += into.length
    else this.cacheUse.hitBytes += into.length
  }

  #readFile(fd: number, into: Uint8Array, at: number): undefined | Promise<void> {
    if (this.#canTell) {
      const count = readCached(fd, into, at)
      if (count === into.length) return undefined
      if (count !== CANNOT_TELL)
        return count > 0 ? readLater(fd, into.subarray(count), at + count) : readLater(fd, into, at)
      this.#canTell = false
    }
    const begun = performance.now()
    if (begun < this.#slowUntil) return readLater(fd, into, at)
    readNow(fd, into, at)
    const ended = performance.now()
    if (ended - begun > SLOW_MS) this.#slowUntil = ended + SLOW_FOR_MS
    return undefined
  }

  /** From the topmost layer down: the first that says something of a block has it. */
  #load(chunk: number): Uint8Array {
    let places: Uint8Array | undefined
    let open = CHUNK_BLOCKS
    for (let i = this.#layers.length; i > 0 && open > 0; i--) {
      const { layer } = this.#layers[i - 1]!
      const page = layer.page(chunk)
      if (page) {
        places ??= new Uint8Array(CHUNK_BLOCKS)
        open -= overlay(places, page, i, open)
      }
      if (layer.below === null) continue
      const seen = Math.max(0, Math.ceil((layer.below - chunk * CHUNK_BYTES) / BLOCK_BYTES))
      if (seen >= CHUNK_BLOCKS) continue
      if (seen === 0 && !places) {
        this.#places.set(chunk, ALL_ZEROS)
        return ALL_ZEROS
      }
      places ??= new Uint8Array(CHUNK_BLOCKS)
      for (let block = seen; block < CHUNK_BLOCKS; block++) if (places[block] === IN_BASE) places[block] = ZEROS
    }
    places ??= ALL_BASE
    this.#places.set(chunk, places)
    return places
  }
}

function held(layer: ReadLayer): Held {
  return { layer, reads: 0, isGone: false }
}

/** Fills in what a layer says of blocks that no layer above has; how many those were. */
function overlay(places: Uint8Array, page: Uint8Array, layer: number, most: number): number {
  let filled = 0
  for (let i = 0; i < PAGE_BYTES && filled < most; i++) {
    const four = page[i]!
    if (four === 0) continue
    for (let j = 0; j < 4; j++) {
      const state = (four >> (j << 1)) & 3
      if (state === 0 || places[i * 4 + j] !== IN_BASE) continue
      places[i * 4 + j] = state === DATA ? layer : ZEROS
      filled++
    }
  }
  return filled
}

async function allOf(waiting: readonly Promise<void>[]): Promise<void> {
  // All of them, for the buffer belongs to the caller again as soon as this is done.
  const results = await Promise.allSettled(waiting)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
