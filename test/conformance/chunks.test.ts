import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ChunkStat, ChunkStore } from '../../src/images/chunk-store.ts'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { CHUNK_BYTES } from '../../src/protocols/chunks/list.ts'
import { MemoryChunks } from '../fakes/memory-chunks.ts'

/** Any chunk store can run this. `spoil` damages the stored bytes of a chunk behind its back. */
type Implementation = {
  open(clock: ManualClock): Promise<ChunkStore>
  spoil(store: ChunkStore, sha256: string): Promise<void>
}

const HOUR = 3_600_000
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-chunks-'))
})
afterEach(() => rm(directory, { recursive: true }))

const placeOf = (sha256: string) => join(directory, sha256.slice(0, 2), sha256)
const IMPLEMENTATIONS: Record<string, Implementation> = {
  files: {
    open: (clock) => FileChunks.open(directory, { clock }),
    async spoil(_, sha256) {
      const file = await open(placeOf(sha256), 'r+')
      await file.write('spoiled', 60)
      await file.close()
    },
  },
  memory: {
    open: async (clock) => new MemoryChunks(clock),
    spoil: async (store, sha256) => (store as MemoryChunks).spoil(sha256),
  },
}

async function all(store: ChunkStore): Promise<ChunkStat[]> {
  const chunks: ChunkStat[] = []
  for await (const chunk of store.list()) chunks.push(chunk)
  return chunks
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const text = (name: string, bytes = 100_000) => Buffer.alloc(bytes, `${name} `)
const identity = (payload: Uint8Array) => ({ encoding: 'identity', payload }) as const
const zstd = (raw: Uint8Array) => ({ encoding: 'zstd', payload: zstdCompressSync(raw) }) as const

describe.each(Object.entries(IMPLEMENTATIONS))('chunks in %s', (_, implementation) => {
  const clock = new ManualClock()
  const fresh = () => implementation.open(clock)

  test('what was put is there, raw and as it is kept, however it came', async () => {
    const store = await fresh()
    for (const raw of [text('plain'), randomBytes(70_000), Buffer.of(0), text('full', CHUNK_BYTES)]) {
      const sha256 = hashOf(raw)
      expect(await store.missing([sha256, sha256])).toEqual([sha256])
      expect(await store.get(sha256)).toBeUndefined()
      expect(await store.read(sha256)).toBeUndefined()
      expect(await store.put(sha256, raw.length % 2 ? identity(raw) : zstd(raw))).toMatchObject({ added: true })
      expect(await store.put(sha256, identity(raw))).toMatchObject({ added: false })
      expect(await store.missing([sha256])).toEqual([])
      expect(Buffer.from((await store.read(sha256))!).equals(raw)).toBe(true)
      const kept = (await store.get(sha256))!
      const unpacked = kept.encoding === 'zstd' ? zstdDecompressSync(kept.payload) : Buffer.from(kept.payload)
      expect(unpacked.equals(raw)).toBe(true)
      const opened = (await store.open(sha256))!
      const pieces: Uint8Array[] = []
      for await (const piece of opened.pieces) pieces.push(piece)
      expect(opened).toMatchObject({ encoding: kept.encoding, bytes: kept.payload.length })
      expect(Buffer.concat(pieces).equals(kept.payload)).toBe(true)
    }
  })

  test('raw bytes are named here, and may be changed afterwards', async () => {
    const store = await fresh()
    for (const raw of [
      text('raw'),
      randomBytes(200_000),
      Buffer.concat([randomBytes(150_000), Buffer.alloc(150_000)]),
    ]) {
      const sha256 = hashOf(raw)
      const sent = Buffer.from(raw)
      expect(await store.add(sent)).toMatchObject({ sha256, added: true })
      expect(await store.add(sent)).toMatchObject({ sha256, added: false })
      sent.fill(1)
      expect(Buffer.from((await store.read(sha256))!).equals(raw)).toBe(true)
    }
  })

  test('the same chunk put many times at once is one', async () => {
    const store = await fresh()
    const raw = randomBytes(50_000)
    const put = Array.from({ length: 10 }, () => store.put(hashOf(raw), identity(raw)))
    expect((await Promise.all(put)).filter(({ added }) => added)).toHaveLength(1)
    const listed = await all(store)
    expect(listed.map(({ sha256 }) => sha256)).toEqual([hashOf(raw)])
  })

  test('other bytes than promised are refused, also for a chunk that is here', async () => {
    const store = await fresh()
    const raw = text('right')
    const wrong = store.put(hashOf(raw), identity(text('wrong')))
    await expect(wrong).rejects.toMatchObject({ code: 'checksum-mismatch' })
    expect(await store.missing([hashOf(raw)])).toEqual([hashOf(raw)])
    await store.put(hashOf(raw), identity(raw))
    await expect(store.put(hashOf(raw), zstd(text('wrong')))).rejects.toMatchObject({ code: 'checksum-mismatch' })
    expect(Buffer.from((await store.read(hashOf(raw)))!).equals(raw)).toBe(true)
  })

  test('removing spares what was put or asked for since', async () => {
    const store = await fresh()
    const [old, asked, again] = [text('old'), text('asked'), text('again')]
    for (const raw of [old, asked, again]) await store.put(hashOf(raw), identity(raw))
    const then = clock.now()
    clock.advance(2 * HOUR)
    expect(await store.missing([hashOf(asked)])).toEqual([])
    await store.put(hashOf(again), zstd(again))
    for (const raw of [asked, again]) expect(await store.remove(hashOf(raw), { storedBefore: then + HOUR })).toBe(0)
    expect(await store.remove(hashOf(old), { storedBefore: then })).toBe(0)
    expect(await store.remove(hashOf(old), { storedBefore: then + HOUR })).toBeGreaterThan(0)
    expect(await store.remove(hashOf(old), { storedBefore: then + HOUR })).toBe(0)
    const left = (await all(store)).map(({ sha256 }) => sha256)
    expect(left.sort()).toEqual([hashOf(asked), hashOf(again)].sort())
  })

  test('a damaged chunk is never given, is named, and is healed by the next put', async () => {
    const store = await fresh()
    const raw = text('precious')
    const sha256 = hashOf(raw)
    await store.put(sha256, identity(raw))
    await implementation.spoil(store, sha256)
    await expect(store.open(sha256)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(sha256),
    })
    expect(store.corrupt()).toMatchObject([{ sha256 }])
    // Who comes later hears the same, and not that it was never here.
    for (const again of [store.open(sha256), store.get(sha256), store.read(sha256)])
      await expect(again).rejects.toMatchObject({ code: 'corrupt' })
    expect(await store.missing([sha256])).toEqual([sha256])
    await store.put(sha256, identity(raw))
    expect(store.corrupt()).toEqual([])
    expect(Buffer.from((await store.read(sha256))!).equals(raw)).toBe(true)
  })
})

