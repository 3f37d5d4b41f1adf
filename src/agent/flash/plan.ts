import { CHUNK_BYTES, type ChunkList, chunkLength } from '../../protocols/chunks/list.ts'
import type { Found } from './compare.ts'

/** At the end of a GPT disk lies a second copy of its table; it fits into this. */
export const TAIL_BYTES = 1024 * 1024
/** A single command zeroes at most this much, so that progress and stopping keep working on disks that are slow at it. */
const LONGEST_RANGE_CHUNKS = 64

export type Range = Readonly<{ offset: number; length: number }>

/** One content and every place on the disk where it belongs and is not. */
export type Write = Readonly<{ hash: string; indexes: readonly number[] }>

/** What a flash does, decided before the first byte is written. */
export type FlashPlan = Readonly<{
  /** Chunks that are there already. */
  same: number
  /** Nothing differs: nothing is written, not even the edges. */
  nothing: boolean
  /** In the order of the disk, without the edges. */
  writes: readonly Write[]
  /** Holes that do not read as zeros, or were not looked at. */
  zeros: readonly Range[]
  discards: readonly Range[]
  /**
   * Chunks that make a disk bootable: those within the last MiB of the disk, then the first one. Blanked before anything else is
   * written and written after everything else.
   */
  edges: readonly number[]
  /** What is blanked at the end of the disk: stale tables there must not be found. */
  tail: Range
  /** Bytes that will be written, edges included. */
  bytes: number
}>

/** Compares what should be on the disk with what was found there. `list` must fit the disk. */
export function planFlash(
  list: ChunkList,
  found: readonly Found[],
  how: { diskBytes: number; holes: 'zero' | 'discard' },
): FlashPlan {
  if (list.bytes > how.diskBytes) throw new RangeError('the image is larger than the disk')
  const tailOffset = Math.max(0, how.diskBytes - TAIL_BYTES)
  const edges: number[] = []
  for (let index = Math.max(1, Math.floor(tailOffset / CHUNK_BYTES)); index < list.chunks.length; index++)
    if (index * CHUNK_BYTES + chunkLength(list, index) > tailOffset) edges.push(index)
  edges.push(0)
  const isEdge = new Set(edges)
  const writes = new Map<string, number[]>()
  const holes: number[] = []
  let same = 0
  let different = 0
  let bytes = 0
  for (const [index, wanted] of list.chunks.entries()) {
    if (found[index] === wanted) same++
    else if (wanted !== null || how.holes === 'zero') different++
    if (isEdge.has(index)) bytes += chunkLength(list, index)
    if (found[index] === wanted || isEdge.has(index)) continue
    if (wanted === null) holes.push(index)
    else {
      const places = writes.get(wanted)
      if (places) places.push(index)
      else writes.set(wanted, [index])
      bytes += chunkLength(list, index)
    }
  }
  const ranges = toRanges(list, holes)
  const zeros = how.holes === 'zero' ? ranges : []
  for (const { length } of zeros) bytes += length
  return {
    same,
    nothing: different === 0,
    writes: [...writes].map(([hash, indexes]) => ({ hash, indexes })),
    zeros,
    discards: how.holes === 'discard' ? ranges : [],
    edges,
    tail: { offset: tailOffset, length: how.diskBytes - tailOffset },
    bytes,
  }
}

/** Neighbours become one range. `indexes` ascend. */
function toRanges(list: ChunkList, indexes: readonly number[]): Range[] {
  const ranges: Range[] = []
  for (let i = 0; i < indexes.length; ) {
    let next = i + 1
    while (next < indexes.length && next - i < LONGEST_RANGE_CHUNKS && indexes[next] === indexes[i]! + (next - i))
      next++
    const offset = indexes[i]! * CHUNK_BYTES
    ranges.push({ offset, length: indexes[next - 1]! * CHUNK_BYTES + chunkLength(list, indexes[next - 1]!) - offset })
    i = next
  }
  return ranges
}

/** So few chunks are always read back whole. */
const ALL_OF = 32
/** Of more, one in so many, and the ends. */
const ONE_OF = 16

/**
 * Which of the changed chunks are read back. A sample is spread over the whole disk and has both ends of it: a disk that claims to be
 * larger than it is shows there.
 */
export function toVerify(changed: readonly number[], how: 'sampled' | 'full'): number[] {
  const ascending = changed.toSorted((a, b) => a - b)
  if (how === 'full' || ascending.length <= ALL_OF) return ascending
  return ascending.filter((_, i) => i % ONE_OF === 0 || i < 4 || i >= ascending.length - 4)
}
