import { CHUNK_BYTES, chunkCount, chunkLength, encodeChunkList } from '../../protocols/chunks/list.ts'

/** How many chunks are asked about at once: 256 MiB of the disk. */
const BATCH = 64
/** How many chunks travel at the same time. Browsers open six connections to a server; one is left for the rest of the page. */
const AT_ONCE = 4
const TRIES = 5

/** What an upload needs from outside. `hash` answers `null` for a chunk of zeros. */
export type DiskPorts = Readonly<{
  bytes: number
  hash: (from: number, to: number) => Promise<string | null>
  missing: (chunks: readonly string[]) => Promise<readonly string[]>
  put: (sha256: string, from: number, to: number, onProgress: (sent: number) => void) => Promise<unknown>
  /** Whether trying again could help after this. */
  mayPass: (error: unknown) => boolean
  wait: (ms: number) => Promise<void>
  signal: AbortSignal
}>

/** How far it is. `sent` counts only bytes that had to travel; the rest was zeros or on the server already. */
export type DiskProgress = Readonly<{ done: number; of: number; sent: number; retrying: string | null }>

/**
 * Sends the chunks of a disk that the server lacks and answers the encoded list of all. Hashing goes on while chunks travel.
 * `hashes` keeps what was hashed, so that another try with the same file reads only what must be sent.
 */
export async function sendDisk(
  ports: DiskPorts,
  hashes: Map<number, string | null>,
  tell: (progress: DiskProgress) => void,
): Promise<Uint8Array> {
  const { bytes, signal } = ports
  const count = chunkCount(bytes)
  const told = new Set<string>()
  const underWay = new Map<number, number>()
  let done = 0
  let sent = 0
  let retrying: string | null = null
  const report = () => {
    const travelling = [...underWay.values()].reduce((a, b) => a + b, 0)
    tell({ done: done + travelling, of: bytes, sent: sent + travelling, retrying })
  }
  const ask = async <T>(what: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        const answer = await what()
        retrying = null
        return answer
      } catch (error) {
        if (signal.aborted || attempt === TRIES || !ports.mayPass(error)) throw error
        retrying = error instanceof Error ? error.message : String(error)
        report()
        await ports.wait(Math.min(500 * 2 ** attempt, 8000))
      }
    }
  }
  const lengthOf = (index: number) => chunkLength({ bytes }, index)
  const hashBatch = (first: number) => {
    const indexes = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => first + i)
    return Promise.all(
      indexes.map(async (index) => {
        if (!hashes.has(index)) {
          const from = index * CHUNK_BYTES
          hashes.set(index, await ports.hash(from, from + lengthOf(index)))
        }
        return index
      }),
    )
  }
  const putChunk = async (index: number) => {
    const from = index * CHUNK_BYTES
    const length = lengthOf(index)
    await ask(() =>
      ports.put(hashes.get(index)!, from, from + length, (now) => {
        underWay.set(index, Math.min(now, length))
        report()
      }),
    ).finally(() => underWay.delete(index))
    done += length
    sent += length
    report()
  }

  let next = count > 0 ? hashBatch(0) : undefined
  for (let first = 0; first < count; first += BATCH) {
    signal.throwIfAborted()
    const indexes = (await next) ?? []
    next = first + BATCH < count ? hashBatch(first + BATCH) : undefined
    // It is awaited in the next round; a failure before that must not count as unhandled.
    next?.catch(() => undefined)
    // The same bytes twice in a disk travel once.
    const asked = new Map<string, number>()
    for (const index of indexes) {
      const hash = hashes.get(index)
      if (hash && !told.has(hash)) {
        told.add(hash)
        asked.set(hash, index)
      } else done += lengthOf(index)
    }
    const missing = asked.size > 0 ? new Set(await ask(() => ports.missing([...asked.keys()]))) : new Set<string>()
    for (const [hash, index] of asked) if (!missing.has(hash)) done += lengthOf(index)
    report()
    const waiting = [...asked].flatMap(([hash, index]) => (missing.has(hash) ? [index] : []))
    const carry = async () => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) await putChunk(index)
    }
    // All of them end before a failure is told: nothing of this try may still run in the next one.
    const carried = await Promise.allSettled(Array.from({ length: AT_ONCE }, carry))
    for (const each of carried) if (each.status === 'rejected') throw each.reason
  }
  return encodeChunkList({ bytes, chunks: Array.from({ length: count }, (_, i) => hashes.get(i) ?? null) })
}
