import { cp, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { absentAsUndefined } from '../../src/images/durable/files.ts'
import type { BlockDevice } from '../../src/volumes/block-device.ts'
import { FilePool, type FilePoolOptions } from '../../src/volumes/drivers/file/pool.ts'
import type { VolumeBase } from '../../src/volumes/volume.ts'
import { printedRandom, ROUNDS, writeAndKill } from './killing.ts'
import { contentOf, MIB, noise, readAll, TestImages } from './pool-bed.ts'
import { writtenSector } from './volume-writer.ts'

const ROUND_TRIPS = process.env.REVEILLE_SOAK ? 300 : 8
const SECTOR = 512

describe('volumes in files, in trouble', () => {
  let directory: string
  let images: TestImages
  let base: VolumeBase
  let pool: FilePool | undefined
  const content = noise(9 * MIB, 5)

  const reopen = async (more: Partial<FilePoolOptions> = {}) => {
    pool = await FilePool.open(directory, { ...images, cacheBytes: 2 ** 30, sweep: true, flushMs: 2 ** 30, ...more })
    return pool
  }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reveille-file-volumes-'))
    images = new TestImages()
    base = await images.add(content)
  })
  afterEach(async () => {
    await pool?.close()
    pool = undefined
    await rm(directory, { recursive: true })
  })

  test('a volume takes no more than its limit; what it has can be written again, and more after it was raised', async () => {
    const { id, device } = await opened(await reopen(), 64 * 1024)
    await device.write([noise(64 * 1024, 1)], 0)
    await device.write([noise(4096, 2)], 4096)
    expect(() => device.write([noise(512, 3)], MIB)).toThrow(expect.objectContaining({ code: 'no-space' }))
    const found = new Uint8Array(512)
    await device.read(found, MIB)
    expect(Buffer.compare(found, content.subarray(MIB, MIB + 512))).toBe(0)
    await pool!.limit(id, 128 * 1024)
    await device.write([noise(512, 3)], MIB)
    expect((await pool!.facts(id)).ownBytes).toBe(68 * 1024)
    await device.close()
  })

  test('a write that need not wait is done when it returns; one that needs the rest of a block of the base, or comes behind another, is not begun', async () => {
    const { device } = await opened(await reopen())
    const expected = Buffer.from(content)
    const [whole, part] = [noise(8192, 1), noise(512, 2)]
    // After one that the machine was slow at, the next ones go through the thread pool for a while.
    const now = async (parts: Uint8Array[], at: number) => {
      while (!device.writeNow!(parts, at)) await pause(5)
    }
    await now([whole.subarray(0, 100), whole.subarray(100)], MIB)
    expected.set(whole, MIB)
    whole.fill(0)
    await now([part], MIB + 512)
    expected.set(part, MIB + 512)
    // The chunk of the base is not there yet.
    expect(device.writeNow!([part], 5 * MIB + 512)).toBe(false)
    const slow = device.write([part], 5 * MIB + 512)
    expect(slow).toBeInstanceOf(Promise)
    expect(device.writeNow!([noise(4096, 3)], 5 * MIB)).toBe(false)
    await slow
    expected.set(part, 5 * MIB + 512)
    expect(Buffer.compare(await readAll(device), expected)).toBe(0)
    await device.close()
  })

  test('on a full disk new space is refused, and everything that was written stays', async () => {
    const { id, device } = await opened(await reopen())
    await device.write([noise(8192, 1)], 0)
    await device.close()
    await pool!.close()
    await reopen({ reserveBytes: 2 ** 60 })
    const full = await pool!.open(id, { readOnly: false })
    await full.write([noise(512, 2)], 512)
    expect(() => full.write([noise(512, 3)], MIB)).toThrow(expect.objectContaining({ code: 'no-space' }))
    await full.flush()
    await full.close()
    const made = pool!.create('v_more', { bytes: MIB, base: null, limitBytes: null })
    await expect(made).rejects.toMatchObject({ code: 'no-space' })
    const expected = Buffer.from(content)
    expected.set(noise(8192, 1), 0)
    expected.set(noise(512, 2), 512)
    expect(Buffer.compare(await contentOf(pool!, id), expected)).toBe(0)
  })

  test('a damaged chunk of the base fails reads of it, and nothing else; when it is healed it is read', async () => {
    const chunk = images.lists.get(base.chunks)!.chunks[1]!
    const { device } = await opened(await reopen())
    images.chunks.spoil(chunk)
    const found = Buffer.alloc(4096)
    await expect(device.read(found, 5 * MIB)).rejects.toMatchObject({ code: 'corrupt' })
    await expect(device.write([noise(512, 1)], 5 * MIB + 512)).rejects.toMatchObject({ code: 'corrupt' })
    await device.read(found, MIB)
    await device.write([noise(4096, 1)], 5 * MIB)
    await device.read(found, 5 * MIB)
    expect(Buffer.compare(found, noise(4096, 1))).toBe(0)
    await images.chunks.add(content.slice(4 * MIB, 8 * MIB))
    await device.read(found, 6 * MIB)
    expect(Buffer.compare(found, content.subarray(6 * MIB, 6 * MIB + 4096))).toBe(0)
    await device.close()
  })

  test('a missing chunk of the base is refused when the volume is opened', async () => {
    await (await reopen()).create('v_one', { bytes: 9 * MIB, base, limitBytes: null })
    await pool!.close()
    images.chunks.chunks.delete(images.lists.get(base.chunks)!.chunks[0]!)
    await reopen()
    await expect(pool!.open('v_one', { readOnly: false })).rejects.toMatchObject({ code: 'corrupt' })
    await images.chunks.add(content.slice(0, 4 * MIB))
    expect(Buffer.compare(await contentOf(pool!, 'v_one'), content)).toBe(0)
  })

  test('without space for unpacked bases they are read all the same', async () => {
    const { id, device } = await opened(await reopen({ cacheBytes: 0 }))
    await device.close()
    expect(Buffer.compare(await contentOf(pool!, id), content)).toBe(0)
  })

  test('a disk tells how much of the base its reads found in the cache, and how much waited to be fetched', async () => {
    const { device } = await opened(await reopen())
    await pool!.create('v_two', { bytes: 9 * MIB, base, limitBytes: null })
    const other = await pool!.open('v_two', { readOnly: true })
    const found = Buffer.alloc(8192)
    await device.read(found, MIB)
    await device.read(found, 2 * MIB)
    await device.write([noise(8192, 1)], 3 * MIB)
    await device.read(found, 3 * MIB)
    await other.read(found, 3 * MIB)
    await Promise.all([device.read(found, 5 * MIB), other.read(Buffer.alloc(4096), 6 * MIB)])
    expect(device.cacheUse?.()).toEqual({ hitBytes: 8192, missBytes: 16384 })
    expect(other.cacheUse?.()).toEqual({ hitBytes: 8192, missBytes: 4096 })
    await device.close()
    await other.close()
  })

  test('after a reboot what lies in the cache of a base is checked before it is believed', async () => {
    const { id, device } = await opened(await reopen({ boot: 'first' }))
    await device.close()
    expect(Buffer.compare(await contentOf(pool!, id), content)).toBe(0)
    await pool!.close()
    // As if only a part had reached the disk.
    const file = await open(join(directory, 'bases', `${base.chunks}.data`), 'r+')
    await file.write(Buffer.alloc(64 * 1024), 0, 64 * 1024, MIB)
    await file.close()
    await reopen({ boot: 'second' })
    expect(Buffer.compare(await contentOf(pool!, id), content)).toBe(0)
  })

  test('a damaged manifest or map is refused, not guessed', async () => {
    const { id, device } = await opened(await reopen())
    await device.write([noise(512, 1)], 0)
    await device.close()
    const place = join(directory, 'volumes', id)
    const map = (await readdir(place)).find((name) => name.endsWith('.map'))!
    const bytes = await readFile(join(place, map))
    await writeFile(join(place, map), Buffer.alloc(bytes.length))
    await expect(pool!.open(id, { readOnly: true })).rejects.toMatchObject({ code: 'corrupt' })
    await writeFile(join(place, 'manifest.json'), '{"format":1}')
    await expect(pool!.open(id, { readOnly: true })).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('states that nothing names any more become one, while the volume is written and its states are read', async () => {
    const { id, device } = await opened(await reopen())
    const place = join(directory, 'volumes', id)
    const expected = Buffer.from(content)
    const put = async (round: number) => {
      const at = (round % 40) * 4096 * 3
      await device.write([noise(6144, round)], at)
      expected.set(noise(6144, round), at)
      if (round % 7 !== 0) return
      await device.zero(8 * MIB - round * 4096, 16_384)
      expected.fill(0, 8 * MIB - round * 4096, 8 * MIB - round * 4096 + 16_384)
    }
    const kept = new Map<string, Buffer>()
    let reader: BlockDevice | undefined
    // More than there may be one over the other.
    for (let round = 1; round <= 300; round++) {
      await put(round)
      await pool!.snapshot(id, `s${round}`)
      if (round === 60 || round === 120) kept.set(`s${round}`, Buffer.from(expected))
      if (round === 150) {
        reader = await pool!.open(id, { readOnly: true, snapshot: 's150' })
        kept.set('', Buffer.from(expected))
      }
      if (round === 200) await pool!.clone('v_two', { id, snapshot: 's200' })
      if (round === 200) kept.set('v_two', Buffer.from(expected))
      if (!kept.has(`s${round}`)) await pool!.removeSnapshot(id, `s${round}`)
      if (round % 100 === 0) await pool!.merged()
    }
    await put(301)
    expect(Buffer.compare(await readAll(reader!), kept.get('')!)).toBe(0)
    await reader!.close()
    expect(Buffer.compare(await readAll(device), expected)).toBe(0)
    const { ownBytes } = await pool!.facts(id)
    await pool!.merged()
    expect((await readdir(place)).filter((name) => name.endsWith('.map')).length).toBeLessThan(60)
    for (const name of ['s60', 's120'])
      expect(Buffer.compare(await contentOf(pool!, id, name), kept.get(name)!)).toBe(0)
    await device.close()
    expect((await pool!.facts(id)).ownBytes).toBe(ownBytes)
    expect(Buffer.compare(await contentOf(pool!, id), expected)).toBe(0)
    expect(Buffer.compare(await contentOf(pool!, 'v_two'), kept.get('v_two')!)).toBe(0)
    await pool!.revert(id, 's60')
    expect(Buffer.compare(await contentOf(pool!, id), kept.get('s60')!)).toBe(0)
  })

  test('after a power cut what was flushed is there, and every sector is as it was then or as written since', {
    timeout: 7_200_000,
  }, async () => {
    const random = printedRandom('file-volumes')
    const below = (bound: number) => Math.floor(random() * bound)
    let boot = 0
    await reopen({ boot: `boot-${boot}` })
    await pool!.create('v_one', { bytes: 9 * MIB, base, limitBytes: null })
    let flushed: Buffer = Buffer.from(content)
    const place = join(directory, 'volumes', 'v_one')
    const saved = join(directory, 'saved')
    for (let round = 0; round < ROUND_TRIPS; round++) {
      const device = await pool!.open('v_one', { readOnly: false })
      const now = Buffer.from(flushed)
      const since: [number, Uint8Array][] = []
      const change = async () => {
        const bytes = SECTOR * (1 + below(40))
        const at = SECTOR * below((9 * MIB - bytes) / SECTOR / (1 + below(20)))
        const data = below(3) === 0 ? new Uint8Array(bytes) : noise(bytes, below(2 ** 31))
        if (data[1] === 0 && data[2] === 0) await device.zero(at, bytes)
        else await device.write([data], at)
        now.set(data, at)
        since.push([at, data])
      }
      for (let i = 0; i < 60; i++) await change()
      if (below(3) === 0) {
        await pool!.snapshot('v_one', `s${round}`)
        since.length = 0
        for (let i = 0; i < 20; i++) await change()
      }
      // States without a name: in the background they are merged.
      for (let i = below(6); i > 0; i--) {
        await pool!.snapshot('v_one', 'passing')
        await pool!.removeSnapshot('v_one', 'passing')
        for (let j = 0; j < 5; j++) await change()
      }
      await device.flush()
      flushed = Buffer.from(now)
      since.length = 0
      await copyLayers(place, saved)
      for (let i = 0; i < 60; i++) await change()
      if (below(3) === 0) await pool!.merged()
      await pool!.abandon()
      await losePower(place, saved, below)
      await reopen({ boot: `boot-${++boot}` })
      const found = await contentOf(pool!, 'v_one')
      for (let at = 0; at < found.length; at += SECTOR) {
        const sector = found.subarray(at, at + SECTOR)
        if (sector.equals(flushed.subarray(at, at + SECTOR))) continue
        const written = since.some(
          ([from, data]) =>
            from <= at && at < from + data.length && sector.equals(data.subarray(at - from, at - from + SECTOR)),
        )
        if (!written) throw new Error(`round ${round}: the sector at ${at} is neither old nor new`)
      }
      flushed = found
    }
    expect(boot).toBe(ROUND_TRIPS)
  })

  test('everything acknowledged is there after kill -9 at any moment', async () => {
    const written = new Map<number, number>()
    await (await reopen()).create('v_one', { bytes: 64 * MIB, base: null, limitBytes: null })
    await pool!.close()
    for (let round = 0; round < ROUNDS; round++) {
      const writer = join(import.meta.dirname, 'volume-writer.ts')
      const lines = await writeAndKill([writer, directory, String(round)], 400, round * 3)
      for (const line of lines) {
        const [sector, stamp] = line.split(' ').map(Number)
        if (stamp !== undefined && Number.isInteger(stamp)) written.set(sector!, stamp)
      }
      await reopen()
      const found = await contentOf(pool!, 'v_one')
      for (const [sector, stamp] of written) {
        const bytes = found.subarray(sector * SECTOR, (sector + 1) * SECTOR)
        // A write that was under way when it was killed may be there too: it has a later stamp.
        const there = bytes.readUInt32LE(0) === sector ? bytes.readUInt32LE(4) : 0
        expect(there).toBeGreaterThanOrEqual(stamp)
        expect(Buffer.compare(bytes, writtenSector(sector, there))).toBe(0)
      }
      await pool!.close()
    }
  })

  async function opened(on: FilePool, limitBytes: number | null = null) {
    await on.create('v_one', { bytes: 9 * MIB, base, limitBytes })
    return { id: 'v_one', device: await on.open('v_one', { readOnly: false }) }
  }
})

/** Copies the files of the layers that the manifest names: others are just made, or were merged into one. */
async function copyLayers(place: string, saved: string): Promise<void> {
  await rm(saved, { recursive: true, force: true })
  const named = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as { layers: { id: string }[] }
  for (const { id } of named.layers)
    for (const kind of ['data', 'map'])
      await absentAsUndefined(cp(join(place, `${id}.${kind}`), join(saved, `${id}.${kind}`)))
}

/** Of what was written since `saved` was copied, some blocks of data arrived and some did not. Maps did not: they are written when they are synced. */
async function losePower(place: string, saved: string, below: (bound: number) => number): Promise<void> {
  const there = new Set(await readdir(place))
  for (const name of await readdir(saved)) {
    // Merged since, and durable as what it was merged to.
    if (!there.has(name)) continue
    if (name.endsWith('.map')) await cp(join(saved, name), join(place, name))
    if (!name.endsWith('.data')) continue
    const old = await readFile(join(saved, name))
    const file = await open(join(place, name), 'r+')
    const { size } = await file.stat()
    const now = Buffer.alloc(size)
    await file.read(now, 0, size, 0)
    for (let at = 0; at < size; at += 4096) {
      const before = Buffer.alloc(Math.min(4096, size - at))
      if (at < old.length) old.copy(before, 0, at, at + before.length)
      if (!before.equals(now.subarray(at, at + before.length)) && below(2))
        await file.write(before, 0, before.length, at)
    }
    await file.close()
  }
}
