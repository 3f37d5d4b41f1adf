import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CopySegmentFields, copyCdb, copyList, resultsCdb } from '../../../test/fakes/copy-list.ts'
import { HeldDisk } from '../../../test/fakes/held-disk.ts'
import { Initiator, read10, write10 } from '../../../test/fakes/initiator.ts'
import { MemoryDisk } from '../../../test/fakes/memory-disk.ts'
import { SILENT } from '../../kit/log.ts'
import { getU32 } from '../../protocols/iscsi/fields.ts'
import { TASK_FUNCTION } from '../../protocols/iscsi/opcodes.ts'
import { naaOf } from '../../protocols/scsi/inquiry.ts'
import { SENSE } from '../../protocols/scsi/sense.ts'
import { copy } from './copy.ts'
import { DiskLun } from './disk-lun.ts'
import { Memory } from './memory.ts'
import { serveDisks } from './serve.ts'
import { Task } from './task.ts'

const IQN = 'iqn.2026-01.test:copy'
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }
const BYTES = 2 * 1024 * 1024
const BLOCKS = BYTES / 512
const lunOf = (lun: number) => ({ lun, volume: `v_${lun}`, readOnly: lun === 2, serial: `v_${lun}`, scsi: SCSI })

function filled(disk: MemoryDisk, seed: number): Buffer {
  const content = Buffer.alloc(BYTES)
  for (let i = 0; i < BYTES; i += 4) content.writeUInt32LE(Math.imul(i + seed, 0x9e3779b1) >>> 0, i)
  void disk.write([content], 0)
  return content
}
const contentOf = (disk: MemoryDisk) => {
  const content = Buffer.alloc(BYTES)
  disk.isSlow = false
  void disk.read(content, 0)
  return content
}

