import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Initiator, read10, write10 } from '../../../test/fakes/initiator.ts'
import { MemoryDisk } from '../../../test/fakes/memory-disk.ts'
import { Refusal } from '../../kit/errors.ts'
import { SILENT } from '../../kit/log.ts'
import { decodeBinary, encodeBinary } from '../../protocols/iscsi/binary.ts'
import { getU32, setU32 } from '../../protocols/iscsi/fields.ts'
import { RESPONSE, TASK_FUNCTION } from '../../protocols/iscsi/opcodes.ts'
import { SENSE } from '../../protocols/scsi/sense.ts'
import type { LoginReport, Target } from '../../volumes/engine.ts'
import { serveDisks } from './serve.ts'

const IQN = 'iqn.2026-01.test:disk'
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }
const target = (more: Partial<Target> = {}): Target => ({
  iqn: IQN,
  initiators: null,
  addresses: null,
  chap: null,
  luns: [0, 3].map((lun) => ({ lun, volume: `v_${lun}`, readOnly: lun === 3, serial: `v_${lun}`, scsi: SCSI })),
  ...more,
})

let disks: MemoryDisk[]
let reports: LoginReport[]
let served: Awaited<ReturnType<typeof serveDisks>>
let refusal: Error | undefined
/** Holds back whoever opens a disk. */
let opening: Promise<void> | undefined
let opens = 0
const initiators: Initiator[] = []

beforeEach(async () => {
  disks = [0, 1, 2, 3].map((lun) => new MemoryDisk(16 * 1024 * 1024, lun === 3))
  reports = []
  refusal = undefined
  opening = undefined
  opens = 0
  served = await serveDisks({
    host: '127.0.0.1',
    port: 0,
    idleMs: 0,
    log: SILENT,
    openLun: async (lun) => {
      opens++
      await opening
      if (refusal) throw refusal
      return disks[lun.lun]!
    },
    report: (report) => void reports.push(report),
  })
  await served.apply(target())
})

afterEach(async () => {
  for (const one of initiators.splice(0)) one.close()
  await served.stop()
})

async function initiator(): Promise<Initiator> {
  const one = await Initiator.connect(served.port)
  initiators.push(one)
  return one
}

/** Logged in, and past the unit attention that greets a new nexus. */
async function ready(options: Parameters<Initiator['login']>[1] = {}): Promise<Initiator> {
  const one = await initiator()
  expect((await one.login(IQN, options)).status).toBe(0)
  expect((await one.command([0, 0, 0, 0, 0, 0])).sense).toBe(SENSE.powerOn)
  return one
}

const bytes = (count: number, seed: number) =>
  Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 7 + seed) & 0xff))

