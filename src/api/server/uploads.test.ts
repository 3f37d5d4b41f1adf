import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import type { ApiClient, Download } from '../client/client.ts'

let world: World
let client: ApiClient
let token: string
beforeAll(async () => {
  world = await openWorld()
  const operator = await world.as('operator')
  client = operator.client
  token = operator.token
})
afterAll(() => world.close())

const DISC = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255))
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
async function bytesOf({ body }: Download) {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}
async function* pieces(bytes: Uint8Array, size = 65_536) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const raw = (path: string, init: RequestInit = {}) =>
  fetch(world.url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })

test('a file goes up in a stream with its progress and comes down the same', async () => {
  const progress: number[] = []
  const params = { image: 'rescue' }
  const image = await client.putContent({
    params,
    body: { content: pieces(DISC), bytes: DISC.length, onProgress: (sent) => progress.push(sent) },
  })
  expect(image).toMatchObject({
    name: 'rescue',
    kind: 'iso',
    latest: 1,
    bytes: DISC.length,
    versions: [{ number: 1, createdBy: 'operator-user', files: [{ role: 'iso', sha256: sha256(DISC) }] }],
  })
  expect(progress.at(-1)).toBe(DISC.length)
  expect(progress.length).toBeGreaterThan(3)
  const download = await client.getContent({ params: { ...params, version: 'latest' } })
  expect(download.header('etag')).toBe(`"${sha256(DISC)}"`)
  expect(await bytesOf(download)).toEqual(DISC)
})

test('curl may send any content type, or none', async () => {
  for (const headers of [
    { 'content-type': 'application/json' },
    { 'content-type': 'application/x-iso9660-image' },
    {},
  ]) {
    const answer = await raw('/api/v1/images/any/versions/new/content', { method: 'PUT', headers, body: DISC })
    expect(answer.status).toBe(201)
  }
  expect((await client.getImage({ params: { image: 'any' } })).bytes).toBe(DISC.length)
})

