import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { serveDisks } from '../../src/boot/disk/serve.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import { SILENT } from '../../src/kit/log.ts'
import { decodeAdditionalHeaders, getU32, setU32 } from '../../src/protocols/iscsi/fields.ts'
import { LoginDialogue } from '../../src/protocols/iscsi/login.ts'
import { BHS_BYTES, REQUEST } from '../../src/protocols/iscsi/opcodes.ts'
import { PduReader } from '../../src/protocols/iscsi/pdu-reader.ts'
import { decodeText, encodeText, type TextPair } from '../../src/protocols/iscsi/text.ts'
import { parseCopyList, unitOf } from '../../src/protocols/scsi/copy-list.ts'
import { LogicalUnit } from '../../src/protocols/scsi/logical-unit.ts'
import { OPERATIONS } from '../../src/protocols/scsi/operation-codes.ts'
import { BLOCK_BYTES, Plan } from '../../src/protocols/scsi/plan.ts'
import { unitNames } from '../../src/protocols/scsi/vital-pages.ts'
import { copyList } from '../fakes/copy-list.ts'
import { Initiator } from '../fakes/initiator.ts'
import { MemoryDisk } from '../fakes/memory-disk.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** Runs what may refuse its input, but in no other way than by a `DecodeError`. */
function tolerate<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return undefined
  }
}

test('PDUs: however a stream is damaged and cut, limits hold; whole ones come out the same in any pieces', () => {
  const mutator = new Mutator(fuzzSeed('iscsi pdus'))
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = Buffer.alloc(BHS_BYTES + mutator.below(64) * 4)
    bytes[7] = Math.max(0, bytes.length - BHS_BYTES - mutator.below(4))
    const stream = mutator.mutate(Buffer.concat([bytes, bytes]))
    const digests = mutator.below(4) === 0
    const read = (pieces: boolean) => {
      const seen: string[] = []
      const reader = new PduReader(
        {
          onPdu(head, at, ahsBytes, data) {
            expect(data.length).toBe(getU32(head, at + 4) & 0xffffff)
            expect(data.length).toBeLessThanOrEqual(512)
            expect(ahsBytes).toBeLessThanOrEqual(256)
            tolerate(() => decodeAdditionalHeaders(head, at, ahsBytes))
            seen.push(latin1(head.slice(at, at + BHS_BYTES)) + latin1(data))
          },
          onDamagedData: () => void seen.push('damaged'),
        },
        512,
        // Whatever is given back is written over at once.
        { take: (size) => new Uint8Array(size + mutator.below(3)), give: (memory) => void memory.fill(0xee) },
      )
      reader.headerDigest = digests
      reader.dataDigest = digests
      const chunk = new Uint8Array(128)
      const isDone = tolerate(() => {
        for (let at = 0; at < stream.length; ) {
          const rest = pieces && reader.lacks > 0 && mutator.below(2) === 0 ? reader.rest : undefined
          const size = Math.min(stream.length - at, pieces ? 1 + mutator.below(rest?.length ?? 70) : stream.length)
          const part = stream.subarray(at, at + size)
          at += size
          if (rest) {
            rest.set(part)
            reader.filled(size)
          } else if (pieces) {
            chunk.set(part)
            reader.push(chunk, size)
            chunk.fill(0xdd)
          } else reader.push(part)
        }
        return true
      })
      return { seen, isDone }
    }
    expect(read(true)).toEqual(read(false))
  }
})

