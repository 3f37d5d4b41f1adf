import { CHUNK_BYTES, type ChunkList, chunkLength } from '../../protocols/chunks/list.ts'
import { diskBuffer } from '../disk/buffer.ts'
import { type Disk, DiskError, SECTOR_BYTES } from '../disk/disk.ts'
import { type Around, TaskFailure } from '../task.ts'
import { compare, readChunk, withBuffer } from './compare.ts'
import { Donors, type OtherDisk } from './donors.ts'
import { each } from './each.ts'
import { type FlashPlan, planFlash, type Range, toVerify } from './plan.ts'

/** Chunks on their way from server to disk at a time. Each takes about 12 MiB of memory, packed, unpacked and hashed. */
const WRITERS = 4
const VERIFIERS = 4
/** A flush is begun in the background after so many bytes: the last one is short, and errors show early. */
const FLUSH_EVERY = 128 * 1024 * 1024

export type FlashOrder = Readonly<{
  list: ChunkList
  holes: 'zero' | 'discard'
  verify: 'sampled' | 'full'
  /** Other disks of this machine and what they are thought to hold. */
  others: readonly OtherDisk[]
}>

export type FlashFigures = {
  imageBytes: number
  /** Bytes that were on the disk already. */
  sameBytes: number
  writtenBytes: number
  zeroedBytes: number
  /** Written bytes that came from disks of this machine. */
  copiedBytes: number
  verifiedBytes: number
  /** Where the time went. */
  comparingSeconds: number
  writingSeconds: number
  verifyingSeconds: number
  /** Making the disk unbootable at first, and bootable at last. */
  edgesSeconds: number
}

/**
 * Makes the disk hold the image, whatever it held before, and writes only what differs. Safe to be cut off anywhere and begun again.
 *
 * The order is what makes a half-written disk unbootable, each step durable before the next begins:
 * the first sector is blanked; the rest of the first chunk and the last MiB; everything between is written, read back and verified;
 * the end and the first chunk but for its first sector; verified; the first sector, verified.
 * So the first sector is the old one while nothing else was changed, zeros in between, and the new one only when all is in place.
 */
export async function flash(
  disk: Disk,
  order: FlashOrder,
  around: Pick<Around, 'chunks' | 'progress' | 'stopped' | 'markDirty' | 'log'>,
): Promise<FlashFigures> {
  const { list } = order
  if (list.bytes > disk.bytes)
    throw new TaskFailure(
      `The image has ${list.bytes} bytes and ${disk.name} only ${disk.bytes}. Choose a larger disk or a smaller image; nothing was written`,
      { clean: true },
    )
  const figures: FlashFigures = {
    imageBytes: list.bytes,
    sameBytes: 0,
    writtenBytes: 0,
    zeroedBytes: 0,
    copiedBytes: 0,
    verifiedBytes: 0,
    comparingSeconds: 0,
    writingSeconds: 0,
    verifyingSeconds: 0,
    edgesSeconds: 0,
  }
  let since = performance.now()
  const spent = (on: 'comparingSeconds' | 'writingSeconds' | 'verifyingSeconds' | 'edgesSeconds') => {
    const now = performance.now()
    figures[on] += (now - since) / 1000
    since = now
  }
  let looked = 0
  around.progress({ phase: 'comparing', doneBytes: 0, totalBytes: list.bytes })
  const found = await compare(disk, list, {
    stopped: around.stopped,
    unreadable(error) {
      around.log('warn', `${error.message}; what belongs there is written anew, then read back`)
    },
    looked(bytes) {
      looked = Math.min(list.bytes, looked + bytes)
      around.progress({ phase: 'comparing', doneBytes: looked, totalBytes: list.bytes })
    },
  })
  const plan = planFlash(list, found, { diskBytes: disk.bytes, holes: order.holes })
  for (const [index, each] of found.entries())
    if (each !== undefined && each === list.chunks[index]) figures.sameBytes += chunkLength(list, index)
  spent('comparingSeconds')
  if (plan.nothing) return figures
  around.stopped.throwIfAborted()
  const run = new Run(disk, order, plan, new Donors(disk, list, found, order.others), around, figures)
  await run.keepEdges(found)
  await around.markDirty()
  await run.blank()
  spent('edgesSeconds')
  await run.write()
  spent('writingSeconds')
  await run.verify()
  spent('verifyingSeconds')
  await run.writeEdges()
  spent('edgesSeconds')
  return figures
}