describe('logins', () => {
  test('an unknown target, a foreign initiator and a foreign address are refused with the status of each', async () => {
    await served.apply(target({ iqn: `${IQN}2`, initiators: ['iqn.2026-01.test:other'] }))
    await served.apply(target({ iqn: `${IQN}3`, addresses: ['192.0.2.1'] }))
    expect((await (await initiator()).login(`${IQN}4`)).status).toBe(0x0203)
    expect((await (await initiator()).login(`${IQN}2`)).status).toBe(0x0202)
    expect((await (await initiator()).login(`${IQN}3`)).status).toBe(0x0202)
    expect(reports.map((one) => one.outcome)).toEqual(['refused', 'refused', 'refused'])
  })

  test('a disk that cannot be opened refuses the login and says why', async () => {
    refusal = new Refusal('corrupt', 'the base is damaged')
    expect((await (await initiator()).login(IQN)).status).toBe(0x0301)
    expect(reports[0]).toMatchObject({ outcome: 'refused', detail: 'the base is damaged' })
  })

  const chap = { user: 'anna', secret: 'secret123456', mutual: { user: 'disk', secret: 'other7654321' } }
  const names = [
    ['InitiatorName', 'iqn.2026-01.test:initiator'],
    ['TargetName', IQN],
  ] as const
  const response = (algorithm: string, id: string, secret: string, challenge: Uint8Array) =>
    encodeBinary(
      createHash(algorithm)
        .update(Buffer.from([Number(id)]))
        .update(secret)
        .update(challenge)
        .digest(),
    )

  /** Logs in by CHAP. `mine`: the challenge we send in turn. */
  async function prove(number: string, secret: string, mine?: (theirs: string) => string) {
    const one = await initiator()
    await one.step(0, 1, [...names, ['AuthMethod', 'CHAP,None']], { transit: false })
    const { keys } = await one.step(0, 1, [['CHAP_A', number]], { transit: false })
    const algorithm = keys.get('CHAP_A') === '7' ? 'sha256' : 'md5'
    const proof = response(algorithm, keys.get('CHAP_I')!, secret, decodeBinary(keys.get('CHAP_C')!, 64))
    const answer = await one.step(0, 1, [
      ['CHAP_N', 'anna'],
      ['CHAP_R', proof],
      ...(mine
        ? ([
            ['CHAP_I', '9'],
            ['CHAP_C', mine(keys.get('CHAP_C')!)],
          ] as const)
        : []),
    ])
    return { ...answer, algorithm, one }
  }

  test.each(['5', '7', '5,7'])(
    'CHAP with algorithms %s: the right secret comes in, a wrong one does not',
    async (list) => {
      await served.apply(target({ chap }))
      const right = await prove(list, 'secret123456')
      expect(right.status).toBe(0)
      expect(right.algorithm).toBe(list === '5' ? 'md5' : 'sha256')
      expect((await right.one.step(1, 3, [])).status).toBe(0)
      expect((await prove(list, 'secret123457')).status).toBe(0x0201)
      expect(JSON.stringify(reports)).not.toContain('secret1')
    },
  )

  test('mutual CHAP: the target proves itself, but not to its own challenge', async () => {
    await served.apply(target({ chap }))
    const challenge = bytes(16, 1)
    const right = await prove('5', 'secret123456', () => `0b${challenge.toString('base64')}`)
    expect(right.keys.get('CHAP_N')).toBe('disk')
    expect(right.keys.get('CHAP_R')).toBe(response('md5', '9', 'other7654321', challenge))
    expect((await prove('5', 'secret123456', (theirs) => theirs)).status).toBe(0x0201)
  })

  test('who skips the proof is refused, at whatever stage it begins', async () => {
    await served.apply(target({ chap }))
    expect((await (await initiator()).login(IQN)).status).toBe(0x0201)
    expect((await (await initiator()).step(0, 3, [...names, ['AuthMethod', 'None']])).status).toBe(0x0201)
    expect((await (await initiator()).step(0, 3, [...names, ['CHAP_A', '5']])).status).toBe(0x0201)
    const one = await initiator()
    // Transit is asked for but not given before the proof.
    expect((await one.step(0, 3, [...names, ['AuthMethod', 'CHAP']])).head[1]! & 0x80).toBe(0)
  })

  test('something else than a login, or far too much of one, ends the connection', async () => {
    const one = await initiator()
    one.send(one.commandHead([0]))
    await expect(one.next(() => true)).rejects.toThrow('closed')
    const two = await initiator()
    const head = two.loginHead(1, 3, true)
    head[5] = 0x10
    two.socket.write(head)
    await expect(two.next(() => true)).rejects.toThrow('closed')
  })
})

describe('disks', () => {
  for (const slow of [false, true])
    for (const digests of [false, true])
      test(`what was written is read, ${slow ? 'later' : 'at once'}, ${digests ? 'with' : 'without'} digests`, async () => {
        for (const disk of disks) disk.isSlow = slow
        const list = digests ? 'CRC32C,None' : 'None'
        const one = await ready({
          keys: [
            ['HeaderDigest', list],
            ['DataDigest', list],
          ],
        })
        const data = bytes(1536 * 1024, 3)
        expect(await one.command(write10(5, 3072), { write: data, solicited: true })).toMatchObject({
          status: 0,
          flags: 0,
        })
        expect(await one.command(write10(9, 16, true), { write: data.subarray(0, 8192) })).toMatchObject({ status: 0 })
        data.copy(data, 4 * 512, 0, 8192)
        expect(disks[0]!.flushes).toBe(1)
        const back = await one.command(read10(5, 3072), { read: data.length })
        expect(back.status).toBe(0)
        expect(back.data.equals(data)).toBe(true)
      })

  test('many reads at once all come back, each with its own', async () => {
    disks[0]!.isSlow = true
    const one = await ready()
    const content = bytes(64 * 4096, 5)
    disks[0]!.isSlow = false
    disks[0]!.write([content], 0)
    disks[0]!.isSlow = true
    const tags = Array.from({ length: 64 }, (_, i) => {
      const head = one.commandHead(read10(8 * i, 8), { read: 4096 })
      one.send(head)
      return getU32(head, 16)
    })
    const outcomes = await Promise.all(tags.map((tag) => one.finish(tag)))
    outcomes.forEach((outcome, i) => {
      expect(outcome.data.equals(content.subarray(4096 * i, 4096 * (i + 1)))).toBe(true)
    })
  })

  test('several LUNs, of which one is only for reading; others are not there', async () => {
    const one = await ready()
    const luns = await one.command([0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], { read: 256 })
    expect([...luns.data.subarray(0, 4)]).toEqual([0, 0, 0, 16])
    expect([luns.data[9], luns.data[17]]).toEqual([0, 3])
    await one.command([0, 0, 0, 0, 0, 0], { lun: 3 })
    const refused = await one.command(write10(0, 1), { lun: 3, write: bytes(512, 1) })
    expect(refused.sense).toBe(SENSE.writeProtected)
    expect((await one.command(read10(0, 1), { lun: 7, read: 512 })).sense).toBe(SENSE.noSuchLun)
  })

  test('a full pool and a damaged base are told in the words of SCSI', async () => {
    const one = await ready()
    disks[0]!.failure = new Refusal('no-space', 'full')
    expect((await one.command(write10(0, 1), { write: bytes(512, 1) })).sense).toBe(SENSE.noSpace)
    disks[0]!.failure = new Refusal('corrupt', 'damaged')
    expect((await one.command(read10(0, 1), { read: 512 })).sense).toBe(SENSE.readError)
    disks[0]!.failure = undefined
    expect((await one.command(read10(0, 1), { read: 512 })).status).toBe(0)
  })

  test('a read that is larger than what is announced tells how much it left out', async () => {
    const one = await ready()
    expect(await one.command(read10(0, 2), { read: 512 })).toMatchObject({ status: 0, flags: 4, residual: 512 })
    expect(await one.command(read10(0, 1), { read: 2048 })).toMatchObject({ status: 0, flags: 2, residual: 1536 })
    expect((await one.command(read10(0, 1), { read: 200 })).data).toHaveLength(200)
  })
})

