import { CHUNK_BYTES, type ChunkList, chunkLength } from '../../protocols/chunks/list.ts'
import { diskBuffer } from '../disk/buffer.ts'
import { type Disk, DiskError } from '../disk/disk.ts'
import { contentOf } from '../threads.ts'
import { each } from './each.ts'

/** What lies where a chunk belongs: its SHA-256, `null` for zeros, `undefined` when it was not looked at. */
export type Found = string | null | undefined

/** Chunks that are decided on together: read all of them, or only try two. Grows while nothing fits. */
const GROUP = 16
const LARGEST_GROUP = 1024
/** So many chunks with data in a row must differ before reading is given up. */
const GIVE_UP_AFTER = 4
/** A disk that fits so far is read in groups that grow to this: at the end of each the last reads are waited for. */
const LONGEST_READ = 64
/** Reads at a time: the next ones are under way while some are hashed. */
const READERS = 4

/** A disk with more places that cannot be read is not worth writing to. */
const MOST_UNREADABLE = 8

const spare: Uint8Array<SharedArrayBuffer>[] = []

/** Lends memory for a chunk; what was in it before is still there. */
export async function withBuffer<T>(act: (buffer: Uint8Array<SharedArrayBuffer>) => Promise<T>): Promise<T> {
  const buffer = spare.pop() ?? diskBuffer(CHUNK_BYTES)
  try {
    return await act(buffer)
  } finally {
    spare.push(buffer)
  }
}

/** Reads the chunk at `index` into the front of `buffer` and tells what it is. */
export async function readChunk(
  disk: Disk,
  list: ChunkList,
  index: number,
  buffer: Uint8Array<SharedArrayBuffer>,
): Promise<string | null> {
  const bytes = buffer.subarray(0, chunkLength(list, index))
  await disk.read(index * CHUNK_BYTES, bytes)
  return await contentOf(bytes)
}

/**
 * Looks at what is on the disk where the list says that something should be. A disk that has nothing of the image is not read whole:
 * once nothing fits, only two chunks of each group are tried, in ever larger groups, until one fits again. So the first flash of a
 * disk costs no reading, and one that was interrupted or resembles the image finds everything that is there already.
 *
 * A place that cannot be read (EIO) counts as different: writing lets a disk replace the sector.
 */
export async function compare(
  disk: Disk,
  list: ChunkList,
  around: { stopped: AbortSignal; looked(bytes: number): void; unreadable(error: DiskError): void },
): Promise<Found[]> {
  const found = new Array<Found>(list.chunks.length).fill(undefined)
  let unreadable = 0
  const look = (indexes: readonly number[]) =>
    each(indexes, READERS, around.stopped, async (index) => {
      try {
        if (found[index] === undefined)
          found[index] = await withBuffer((buffer) => readChunk(disk, list, index, buffer))
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'EIO' || ++unreadable > MOST_UNREADABLE) throw error
        around.unreadable(error)
      }
    })
  let different = 0
  let size = GROUP
  for (let first = 0; first < list.chunks.length; ) {
    const group = Array.from({ length: Math.min(size, list.chunks.length - first) }, (_, i) => first + i)
    const data = group.filter((index) => list.chunks[index] !== null)
    const fits = (index: number) => found[index] === list.chunks[index]
    let reading = different < GIVE_UP_AFTER
    if (!reading && data.length > 0) {
      await look([data[0]!, data.at(-1)!])
      reading = fits(data[0]!) || fits(data.at(-1)!)
    }
    if (reading) {
      // A large group is read in smaller ones, so that a part that is different does not cost the reading of the rest.
      const reads = group.slice(0, different === 0 ? LONGEST_READ : GROUP)
      await look(reads)
      for (const index of reads) if (list.chunks[index] !== null) different = fits(index) ? 0 : different + 1
      around.looked(reads.length * CHUNK_BYTES)
      first += reads.length
      size = different === 0 ? Math.max(GROUP, Math.min(reads.length * 2, LONGEST_READ)) : GROUP
    } else {
      around.looked(group.length * CHUNK_BYTES)
      first += group.length
      size = Math.min(size * 2, LARGEST_GROUP)
    }
  }
  return found
}
