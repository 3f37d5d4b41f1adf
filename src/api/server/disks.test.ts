import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, PASSWORD, type World } from '../../../test/api/world.ts'
import { CHUNK_BYTES, decodeChunkList, encodeChunkList } from '../../protocols/chunks/list.ts'
import { type ApiClient, createClient, type Download } from '../client/client.ts'
import { nodeTransport } from '../client/node.ts'

let world: World
let client: ApiClient
let token: string
beforeAll(async () => {
  world = await openWorld({ maxUploadBytes: 2 ** 26 })
  const user = await world.as('user')
  client = user.client
  token = user.token
})
afterAll(() => world.close())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
async function bytesOf({ body }: Download) {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}
const raw = (path: string, init: RequestInit = {}) =>
  fetch(world.url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
/** 3 1/4 chunks: noise, zeros, text, noise. */
const DISK = Buffer.concat([
  randomBytes(CHUNK_BYTES),
  Buffer.alloc(CHUNK_BYTES),
  Buffer.alloc(CHUNK_BYTES, 'the quick brown fox '),
  randomBytes(CHUNK_BYTES / 4),
])
const CHUNKS = [0, 1, 2, 3].map((i) => DISK.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES))
const LIST = encodeChunkList({ bytes: DISK.length, chunks: CHUNKS.map((chunk, i) => (i === 1 ? null : sha256(chunk))) })
const version = (image: string, number: number | 'latest' = 'latest') => ({ params: { image, version: number } })
const put = (image: string, content: Uint8Array, query: object = {}) =>
  client.putContent({ params: { image }, query: { kind: 'disk', ...query }, body: { content } })

describe('a disk goes up in chunks', () => {
  test('of which only those that are not here are sent', async () => {
    const hashes = [0, 2, 3].map((i) => sha256(CHUNKS[i]!))
    expect(await client.missingChunks({ body: { chunks: hashes } })).toEqual({ missing: hashes })
    await client.createImage({ body: { name: 'debian', kind: 'disk' } })
    await client.putUpload({ params: { sha256: sha256(LIST) }, body: { content: LIST } })
    const files = [{ role: 'chunks' as const, name: 'debian.chunks', sha256: sha256(LIST) }]
    const create = { params: { image: 'debian' }, body: { files } }
    await expect(client.createVersion(create)).rejects.toMatchObject({
      code: 'not-found',
      detail: '3 of its 3 chunks are not here',
    })
    for (const i of [0, 2, 3]) {
      const zstd = i === 2
      const content = zstd ? zstdCompressSync(CHUNKS[i]!) : CHUNKS[i]!
      const query = { encoding: zstd ? ('zstd' as const) : ('identity' as const) }
      const sent = { params: { sha256: sha256(CHUNKS[i]!) }, query, body: { content } }
      expect(await client.putChunk(sent)).toEqual({ sha256: sha256(CHUNKS[i]!), added: true })
      expect(await client.putChunk(sent)).toMatchObject({ added: false })
    }
    expect(await client.missingChunks({ body: { chunks: hashes } })).toEqual({ missing: [] })
    const image = await client.createVersion(create)
    const allocatedBytes = DISK.length - CHUNK_BYTES
    expect(image).toMatchObject({ owner: 'user-user', visibility: 'private', bytes: allocatedBytes + LIST.length })
    expect(image.versions[0]?.disk).toEqual({
      bytes: DISK.length,
      allocatedBytes,
      addedBytes: allocatedBytes,
      sha256: null,
      table: null,
      filesystems: [],
    })
    const second = await client.createVersion(create)
    expect(second.versions[1]?.disk).toMatchObject({ allocatedBytes, addedBytes: 0 })
  })

  test('wrong bytes, too many and those that only unpack to too many are refused', async () => {
    const params = { sha256: sha256(DISK) }
    const send = (content: Uint8Array, encoding: 'zstd' | 'identity') =>
      client.putChunk({ params, query: { encoding }, body: { content } })
    await expect(send(randomBytes(10), 'identity')).rejects.toMatchObject({ code: 'checksum-mismatch' })
    await expect(send(DISK, 'identity')).rejects.toMatchObject({ code: 'too-large' })
    await expect(send(zstdCompressSync(Buffer.alloc(2 ** 28)), 'zstd')).rejects.toMatchObject({ code: 'too-large' })
    await expect(send(Buffer.of(), 'zstd')).rejects.toMatchObject({ code: 'validation-failed' })
  })

  test('what is no chunk list makes no version', async () => {
    const odd = Buffer.from('odd')
    await client.putUpload({ params: { sha256: sha256(odd) }, body: { content: odd } })
    const files = [{ role: 'chunks' as const, name: 'x', sha256: sha256(odd) }]
    const made = client.createVersion({ params: { image: 'debian' }, body: { files } })
    await expect(made).rejects.toMatchObject({ code: 'validation-failed' })
  })
})