describe('what is copied', () => {
  const memory = new Memory(64 * 1024 * 1024)

  function luns(disks: readonly MemoryDisk[]) {
    const surroundings = { luns: () => [], async abort() {} }
    return disks.map((disk, i) => {
      const lun = new DiskLun(lunOf(i), IQN, disk, surroundings)
      const nexus = lun.unit.attach('a')
      nexus.attentions.length = 0
      return { lun, nexus }
    })
  }

  /** Does one copy as a session does; `sense`: what came of it, 0 for good. */
  async function doCopy(all: ReturnType<typeof luns>, segments: readonly CopySegmentFields[], id = 1) {
    const task = new Task()
    task.lun = all[0]!.lun
    const targets = all.map(({ lun, nexus }) => {
      const { plan } = new Task()
      lun.unit.plan(nexus, Uint8Array.from([0x12, 1, 0x83, 0, 255, 0, ...Buffer.alloc(10)]), plan)
      return { naa: naaOf(plan.data!)! }
    })
    const list = copyList({ id, targets, segments })
    task.lun.unit.parameters(all[0]!.nexus, Uint8Array.from(copyCdb(list.length)), list, task.plan)
    expect(task.plan.action).toBe('copy')
    await copy(task, all, memory)
    return { sense: task.plan.sense, data: task.plan.senseData }
  }

  test('is what a model in memory copies: between disks and within one, over holes, over itself, and not aligned', async () => {
    const place = fc.oneof(
      fc.integer({ min: 0, max: BLOCKS }),
      fc.integer({ min: 0, max: BLOCKS / 8 }).map((i) => i * 8),
    )
    const end = fc.integer({ min: 0, max: 1 })
    const one = fc
      .record({
        ...{ from: place, to: place, source: end, destination: end, fits: fc.integer({ min: 0, max: 15 }) },
        blocks: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: BLOCKS })),
      })
      .map(({ fits, ...one }) =>
        fits === 0 ? one : { ...one, blocks: Math.min(one.blocks, BLOCKS - Math.max(one.from, one.to)) },
      )
    const hole = fc.record({
      disk: fc.integer({ min: 0, max: 1 }),
      at: place,
      blocks: fc.integer({ min: 0, max: BLOCKS }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(hole, { maxLength: 4 }),
        fc.array(one, { minLength: 1, maxLength: 8 }),
        async (holes, segments) => {
          const disks = [new MemoryDisk(BYTES), new MemoryDisk(BYTES)]
          const model = disks.map((disk, i) => filled(disk, i + 3))
          for (const { disk, at, blocks } of holes) {
            const [from, to] = [at * 512, Math.min(BLOCKS, at + blocks) * 512]
            void disks[disk]!.zero(from, to - from)
            model[disk]!.fill(0, from, to)
          }
          // What does not fit ends the copy there; what was before it is done.
          const bad = segments.findIndex(({ from, to, blocks }) => Math.max(from, to) + blocks > BLOCKS)
          for (const { from, to, blocks, source, destination } of bad < 0 ? segments : segments.slice(0, bad))
            model[destination]!.set(Buffer.from(model[source]!.subarray(from * 512, (from + blocks) * 512)), to * 512)
          const { sense, data } = await doCopy(luns(disks), segments)
          expect(sense).toBe(bad < 0 ? 0 : SENSE.copyAborted)
          if (bad >= 0) expect([data![0], data![11]]).toEqual([0x70, bad])
          for (const [i, disk] of disks.entries()) expect(contentOf(disk).equals(model[i]!)).toBe(true)
          expect(memory.used).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('holes stay holes', async () => {
    const disks = [new MemoryDisk(BYTES), new MemoryDisk(BYTES)]
    filled(disks[1]!, 5)
    void disks[0]!.write([Buffer.alloc(4096, 1)], 1024 * 1024)
    await doCopy(luns(disks), [{ from: 0, to: 0, blocks: BLOCKS, destination: 1 }])
    expect(disks[1]!.allocation(0)).toEqual({ mapped: false, bytes: 1024 * 1024 })
    expect(contentOf(disks[1]!).equals(contentOf(disks[0]!))).toBe(true)
  })

  test('many at once take turns, with memory for a few', async () => {
    const disks = Array.from({ length: 2 }, () => new MemoryDisk(BYTES))
    filled(disks[0]!, 7)
    for (const disk of disks) disk.isSlow = true
    const all = luns(disks)
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, memory.used)
    }, 1)
    const copies = Array.from({ length: 30 }, (_, i) =>
      doCopy(all, [{ from: i * 64, to: i * 64, blocks: 1500, destination: 1 }], i),
    )
    for (const { sense } of await Promise.all(copies)) expect(sense).toBe(0)
    clearInterval(watch)
    expect(most).toBeLessThanOrEqual(3 * 1024 * 1024)
    expect(memory.used).toBe(0)
  })

  test('a disk that fails ends it: its own words, the segment, and what was left of it', async () => {
    const disks = [new MemoryDisk(BYTES), new HeldDisk(BYTES)] as const
    filled(disks[0], 9)
    disks[1].isSlow = true
    disks[1].failsAfter = 1
    const { sense, data } = await doCopy(luns(disks), [
      { from: 0, to: 0, blocks: 0 },
      { from: 0, to: 0, blocks: 2048, destination: 1 },
    ])
    expect(sense).toBe(SENSE.copyDeviceFailed)
    expect(data!.slice(3, 7)).toEqual(Uint8Array.of(0, 0, 4, 0))
    expect([data![0], data![11], data![9], data![18]]).toEqual([0xf0, 1, 18, 2])
    expect([data![21], data![31], data![32]]).toEqual([0x07, 0x27, 0x07])
  })
})

