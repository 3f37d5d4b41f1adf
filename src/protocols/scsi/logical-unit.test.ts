import { beforeEach, describe, expect, test } from 'vitest'
import { naaOf } from './inquiry.ts'
import { LogicalUnit, type Nexus } from './logical-unit.ts'
import { BLOCK_BYTES, Plan, STATUS } from './plan.ts'
import { SENSE } from './sense.ts'

const IDENTITY = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1', serial: 'v_abc', target: 'iqn.2026-01.x:y' }
const BLOCKS = 4096

let unit: LogicalUnit
let one: Nexus
let other: Nexus
let aborted: string[]

beforeEach(() => {
  aborted = []
  const surroundings = { luns: () => [0, 5], abort: async (ids: readonly string[]) => aborted.push(...ids) }
  unit = new LogicalUnit(BLOCKS * BLOCK_BYTES, false, IDENTITY, surroundings)
  ;[one, other] = ['a', 'b'].map((id) => unit.attach(id)) as [Nexus, Nexus]
  one.attentions.length = 0
  other.attentions.length = 0
})

/** What becomes of a command; `list` is its parameter list. */
function ask(nexus: Nexus, cdb: readonly number[], list?: Uint8Array): Plan {
  const plan = new Plan()
  const bytes = new Uint8Array(16)
  bytes.set(cdb)
  unit.plan(nexus, bytes, plan)
  if (plan.action === 'parameters' && list) unit.parameters(nexus, bytes, list, plan)
  return plan
}

const u32 = (value: number) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]

describe('reading and writing', () => {
  test.each([
    ['READ(6)', [0x08, 0, 1, 0, 0], { action: 'read', at: 256 * 512, bytes: 256 * 512 }],
    ['READ(10)', [0x28, 0, ...u32(7), 0, 0, 9], { action: 'read', at: 7 * 512, bytes: 9 * 512, flush: false }],
    ['WRITE(12) with FUA', [0xaa, 8, ...u32(7), ...u32(2)], { action: 'write', dataOut: 1024, flush: true }],
    ['READ(16)', [0x88, 0, ...u32(0), ...u32(4095), ...u32(1)], { action: 'read', at: 4095 * 512 }],
    ['beyond the end', [0x28, 0, ...u32(4095), 0, 0, 2], { sense: SENSE.outOfRange }],
    ['beyond 2^53', [0x88, 0, ...u32(0x80000000), ...u32(0), ...u32(1)], { sense: SENSE.outOfRange }],
    ['with protection', [0x28, 0x20, ...u32(0), 0, 0, 1], { sense: SENSE.invalidField }],
    ['COMPARE AND WRITE', [0x89, 0, ...u32(0), ...u32(4), 0, 0, 0, 2], { action: 'compare-and-write', dataOut: 2048 }],
    ['WRITE SAME(16) without data', [0x93, 9, ...u32(0), ...u32(8), ...u32(8)], { action: 'write-same', dataOut: 0 }],
    ['WRITE SAME of nothing', [0x41, 0, ...u32(0), 0, 0, 0], { sense: SENSE.invalidField }],
    ['SYNCHRONIZE CACHE', [0x35], { action: 'flush' }],
    ['nothing we know', [0xff], { sense: SENSE.invalidOperationCode }],
  ])('%s', (_, cdb, expected) => {
    expect(ask(one, cdb)).toMatchObject(expected)
  })

  test('UNMAP takes its ranges from its list, all within the disk', () => {
    const list = (lba: number, count: number) =>
      Uint8Array.from([0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, ...u32(lba), ...u32(count), 0, 0, 0, 0])
    const cdb = [0x42, 0, 0, 0, 0, 0, 0, 0, 24]
    expect(ask(one, cdb, list(8, 16))).toMatchObject({ action: 'unmap', ranges: [{ at: 4096, bytes: 8192 }] })
    expect(ask(one, cdb, list(4090, 16)).sense).toBe(SENSE.outOfRange)
  })

  test('software write protection holds until it is taken back', () => {
    const list = (on: boolean) => Uint8Array.from([0, 0, 0, 0, 10, 10, 0, 0x10, on ? 8 : 0, 0, 0, 0, 0xff, 0xff, 0, 0])
    expect(ask(one, [0x15, 0x10, 0, 0, 16], list(true)).status).toBe(STATUS.good)
    expect(ask(other, [0x00]).sense).toBe(SENSE.modeChanged)
    expect(ask(other, [0x2a, 0, 0, 0, 0, 0, 0, 0, 1]).sense).toBe(SENSE.writeProtected)
    expect(ask(one, [0x1a, 8, 10, 0, 255]).data![2]! & 0x80).toBe(0x80)
    ask(one, [0x15, 0x10, 0, 0, 16], list(false))
    ask(other, [0x00])
    expect(ask(other, [0x2a, 0, 0, 0, 0, 0, 0, 0, 1]).action).toBe('write')
  })
})

