import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryChunks } from '../../test/fakes/memory-chunks.ts'
import { ManualClock } from '../kit/clock.ts'
import { type ChunkList, encodeChunkList } from '../protocols/chunks/list.ts'
import type { Image } from './image.ts'
import { Images } from './images.ts'
import type { BlobStat, BlobStore } from './repository.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
/** Small chunks, of which disks are made; enough of them that most belong to one version alone. */
const CHUNKS = Array.from({ length: 64 }, (_, i) => Buffer.from(`chunk ${i}`))
const HASHES = CHUNKS.map(sha256)

class Blobs implements BlobStore {
  readonly #clock: ManualClock
  readonly kept = new Map<string, { bytes: Uint8Array; storedAt: number }>()
  constructor(clock: ManualClock) {
    this.#clock = clock
  }
  async stat(hash: string): Promise<BlobStat | undefined> {
    const found = this.kept.get(hash)
    return found && { sha256: hash, bytes: found.bytes.length, storedAt: found.storedAt }
  }
  async put(content: AsyncIterable<Uint8Array>): Promise<BlobStat> {
    const pieces: Uint8Array[] = []
    for await (const piece of content) pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    this.kept.set(sha256(bytes), { bytes, storedAt: this.#clock.now() })
    return (await this.stat(sha256(bytes)))!
  }
  async path() {
    return undefined
  }
  async read(hash: string) {
    return this.kept.get(hash)?.bytes
  }
  async list() {
    return Promise.all([...this.kept.keys()].map(async (hash) => (await this.stat(hash))!))
  }
  async remove(hash: string, only?: { storedBefore: number }) {
    const found = this.kept.get(hash)
    if (!found || (only && found.storedAt >= only.storedBefore)) return false
    return this.kept.delete(hash)
  }
}

async function library() {
  const clock = new ManualClock()
  const rows = new Map<string, Image>()
  const deployed = new Set<string>()
  const chunks = new MemoryChunks(clock)
  const blobs = new Blobs(clock)
  const images = await Images.open({
    repository: {
      all: async () => [...rows.values()],
      save: async (image) => void rows.set(image.name, image),
      remove: async (name) => void rows.delete(name),
    },
    blobs,
    chunks,
    clock,
    events: { publish: () => undefined },
    usedBy: () => [],
    keeps: () => deployed,
  })
  await images.create({ name: 'disk', kind: 'disk' })
  return { clock, images, chunks, blobs, deployed }
}

const listOf = (parts: readonly number[]): ChunkList => ({
  bytes: parts.length * 4 * 2 ** 20,
  chunks: parts.map((part) => HASHES[part] ?? null),
})

/** One thing that happens in a library. `n` chooses among what there is. */
const Chunk = fc.nat(CHUNKS.length - 1)
const Happening = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('put' as const, 'ask' as const), n: Chunk }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('push' as const, 'push while collecting' as const),
      // The last number stands for zeros.
      parts: fc.array(fc.nat(CHUNKS.length), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete', 'delete', 'download', 'finish', 'deploy', 'end'),
      n: fc.nat(20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('collect' as const) }) },
)

test('collecting never takes what a version, a promise, a deployment or a running transfer needs, and in the end all else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(Happening, { minLength: 20, maxLength: 60 }), async (happenings) => {
      const { clock, images, chunks, blobs, deployed } = await library()
      const promised = new Map<string, number>()
      const transfers: { list: string; release: () => void }[] = []
      const push = async (parts: readonly number[]) => {
        for (const part of parts) {
          const payload = CHUNKS[part]
          if (payload) await chunks.put(HASHES[part]!, { encoding: 'identity', payload })
        }
        const encoded = encodeChunkList(listOf(parts))
        const blob = await blobs.put(
          (async function* () {
            yield encoded
          })(),
        )
        const files = [{ role: 'chunks' as const, name: 'x', sha256: blob.sha256 }]
        await images.addVersion('disk', { files, cmdline: '', note: '' }, 'ada')
      }
      const versions = () => images.get('disk')!.versions
      const pick = <T>(from: readonly T[], n: number): T | undefined => from[n % Math.max(1, from.length)]
      const needed = () => {
        const lists = [
          ...versions().map(({ files }) => files[0]!.sha256),
          ...transfers.map(({ list }) => list),
          ...deployed,
        ]
        const fresh = [...promised].filter(([, at]) => clock.now() - at < DAY).map(([hash]) => hash)
        return { lists, fresh }
      }
      const check = async () => {
        const { lists, fresh } = needed()
        for (const list of lists) {
          expect(blobs.kept.has(list)).toBe(true)
          for (const chunk of (await images.disks.list(list)).chunks)
            if (chunk) expect(chunks.chunks.has(chunk)).toBe(true)
        }
        for (const hash of fresh) expect(chunks.chunks.has(hash)).toBe(true)
      }
      for (const event of happenings) {
        if (event.kind === 'put') {
          await chunks.put(HASHES[event.n]!, { encoding: 'identity', payload: CHUNKS[event.n]! })
          promised.set(HASHES[event.n]!, clock.now())
        } else if (event.kind === 'ask') {
          const missing = await chunks.missing([HASHES[event.n]!])
          if (missing.length === 0) promised.set(HASHES[event.n]!, clock.now())
        } else if (event.kind === 'push') await push(event.parts)
        else if (event.kind === 'push while collecting') await Promise.all([images.collect(), push(event.parts)])
        else if (event.kind === 'wait') clock.advance(event.hours * HOUR)
        else if (event.kind === 'collect') await images.collect()
        else if (event.kind === 'finish') transfers.splice(0, 1)[0]?.release()
        else if (event.kind === 'end') deployed.delete(pick([...deployed], event.n) ?? '')
        else if ('n' in event) {
          const version = pick(versions(), event.n)
          const list = version?.files[0]?.sha256
          if (!version || !list) continue
          if (event.kind === 'delete') await images.removeVersion('disk', version.number)
          if (event.kind === 'download') transfers.push({ list, release: images.hold(list) })
          if (event.kind === 'deploy') deployed.add(list)
        }
        await check()
      }
      for (const { release } of transfers.splice(0)) release()
      deployed.clear()
      for (const { number } of versions()) await images.removeVersion('disk', number)
      clock.advance(2 * DAY)
      await images.collect()
      expect([chunks.chunks.size, blobs.kept.size]).toEqual([0, 0])
    }),
    { numRuns: 300 },
  )
})

test('a chunk list that cannot be read ends the collection before a chunk is lost', async () => {
  const { clock, images, chunks, blobs } = await library()
  await chunks.put(HASHES[0]!, { encoding: 'identity', payload: CHUNKS[0]! })
  const encoded = encodeChunkList(listOf([0]))
  blobs.kept.set(sha256(encoded), { bytes: encoded, storedAt: clock.now() })
  const files = [{ role: 'chunks' as const, name: 'x', sha256: sha256(encoded) }]
  await images.addVersion('disk', { files, cmdline: '', note: '' }, 'ada')
  clock.advance(3 * DAY)
  blobs.kept.delete(sha256(encoded))
  const again = await Images.open({
    repository: { all: async () => images.all(), save: async () => undefined, remove: async () => undefined },
    blobs,
    chunks,
    clock,
    events: { publish: () => undefined },
    usedBy: () => [],
  })
  await expect(again.collect()).rejects.toMatchObject({ code: 'not-found' })
  expect(chunks.chunks.size).toBe(1)
})