describe('over the wire', () => {
  let disks: HeldDisk[]
  let served: Awaited<ReturnType<typeof serveDisks>>
  let names: string[]
  const initiators: Initiator[] = []

  beforeEach(async () => {
    disks = [0, 1, 2].map((lun) => new HeldDisk(BYTES, lun === 2))
    disks.forEach((disk, i) => void filled(disk, i + 1))
    const openLun = async ({ lun }: { lun: number }) => disks[lun]!
    served = await serveDisks({ host: '127.0.0.1', port: 0, idleMs: 0, log: SILENT, openLun, report() {} })
    await served.apply({ iqn: IQN, initiators: null, addresses: null, chap: null, luns: [0, 1, 2].map(lunOf) })
    const one = await ready('names')
    names = []
    for (const lun of [0, 1, 2])
      names.push(naaOf((await one.command([0x12, 1, 0x83, 0, 255, 0], { lun, read: 255 })).data)!)
  })

  afterEach(async () => {
    for (const one of initiators.splice(0)) one.close()
    for (const disk of disks) disk.letGo()
    await served.stop()
  })

  async function ready(name: string): Promise<Initiator> {
    const one = await Initiator.ready(served.port, IQN, `iqn.2026-01.test:${name}`, [0, 1, 2])
    initiators.push(one)
    return one
  }

  const listOf = (source: number, destination: number, blocks: number, id = 1) =>
    copyList({
      id,
      targets: names.map((naa) => ({ naa })),
      segments: [{ from: 0, to: 0, blocks, source, destination }],
    })

  /** Asks the first LUN to copy; sent, not waited for. */
  function begin(one: Initiator, list: Buffer): number {
    const head = one.commandHead(copyCdb(list.length), { write: list.length })
    one.send(head, list)
    return getU32(head, 16)
  }
  const ask = (one: Initiator, list: Buffer) => one.finish(begin(one, list))
  const status = async (one: Initiator, id = 1) => (await one.command(resultsCdb(0, id), { read: 1024 })).data

  test('from a read-only LUN to another; not to it, and the answer says that it was the destination', async () => {
    const one = await ready('a')
    expect((await ask(one, listOf(2, 1, BLOCKS))).status).toBe(0)
    expect(contentOf(disks[1]!).equals(contentOf(disks[2]!))).toBe(true)
    expect([...(await status(one))]).toEqual([0, 0, 0, 8, 1, 0, 1, 0, 0, 0x20, 0, 0])
    const { sense, senseData } = await ask(one, listOf(0, 2, 8))
    expect(sense).toBe(SENSE.copyDeviceFailed)
    expect([senseData[0], senseData[9], senseData[18], senseData[21]]).toEqual([0x70, 18, 2, 7])
    const details = (await one.command(resultsCdb(4, 1), { read: 1024 })).data
    expect(details.subarray(60).equals(senseData)).toBe(true)
    expect(details[56]).toBe(2)
  })

  test('others go on meanwhile, its progress is told, and its identifier is taken', async () => {
    const one = await ready('a')
    disks[1]!.hold()
    const copying = begin(one, listOf(0, 1, BLOCKS))
    await vi.waitFor(() => expect(disks[1]!.held).toBe(1))
    expect((await one.command(read10(0, 8), { read: 4096 })).status).toBe(0)
    expect((await status(one))[4]).toBe(0)
    expect((await ask(one, listOf(0, 2, 8))).sense).toBe(SENSE.operationInProgress)
    // Of another initiator it is none.
    expect((await (await ready('b')).command(resultsCdb(0, 1), { read: 1024 })).sense).toBe(SENSE.invalidField)
    disks[1]!.letGo()
    expect((await one.finish(copying)).status).toBe(0)
    expect((await status(one))[4]).toBe(1)
  })

  test('one that is aborted ends with its step; then nothing of it goes on', async () => {
    const one = await ready('a')
    disks[1]!.hold()
    const before = contentOf(disks[1]!)
    disks[1]!.isSlow = true
    const copying = begin(one, listOf(0, 1, BLOCKS))
    await vi.waitFor(() => expect(disks[1]!.held).toBe(1))
    let isOver = false
    const aborted = one.manage(TASK_FUNCTION.abortTask, { tag: copying }).then((response) => {
      isOver = true
      return response
    })
    expect((await one.command(read10(0, 8), { read: 4096 })).status).toBe(0)
    expect(isOver).toBe(false)
    disks[1]!.letGo()
    expect(await aborted).toBe(0)
    expect(disks[1]!.held).toBe(0)
    expect(
      contentOf(disks[1]!)
        .subarray(512 * 1024)
        .equals(before.subarray(512 * 1024)),
    ).toBe(true)
    expect((await status(one))[4]).toBe(2)
    expect(one.received).toEqual([])
  })

  test('whoever reserves the destination meanwhile holds off the rest of it', async () => {
    const [one, other] = [await ready('a'), await ready('b')]
    disks[1]!.hold()
    const copying = begin(one, listOf(0, 1, BLOCKS))
    await vi.waitFor(() => expect(disks[1]!.held).toBe(1))
    const key = (mine: number, given: number) =>
      Buffer.from([...Buffer.alloc(7), mine, ...Buffer.alloc(7), given, ...Buffer.alloc(8)])
    const reserve = [0x5f, 1, 1, 0, 0, 0, 0, 0, 24]
    expect((await other.command([0x5f, 0, 0, 0, 0, 0, 0, 0, 24], { lun: 1, write: key(0, 1) })).status).toBe(0)
    expect((await other.command(reserve, { lun: 1, write: key(1, 0) })).status).toBe(0)
    disks[1]!.letGo()
    const { sense, senseData } = await one.finish(copying)
    expect(sense).toBe(SENSE.copyDeviceFailed)
    // RESERVATION CONFLICT of the destination; INFORMATION: the blocks behind the first step.
    expect([senseData[9], senseData[18], senseData.readUInt32BE(3)]).toEqual([18, 0x18, BLOCKS - 1024])
    expect((await one.command(write10(0, 1), { lun: 1, write: Buffer.alloc(512) })).status).toBe(0x18)
  })
})
