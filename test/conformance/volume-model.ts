import { expect } from 'vitest'
import { CHUNK_BYTES } from '../../src/protocols/chunks/list.ts'
import type { BlockDevice } from '../../src/volumes/block-device.ts'
import type { VolumePool } from '../../src/volumes/pool.ts'
import type { VolumeBase } from '../../src/volumes/volume.ts'
import { contentOf, MIB, noise, type PoolBed, readAll, TestImages } from './pool-bed.ts'

/** What a volume must be. */
type Expected = {
  content: Buffer
  snapshots: Map<string, Buffer>
  device: BlockDevice | undefined
  base: Buffer | undefined
}

const SECTOR = 512
const MOST_VOLUMES = 4
const MOST_SNAPSHOTS = 4
const LARGEST = 13 * MIB

/**
 * Does random things to volumes and to a model in memory, and compares them all the time: writes, zeros, snapshots, reverts, clones, publishing,
 * states that pass, new sizes, crashes, closing and opening.
 */
export class VolumeModel {
  readonly #bed: PoolBed
  readonly #random: () => number
  readonly #images = new TestImages()
  readonly #volumes = new Map<string, Expected>()
  #pool!: VolumePool
  #base!: VolumeBase
  #content!: Buffer
  #next = 0

  constructor(bed: PoolBed, random: () => number) {
    this.#bed = bed
    this.#random = random
  }

  async run(operations: number): Promise<void> {
    this.#content = Buffer.from(noise(9 * MIB + SECTOR, 77))
    this.#content.fill(0, 4 * MIB, 8 * MIB)
    this.#base = await this.#images.add(this.#content)
    this.#pool = await this.#bed.open(this.#images)
    for (let i = 0; i < operations; i++) await this.#step()
    await this.#compareAll()
    await this.#pool.close()
  }

  async #step(): Promise<void> {
    const volume = [...this.#volumes][this.#below(this.#volumes.size)]
    const dice = this.#below(1000)
    if (!volume || (dice < 20 && this.#volumes.size < MOST_VOLUMES)) return this.#create()
    const [id, expected] = volume
    if (dice < 450) return this.#write(id, expected)
    if (dice < 550) return this.#zero(id, expected)
    if (dice < 850) return this.#read(id, expected)
    if (dice < 880) return (await this.#device(id, expected)).flush()
    if (dice < 900) return this.#close(expected)
    if (dice < 925) return this.#snapshot(id, expected)
    if (dice < 940) return this.#revert(id, expected)
    if (dice < 950) return this.#removeSnapshot(id, expected)
    if (dice < 960) return this.#clone(id, expected)
    if (dice < 970) return this.#resize(id, expected)
    if (dice < 976) return this.#publish(id, expected)
    if (dice < 982) return this.#remove(id, expected)
    if (dice < 990) return this.#pass(id, expected)
    if (dice < 996) return this.#reopen(true)
    return this.#reopen(false)
  }

  async #create(): Promise<void> {
    const id = `v_${this.#next++}`
    const bytes = this.#size()
    const base = this.#below(4) > 0
    await this.#pool.create(id, { bytes, base: base ? this.#base : null, limitBytes: null })
    const content = Buffer.alloc(bytes)
    if (base) content.set(this.#content.subarray(0, Math.min(bytes, this.#content.length)))
    this.#volumes.set(id, { content, snapshots: new Map(), device: undefined, base: base ? this.#content : undefined })
  }

  /** Several at once, which do not overlap, so that the end is known. */
  async #write(id: string, expected: Expected): Promise<void> {
    const device = await this.#device(id, expected)
    const count = 1 + this.#below(3)
    const lane = Math.floor(expected.content.length / count / SECTOR) * SECTOR
    const writes: unknown[] = []
    for (let i = 0; i < count; i++) {
      const [from, bytes] = this.#range(lane)
      const at = i * lane + from
      const data = noise(bytes, this.#below(2 ** 31))
      const half = Math.floor(bytes / 2)
      const parts = half > 0 && i % 2 ? [data.subarray(0, half), data.subarray(half)] : [data]
      expected.content.set(data, at)
      // What was written at once may be used again at once.
      if (this.#below(2) === 0 && device.writeNow?.(parts, at)) data.fill(0xdd)
      else writes.push(device.write(parts, at))
    }
    await Promise.all(writes)
  }

  async #zero(id: string, expected: Expected): Promise<void> {
    const device = await this.#device(id, expected)
    const [at, bytes] = this.#range(expected.content.length, this.#below(4) === 0 ? 8 * MIB : 128 * 1024)
    await device.zero(at, bytes)
    expected.content.fill(0, at, at + bytes)
  }

  async #read(id: string, expected: Expected): Promise<void> {
    const device = await this.#device(id, expected)
    const [at, bytes] = this.#range(expected.content.length, MIB)
    const found = Buffer.alloc(bytes, 0xee)
    await device.read(found, at)
    same(found, expected.content.subarray(at, at + bytes), `${id} at ${at}`)
    const { mapped, bytes: far } = device.allocation(at)
    expect(far).toBeGreaterThan(0)
    if (!mapped) expect(expected.content.subarray(at, at + far).every((byte) => byte === 0)).toBe(true)
  }

  async #snapshot(id: string, expected: Expected): Promise<void> {
    if (expected.snapshots.size >= MOST_SNAPSHOTS) return this.#removeSnapshot(id, expected)
    const name = `s${this.#next++}`
    await this.#pool.snapshot(id, name)
    expected.snapshots.set(name, Buffer.from(expected.content))
  }

  async #removeSnapshot(id: string, { snapshots }: Expected): Promise<void> {
    const name = this.#one([...snapshots.keys()])
    if (name === undefined) return
    await this.#pool.removeSnapshot(id, name)
    snapshots.delete(name)
  }

