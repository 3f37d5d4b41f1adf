import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { copyCdb, copyList } from '../../../test/fakes/copy-list.ts'
import { HeldDisk } from '../../../test/fakes/held-disk.ts'
import { Initiator, write10 } from '../../../test/fakes/initiator.ts'
import { SILENT } from '../../kit/log.ts'
import { naaOf } from '../../protocols/scsi/inquiry.ts'
import { serveDisks } from './serve.ts'

const IQN = 'iqn.2026-01.test:preempt'
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }

let disks: HeldDisk[]
let served: Awaited<ReturnType<typeof serveDisks>>
const initiators: Initiator[] = []

beforeEach(async () => {
  disks = [0, 1].map(() => new HeldDisk(4 * 1024 * 1024))
  const openLun = async ({ lun }: { lun: number }) => disks[lun]!
  served = await serveDisks({ host: '127.0.0.1', port: 0, idleMs: 0, log: SILENT, openLun, report() {} })
  const luns = [0, 1].map((lun) => ({ lun, volume: `v${lun}`, readOnly: false, serial: `v${lun}`, scsi: SCSI }))
  await served.apply({ iqn: IQN, initiators: null, addresses: null, chap: null, luns })
})

afterEach(async () => {
  for (const one of initiators.splice(0)) one.close()
  for (const disk of disks) disk.letGo()
  await served.stop()
})

async function ready(name: string): Promise<Initiator> {
  const one = await Initiator.ready(served.port, IQN, `iqn.2026-01.test:${name}`, [0, 1])
  initiators.push(one)
  return one
}

/** PERSISTENT RESERVE OUT at the second LUN. */
function reserve(one: Initiator, action: number, key: number, given: number) {
  const list = Buffer.alloc(24)
  list[7] = key
  list[15] = given
  return one.command([0x5f, action, 1, 0, 0, 0, 0, 0, 24], { lun: 1, write: list })
}

test.each(['a write', 'a copy that was asked for elsewhere'])(
  'PREEMPT AND ABORT is done when nothing that was preempted can reach the disk any more: %s',
  async (what) => {
    const [victim, other] = [await ready('victim'), await ready('other')]
    expect((await reserve(victim, 0, 0, 1)).status).toBe(0)
    expect((await reserve(victim, 1, 1, 0)).status).toBe(0)
    expect((await reserve(other, 0, 0, 2)).status).toBe(0)
    disks[1]!.hold()
    if (what === 'a write') {
      const data = Buffer.alloc(4096, 1)
      victim.send(victim.commandHead(write10(0, 8), { lun: 1, write: data.length }), data)
    } else {
      const page = (await victim.command([0x12, 1, 0x83, 0, 255, 0], { lun: 1, read: 255 })).data
      const segments = [{ from: 0, to: 0, blocks: 8192, source: 0xffff, destination: 0 }]
      const list = copyList({ targets: [{ naa: naaOf(page)! }], segments })
      void disks[0]!.write([Buffer.alloc(4 * 1024 * 1024, 1)], 0)
      victim.send(victim.commandHead(copyCdb(list.length), { write: list.length }), list)
    }
    await vi.waitFor(() => expect(disks[1]!.held).toBe(1))
    let isDone = false
    const preempting = reserve(other, 5, 2, 1).then((outcome) => {
      isDone = true
      return outcome
    })
    // Others are answered; it is not.
    expect((await other.command([0, 0, 0, 0, 0, 0])).status).toBe(0)
    expect(isDone).toBe(false)
    disks[1]!.letGo()
    expect((await preempting).status).toBe(0)
    expect(disks[1]!.held).toBe(0)
    // The second MiB nobody wrote to.
    expect(disks[1]!.allocation(1024 * 1024)).toEqual({ mapped: false, bytes: 3 * 1024 * 1024 })
    const writes = vi.spyOn(disks[1]!, 'write')
    expect((await victim.command([0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0], { read: 4096 })).status).toBe(0)
    expect(writes).not.toHaveBeenCalled()
  },
)
