import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'
import { decodeMapHeader, MAP_HEADER_BYTES } from './map-file.ts'
import { isBlank, PAGE_BYTES } from './map-page.ts'

/** A layer as a stack reads it. `data` is the descriptor of its data file, -1 while there is none. */
export interface ReadLayer {
  readonly id: string
  readonly below: number | null
  readonly data: number
  /** What it says of the blocks of a chunk; `undefined`: nothing. Not to be changed by the caller. */
  page(chunk: number): Uint8Array | undefined
  close(): void
}

/**
 * A layer that is only read. With `boot`, a live map of this boot goes before the durable one: so a volume whose writer died is seen
 * as it was left.
 */
export class FrozenLayer implements ReadLayer {
  readonly id: string
  readonly below: number | null
  readonly data: number
  readonly #map: number
  readonly #live: number

  constructor(directory: string, { id, below }: { id: string; below: number | null }, boot?: string) {
    this.id = id
    this.below = below
    this.data = openIfThere(join(directory, `${id}.data`))
    this.#map = openMap(directory, id)
    this.#live = boot === undefined ? -1 : openLive(join(directory, `${id}.live`), id, boot, 'r')
  }

  page(chunk: number): Uint8Array | undefined {
    return (
      (this.#live >= 0 ? readPage(this.#live, chunk) : undefined) ??
      (this.#map >= 0 ? readPage(this.#map, chunk) : undefined)
    )
  }

  /** Chunks that the durable map may say something of. */
  mappedChunks(): number {
    if (this.#map < 0) return 0
    return Math.max(0, Math.ceil((fstatSync(this.#map).size - MAP_HEADER_BYTES) / PAGE_BYTES))
  }

  close(): void {
    for (const fd of [this.data, this.#map, this.#live]) if (fd >= 0) closeSync(fd)
  }
}

/** -1 when it is not there. */
export function openIfThere(path: string, flags = 'r'): number {
  try {
    return openSync(path, flags)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return -1
    throw error
  }
}

/** The durable map of a layer, -1 while there is none. Its name became durable with its header: anything else is damage. */
export function openMap(directory: string, id: string, flags = 'r'): number {
  const fd = openIfThere(join(directory, `${id}.map`), flags)
  if (fd < 0 || decodeMapHeader(readHeader(fd))?.layer === id) return fd
  closeSync(fd)
  throw new Refusal('corrupt', `the map ${id} in ${directory} is damaged`, {
    next: 'revert the volume to another snapshot or to its base, or restore it from a backup',
  })
}

/** The live map of a layer, -1 when there is none of this boot. */
export function openLive(path: string, id: string, boot: string, flags: string): number {
  const fd = openIfThere(path, flags)
  if (fd < 0) return fd
  const header = decodeMapHeader(readHeader(fd))
  if (header?.layer === id && header.boot === boot) return fd
  closeSync(fd)
  return -1
}

export function readHeader(fd: number): Uint8Array {
  const header = new Uint8Array(MAP_HEADER_BYTES)
  return header.subarray(0, readSync(fd, header, 0, header.length, 0))
}

/** A page of a map; `undefined` when it says nothing. */
export function readPage(fd: number, chunk: number): Uint8Array | undefined {
  const page = new Uint8Array(PAGE_BYTES)
  const count = readSync(fd, page, 0, PAGE_BYTES, MAP_HEADER_BYTES + chunk * PAGE_BYTES)
  return count < PAGE_BYTES || isBlank(page) ? undefined : page
}