describe('chunks in files', () => {
  const raw = text('chunk')
  const sha256 = hashOf(raw)

  test('are there after a restart, what a killed put left is not, and damage is still known', async () => {
    const first = await FileChunks.open(directory)
    await first.put(sha256, identity(raw))
    const other = randomBytes(1000)
    await first.put(hashOf(other), identity(other))
    await truncate(placeOf(hashOf(other)), 500)
    await expect(first.read(hashOf(other))).rejects.toMatchObject({ code: 'corrupt' })
    await writeFile(join(directory, 'incoming', 'half'), 'half a chunk')
    const store = await FileChunks.open(directory)
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
    expect(await readdir(join(directory, 'damaged'))).toEqual([hashOf(other)])
    expect(store.corrupt()).toMatchObject([{ sha256: hashOf(other) }])
    expect(Buffer.from((await store.read(sha256))!).equals(raw)).toBe(true)
    await store.put(hashOf(other), identity(other))
    expect(await readdir(join(directory, 'damaged'))).toEqual([])
  })

  test('any flipped bit of a file is seen', async () => {
    const store = await FileChunks.open(directory)
    const small = randomBytes(40)
    const place = placeOf(hashOf(small))
    await store.put(hashOf(small), identity(small))
    const good = await readFile(place)
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at] = bad[at]! ^ (1 << (at % 8))
      await writeFile(place, bad)
      await expect(store.get(hashOf(small)), `byte ${at}`).rejects.toMatchObject({ code: 'corrupt' })
      await store.put(hashOf(small), identity(small))
    }
  })

  test('a file with right check sums but other content than its name is seen when it is read', async () => {
    const store = await FileChunks.open(directory)
    await store.put(sha256, identity(raw))
    const other = text('other')
    await store.put(hashOf(other), identity(other))
    await writeFile(placeOf(sha256), await readFile(placeOf(hashOf(other))))
    await expect(store.read(sha256)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await store.missing([sha256])).toEqual([sha256])
  })

  test('a put over a chunk that is damaged and not yet noticed heals it', async () => {
    const store = await FileChunks.open(directory)
    await store.put(sha256, identity(raw))
    await truncate(placeOf(sha256), 30)
    expect(await store.put(sha256, identity(raw))).toMatchObject({ added: true })
    expect(Buffer.from((await store.read(sha256))!).equals(raw)).toBe(true)
    expect(store.corrupt()).toEqual([])
  })

  test('what unpacks to more than a chunk, or is none, is refused and leaves nothing', async () => {
    const store = await FileChunks.open(directory)
    const bomb = Buffer.alloc(256 * 2 ** 20)
    expect(zstdCompressSync(bomb).length).toBeLessThan(40_000)
    await expect(store.put(hashOf(bomb), zstd(bomb))).rejects.toMatchObject({ code: 'too-large' })
    const one = Buffer.alloc(CHUNK_BYTES + 1)
    await expect(store.put(hashOf(one), zstd(one))).rejects.toMatchObject({ code: 'too-large' })
    await expect(store.put(hashOf(one), identity(one))).rejects.toMatchObject({ code: 'too-large' })
    const cut = { encoding: 'zstd', payload: zstd(raw).payload.subarray(0, 9) } as const
    await expect(store.put(sha256, cut)).rejects.toMatchObject({ code: 'validation-failed' })
    await expect(store.put(sha256, { ...zstd(raw), payload: raw })).rejects.toMatchObject({ code: 'validation-failed' })
    await expect(store.put(sha256, identity(Buffer.of()))).rejects.toMatchObject({ code: 'validation-failed' })
    expect(await all(store)).toEqual([])
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })

  test('are small where they can be', async () => {
    const store = await FileChunks.open(directory)
    await store.put(sha256, identity(raw))
    expect((await stat(placeOf(sha256))).size).toBeLessThan(1000)
    const noise = randomBytes(10_000)
    await store.put(hashOf(noise), identity(noise))
    expect((await store.get(hashOf(noise)))?.encoding).toBe('identity')
  })

  test('a disk with too little left refuses new chunks and gives those it has', async () => {
    const store = await FileChunks.open(directory)
    await store.put(sha256, identity(raw))
    const full = await FileChunks.open(directory, { reserveBytes: Number.MAX_SAFE_INTEGER })
    const other = text('other')
    await expect(full.put(hashOf(other), identity(other))).rejects.toMatchObject({ code: 'no-space' })
    expect(await full.put(sha256, identity(raw))).toMatchObject({ added: false })
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })

  test('no name leaves the directory', async () => {
    const store = await FileChunks.open(directory)
    for (const odd of ['', '..', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(63)}/`]) {
      expect(await store.get(odd)).toBeUndefined()
      await expect(store.put(odd, identity(raw))).rejects.toMatchObject({ code: 'validation-failed' })
      await expect(store.missing([odd])).rejects.toMatchObject({ code: 'validation-failed' })
    }
  })
})
