import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileBlobs } from '../../src/images/drivers/files.ts'
import type { BlobStore } from '../../src/images/repository.ts'

/** Every implementation of `BlobStore`, made anew in an empty directory and opened again on the same one. */
const IMPLEMENTATIONS: Record<string, (directory: string) => Promise<BlobStore>> = {
  files: (directory) => FileBlobs.open(directory),
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Gives some bytes, then breaks like a connection. */
async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('the connection broke')
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-blobs-'))
})
afterEach(() => rm(directory, { recursive: true }))

describe.each(Object.entries(IMPLEMENTATIONS))('blobs in %s', (_, open) => {
  const limit = 1_000_000

  test('what was put is there, also after a restart, and nothing else is', async () => {
    const blobs = await open(directory)
    const bytes = randomBytes(100_001)
    const before = Date.now() - 1000
    const stat = await blobs.put(pieces(bytes), { limit })
    expect(stat).toMatchObject({ sha256: sha256(bytes), bytes: bytes.length })
    expect(stat.storedAt).toBeGreaterThan(before)
    const again = await open(directory)
    expect(await again.stat(stat.sha256)).toEqual(stat)
    expect(await again.list()).toEqual([stat])
    expect(await readFile((await again.path(stat.sha256))!)).toEqual(bytes)
    expect(await again.stat(sha256(randomBytes(1)))).toBeUndefined()
    expect(await again.path(sha256(randomBytes(1)))).toBeUndefined()
  })

  test('an empty blob is a blob', async () => {
    const blobs = await open(directory)
    const stat = await blobs.put(pieces(new Uint8Array(0)), { limit: 0 })
    expect(stat).toMatchObject({ sha256: sha256(new Uint8Array(0)), bytes: 0 })
    expect(await blobs.list()).toHaveLength(1)
  })

  test('other bytes than promised, too many, and a broken upload leave nothing behind', async () => {
    const blobs = await open(directory)
    const bytes = randomBytes(5000)
    const other = sha256(randomBytes(3))
    await expect(blobs.put(pieces(bytes), { sha256: other, limit })).rejects.toMatchObject({
      code: 'checksum-mismatch',
    })
    await expect(blobs.put(pieces(bytes), { limit: 4999 })).rejects.toMatchObject({ code: 'too-large' })
    await expect(blobs.put(broken(bytes), { limit })).rejects.toThrow('the connection broke')
    expect(await blobs.list()).toEqual([])
    expect((await readdir(directory, { recursive: true })).filter((name) => name.length > 20)).toEqual([])
    expect(await blobs.put(pieces(bytes), { sha256: sha256(bytes), limit: 5000 })).toMatchObject({ bytes: 5000 })
  })

  test('the same bytes put many times at once are one blob', async () => {
    const blobs = await open(directory)
    const bytes = randomBytes(50_000)
    const stats = await Promise.all(Array.from({ length: 10 }, () => blobs.put(pieces(bytes, 777), { limit })))
    expect(new Set(stats.map((stat) => stat.sha256)).size).toBe(1)
    expect(await blobs.list()).toHaveLength(1)
    expect(await readFile((await blobs.path(sha256(bytes)))!)).toEqual(bytes)
  })

  test('removing says whether there was something, and spares what was put again meanwhile', async () => {
    const blobs = await open(directory)
    const bytes = randomBytes(10)
    const { sha256: hash, storedAt } = await blobs.put(pieces(bytes), { limit })
    expect(await blobs.remove(hash, { storedBefore: storedAt })).toBe(false)
    expect(await blobs.stat(hash)).toBeDefined()
    expect(await blobs.remove(hash, { storedBefore: storedAt + 1 })).toBe(true)
    expect(await blobs.remove(hash)).toBe(false)
    expect(await blobs.stat(hash)).toBeUndefined()
  })

  test('what is no SHA-256 is nowhere', async () => {
    const blobs = await open(directory)
    for (const odd of ['', '..', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(63)}/`, 'incoming']) {
      expect(await blobs.stat(odd)).toBeUndefined()
      expect(await blobs.path(odd)).toBeUndefined()
      expect(await blobs.remove(odd)).toBe(false)
    }
  })
})

describe('blobs in files', () => {
  test('what a killed upload left is removed at the next start', async () => {
    const first = await FileBlobs.open(directory)
    await first.put(pieces(randomBytes(10)), { limit: 10 })
    await writeFile(join(directory, 'incoming', 'half'), 'half an upload')
    const blobs = await FileBlobs.open(directory)
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
    expect(await blobs.list()).toHaveLength(1)
  })

  test('putting old bytes again makes them new', async () => {
    const blobs = await FileBlobs.open(directory)
    const bytes = randomBytes(10)
    const { sha256: hash } = await blobs.put(pieces(bytes), { limit: 10 })
    await utimes((await blobs.path(hash))!, 1000, 1000)
    expect((await blobs.stat(hash))?.storedAt).toBe(1_000_000)
    const again = await blobs.put(pieces(bytes), { limit: 10 })
    expect(again.storedAt).toBeGreaterThan(1_000_000)
  })

  test('a full disk is a refusal that says so', async () => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' })
    const blobs = await FileBlobs.open(directory)
    const content = (async function* () {
      yield randomBytes(10)
      throw full
    })()
    await expect(blobs.put(content, { limit: 100 })).rejects.toMatchObject({ code: 'no-space' })
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })
})
