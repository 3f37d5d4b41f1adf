import { closeSync, fstatSync, openSync, rmSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory, writeWhole } from '../../../images/durable/files.ts'
import { dataSync, writeAll } from './descriptors.ts'
import { openIfThere, openLive, openMap, type ReadLayer, readHeader, readPage } from './frozen-layer.ts'
import { decodeMapHeader, encodeMapHeader, MAP_HEADER_BYTES } from './map-file.ts'
import { CHUNK_BLOCKS, countStates, DATA, PAGE_BYTES, setStates } from './map-page.ts'

/**
 * The layer of a volume that is written. Two maps on disk: the live one is written before a request is answered, so that what was answered
 * survives the process; it is right as long as the kernel runs. The durable one is written only after the data was synced, and then
 * synced itself, so that after a power cut it never tells of data that did not arrive. Files are made when they are needed.
 */
export class TopLayer implements ReadLayer {
  readonly id: string
  readonly below: number | null
  /** Blocks with data. */
  blocks = 0
  /** Bytes written since the last flush began. */
  dirtyBytes = 0
  readonly #directory: string
  readonly #boot: string
  readonly #pages = new Map<number, Uint8Array>()
  #dirty = new Set<number>()
  #data: number
  #map: number
  #live: number
  /** Names of files that were made are durable. */
  #named: boolean

  constructor(directory: string, { id, below }: { id: string; below: number | null }, boot: string) {
    this.#directory = directory
    this.id = id
    this.below = below
    this.#boot = boot
    this.#data = openIfThere(this.#path('data'), 'r+')
    this.#map = openMap(directory, id, 'r+')
    this.#named = this.#map >= 0
    const left = openIfThere(this.#path('live'))
    this.#live = openLive(this.#path('live'), id, boot, 'r+')
    this.blocks = (this.#map >= 0 && decodeMapHeader(readHeader(this.#map))?.blocks) || 0
    if (left >= 0) this.#recover(left)
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0 || this.dirtyBytes > 0
  }

  /** Whether it never had anything. */
  get isBlank(): boolean {
    return this.#map < 0 && this.#live < 0
  }

  get data(): number {
    return this.#data
  }

  page(chunk: number): Uint8Array | undefined {
    const known = this.#pages.get(chunk)
    if (known) return known
    const page = this.#map >= 0 ? readPage(this.#map, chunk) : undefined
    if (page) this.#pages.set(chunk, page)
    return page
  }

  /** The data file, made if need be. */
  dataFile(): number {
    if (this.#data < 0) {
      this.#data = openSync(this.#path('data'), 'w+', 0o600)
      this.#named = false
    }
    return this.#data
  }

  /** Says what blocks `from` to `to` (exclusive) of a chunk are, on the live map first. */
  mark(chunk: number, from: number, to: number, state: number): void {
    const before = this.page(chunk)
    const after = before ? before.slice() : new Uint8Array(PAGE_BYTES)
    setStates(after, from, to, state)
    if (this.#live < 0) this.#live = this.#makeLive()
    writeAll(this.#live, after, MAP_HEADER_BYTES + chunk * PAGE_BYTES)
    this.#pages.set(chunk, after)
    this.#dirty.add(chunk)
    const had = before ? countStates(before, from, to, DATA) : 0
    this.blocks += (state === DATA ? to - from : 0) - had
  }

  /** Makes durable what was written before the call. One at a time. */
  async flush(): Promise<void> {
    const chunks = [...this.#dirty].sort((a, b) => a - b)
    if (chunks.length === 0 && this.dirtyBytes === 0) return
    // As they are now: what is marked later may belong to data that is not synced.
    const pages = chunks.map((chunk) => this.#pages.get(chunk)!)
    const blocks = this.blocks
    const dirtyBytes = this.dirtyBytes
    this.#dirty = new Set()
    this.dirtyBytes = 0
    try {
      if (this.#data >= 0) await dataSync(this.#data)
      await this.#writeMap(chunks, pages, blocks)
    } catch (error) {
      for (const chunk of chunks) this.#dirty.add(chunk)
      this.dirtyBytes += dirtyBytes
      throw error
    }
  }

  /** After the last flush: nothing needs the live map any more. */
  settle(): void {
    if (this.#live < 0) return
    closeSync(this.#live)
    this.#live = -1
    rmSync(this.#path('live'), { force: true })
  }

  close(): void {
    for (const fd of [this.#data, this.#map, this.#live]) if (fd >= 0) closeSync(fd)
  }

  #path(kind: 'data' | 'map' | 'live'): string {
    return join(this.#directory, `${this.id}.${kind}`)
  }

  #makeLive(): number {
    const fd = openSync(this.#path('live'), 'w+', 0o600)
    writeAll(fd, encodeMapHeader({ layer: this.id, boot: this.#boot, blocks: 0 }), 0)
    return fd
  }

  /** A live map was left: its writer died. What it says is so if the kernel still runs; the number of blocks is counted anew in any case. */
  #recover(left: number): void {
    const chunks = (fd: number) => Math.max(0, Math.ceil((fstatSync(fd).size - MAP_HEADER_BYTES) / PAGE_BYTES))
    if (this.#live >= 0)
      for (let chunk = 0; chunk < chunks(left); chunk++) {
        const page = readPage(this.#live, chunk)
        if (!page) continue
        this.#pages.set(chunk, page)
        this.#dirty.add(chunk)
      }
    // Of another boot: it says nothing any more.
    else rmSync(this.#path('live'), { force: true })
    closeSync(left)
    this.blocks = 0
    const mapped = this.#map >= 0 ? chunks(this.#map) : 0
    for (const [, page] of this.#pages) this.blocks += countStates(page, 0, CHUNK_BLOCKS, DATA)
    for (let chunk = 0; chunk < mapped; chunk++) {
      if (this.#pages.has(chunk)) continue
      const page = readPage(this.#map, chunk)
      if (page) this.blocks += countStates(page, 0, CHUNK_BLOCKS, DATA)
    }
  }

  async #writeMap(chunks: readonly number[], pages: readonly Uint8Array[], blocks: number): Promise<void> {
    if (chunks.length === 0 && this.#named) return
    const header = encodeMapHeader({ layer: this.id, boot: '', blocks })
    if (this.#map < 0) return this.#makeMap(header, chunks, pages)
    for (let i = 0; i < chunks.length; ) {
      let end = i + 1
      while (end < chunks.length && chunks[end] === chunks[i]! + (end - i)) end++
      writeAll(this.#map, Buffer.concat(pages.slice(i, end)), MAP_HEADER_BYTES + chunks[i]! * PAGE_BYTES)
      i = end
    }
    writeAll(this.#map, header, 0)
    await dataSync(this.#map)
    if (!this.#named) await this.#syncNames()
  }

  /** The first one gets its name when it is whole, so that one without a header is damage and nothing else. */
  async #makeMap(header: Uint8Array, chunks: readonly number[], pages: readonly Uint8Array[]): Promise<void> {
    const temporary = `${this.#path('map')}.new`
    const file = await open(temporary, 'w+', 0o600)
    try {
      await writeWhole(file, header)
      for (const [i, page] of pages.entries())
        await file.write(page, 0, PAGE_BYTES, MAP_HEADER_BYTES + chunks[i]! * PAGE_BYTES)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path('map'))
    await this.#syncNames()
    this.#map = openMap(this.#directory, this.id, 'r+')
  }

  async #syncNames(): Promise<void> {
    this.#named = true
    try {
      await syncDirectory(this.#directory)
    } catch (error) {
      this.#named = false
      throw error
    }
  }
}
