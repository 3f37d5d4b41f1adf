import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { ChunkStore } from './chunk-store.ts'
import type { Disks } from './disks.ts'
import { HashSet } from './hash-set.ts'
import type { BlobStore } from './repository.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** Blobs that must stay; `lists` are the chunk lists of versions, `kept` what is kept besides and may be chunk lists. */
export type Needed = Readonly<{ blobs: ReadonlySet<string>; lists: ReadonlySet<string>; kept: readonly string[] }>

/** What `collect` deleted. */
export type Gone = Readonly<{ blobs: number; chunks: number; bytes: number }>

type Collection = Readonly<{
  blobs: BlobStore
  chunks: ChunkStore
  disks: Disks
  clock: Clock
  /** When somebody was told that a blob is here. */
  promised: Map<string, number>
  /** Runs with no version being made or deleted meanwhile. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>
  needed: () => Needed
}>

/**
 * Deletes what nobody needs. The blobs go with the library standing still. The chunks, which may be millions, go beside its work: what is
 * needed is read once, and a version made later has renewed its chunks before, which the store then does not delete.
 */
export async function collect(library: Collection): Promise<Gone> {
  const { blobs, chunks, clock, promised, inTurn, needed } = library
  const gone = { blobs: 0, chunks: 0, bytes: 0 }
  const storedBefore = clock.now() - DAY_MS
  const wanted = await inTurn(async () => {
    const lists = needed()
    for (const [sha256, at] of promised) if (at < storedBefore) promised.delete(sha256)
    for (const blob of await blobs.list()) {
      if (blob.storedAt >= storedBefore || lists.blobs.has(blob.sha256) || promised.has(blob.sha256)) continue
      if (!(await blobs.remove(blob.sha256, { storedBefore }))) continue
      gone.blobs++
      gone.bytes += blob.bytes
    }
    return await chunksOf(library.disks, lists)
  })
  // A store may renew a chunk that is asked for only once in an hour.
  const chunksBefore = { storedBefore: storedBefore - HOUR_MS }
  for await (const { sha256, storedAt } of chunks.list()) {
    if (storedAt >= chunksBefore.storedBefore || wanted.has(sha256)) continue
    const bytes = await chunks.remove(sha256, chunksBefore)
    if (bytes > 0) gone.chunks++
    gone.bytes += bytes
  }
  return gone
}

/** All chunks that are needed. A list that cannot be read ends the collection: what it names must not be lost. */
async function chunksOf(disks: Disks, { lists, kept }: Needed): Promise<HashSet> {
  const wanted = new HashSet()
  for (const sha256 of new Set([...lists, ...kept])) {
    try {
      for (const chunk of (await disks.list(sha256)).chunks) if (chunk !== null) wanted.add(chunk)
    } catch (error) {
      const noList = error instanceof Refusal && ['not-found', 'too-large', 'validation-failed'].includes(error.code)
      if (!noList || lists.has(sha256)) throw error
    }
  }
  return wanted
}