test('with next to no memory everything comes to its end, without waiting for the keep-alive', async () => {
  const disk = new MemoryDisk(16 * 1024 * 1024)
  disk.isSlow = true
  const small = await serveDisks({
    host: '127.0.0.1',
    port: 0,
    memoryBytes: 1,
    keepAliveSeconds: 600,
    log: SILENT,
    openLun: async () => disk,
    report() {},
  })
  await small.apply(target({ luns: [{ lun: 0, volume: 'v', readOnly: false, serial: 'v', scsi: SCSI }] }))
  const all = await Promise.all(
    [1, 2, 3].map(async (isid) => {
      const one = await Initiator.connect(small.port)
      initiators.push(one)
      await one.login(IQN, { isid })
      await one.command([0, 0, 0, 0, 0, 0])
      const data = bytes(131072, isid)
      const at = (i: number) => isid * 8192 + i * 256
      const writes = Array.from({ length: 8 }, (_, i) => {
        const head = one.commandHead(write10(at(i), 256), { write: data.length })
        one.send(head)
        return one.finish(getU32(head, 16), data)
      })
      for (const outcome of await Promise.all(writes)) expect(outcome.status).toBe(0)
      const reads = Array.from({ length: 8 }, (_, i) => {
        const head = one.commandHead(read10(at(i), 256), { read: data.length })
        one.send(head)
        return one.finish(getU32(head, 16))
      })
      return (await Promise.all(reads)).every((outcome) => outcome.data.equals(data))
    }),
  )
  expect(all).toEqual([true, true, true])
  await small.stop()
})

