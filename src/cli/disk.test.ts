import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Handlers } from '../../test/fakes/api.ts'
import { cli, IMAGE, VERSION } from '../../test/fakes/cli.ts'
import { ApiProblem, unreachable } from '../api/client/problem.ts'
import type { Image } from '../api/contract/images.ts'
import { Refusal } from '../kit/errors.ts'
import { CHUNK_BYTES, chunkLength, decodeChunkList, encodeChunkList } from '../protocols/chunks/list.ts'
import { formatOf } from './disk-source.ts'
import { Patience } from './retry.ts'

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Three whole chunks and a part of one: noise, zeros, text, the noise again. */
const NOISE = randomBytes(CHUNK_BYTES)
const DISK = Buffer.concat([
  NOISE,
  Buffer.alloc(CHUNK_BYTES),
  Buffer.alloc(CHUNK_BYTES, 'text '),
  NOISE,
  Buffer.alloc(700, 'end'),
])

/** Keeps chunks and uploads as the server does, and counts what came. */
class Library {
  readonly chunks = new Map<string, Uint8Array>()
  readonly uploads = new Map<string, Uint8Array>()
  puts = 0
  gets = 0

  handlers(more: Handlers = {}): Handlers {
    return {
      getImage: () => {
        throw new Refusal('not-found', 'none')
      },
      missingChunks: ({ body }) => ({ missing: (body?.chunks ?? []).filter((hash) => !this.chunks.has(hash)) }),
      putChunk: ({ params: { sha256 }, query, bytes }) => {
        const raw = query.encoding === 'zstd' ? zstdDecompressSync(bytes) : bytes
        expect(sha(raw)).toBe(sha256)
        this.puts++
        this.chunks.set(sha256, raw)
        return { sha256, added: true }
      },
      putUpload: ({ params: { sha256 }, bytes }) => {
        expect(sha(bytes)).toBe(sha256)
        this.uploads.set(sha256, bytes)
        return { sha256, bytes: bytes.length }
      },
      createImage: () => IMAGE,
      createVersion: () => ({ ...IMAGE, kind: 'disk', latest: 1 }),
      ...more,
    }
  }

  /** What a chunk list that was uploaded stands for. */
  content(sha256: string): Buffer {
    const list = decodeChunkList(this.uploads.get(sha256)!)
    return Buffer.concat(
      list.chunks.map((chunk, i) => (chunk === null ? Buffer.alloc(chunkLength(list, i)) : this.chunks.get(chunk)!)),
    )
  }

  /** An image whose only version is this disk, ready to be pulled. */
  offering(disk: Buffer): Handlers {
    const chunks: (string | null)[] = []
    for (let at = 0; at < disk.length; at += CHUNK_BYTES) {
      const raw = disk.subarray(at, at + CHUNK_BYTES)
      const hash = raw.every((byte) => byte === 0) ? null : sha(raw)
      if (hash) this.chunks.set(hash, raw)
      chunks.push(hash)
    }
    const list = encodeChunkList({ bytes: disk.length, chunks })
    const file = { role: 'chunks' as const, name: 'chunks', sha256: sha(list), bytes: list.length }
    const image: Image = { ...IMAGE, kind: 'disk', latest: 1, versions: [{ ...VERSION, files: [file] }] }
    return {
      getImage: () => image,
      getContent: () => list,
      getChunk: ({ params: { sha256 } }) => {
        this.gets++
        const raw = this.chunks.get(sha256)
        if (!raw) throw new Refusal('corrupt', `the chunk ${sha256} is damaged`)
        return raw === NOISE
          ? { bytes: raw, headers: { 'x-chunk-encoding': 'identity' } }
          : { bytes: zstdCompressSync(raw), headers: { 'x-chunk-encoding': 'zstd' } }
      },
    }
  }
}

let folder = ''
let raw = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-disk-'))
  raw = join(folder, 'disk.img')
  await writeFile(raw, DISK)
})
afterAll(() => rm(folder, { recursive: true }))

/** The body of the call that makes the version. */
type Made = { files: { role: string; sha256: string }[] }

