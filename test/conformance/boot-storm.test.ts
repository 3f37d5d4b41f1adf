import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BlockDevice } from '../../src/volumes/block-device.ts'
import { FilePool } from '../../src/volumes/drivers/file/pool.ts'
import type { VolumeBase } from '../../src/volumes/volume.ts'
import { MIB, noise, TestImages } from './pool-bed.ts'

const CHUNKS = 12
const CHUNK = 4 * MIB

/** Many machines that boot from one image, which nobody has unpacked yet. */
describe('volumes over a cold base', () => {
  let directory: string
  let images: TestImages
  let base: VolumeBase
  let pool: FilePool
  let fetched: number[]
  let most: number
  let running: (() => void)[]
  let isHeld: boolean

  const open = async () => {
    pool = await FilePool.open(directory, { ...images, cacheBytes: 2 ** 30, flushMs: 2 ** 30, learns: true })
  }
  const imageOf = async (seed: number, version: number, chunks = CHUNKS) => ({
    ...(await images.add(noise(chunks * CHUNK, seed))),
    image: 'system',
    version,
  })
  const disk = async (id: string, over: VolumeBase): Promise<BlockDevice> => {
    await pool.create(id, { bytes: CHUNKS * CHUNK, base: over, limitBytes: null })
    return pool.open(id, { readOnly: false })
  }
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  /** Lets fetches end one by one, the oldest first; there are so many in all. */
  const release = async (all: number) => {
    while (running.length > 0) {
      const before = fetched.length
      running.shift()!()
      await until(() => fetched.length > before || fetched.length === all)
    }
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reveille-boot-storm-'))
    images = new TestImages()
    ;[fetched, running, most, isHeld] = [[], [], 0, false]
    const read = images.chunks.read.bind(images.chunks)
    images.chunks.read = async (sha256: string) => {
      const of = [...images.lists.values()].find(({ chunks }) => chunks.includes(sha256))!
      fetched.push(of.chunks.indexOf(sha256))
      if (isHeld)
        await new Promise<void>((resolve) => {
          running.push(resolve)
          most = Math.max(most, running.length)
        })
      return read(sha256)
    }
    base = await imageOf(1, 1)
    await open()
  })
  afterEach(async () => {
    await pool.close()
    await rm(directory, { recursive: true })
  })

  test('each chunk is fetched once, a few at once, and a greedy reader does not keep the others waiting', async () => {
    const content = noise(CHUNKS * CHUNK, 1)
    const disks = await Promise.all(Array.from({ length: 24 }, (_, i) => disk(`v_${i}`, base)))
    isHeld = true
    const found: Promise<unknown>[] = []
    const read = (of: BlockDevice, chunk: number) => {
      const bytes = Buffer.alloc(4096)
      const at = chunk * CHUNK + 8192
      found.push((async () => of.read(bytes, at))().then(() => Buffer.compare(bytes, content.subarray(at, at + 4096))))
    }
    // One wants nine chunks at once, in order; the others the same chunk, and three of them one more each.
    for (let chunk = 0; chunk < 9; chunk++) read(disks[0]!, chunk)
    for (const other of disks.slice(1)) read(other, 0)
    for (const [i, other] of disks.slice(1, 4).entries()) read(other, 9 + i)
    await release(12)
    expect(await Promise.all(found)).toEqual(found.map(() => 0))
    expect(fetched).toEqual([0, 1, 2, 3, 4, 9, 10, 11, 5, 6, 7, 8])
    expect(most).toBe(4)
    for (const one of disks) await one.close()
  })

  test('what a machine read when it booted is fetched ahead for the next one, in that order', async () => {
    const first = await disk('v_first', base)
    await pool.fetchedAhead()
    for (const chunk of [7, 2, 2, 5]) await first.read(Buffer.alloc(512), chunk * CHUNK)
    await first.close()
    await pool.close()
    await forget(base)
    await open()
    fetched = []
    const second = await disk('v_second', base)
    await pool.fetchedAhead()
    expect(fetched).toEqual([7, 2, 5])
    for (const chunk of [2, 5, 7, 9]) await second.read(Buffer.alloc(512), chunk * CHUNK)
    expect(fetched).toEqual([7, 2, 5, 9])
    expect(second.cacheUse?.()).toEqual({ hitBytes: 1536, missBytes: 512 })
    await second.close()
  })

  test('readers go before what is fetched ahead, and need not wait for it', async () => {
    const first = await disk('v_first', base)
    for (let chunk = 0; chunk < 6; chunk++) await first.read(Buffer.alloc(512), chunk * CHUNK)
    await first.close()
    await pool.close()
    await forget(base)
    await open()
    ;[fetched, isHeld] = [[], true]
    const second = await disk('v_second', base)
    await until(() => fetched.length > 0)
    expect(fetched).toEqual([0])
    const reads = [11, 10, 9, 8, 4].map((chunk) => second.read(Buffer.alloc(512), chunk * CHUNK))
    expect(fetched).toEqual([0, 11, 10, 9])
    for (const begun of [5, 6]) {
      running.shift()!()
      await until(() => fetched.length === begun)
    }
    expect(fetched.slice(4)).toEqual([8, 4])
    isHeld = false
    for (const end of running) end()
    await Promise.all(reads)
    await pool.fetchedAhead()
    expect(fetched).toEqual([0, 11, 10, 9, 8, 4, 1, 2, 3, 5])
    await second.close()
  })

  test('another version of an image begins with what the last one needed, and then has its own', async () => {
    const first = await disk('v_first', base)
    for (const chunk of [11, 3]) await first.read(Buffer.alloc(512), chunk * CHUNK)
    await first.close()
    await pool.close()
    await open()
    const next = await imageOf(2, 2, CHUNKS - 1)
    fetched = []
    const second = await disk('v_second', next)
    await pool.fetchedAhead()
    expect(fetched).toEqual([3])
    await second.read(Buffer.alloc(512), 6 * CHUNK)
    await second.close()
    await pool.close()
    await open()
    const third = await imageOf(3, 3)
    fetched = []
    const another = await disk('v_third', third)
    await pool.fetchedAhead()
    expect(fetched).toEqual([6])
    await another.close()
  })

  test('a damaged file of what was learned is learned anew', async () => {
    const first = await disk('v_first', base)
    await first.read(Buffer.alloc(512), 3 * CHUNK)
    await first.close()
    await pool.close()
    const bases = join(directory, 'bases')
    const [hot] = (await readdir(bases)).filter((name) => name.endsWith('.hot'))
    for (const damaged of ['', '{"version":1,"chunks":[-1]}', '{"version":1,"chunks":[99999]}']) {
      await writeFile(join(bases, hot!), damaged)
      await open()
      fetched = []
      const device = await pool.open('v_first', { readOnly: false })
      await pool.fetchedAhead()
      expect(fetched).toEqual([])
      await device.read(Buffer.alloc(512), 3 * CHUNK)
      await device.close()
      await pool.close()
    }
    await open()
  })

  async function forget({ chunks }: VolumeBase): Promise<void> {
    for (const kind of ['data', 'marks']) await rm(join(directory, 'bases', `${chunks}.${kind}`))
  }
})