class Run {
  readonly #disk: Disk
  readonly #order: FlashOrder
  readonly #plan: FlashPlan
  readonly #donors: Donors
  readonly #around: Pick<Around, 'chunks' | 'progress' | 'stopped' | 'log'>
  readonly #figures: FlashFigures
  /** Content of edges that were right already: they are blanked and come back at the end. At most three chunks. */
  readonly #kept = new Map<string, Uint8Array<SharedArrayBuffer>>()
  #unflushed = 0
  #flushing: Promise<void> | undefined
  #flushFailed: { error: unknown } | undefined

  constructor(
    disk: Disk,
    order: FlashOrder,
    plan: FlashPlan,
    donors: Donors,
    around: Pick<Around, 'chunks' | 'progress' | 'stopped' | 'log'>,
    figures: FlashFigures,
  ) {
    this.#disk = disk
    this.#order = order
    this.#plan = plan
    this.#donors = donors
    this.#around = around
    this.#figures = figures
  }

  async keepEdges(found: readonly unknown[]): Promise<void> {
    const { list } = this.#order
    for (const index of this.#plan.edges) {
      const hash = list.chunks[index]!
      if (hash === null || found[index] !== hash) continue
      const bytes = diskBuffer(chunkLength(list, index))
      if ((await readChunk(this.#disk, list, index, bytes)) === hash) this.#kept.set(hash, bytes)
    }
  }

  async blank(): Promise<void> {
    const disk = this.#disk
    await disk.write(0, new Uint8Array(SECTOR_BYTES))
    await disk.flush()
    const first = new Uint8Array(Math.min(CHUNK_BYTES, disk.bytes) - SECTOR_BYTES)
    await disk.write(SECTOR_BYTES, first)
    // The tail of a disk below 5 MiB begins within the first chunk.
    const { offset, length } = this.#plan.tail
    await disk.write(offset, new Uint8Array(length))
    await disk.flush()
    this.#donors.changed(0)
    for (const index of this.#plan.edges) this.#donors.changed(index)
  }

  async write(): Promise<void> {
    const { writes, zeros, discards } = this.#plan
    this.#tell('writing', 0, this.#plan.bytes)
    // Both at once: the disk zeroes by itself while the network is busy. Neither is left running when the other fails.
    const halt = new AbortController()
    const stopped = AbortSignal.any([this.#around.stopped, halt.signal])
    const done = await Promise.allSettled(
      [
        each([...zeros, ...discards], 1, stopped, (range) => this.#clear(range)),
        each(writes, WRITERS, stopped, async ({ hash, indexes }) => {
          const bytes = await this.#obtain(hash)
          for (const index of indexes) await this.#put(index, bytes)
          this.#around.chunks.free?.(bytes)
        }),
      ].map((part) =>
        part.catch((error) => {
          halt.abort(error)
          throw error
        }),
      ),
    )
    await this.#flushing
    // The one that failed by itself has the reason; the other one only heard of it.
    const failed = done.find((each) => each.status === 'rejected')
    if (failed) {
      await this.#disk.flush().catch(() => undefined)
      throw halt.signal.reason ?? failed.reason
    }
    if (this.#flushFailed) throw this.#flushFailed.error
  }

  async verify(): Promise<void> {
    const { list, verify, holes } = this.#order
    const { writes, zeros } = this.#plan
    await this.#disk.forget()
    const changed = writes.flatMap(({ indexes }) => indexes)
    if (holes === 'zero')
      for (const { offset, length } of zeros)
        for (let at = offset; at < offset + length; at += CHUNK_BYTES) changed.push(at / CHUNK_BYTES)
    const indexes = toVerify(changed, verify)
    const total = indexes.reduce((sum, index) => sum + chunkLength(list, index), 0)
    this.#tell('verifying', 0, total)
    await this.#check(indexes, this.#around.stopped, () => this.#tell('verifying', this.#figures.verifiedBytes, total))
  }

  /** From here on it is short, and better finished than stopped: no signal is looked at. */
  async writeEdges(): Promise<void> {
    const unstopped = new AbortController().signal
    const { list, holes } = this.#order
    const edges = this.#plan.edges.filter((index) => list.chunks[index] !== null)
    const disk = this.#disk
    let first: Uint8Array | undefined
    for (const index of edges) {
      const bytes = await this.#obtain(list.chunks[index]!)
      if (index === 0) {
        first = bytes
        await disk.write(SECTOR_BYTES, bytes.subarray(SECTOR_BYTES))
      } else await this.#put(index, bytes)
    }
    // A hole at the end: the part before the last MiB was not blanked.
    for (const index of this.#plan.edges)
      if (list.chunks[index] === null && index > 0 && holes === 'zero')
        await disk.zero(index * CHUNK_BYTES, chunkLength(list, index))
    await disk.forget()
    await this.#check(
      this.#plan.edges.filter((index) => index > 0 && (edges.includes(index) || holes === 'zero')),
      unstopped,
    )
    if (first) {
      const back = new Uint8Array(first.length)
      await disk.read(SECTOR_BYTES, back.subarray(SECTOR_BYTES))
      back.set(first.subarray(0, SECTOR_BYTES))
      if (Buffer.compare(back, first) !== 0) throw misread(disk, 0)
      await disk.write(0, first.subarray(0, SECTOR_BYTES))
      this.#figures.writtenBytes += first.length
      await disk.forget()
    }
    await this.#check([0], unstopped)
  }

  async #check(indexes: readonly number[], stopped: AbortSignal, after: () => void = () => undefined): Promise<void> {
    const { list } = this.#order
    await each(indexes, VERIFIERS, stopped, async (index) => {
      const found = await withBuffer((buffer) => readChunk(this.#disk, list, index, buffer))
      if (found !== list.chunks[index]) throw misread(this.#disk, index * CHUNK_BYTES)
      this.#figures.verifiedBytes += chunkLength(list, index)
      after()
    })
  }

  async #obtain(hash: string): Promise<Uint8Array> {
    const kept = this.#kept.get(hash)
    if (kept) return kept
    const copied = await this.#donors.read(hash)
    if (copied) {
      this.#figures.copiedBytes += copied.length
      return copied
    }
    return await this.#around.chunks.chunk(hash)
  }

  async #put(index: number, bytes: Uint8Array): Promise<void> {
    const wanted = chunkLength(this.#order.list, index)
    if (bytes.length !== wanted)
      throw new TaskFailure(
        `The chunk ${this.#order.list.chunks[index]} has ${bytes.length} bytes and ${wanted} belong there: the image is damaged`,
      )
    this.#donors.changed(index)
    await this.#disk.write(index * CHUNK_BYTES, bytes)
    this.#donors.holds(index)
    this.#figures.writtenBytes += bytes.length
    this.#wrote(bytes.length)
  }

  async #clear({ offset, length }: Range): Promise<void> {
    for (let at = offset; at < offset + length; at += CHUNK_BYTES) this.#donors.changed(at / CHUNK_BYTES)
    if (this.#order.holes === 'discard') await this.#disk.discard(offset, length)
    else {
      await this.#disk.zero(offset, length)
      this.#figures.zeroedBytes += length
      this.#wrote(length)
    }
  }

  #wrote(bytes: number): void {
    this.#tell('writing', this.#figures.writtenBytes + this.#figures.zeroedBytes, this.#plan.bytes)
    this.#unflushed += bytes
    if (this.#unflushed < FLUSH_EVERY || this.#flushing) return
    this.#unflushed = 0
    // Linux tells a failed write-back once only: it is kept until everybody has ended.
    this.#flushing = this.#disk.flush().then(
      () => {
        this.#flushing = undefined
      },
      (error) => {
        this.#flushFailed = { error }
      },
    )
  }

  #tell(phase: string, doneBytes: number, totalBytes: number): void {
    const { writtenBytes, zeroedBytes } = this.#figures
    this.#around.progress({ phase, doneBytes, totalBytes, writtenBytes: writtenBytes + zeroedBytes })
  }
}

function misread(disk: Disk, offset: number): DiskError {
  return new DiskError(
    disk.name,
    'reading back what was written',
    offset,
    'MISMATCH',
    'The disk does not keep what is written to it: it is worn out, or smaller than it claims. Replace it',
  )
}