describe('identity', () => {
  test('INQUIRY tells vendor, product and revision; the name is one that disks are known by', () => {
    const data = Buffer.from(ask(one, [0x12, 0, 0, 0, 255]).data!)
    expect(data.toString('latin1', 8, 36)).toBe('REVEILLEVOLUME          1   ')
    expect(naaOf(ask(one, [0x12, 1, 0x83, 0, 255]).data!)).toMatch(/^0x3[0-9a-f]{15}$/)
    expect(Buffer.from(ask(one, [0x12, 1, 0x80, 0, 255]).data!).toString('latin1', 4)).toBe('v_abc')
    expect(ask(one, [0x12, 1, 0x83, 0, 4]).data).toHaveLength(4)
  })

  test('REPORT LUNS names them all', () => {
    expect([...ask(one, [0xa0, 0, 0, 0, 0, 0, ...u32(64)]).data!.subarray(8)]).toEqual([
      ...[0, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 5, 0, 0, 0, 0, 0, 0],
    ])
  })
})

describe('unit attentions', () => {
  test('come once, before the first command, but not before INQUIRY', () => {
    const fresh = unit.attach('c')
    expect(ask(fresh, [0x12, 0, 0, 0, 96]).action).toBe('data')
    expect(ask(fresh, [0x00]).sense).toBe(SENSE.powerOn)
    expect(ask(fresh, [0x00]).status).toBe(STATUS.good)
  })

  test('REQUEST SENSE takes them as data', () => {
    unit.reset()
    expect(ask(one, [0x03, 0, 0, 0, 18]).data![12]).toBe(0x29)
    expect(ask(one, [0x00]).status).toBe(STATUS.good)
  })
})

describe('reservations', () => {
  const list = (key: number, given: number, flags = 0) =>
    Uint8Array.from([...u32(0), ...u32(key), ...u32(0), ...u32(given), 0, 0, 0, 0, flags, 0, 0, 0])
  const out = (nexus: Nexus, action: number, key: number, given = 0, type = 0, flags = 0) =>
    ask(nexus, [0x5f, action, type, 0, 0, 0, 0, 0, 24], list(key, given, flags))
  const isHeldOff = (nexus: Nexus, writing: boolean) =>
    ask(nexus, [writing ? 0x2a : 0x28, 0, 0, 0, 0, 0, 0, 0, 1]).status === STATUS.reservationConflict

  test.each([
    [1, 'write exclusive', false, true, true],
    [3, 'exclusive access', true, true, true],
    [5, 'write exclusive, registrants only', false, true, false],
    [6, 'exclusive access, registrants only', true, true, false],
    [7, 'write exclusive, all registrants', false, true, false],
    [8, 'exclusive access, all registrants', true, true, false],
  ])('type %i: %s', (type, _, reads, writes, alsoRegistered) => {
    out(one, 0, 0, 1)
    expect(out(one, 1, 1, 0, type).status).toBe(STATUS.good)
    expect([isHeldOff(one, false), isHeldOff(one, true)]).toEqual([false, false])
    expect([isHeldOff(other, false), isHeldOff(other, true)]).toEqual([reads, writes])
    out(other, 0, 0, 2)
    expect(isHeldOff(other, true)).toBe(alsoRegistered)
  })

  test('preempting takes it over, tells the victim and aborts what it had', () => {
    out(one, 0, 0, 1)
    out(one, 1, 1, 0, 3)
    out(other, 0, 0, 2)
    expect(out(other, 5, 2, 1, 1).status).toBe(STATUS.good)
    expect(aborted).toEqual(['a'])
    expect(ask(one, [0x00]).sense).toBe(SENSE.registrationsPreempted)
    expect(isHeldOff(one, true)).toBe(true)
    expect(isHeldOff(other, true)).toBe(false)
  })

  test('a wrong key is a conflict; surviving a loss of power is not promised', () => {
    out(one, 0, 0, 1)
    expect(out(one, 1, 9, 0, 1).status).toBe(STATUS.reservationConflict)
    expect(out(one, 0, 1, 2, 0, 1).sense).toBe(SENSE.invalidParameter)
  })

  test('RESERVE(6) holds until RELEASE, a reset, or the end of the session', () => {
    for (const free of [() => ask(one, [0x17]), () => unit.reset(), () => unit.detach(one)]) {
      ask(one, [0x16])
      expect(isHeldOff(other, false)).toBe(true)
      free()
      one.attentions.length = 0
      other.attentions.length = 0
      expect(isHeldOff(other, false)).toBe(false)
    }
  })
})
