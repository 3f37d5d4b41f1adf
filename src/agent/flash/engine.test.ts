import { randomFillSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { chunked, FakeAround, seeded } from '../../../test/fakes/flashing.ts'
import { PowerCut, PowerlessDisk } from '../../../test/fakes/powerless-disk.ts'
import { CHUNK_BYTES } from '../../protocols/chunks/list.ts'
import { type FlashOrder, flash } from './engine.ts'

const MIB = 1024 * 1024
const ORDER = { holes: 'zero', verify: 'full', others: [] } as const

/** One letter for each chunk: the same letter, the same bytes; `.` zeros. */
function content(letters: string, extra = 0): Uint8Array {
  const bytes = new Uint8Array(letters.length * CHUNK_BYTES + extra)
  for (const [index, letter] of [...letters].entries())
    if (letter !== '.') bytes.fill(letter.charCodeAt(0), index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
  return bytes
}

function medium(image: Uint8Array, more = 0, fill = 0): PowerlessDisk {
  const bytes = new Uint8Array(image.length + more).fill(fill)
  bytes.set(image)
  return new PowerlessDisk(bytes)
}

async function run(disk: PowerlessDisk, image: Uint8Array, more: Partial<FlashOrder> = {}) {
  const { list, chunks } = chunked(image)
  const around = new FakeAround(chunks)
  const figures = await flash(disk, { ...ORDER, list, ...more }, around)
  return { around, figures, list }
}

const holds = (disk: PowerlessDisk, image: Uint8Array) =>
  Buffer.compare(disk.medium.subarray(0, image.length), image) === 0

describe('a flash', () => {
  test('writes nothing when all is there', async () => {
    const image = content('ab.cd')
    const disk = medium(image, 3 * MIB, 7)
    const { around, figures } = await run(disk, image)
    expect([disk.operations, around.dirty, around.fetched.length, figures.writtenBytes]).toEqual([0, 0, 0, 0])
  })

  test('fills a disk that holds something else, and clears its holes and its end', async () => {
    const image = content('ab.cda', 5000)
    const disk = medium(content('xxxxxxx'), 3 * MIB, 9)
    const { around, figures } = await run(disk, image)
    expect(holds(disk, image)).toBe(true)
    expect(disk.medium.subarray(-MIB).every((byte) => byte === 0)).toBe(true)
    expect(around.dirty).toBe(1)
    expect(around.phases).toEqual(['comparing', 'writing', 'verifying'])
    expect(figures.zeroedBytes).toBe(CHUNK_BYTES + 5000)
    // The first chunk has the same content as another one.
    expect(new Set(around.fetched).size).toBe(around.fetched.length)
  })

  test('writes only what differs, and brings back the edges without fetching them', async () => {
    const image = content('abcdefgh')
    const disk = medium(content('abXdefgh'))
    const { around, figures } = await run(disk, image)
    expect(holds(disk, image)).toBe(true)
    expect(around.fetched).toHaveLength(1)
    expect(figures.writtenBytes).toBe(3 * CHUNK_BYTES)
  })

  test('copies what the disk has elsewhere, and what another disk has', async () => {
    const image = content('abcbbz')
    const disk = medium(content('ab....'))
    const other = medium(content('.xc'))
    const held = { disk: other, list: chunked(content('.zc')).list }
    const { around, figures } = await run(disk, image, { others: [held] })
    expect(holds(disk, image)).toBe(true)
    // The other disk was said to hold z as well, and does not.
    expect(around.fetched).toHaveLength(1)
    expect(figures.copiedBytes).toBe(2 * CHUNK_BYTES)
  })

  test('does not read a disk that has nothing of the image', async () => {
    const image = new Uint8Array(100 * CHUNK_BYTES)
    for (let index = 0; index < 100; index++) new DataView(image.buffer).setUint32(index * CHUNK_BYTES, index + 1)
    const disk = new PowerlessDisk(new Uint8Array(image.length))
    const { figures } = await run(disk, image, { verify: 'sampled' })
    expect(holds(disk, image)).toBe(true)
    expect(disk.readBytes - figures.verifiedBytes).toBeLessThan(26 * CHUNK_BYTES)
    expect(figures.verifiedBytes).toBeLessThan(20 * CHUNK_BYTES)
  })

  test('is refused before anything when the image is larger than the disk', async () => {
    const disk = medium(content('x'))
    await expect(run(disk, content('a', 512))).rejects.toMatchObject({ name: 'TaskFailure', clean: true })
    expect(disk.operations).toBe(0)
  })

  test('leaves holes alone that may hold anything', async () => {
    const image = content('a.c.e')
    const disk = medium(content('axcxe'))
    const { around } = await run(disk, image, { holes: 'discard' })
    expect([disk.operations, around.dirty]).toEqual([0, 0])
    const other = medium(content('axXxe'))
    await run(other, image, { holes: 'discard' })
    expect(holds(other, content('axcxe'))).toBe(true)
  })

  test('stops where it can be taken up again, with the disk unbootable', async () => {
    const image = content('abcdefghijklmnop')
    const disk = medium(content('XXXXXXXXXXXXXXXX'))
    const { list, chunks } = chunked(image)
    const around = new FakeAround(chunks)
    around.before = () => around.fetched.length === 3 && around.stop.abort(new Error('stopped'))
    await expect(flash(disk, { ...ORDER, list }, around)).rejects.toThrow('stopped')
    expect(disk.medium.subarray(0, 512).every((byte) => byte === 0)).toBe(true)
    expect((await run(disk, image)).around.fetched.length).toBeLessThan(15)
    expect(holds(disk, image)).toBe(true)
  })

  test('says which disk failed, and where', async () => {
    const disk = medium(content('xxxx'))
    disk.fault = (doing, offset) => (doing === 'writing' && offset === 2 * CHUNK_BYTES ? 'EIO' : undefined)
    await expect(run(disk, content('abcd'))).rejects.toMatchObject({
      name: 'DiskError',
      code: 'EIO',
      offset: 2 * CHUNK_BYTES,
      advice: expect.stringContaining('SMART'),
    })
  })

  test('writes anew what cannot be read, and gives up on a disk with many such places', async () => {
    const image = content('abcdefgh')
    const disk = medium(image)
    let bad = true
    disk.fault = (doing, offset) => {
      if (offset !== 3 * CHUNK_BYTES) return undefined
      if (doing === 'writing') bad = false
      return doing === 'reading' && bad ? 'EIO' : undefined
    }
    const { around } = await run(disk, image)
    expect(around.fetched).toHaveLength(1)
    expect(around.lines.join()).toContain('written anew')
    const dying = medium(content('abcdefghijklmnop'))
    dying.fault = (doing) => (doing === 'reading' ? 'EIO' : undefined)
    await expect(run(dying, content('abcdefghijklmnop'))).rejects.toMatchObject({ code: 'EIO' })
    expect(dying.operations).toBe(0)
  })

  test('finds a disk that does not keep what is written, and leaves it unbootable', async () => {
    const disk = medium(content('xxxx'))
    const write = disk.write.bind(disk)
    disk.write = (offset, bytes) => (offset === 2 * CHUNK_BYTES ? Promise.resolve() : write(offset, bytes))
    await expect(run(disk, content('abcd'))).rejects.toMatchObject({ code: 'MISMATCH', offset: 2 * CHUNK_BYTES })
    expect(disk.medium.subarray(0, 512).every((byte) => byte === 0)).toBe(true)
  })
})

/** An image for power cuts: sectors differ from each other, some chunks repeat, are holes, or are like those of the other image. */
function pictured(random: () => number, like: Uint8Array | undefined, bytes: number): Uint8Array {
  const image = new Uint8Array(bytes)
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    const chunk = image.subarray(offset, offset + CHUNK_BYTES)
    const dice = random()
    if (offset > 0 && dice < 0.2) continue
    if (dice < 0.4 && like) chunk.set(like.subarray(offset, offset + chunk.length))
    else if (dice < 0.5 && offset > 0) chunk.set(image.subarray(0, chunk.length))
    else randomFillSync(chunk.subarray(0, Math.min(chunk.length, 64 * 1024 + Math.floor(random() * CHUNK_BYTES))))
  }
  return image
}

/** Few by default, for a check is to take a minute. Each of the outcomes is met by the first ten already. */
const SEEDS = process.env.REVEILLE_SOAK ? 20_000 : 16

describe('power cuts', () => {
  test(`at ${SEEDS} random moments never leave a disk that boots half, and the next flash always arrives`, async () => {
    const counts = { cuts: 0, blank: 0, untouched: 0, complete: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seeded(seed)
      const chunks = 1 + Math.floor(random() * 3)
      const imageBytes = chunks * CHUNK_BYTES - (random() < 0.3 ? 512 * Math.floor(random() * 8000) : 0)
      const diskBytes = imageBytes + (random() < 0.5 ? 0 : 512 * Math.floor(random() * 6000))
      const old = pictured(random, undefined, diskBytes)
      const image = pictured(random, old, imageBytes)
      const { list, chunks: stored } = chunked(image)
      const blank = new Uint8Array(512)
      let state = old
      for (;;) {
        const disk = new PowerlessDisk(state, random)
        const before = state.slice()
        disk.cutAfter = random() < 0.2 ? Number.POSITIVE_INFINITY : Math.floor(random() * (2 * chunks + 12))
        const around = new FakeAround(stored)
        around.before = () => {
          if (random() < 0.03) throw new Error('the server went away')
        }
        try {
          await flash(disk, { ...ORDER, list, verify: random() < 0.5 ? 'full' : 'sampled' }, around)
          break
        } catch (error) {
          if (!(error instanceof PowerCut) && (error as Error).message !== 'the server went away') throw error
          counts.cuts++
        }
        state = disk.medium
        const sector = state.subarray(0, 512)
        const untouched = Buffer.compare(state, before) === 0
        const complete = Buffer.compare(state.subarray(0, imageBytes), image) === 0
        if (Buffer.compare(sector, blank) === 0) counts.blank++
        else if (untouched) counts.untouched++
        else if (complete) counts.complete++
        else expect.unreachable(`seed ${seed}: a disk with a boot sector and half an image`)
      }
      expect(Buffer.compare(state.subarray(0, imageBytes), image), `seed ${seed}`).toBe(0)
    }
    // Each of the outcomes was met.
    expect(Math.min(...Object.values(counts)), JSON.stringify(counts)).toBeGreaterThan(0)
  }, 7_200_000)
})