describe('pushing a disk', () => {
  test('sends each chunk once, zeros never, then the list and the version', async () => {
    const library = new Library()
    const words = ['image', 'push', 'debian', raw, '--private', '--label', 'os=debian', '--json']
    const { status, out, asked } = await cli(words, library.handlers())
    expect(status).toBe(0)
    expect(library.puts).toBe(3)
    expect(asked.find(({ id }) => id === 'createImage')?.body).toMatchObject({
      name: 'debian',
      kind: 'disk',
      visibility: 'private',
      labels: { os: 'debian' },
    })
    const { files } = asked.at(-1)!.body as Made
    expect(files).toMatchObject([{ role: 'chunks', name: 'chunks' }])
    expect(library.content(files[0]!.sha256).equals(DISK)).toBe(true)
    expect(JSON.parse(out).pushed).toMatchObject({
      format: 'raw',
      bytes: DISK.length,
      allocatedBytes: DISK.length - CHUNK_BYTES,
      chunks: 5,
      chunksSent: 3,
    })
  })

  test('a second time sends only what changed', async () => {
    const library = new Library()
    await cli(['image', 'push', 'debian', raw], library.handlers())
    const changed = join(folder, 'changed.img')
    const copy = Buffer.from(DISK)
    copy[2 * CHUNK_BYTES + 5] = 0
    await writeFile(changed, copy)
    library.puts = 0
    const { out, asked } = await cli(['image', 'push', 'debian', changed, '--kind', 'disk'], library.handlers())
    expect(library.puts).toBe(1)
    expect(out).toMatch(/^debian@1 is there: a disk of 16\.0 MiB, 12\.0 MiB of it not zero\nsent .*: 1 new chunks/)
    expect(library.content((asked.at(-1)!.body as Made).files[0]!.sha256).equals(copy)).toBe(true)
  })

  test.each([
    ['gz', (bytes: Buffer) => Buffer.concat([gzipSync(bytes.subarray(0, 99)), gzipSync(bytes.subarray(99))])],
    [
      'zst',
      (bytes: Buffer) => Buffer.concat([zstdCompressSync(bytes.subarray(0, 99)), zstdCompressSync(bytes.subarray(99))]),
    ],
  ])('unpacks %s on the way, of several parts too, and refuses it cut off', async (format, pack) => {
    const packed = pack(DISK)
    const path = join(folder, `disk.${format}`)
    await writeFile(path, packed)
    const library = new Library()
    const { status, asked } = await cli(['image', 'push', 'debian', path], library.handlers())
    expect(status).toBe(0)
    expect(library.content((asked.at(-1)!.body as Made).files[0]!.sha256).equals(DISK)).toBe(true)
    await writeFile(path, packed.subarray(0, packed.length - 9))
    const cut = await cli(['image', 'push', 'debian', path], library.handlers())
    expect(cut).toMatchObject({ status: 1, err: expect.stringContaining(`cannot be unpacked as ${format}`) })
    expect(cut.asked.map(({ id }) => id)).not.toContain('createVersion')
  })

  test('goes on when the connection was lost, and gives up at once when the server is full', async () => {
    const library = new Library()
    let failures = 2
    const putChunk = library.handlers().putChunk!
    const { status, err } = await cli(
      ['image', 'push', 'debian', raw],
      library.handlers({
        putChunk(call) {
          if (failures-- > 0) throw unreachable('the server', new Error('gone'))
          return putChunk(call)
        },
      }),
    )
    expect(status).toBe(0)
    expect(err).toContain('trying again')
    expect(err).toContain('answers again')
    const full = await cli(
      ['image', 'push', 'debian', raw],
      new Library().handlers({
        putChunk() {
          throw new Refusal('no-space', 'the disk is full')
        },
      }),
    )
    expect(full).toMatchObject({ status: 1, err: expect.stringContaining('The disk is full') })
    expect(full.asked.map(({ id }) => id)).not.toContain('putUpload')
  })

  test('nothing is pushed that is empty, or of another kind than the image', async () => {
    const empty = join(folder, 'empty.img')
    await writeFile(empty, '')
    expect(await cli(['image', 'push', 'debian', empty], new Library().handlers())).toMatchObject({
      status: 1,
      err: expect.stringContaining('empty'),
    })
    const bundle = new Library().handlers({ getImage: () => IMAGE })
    expect(await cli(['image', 'push', 'debian', raw], bundle)).toMatchObject({
      status: 2,
      err: expect.stringContaining('is of kind bundle'),
    })
  })
})