test('login texts: whatever they say, the answer is a text, and nobody is let in without a proof', () => {
  const mutator = new Mutator(fuzzSeed('iscsi logins'))
  const crypto = {
    hash: (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest(),
    random: (bytes: number) => randomBytes(bytes),
    isSame: (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0,
  }
  const samples: readonly (readonly TextPair[])[] = [
    [
      ['InitiatorName', 'iqn.2026-01.x:y'],
      ['TargetName', 'iqn.2026-01.x:z'],
      ['SessionType', 'Normal'],
      ['AuthMethod', 'CHAP,None'],
    ],
    [['CHAP_A', '7,5']],
    [
      ['CHAP_N', 'anna'],
      ['CHAP_R', `0x${'ab'.repeat(16)}`],
      ['CHAP_I', '7'],
      ['CHAP_C', '0bAAAAAAAAAAAA'],
    ],
    [
      ['HeaderDigest', 'CRC32C,None'],
      ['MaxBurstLength', '0x40000'],
      ['FirstBurstLength', '65536'],
      ['MaxRecvDataSegmentLength', '512'],
      ['X-com.example.a', 'b'],
    ],
  ]
  for (let i = 0; i < fuzzCount(); i++) {
    const isOpen = mutator.below(2) === 0
    const dialogue = new LoginDialogue(false, isOpen ? null : { user: 'anna', secret: 'secret123456' }, crypto)
    for (let step = 0; step < 4; step++) {
      const answer = tolerate(() =>
        dialogue.step({
          stage: mutator.pick([0, 0, 1, 1, 2, 3]),
          next: mutator.below(4),
          transit: mutator.below(2) === 0,
          pairs: decodeText(mutator.mutate(encodeText(mutator.pick(samples)))),
        }),
      )
      if (!answer || answer.kind === 'refuse') break
      expect(decodeText(encodeText(answer.pairs))).toEqual(answer.pairs)
      if (answer.done) expect(isOpen).toBe(true)
      const { parameters } = dialogue
      expect(parameters.firstBurst).toBeLessThanOrEqual(parameters.maxBurst)
      expect(parameters.initiatorDataBytes).toBeGreaterThanOrEqual(512)
      if (answer.done) break
    }
  }
})

test('CDBs: whatever is asked, work stays within the disk and within the limits', () => {
  const mutator = new Mutator(fuzzSeed('cdbs'))
  const identity = { vendor: 'V', product: 'P', revision: '1', serial: 's', target: 'iqn.2026-01.x:y' }
  const blocks = 5000
  const unit = new LogicalUnit(blocks * BLOCK_BYTES, false, identity, { luns: () => [0], async abort() {} })
  const nexuses = ['a', 'b'].map((name) => unit.attach(name))
  const plan = new Plan()
  for (let i = 0; i < fuzzCount(); i++) {
    const operation = mutator.pick(OPERATIONS)
    const cdb = new Uint8Array(16)
    cdb.set([operation.code, Math.max(0, operation.service), 0, 0, 0, 0, 0, 0, 24, 0])
    for (let j = mutator.below(5); j > 0; j--) cdb[1 + mutator.below(15)] = mutator.below(256)
    plan.reset()
    const nexus = mutator.pick(nexuses)
    unit.plan(nexus, cdb, plan)
    if (plan.action === 'parameters') {
      expect(plan.dataOut).toBeLessThanOrEqual(65535)
      const list = new Uint8Array(plan.dataOut)
      for (let j = mutator.below(8); j > 0 && list.length > 0; j--)
        list[mutator.below(Math.min(list.length, 40))] = mutator.below(256)
      unit.parameters(nexus, cdb, list, plan)
    }
    expect(plan.action).not.toBe('parameters')
    expect(plan.dataOut).toBeLessThanOrEqual(16 * 1024 * 1024)
    for (const range of plan.action === 'unmap' ? plan.ranges! : [plan]) {
      expect(range.at % BLOCK_BYTES).toBe(0)
      if (plan.action !== 'status' && plan.action !== 'data')
        expect(range.at + range.bytes).toBeLessThanOrEqual(blocks * BLOCK_BYTES)
    }
    if (plan.action === 'read' || plan.action === 'write') expect(plan.bytes).toBeLessThanOrEqual(8 * 1024 * 1024)
    if (plan.action === 'data') expect(plan.data).toBeInstanceOf(Uint8Array)
  }
})

test('lists of EXTENDED COPY: whatever they say, they are refused, or copies are few and within the disks', () => {
  const mutator = new Mutator(fuzzSeed('copy lists'))
  const identity = { vendor: 'V', product: 'P', revision: '1', serial: 's', target: 'iqn.2026-01.x:y' }
  const unit = { identity, blocks: 5000 }
  const naa = `0x${Buffer.from(unitNames(identity)[1]!.value).toString('hex')}`
  let understood = 0
  let found = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const some = <T>(most: number, one: () => T) => Array.from({ length: mutator.below(most) }, one)
    const place = () => mutator.pick([0, 1, 8, 4999, 5000, 2 ** 32, Number.MAX_SAFE_INTEGER])
    const sample = copyList({
      id: mutator.below(4),
      usage: mutator.below(4),
      targets: some(5, () => ({ naa })),
      segments: some(5, () => ({
        ...{ from: place(), to: place(), blocks: mutator.pick([0, 1, 8, 65535]) },
        ...{ source: mutator.pick([0, 1, 5, 0xffff]), destination: mutator.pick([0, 1, 0xc000]) },
      })),
    })
    const list = parseCopyList(mutator.mutate(sample))
    if (typeof list === 'number') {
      expect(list >> 16).toBe(5)
      continue
    }
    understood++
    expect(list.targets.length).toBeLessThanOrEqual(8)
    expect(list.segments.length).toBeLessThanOrEqual(8)
    for (const segment of list.segments)
      for (const end of ['source', 'destination'] as const) {
        expect(segment.bytes).toBeLessThan(32 * 1024 * 1024)
        const one = unitOf(list, segment, end, unit, [unit])
        if ('fault' in one) expect(one.fault.sense >> 16).toBe(10)
        else {
          found++
          const at = end === 'source' ? segment.from : segment.to
          expect(at >= 0 && at + segment.bytes <= unit.blocks * BLOCK_BYTES).toBe(true)
        }
      }
  }
  expect(Math.min(understood, found)).toBeGreaterThan(0)
})

test('a session under damaged PDUs answers or closes, never fails, and others go on', async () => {
  const mutator = new Mutator(fuzzSeed('iscsi sessions'))
  const failures: unknown[] = []
  const log = { ...SILENT, error: (fields: unknown) => void failures.push(fields), child: () => log }
  const disk = new MemoryDisk(4 * 1024 * 1024)
  const served = await serveDisks({
    host: '127.0.0.1',
    port: 0,
    log,
    openLun: async () => disk,
    report() {},
    idleMs: 60_000,
  })
  const IQN = 'iqn.2026-01.test:fuzz'
  const scsi = { vendor: 'V', product: 'P', revision: '1' }
  const luns = [{ lun: 0, volume: 'v', readOnly: false, serial: 's', scsi }]
  await served.apply({ iqn: IQN, initiators: null, addresses: null, chap: null, luns })
  const calm = await Initiator.connect(served.port)
  expect((await calm.login(IQN, { isid: 99 })).status).toBe(0)
  const opcodes = Object.values(REQUEST)
  const count = Math.ceil(fuzzCount() / 100)
  for (let i = 0; i < count; i++) {
    const wild = await Initiator.connect(served.port)
    if ((await wild.login(IQN, { isid: 1 + (i % 8) })).status !== 0) throw new Error('the login was refused')
    for (let j = 0; j < 12 && !wild.isClosed; j++) {
      const operation = mutator.pick(OPERATIONS)
      const data = new Uint8Array(mutator.pick([0, 0, 512, 24, 4096]))
      const head = wild.commandHead([
        operation.code,
        Math.max(0, operation.service),
        0,
        0,
        0,
        0,
        0,
        0,
        8,
        0,
        0,
        0,
        0,
        8,
      ])
      if (mutator.below(3) === 0) head[0] = mutator.pick(opcodes) | (mutator.below(2) << 6)
      head[1] = mutator.below(256)
      setU32(head, 20, mutator.pick([0, 512, 4096, 65536, 0xffffffff]))
      if (mutator.below(4) === 0) head[mutator.below(48)] = mutator.below(256)
      // A cold reset ends all sessions, as it has to.
      if ((head[0]! & 0x3f) === REQUEST.taskManagement) head[1] = head[1]! % 7
      // Not the lengths: then only the rest of the stream would be waited for.
      head[4] = 0
      wild.send(head, data)
    }
    await new Promise((resolve) => setImmediate(resolve))
    if (i % 20 === 0) expect((await calm.command([0x12, 0, 0, 0, 96, 0], { read: 96 })).data).toHaveLength(96)
    wild.close()
  }
  expect((await calm.command([0x12, 0, 0, 0, 96, 0], { read: 96 })).data).toHaveLength(96)
  expect(failures).toEqual([])
  calm.close()
  await served.stop()
})