describe('a disk comes down', () => {
  const path = '/api/v1/images/debian/versions/1/content'
  test('raw, whole or in part, with its digest once it is known', async () => {
    const whole = await client.getContent(version('debian'))
    expect(whole.header('etag')).toBe(`"${sha256(LIST)}"`)
    expect(whole.header('repr-digest')).toBeUndefined()
    expect((await bytesOf(whole)).equals(DISK)).toBe(true)
    const checked = await client.verifyVersion(version('debian'))
    expect(checked).toEqual({ ok: true, bytes: DISK.length, chunks: 4, sha256: sha256(DISK), problems: [] })
    await client.verifyVersion(version('debian', 1))
    for (const [first, last] of [
      [0, 0],
      [CHUNK_BYTES - 1, CHUNK_BYTES],
      [CHUNK_BYTES + 5, 3 * CHUNK_BYTES + 7],
      [DISK.length - 3, DISK.length - 1],
    ] as const) {
      const part = await raw(path, { headers: { range: `bytes=${first}-${last}` } })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe(`bytes ${first}-${last}/${DISK.length}`)
      const digest = `sha-256=:${createHash('sha256').update(DISK).digest('base64')}:`
      expect(part.headers.get('repr-digest')).toBe(digest)
      expect(Buffer.from(await part.arrayBuffer()).equals(DISK.subarray(first, last + 1))).toBe(true)
    }
    const head = await raw(path, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(DISK.length)])
    expect((await raw(path, { headers: { range: `bytes=${DISK.length}-` } })).status).toBe(416)
    expect((await raw(path, { headers: { 'if-none-match': `"${sha256(LIST)}"` } })).status).toBe(304)
  })

  test('packed on the way', async () => {
    const packed = async (compress: 'zstd' | 'gzip') =>
      bytesOf(await client.getContent({ ...version('debian'), query: { compress } }))
    expect(zstdDecompressSync(await packed('zstd')).equals(DISK)).toBe(true)
    expect(gunzipSync(await packed('gzip')).equals(DISK)).toBe(true)
  })

  test('by its chunk list and the chunks as they are kept, and no others', async () => {
    const listed = await bytesOf(await client.getContent({ ...version('debian'), query: { file: 'debian.chunks' } }))
    const { chunks } = decodeChunkList(listed)
    const get = (image: string, chunk: string) =>
      client.getChunk({ params: { image, version: 'latest' as const, sha256: chunk } })
    const text = await get('debian', chunks[2]!)
    expect(text.header('x-chunk-encoding')).toBe('zstd')
    expect(zstdDecompressSync(await bytesOf(text)).equals(CHUNKS[2]!)).toBe(true)
    const noise = await get('debian', chunks[3]!)
    expect(noise.header('x-chunk-encoding')).toBe('identity')
    expect((await bytesOf(noise)).equals(CHUNKS[3]!)).toBe(true)
    for (const other of [sha256(DISK), '0'.repeat(64)])
      await expect(get('debian', other)).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('a disk goes up in one file', () => {
  test.each([
    ['raw', (disk: Buffer) => disk],
    ['gz', (disk: Buffer) => gzipSync(disk, { level: 1 })],
    ['zst', (disk: Buffer) => zstdCompressSync(disk)],
    ['xz', (disk: Buffer) => execFileSync('xz', ['-0', '-c'], { input: disk, maxBuffer: 2 ** 28 })],
  ] as const)('%s, told by its first bytes or by name', async (format, pack) => {
    const packed = pack(DISK)
    const image = await put(`by-${format}`, packed, { sha256: sha256(packed) })
    const files = [{ role: 'chunks', sha256: sha256(LIST) }]
    expect(image.versions).toMatchObject([{ files, disk: { bytes: DISK.length, sha256: sha256(DISK), addedBytes: 0 } }])
    expect((await put(`by-${format}`, packed, { format })).latest).toBe(2)
    const other = put(`by-${format}`, packed, { sha256: sha256(DISK.subarray(1)) })
    await expect(other).rejects.toMatchObject({ code: 'checksum-mismatch' })
    if (format === 'raw') return
    const cut = put(`by-${format}`, packed.subarray(0, packed.length / 2))
    await expect(cut).rejects.toMatchObject({ code: 'validation-failed', detail: expect.stringContaining(format) })
    expect((await client.getImage({ params: { image: `by-${format}` } })).latest).toBe(2)
  })

  test('a disk that is larger than is taken, however small it is packed', async () => {
    const small = await openWorld({ maxUploadBytes: 2 ** 26, maxDiskBytes: 2 * CHUNK_BYTES })
    const asker = (await small.as('user')).client
    const send = (content: Uint8Array) =>
      asker.putContent({ params: { image: 'big' }, query: { kind: 'disk' }, body: { content } })
    await expect(send(gzipSync(Buffer.alloc(2 ** 28)))).rejects.toMatchObject({ code: 'too-large' })
    await expect(send(zstdCompressSync(Buffer.alloc(2 ** 28)))).rejects.toMatchObject({ code: 'too-large' })
    await expect(send(DISK)).rejects.toMatchObject({ code: 'too-large' })
    await expect(asker.getImage({ params: { image: 'big' } })).rejects.toMatchObject({ code: 'not-found' })
    await small.close()
  })

  test('an empty one, one of another kind and what is said to be what it is not', async () => {
    await expect(put('nothing', Buffer.of())).rejects.toMatchObject({ code: 'validation-failed' })
    await expect(put('by-raw', DISK, { kind: 'iso' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(put('by-raw', DISK, { format: 'xz' })).rejects.toMatchObject({ code: 'validation-failed' })
    await expect(put('by-raw', DISK, { format: 'qcow2' })).rejects.toMatchObject({ code: 'validation-failed' })
    const qcow2 = Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(200)])
    await expect(put('by-raw', qcow2)).rejects.toMatchObject({ code: 'validation-failed' })
    expect(await world.images.blobs.stat(sha256(qcow2))).toBeUndefined()
  })
})

describe('who may', () => {
  let other: ApiClient
  beforeAll(async () => {
    await world.access.createUser({ name: 'bob', role: 'user', password: PASSWORD })
    const principal = { name: 'bob', role: 'user', scopes: ['*:*'], via: 'session' } as const
    const { secret } = await world.access.createToken(principal, { name: 'bob', scopes: ['*:*'], days: 1 })
    other = createClient(nodeTransport({ url: world.url, token: secret.reveal() }))
  })
  const one = { params: { image: 'debian' } }
  const chunk = { params: { ...version('debian').params, sha256: sha256(CHUNKS[0]!) } }

  test('see a private image is its owner, and operators', async () => {
    const names = async (asker: ApiClient) => (await asker.listImages({})).items.map(({ name }) => name)
    expect(await names(other)).not.toContain('debian')
    expect(await names((await world.as('operator')).client)).toContain('debian')
    for (const refused of [
      other.getImage(one),
      other.getContent(version('debian')),
      other.getChunk(chunk),
      other.verifyVersion(version('debian')),
      other.updateImage({ ...one, body: { description: 'mine' } }),
      other.updateVersion({ ...version('debian'), body: { pinned: true } }),
      other.putContent({ ...one, body: { content: DISK } }),
      other.createVersion({ ...one, body: { files: [{ role: 'chunks', name: 'x', sha256: sha256(LIST) }] } }),
    ])
      await expect(refused).rejects.toMatchObject({ code: 'not-found' })
  })

  test('use but not change one that is shared with them', async () => {
    await expect(client.updateImage({ ...one, body: { sharedWith: ['nobody'] } })).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await client.updateImage({ ...one, body: { visibility: 'shared', sharedWith: ['bob'] } })
    expect((await other.getImage(one)).visibility).toBe('shared')
    expect((await bytesOf(await other.getChunk(chunk))).length).toBe(CHUNK_BYTES)
    await expect(other.updateImage({ ...one, body: { description: 'mine' } })).rejects.toMatchObject({
      code: 'forbidden',
      detail: 'debian belongs to user-user; bob may only use it',
    })
    await expect(other.putContent({ ...one, body: { content: DISK } })).rejects.toMatchObject({ code: 'forbidden' })
  })
})

test('labels, notes, pins and the prune rule are kept, and old versions go by the rule', async () => {
  for (let i = 0; i < 3; i++) await put('rolling', DISK)
  const one = { params: { image: 'rolling' } }
  await client.updateVersion({ ...version('rolling', 1), body: { pinned: true, note: 'the good one' } })
  const image = await client.updateImage({ ...one, body: { labels: { os: 'debian' }, prune: { keep: 1 } } })
  expect(image).toMatchObject({ labels: { os: 'debian' }, prune: { keep: 1 }, latest: 3 })
  expect(image.versions).toMatchObject([{ number: 1, pinned: true, note: 'the good one' }, { number: 3 }])
  expect((await put('rolling', DISK)).versions.map(({ number }) => number)).toEqual([1, 4])
})

test('a damaged chunk is never sent, is named with its images, and is healed by the next push', async () => {
  const place = join(world.directory, 'chunks', sha256(CHUNKS[2]!).slice(0, 2), sha256(CHUNKS[2]!))
  await truncate(place, 100)
  const found = await client.verifyVersion(version('debian'))
  expect(found).toMatchObject({ ok: false, sha256: null })
  expect(found.problems).toEqual([expect.stringContaining(sha256(CHUNKS[2]!))])
  const params = { ...version('debian').params, sha256: sha256(CHUNKS[2]!) }
  await expect(client.getChunk({ params })).rejects.toMatchObject({ status: 500, code: 'corrupt' })
  await expect(bytesOf(await client.getContent(version('debian')))).rejects.toThrow()
  const part = await raw('/api/v1/images/debian/versions/1/content', {
    headers: { range: `bytes=${2 * CHUNK_BYTES}-` },
  })
  expect([part.status, await part.json()]).toMatchObject([500, { code: 'corrupt' }])
  const store = await client.getChunkStore()
  expect(store.corrupt).toMatchObject([{ sha256: sha256(CHUNKS[2]!), images: expect.arrayContaining(['debian@1']) }])
  await put('again', DISK)
  expect(await client.getChunkStore()).toMatchObject({ chunks: 3, corrupt: [], scrubbedAt: null })
  expect(await client.verifyVersion(version('debian'))).toMatchObject({ ok: true })
  expect(await readdir(join(world.directory, 'chunks', 'damaged'))).toEqual([])
})
