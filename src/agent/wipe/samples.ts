import { createHash, randomInt } from 'node:crypto'
import type { Disk } from '../disk/disk.ts'

const SAMPLE_BYTES = 64 * 1024
const EDGE_BYTES = 1024 * 1024
const SAMPLES = 512

/** Places that are looked at before and after: `null` where all was zero, else a hash. */
export type Samples = Readonly<{ length: number; hashes: ReadonlyMap<number, string | null> }>

/** Random places, the same before and after; a small disk is looked at as a whole. */
export function samplePlaces(bytes: number): number[] {
  const all = Math.ceil(bytes / SAMPLE_BYTES)
  if (all <= SAMPLES) return Array.from({ length: all }, (_, i) => i * SAMPLE_BYTES)
  const places = new Set<number>()
  while (places.size < SAMPLES) places.add(randomInt(all) * SAMPLE_BYTES)
  return [...places].toSorted((a, b) => a - b)
}

export async function readSamples(disk: Disk, places: readonly number[]): Promise<Samples> {
  const hashes = new Map<number, string | null>()
  let length = 0
  for (const place of places) {
    const bytes = new Uint8Array(Math.min(SAMPLE_BYTES, disk.bytes - place))
    await disk.read(place, bytes)
    length += bytes.length
    hashes.set(place, isZero(bytes) ? null : createHash('sha256').update(bytes).digest('hex'))
  }
  return { length, hashes }
}

/** How many places hold zeros, something else than before, or the same as before, which must not be. */
export function compareSamples(before: Samples, after: Samples): { zero: number; changed: number; same: number[] } {
  const found = { zero: 0, changed: 0, same: [] as number[] }
  for (const [place, hash] of after.hashes) {
    if (hash === null) found.zero++
    else if (hash === before.hashes.get(place)) found.same.push(place)
    else found.changed++
  }
  return found
}

/** Whether the first and the last MiB, where partition tables are, hold nothing but zeros. */
export async function edgesAreZero(disk: Disk): Promise<boolean> {
  const edge = new Uint8Array(Math.min(EDGE_BYTES, disk.bytes))
  for (const at of [0, disk.bytes - edge.length]) {
    await disk.read(at, edge)
    if (!isZero(edge)) return false
  }
  return true
}

function isZero(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).equals(ZEROS.subarray(0, bytes.length))
}

const ZEROS = Buffer.alloc(EDGE_BYTES)