describe('sessions', () => {
  test('the same initiator port takes the place of its older session', async () => {
    const old = await ready()
    const one = await ready()
    await expect(old.command([0, 0, 0, 0, 0, 0])).rejects.toThrow('closed')
    expect((await one.command([0, 0, 0, 0, 0, 0])).status).toBe(0)
    expect(served.server.sessions()).toHaveLength(1)
  })

  test('counts reads and writes', async () => {
    const one = await ready()
    await one.command(write10(0, 8), { write: bytes(4096, 1) })
    await one.command(read10(0, 16), { read: 8192 })
    const [session] = served.server.sessions()
    expect(session).toMatchObject({ target: IQN, address: '127.0.0.1', initiator: 'iqn.2026-01.test:initiator' })
    expect(session!.counters).toMatchObject({ reads: 1, writes: 1, bytesRead: 8192, bytesWritten: 4096, inFlight: 0 })
    expect(session!.counters!.readP50).toBeGreaterThan(0)
  })

  test('one that is kicked is told, and may come again', async () => {
    const one = await ready()
    await served.server.kick(served.server.sessions()[0]!.id)
    const message = await one.next((pdu) => (pdu.head[0]! & 0x3f) === RESPONSE.asynchronous)
    expect(message.head[36]).toBe(3)
    expect(reports.at(-1)).toMatchObject({ outcome: 'ended' })
    await ready()
  })

  test('a withdrawn target ends its sessions, and its disks are closed', async () => {
    const one = await ready()
    await served.server.withdraw(IQN)
    expect(disks[0]!.isClosed && disks[3]!.isClosed).toBe(true)
    expect(served.server.sessions()).toEqual([])
    await expect(one.command([0, 0, 0, 0, 0, 0])).rejects.toThrow('closed')
  })

  test('an initiator that goes while its disks are opened leaves nothing behind: it may come again, and they are closed without it', async () => {
    let open = () => {}
    opening = new Promise((resolve) => {
      open = resolve
    })
    const gone = await initiator()
    void gone.login(IQN).catch(() => undefined)
    await vi.waitFor(() => expect(opens).toBe(1))
    gone.close()
    await vi.waitFor(() => expect(gone.isClosed).toBe(true))
    // What it did not wait for is seen here too before the disks are open.
    await new Promise((resolve) => setTimeout(resolve, 50))
    opening = undefined
    open()
    await vi.waitFor(() => expect(disks[0]!.isClosed && disks[3]!.isClosed).toBe(true))
    disks[0]!.isClosed = false
    const again = await ready()
    expect((await again.command(read10(0, 1), { read: 512 })).status).toBe(0)
    expect(served.server.sessions()).toHaveLength(1)
    await served.server.withdraw(IQN)
    expect(disks[0]!.isClosed).toBe(true)
  })

  test('a persistent reservation outlives the sessions and the time without any; it ends with the target', async () => {
    const registers = [0x5f, 0, 0, 0, 0, 0, 0, 0, 24]
    const reserves = [0x5f, 1, 3, 0, 0, 0, 0, 0, 24]
    const list = (key: number, given: number) => {
      const bytes = Buffer.alloc(24)
      bytes[7] = key
      bytes[15] = given
      return bytes
    }
    const holder = await ready({ name: 'iqn.2026-01.test:a' })
    expect((await holder.command(registers, { write: list(0, 1) })).status).toBe(0)
    expect((await holder.command(reserves, { write: list(1, 0) })).status).toBe(0)
    holder.close()
    await vi.waitFor(() => expect(disks[0]!.isClosed).toBe(true))
    const other = await ready({ name: 'iqn.2026-01.test:b' })
    expect((await other.command(write10(0, 1), { write: bytes(512, 1) })).status).toBe(0x18)
    const again = await ready({ name: 'iqn.2026-01.test:a' })
    expect((await again.command(write10(0, 1), { write: bytes(512, 1) })).status).toBe(0)
    await served.server.withdraw(IQN)
    await served.apply(target())
    const later = await ready({ name: 'iqn.2026-01.test:b' })
    expect((await later.command(write10(0, 1), { write: bytes(512, 1) })).status).toBe(0)
  })

  test('a target that is for others now ends just the sessions that may not go on', async () => {
    const [stays, goes] = [await ready({ name: 'iqn.2026-01.test:a' }), await ready({ name: 'iqn.2026-01.test:b' })]
    await served.apply(target({ initiators: ['iqn.2026-01.test:a'] }))
    expect((await stays.command([0, 0, 0, 0, 0, 0])).status).toBe(0)
    await expect(goes.command([0, 0, 0, 0, 0, 0])).rejects.toThrow('closed')
  })

  test('task management: an aborted write is not answered; a reset is told to every nexus', async () => {
    const [one, other] = [await ready(), await ready({ isid: 2 })]
    const head = one.commandHead(write10(0, 64), { write: 32768 })
    one.send(head)
    await one.next((pdu) => (pdu.head[0]! & 0x3f) === RESPONSE.readyToTransfer)
    expect(await one.manage(TASK_FUNCTION.abortTask, { tag: getU32(head, 16) })).toBe(0)
    expect(await one.manage(TASK_FUNCTION.abortTask, { tag: 0x1234, cmdSN: 0 })).toBe(1)
    expect(await one.manage(TASK_FUNCTION.logicalUnitReset, { lun: 9 })).toBe(2)
    expect(await one.manage(TASK_FUNCTION.logicalUnitReset)).toBe(0)
    expect((await other.command([0, 0, 0, 0, 0, 0])).sense).toBe(SENSE.reset)
    expect((await one.command([0, 0, 0, 0, 0, 0])).sense).toBe(SENSE.reset)
    expect((await one.command([0, 0, 0, 0, 0, 0])).status).toBe(0)
  })

  test('commands that come in another order are done in theirs; those outside the window are ignored', async () => {
    const one = await ready()
    const [first, second] = [one.commandHead([0]), one.commandHead([0])]
    one.send(second)
    const outside = one.commandHead([0])
    setU32(outside, 24, (one.maxCmdSN + 5) >>> 0)
    one.send(outside)
    one.send(first)
    expect((await one.finish(getU32(first, 16))).status).toBe(0)
    expect((await one.finish(getU32(second, 16))).status).toBe(0)
    expect(one.received).toEqual([])
  })
})
