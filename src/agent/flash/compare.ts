import { CHUNK_BYTES, type ChunkList, chunkLength } from '../../protocols/chunks/list.ts'
import { type Disk, DiskError } from '../disk/disk.ts'
import { each } from './each.ts'

/** What lies where a chunk belongs: its SHA-256, `null` for zeros, `undefined` when it was not looked at. */
export type Found = string | null | undefined

/** Chunks that are decided on together: read all of them, or only try two. Grows while nothing fits. */
const GROUP = 16
const LARGEST_GROUP = 1024
/** So many chunks with data in a row must differ before reading is given up. */
const GIVE_UP_AFTER = 4
/** Reads at a time: the next one is under way while one is hashed. */
const READERS = 4

/** A disk with more places that cannot be read is not worth writing to. */
const MOST_UNREADABLE = 8

const ZEROS = Buffer.alloc(CHUNK_BYTES)

/** Whether these bytes, at most a chunk, are all zero. */
export function isZero(bytes: Uint8Array): boolean {
  return ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0
}

/** Hex SHA-256, in a thread of its own: reading and the network go on meanwhile. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex')
}

/** Reads the chunk at `index` into the front of `buffer` and tells what it is. */
export async function readChunk(
  disk: Disk,
  list: ChunkList,
  index: number,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<string | null> {
  const bytes = buffer.subarray(0, chunkLength(list, index))
  await disk.read(index * CHUNK_BYTES, bytes)
  return isZero(bytes) ? null : await sha256(bytes)
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
  const buffers = Array.from({ length: READERS }, () => new Uint8Array(CHUNK_BYTES))
  let unreadable = 0
  const look = (indexes: readonly number[]) =>
    each(indexes, READERS, around.stopped, async (index) => {
      const buffer = buffers.pop()!
      try {
        if (found[index] === undefined) found[index] = await readChunk(disk, list, index, buffer)
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'EIO' || ++unreadable > MOST_UNREADABLE) throw error
        around.unreadable(error)
      } finally {
        buffers.push(buffer)
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
      size = GROUP
      // A large group is read in small ones, so that a part that is different does not cost the reading of the rest.
      await look(group.slice(0, size))
      for (const index of data.filter((each) => each < first + size)) different = fits(index) ? 0 : different + 1
      around.looked(Math.min(size, group.length) * CHUNK_BYTES)
      first += size
    } else {
      around.looked(group.length * CHUNK_BYTES)
      first += group.length
      size = Math.min(size * 2, LARGEST_GROUP)
    }
  }
  return found
}