describe('pulling a disk', () => {
  test('writes each chunk where it belongs and leaves holes for zeros', async () => {
    const library = new Library()
    const path = join(folder, 'pulled.img')
    const { status, out } = await cli(['image', 'pull', 'debian', path], library.offering(DISK))
    expect(status).toBe(0)
    expect(out).toContain('in 4 of 5 chunks')
    expect((await readFile(path)).equals(DISK)).toBe(true)
    expect((await stat(path)).blocks * 512).toBeLessThan(DISK.length - CHUNK_BYTES / 2)
  })

  test('keeps what is right in the file already, and what an earlier try fetched', async () => {
    const path = join(folder, 'resumed.img')
    const before = Buffer.from(DISK)
    before.fill(7, 0, 10)
    before.fill(9, CHUNK_BYTES, CHUNK_BYTES + 10)
    await writeFile(path, before)
    const part = await open(`${path}.part`, 'w')
    await part.write(Buffer.alloc(2 * CHUNK_BYTES, 3), 0, 2 * CHUNK_BYTES, 0)
    await part.write(DISK, 2 * CHUNK_BYTES, CHUNK_BYTES, 2 * CHUNK_BYTES)
    await part.write(Buffer.alloc(CHUNK_BYTES, 3), 0, CHUNK_BYTES, 5 * CHUNK_BYTES)
    await part.close()
    const library = new Library()
    expect((await cli(['image', 'pull', 'debian', path], library.offering(DISK))).status).toBe(0)
    expect(library.gets).toBe(1)
    expect((await readFile(path)).equals(DISK)).toBe(true)
    await expect(stat(`${path}.part`)).rejects.toThrow('ENOENT')
  })

  test('a damaged chunk is told, and nothing gets the name of the file', async () => {
    const path = join(folder, 'damaged.img')
    const library = new Library()
    const handlers = library.offering(DISK)
    library.chunks.set(sha(NOISE), Buffer.concat([NOISE.subarray(1), NOISE.subarray(0, 1)]))
    const { status, err } = await cli(['image', 'pull', 'debian', path], handlers)
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining('does not match its SHA-256') })
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('never writes to what is no plain file', async () => {
    const { status, err } = await cli(['image', 'pull', 'debian', '/dev/null'], new Library().offering(DISK))
    expect({ status, err }).toMatchObject({ status: 2, err: expect.stringContaining('no plain file') })
  })
})

test('what a file is packed in is known by its first bytes', () => {
  expect(formatOf(gzipSync('x'))).toBe('gz')
  expect(formatOf(zstdCompressSync('x'))).toBe('zst')
  expect(formatOf(Buffer.from('\u00fd7zXZ\0', 'latin1'))).toBe('xz')
  expect(formatOf(Buffer.from('QFI\u00fb', 'latin1'))).toBe('qcow2')
  expect(formatOf(new Uint8Array(16))).toBe('raw')
  expect(formatOf(new Uint8Array())).toBe('raw')
})

describe('patience', () => {
  const away = unreachable('the server', new Error('gone'))
  const wait = async (ms: number) => {
    waited.push(ms)
  }
  let waited: number[] = []

  test('waits longer each time, and as long as the server asks, but not for ever', async () => {
    waited = []
    const patience = new Patience(() => undefined, { signal: new AbortController().signal, wait })
    const busy = new ApiProblem({ status: 429, code: 'too-many-requests', detail: 'slow down', retryAfter: 7 })
    const answers: (Error | string)[] = [away, away, busy, 'yes']
    const call = async () => {
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return answer
    }
    expect(await patience.with(call)).toBe('yes')
    expect(waited).toEqual([500, 1000, 7000])
    waited = []
    await expect(patience.with(() => Promise.reject(away))).rejects.toBe(away)
    expect(waited.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(290_000)
    expect(Math.max(...waited)).toBe(15_000)
  })

  test('has none with refusals, nor when the user wants to stop', async () => {
    waited = []
    const stop = new AbortController()
    const patience = new Patience(() => undefined, { signal: stop.signal, wait })
    await expect(patience.with(() => Promise.reject(new Refusal('no-space', 'full')))).rejects.toThrow('full')
    stop.abort()
    await expect(patience.with(() => Promise.reject(away))).rejects.toBe(away)
    expect(waited).toEqual([])
  })
})