describe('a download', () => {
  const path = '/api/v1/images/rescue/versions/1/content'
  const etag = `"${sha256(DISC)}"`
  test('answers ranges', async () => {
    const part = await raw(path, { headers: { range: 'bytes=100-199' } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe(`bytes 100-199/${DISC.length}`)
    expect(Buffer.from(await part.arrayBuffer())).toEqual(DISC.subarray(100, 200))
    const end = await raw(path, { headers: { range: 'bytes=-5', 'if-range': etag } })
    expect(Buffer.from(await end.arrayBuffer())).toEqual(DISC.subarray(-5))
    const changed = await raw(path, { headers: { range: 'bytes=-5', 'if-range': '"other"' } })
    expect(changed.status).toBe(200)
    await changed.body?.cancel()
  })
  test('refuses a range that lies outside', async () => {
    const outside = await raw(path, { headers: { range: `bytes=${DISC.length}-` } })
    expect(outside.status).toBe(416)
    expect(outside.headers.get('content-range')).toBe(`bytes */${DISC.length}`)
    expect(await outside.json()).toMatchObject({ code: 'range-not-satisfiable' })
  })
  test('is not sent again to who has it, and not at all by HEAD', async () => {
    const same = await raw(path, { headers: { 'if-none-match': etag } })
    expect(same.status).toBe(304)
    const head = await raw(path, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(DISC.length)])
    expect((await head.arrayBuffer()).byteLength).toBe(0)
  })
})

test('a bundle is made of files uploaded by their SHA-256, each once', async () => {
  const kernel = Buffer.from('kernel')
  const initrd = Buffer.from('initrd')
  const files = [
    { role: 'kernel' as const, name: 'vmlinuz', sha256: sha256(kernel) },
    { role: 'initrd' as const, name: 'initrd.img', sha256: sha256(initrd) },
  ]
  await client.createImage({ body: { name: 'debian', kind: 'bundle' } })
  const params = { image: 'debian' }
  await expect(client.createVersion({ params, body: { files } })).rejects.toMatchObject({ code: 'not-found' })
  for (const content of [kernel, initrd]) {
    const upload = { params: { sha256: sha256(content) } }
    await expect(client.hasUpload(upload)).rejects.toMatchObject({ code: 'not-found' })
    await client.putUpload({ ...upload, body: { content } })
    expect(await client.hasUpload(upload)).toEqual({ sha256: sha256(content), bytes: content.length })
  }
  const image = await client.createVersion({ params, body: { files, cmdline: 'quiet' } })
  expect(image).toMatchObject({ latest: 1, bytes: 12, versions: [{ cmdline: 'quiet' }] })
  const version = { ...params, version: 1 }
  await expect(client.getContent({ params: version })).rejects.toMatchObject({
    detail: expect.stringContaining('vmlinuz'),
  })
  expect(await bytesOf(await client.getContent({ params: version, query: { file: 'initrd.img' } }))).toEqual(initrd)
  await expect(client.putContent({ params, body: { content: DISC } })).rejects.toMatchObject({ code: 'wrong-state' })
  await client.deleteVersion({ params: version })
  await client.deleteImage({ params })
  await expect(client.getImage({ params })).rejects.toMatchObject({ code: 'not-found' })
})

test('whoever owns an image may delete its versions and it; another user may not', async () => {
  const owner = await world.as('user')
  await client.createImage({ body: { name: 'olgas', kind: 'iso', visibility: 'public' } })
  const own = { params: { image: 'mine' } }
  await owner.client.putContent({ ...own, body: { content: DISC } })
  await owner.client.putContent({ ...own, body: { content: DISC } })
  await owner.client.deleteVersion({ params: { image: 'mine', version: 1 } })
  await owner.client.deleteImage(own)
  await expect(owner.client.getImage(own)).rejects.toMatchObject({ code: 'not-found' })
  await expect(owner.client.deleteImage({ params: { image: 'olgas' } })).rejects.toMatchObject({ code: 'forbidden' })
  await client.deleteImage({ params: { image: 'olgas' } })
})

describe('what is refused leaves nothing behind', () => {
  const blobs = async () => (await world.images.blobs.list()).length
  const incoming = () => readdir(join(world.directory, 'blobs', 'incoming'))

  test('other bytes than promised', async () => {
    const before = await blobs()
    const upload = client.putUpload({ params: { sha256: sha256(DISC) }, body: { content: Buffer.from('other') } })
    await expect(upload).rejects.toMatchObject({ status: 409, code: 'checksum-mismatch' })
    expect([await blobs(), await incoming()]).toEqual([before, []])
  })

  test('more than the limit, told at once and not at the end of a long upload', async () => {
    let sent = 0
    async function* endless() {
      for (; sent < 2 ** 30; sent += 65_536) yield Buffer.alloc(65_536)
    }
    const upload = client.putContent({ params: { image: 'huge' }, body: { content: endless() } })
    await expect(upload).rejects.toMatchObject({ status: 413, code: 'too-large' })
    expect(sent).toBeLessThan(60_000_000)
    expect(await incoming()).toEqual([])
    await expect(client.getImage({ params: { image: 'huge' } })).rejects.toMatchObject({ code: 'not-found' })
  })

  test('an upload without the right to, before its bytes are read', async () => {
    const { client: viewer } = await world.as('viewer')
    let sent = 0
    async function* endless() {
      for (; sent < 2 ** 30; sent += 65_536) yield Buffer.alloc(65_536)
    }
    const upload = viewer.putContent({ params: { image: 'huge' }, body: { content: endless() } })
    await expect(upload).rejects.toMatchObject({ status: 403, code: 'forbidden' })
    expect(sent).toBeLessThan(60_000_000)
    expect(await incoming()).toEqual([])
  })

  test('an empty file, and one that breaks off', async () => {
    const empty = client.putContent({ params: { image: 'empty' }, body: { content: new Uint8Array() } })
    await expect(empty).rejects.toMatchObject({ code: 'validation-failed' })
    const ended = new AbortController()
    async function* broken() {
      yield DISC
      ended.abort()
      yield DISC
    }
    const body = { content: broken(), bytes: 10 * DISC.length }
    await expect(client.putContent({ params: { image: 'broken' }, body, signal: ended.signal })).rejects.toThrow()
    await expect.poll(incoming).toEqual([])
    await expect(client.getImage({ params: { image: 'broken' } })).rejects.toMatchObject({ code: 'not-found' })
  })
})