  /** States that nothing names afterwards. */
  async #pass(id: string, expected: Expected): Promise<void> {
    for (let i = 1 + this.#below(5); i > 0; i--) {
      await this.#write(id, expected)
      await this.#pool.snapshot(id, 'passing')
      await this.#pool.removeSnapshot(id, 'passing')
    }
  }

  async #revert(id: string, expected: Expected): Promise<void> {
    await this.#close(expected)
    const name = this.#below(5) === 0 ? undefined : this.#one([...expected.snapshots.keys()])
    await this.#pool.revert(id, name ?? null)
    const bytes = expected.content.length
    expected.content = sized(
      name === undefined ? (expected.base ?? Buffer.alloc(0)) : expected.snapshots.get(name)!,
      bytes,
    )
  }

  async #clone(id: string, expected: Expected): Promise<void> {
    if (this.#volumes.size >= MOST_VOLUMES) return
    const snapshot = this.#below(2) ? undefined : this.#one([...expected.snapshots.keys()])
    const to = `v_${this.#next++}`
    await this.#pool.clone(to, { id, snapshot: snapshot ?? null })
    const from = snapshot === undefined ? expected.content : expected.snapshots.get(snapshot)!
    const content = sized(from, expected.content.length)
    this.#volumes.set(to, { content, snapshots: new Map(), device: undefined, base: expected.base })
  }

  async #resize(id: string, expected: Expected): Promise<void> {
    await this.#close(expected)
    const { length } = expected.content
    // Snapshots are seen in the size the volume has: with them it only grows here, or the model would have to keep what lies hidden.
    const bytes = Math.max(this.#size(), expected.snapshots.size > 0 ? length : 0)
    await this.#pool.resize(id, bytes)
    expected.content = sized(expected.content, bytes)
    for (const [name, content] of expected.snapshots) expected.snapshots.set(name, sized(content, bytes))
  }

  async #publish(id: string, expected: Expected): Promise<void> {
    const name = this.#below(2) ? undefined : this.#one([...expected.snapshots.keys()])
    const content = name === undefined ? expected.content : expected.snapshots.get(name)!
    const published = await this.#pool.publish(id, name ?? null, () => {})
    const found = sized(expected.base ?? Buffer.alloc(0), content.length)
    for (const { index, sha256 } of published) {
      const length = Math.min(CHUNK_BYTES, content.length - index * CHUNK_BYTES)
      const raw = sha256 === null ? Buffer.alloc(length) : (await this.#images.chunks.read(sha256))!
      expect(raw.length).toBe(length)
      found.set(raw, index * CHUNK_BYTES)
    }
    same(found, content, `${id} published`)
  }

  async #remove(id: string, expected: Expected): Promise<void> {
    await this.#close(expected)
    await this.#pool.remove(id)
    this.#volumes.delete(id)
  }

  async #reopen(crash: boolean): Promise<void> {
    await (crash ? this.#bed.abandon(this.#pool) : this.#pool.close())
    for (const expected of this.#volumes.values()) expected.device = undefined
    this.#pool = await this.#bed.open(this.#images)
    if (this.#below(4) === 0) await this.#compareAll()
  }

  async #compareAll(): Promise<void> {
    expect((await this.#pool.list()).sort()).toEqual([...this.#volumes.keys()].sort())
    for (const [id, expected] of this.#volumes) {
      same(await readAll(await this.#device(id, expected)), expected.content, id)
      for (const [name, content] of expected.snapshots)
        same(await contentOf(this.#pool, id, name), content, `${id} at ${name}`)
    }
  }

  async #device(id: string, expected: Expected): Promise<BlockDevice> {
    expected.device ??= await this.#pool.open(id, { readOnly: false })
    return expected.device
  }

  async #close(expected: Expected): Promise<void> {
    await expected.device?.close()
    expected.device = undefined
  }

  #size(): number {
    return MIB + SECTOR * this.#below((LARGEST - MIB) / SECTOR)
  }

  /** Mostly small, often at borders. */
  #range(within: number, most = 128 * 1024): [number, number] {
    const unit = this.#below(2) ? SECTOR : 4096
    const bytes = Math.min(within, SECTOR * (1 + this.#below(this.#below(3) ? 32 : most / SECTOR)))
    const room = within - bytes
    const near = this.#below(3) === 0 ? CHUNK_BYTES * this.#below(4) - SECTOR * this.#below(16) : this.#below(room + 1)
    const at = Math.max(0, Math.min(room, near))
    return [at - (at % (unit > room ? SECTOR : unit)), bytes]
  }

  #one<T>(of: readonly T[]): T | undefined {
    return of[this.#below(of.length)]
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }
}

function sized(content: Buffer, bytes: number): Buffer {
  const result = Buffer.alloc(bytes)
  result.set(content.subarray(0, Math.min(bytes, content.length)))
  return result
}

function same(found: Buffer, expected: Buffer, what: string): void {
  if (Buffer.compare(found, expected) === 0) return
  let at = 0
  while (found[at] === expected[at]) at++
  throw new Error(`${what}: other bytes from ${at} on, of ${expected.length}`)
}
