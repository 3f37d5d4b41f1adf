import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CopyListFields, copyCdb, copyList, resultsCdb } from '../../../test/fakes/copy-list.ts'
import { parseCopyList, unitOf } from './copy-list.ts'
import type { CopyList } from './copy-plan.ts'
import { naaOf } from './inquiry.ts'
import { LogicalUnit } from './logical-unit.ts'
import { BLOCK_BYTES, Plan, STATUS } from './plan.ts'
import { SENSE } from './sense.ts'

const identity = (serial: string) => ({ vendor: 'V', product: 'P', revision: '1', serial, target: 'iqn.2026-01.x:y' })
const unit = (serial: string, blocks = 4096, readOnly = false) =>
  new LogicalUnit(blocks * BLOCK_BYTES, readOnly, identity(serial), { luns: () => [0], async abort() {} })

function ask(one: LogicalUnit, cdb: readonly number[], list?: Uint8Array, nexus = attached(one)): Plan {
  const plan = new Plan()
  const bytes = new Uint8Array(16)
  bytes.set(cdb)
  one.plan(nexus, bytes, plan)
  if (plan.action === 'parameters' && list) one.parameters(nexus, bytes, list, plan)
  return plan
}

function attached(one: LogicalUnit, id = 'a') {
  const nexus = one.attach(id)
  nexus.attentions.length = 0
  return nexus
}

const nameOf = (one: LogicalUnit) => naaOf(ask(one, [0x12, 1, 0x83, 0, 255]).data!)!
const [first, second] = [unit('one'), unit('two', 100)]
const targets = [{ naa: nameOf(first) }, { naa: nameOf(second) }]
const segment = { from: 0, to: 8, blocks: 8 }
const plain: CopyListFields = { targets, segments: [segment] }

describe('what is wrong with a list is known before anything is copied', () => {
  const nine = <T>(one: T) => Array.from({ length: 9 }, () => one)
  test.each<[string, Uint8Array, number]>([
    ['shorter than its header', copyList(plain).subarray(0, 15), SENSE.parameterListLength],
    ['cut in a CSCD descriptor', copyList(plain).subarray(0, 47), SENSE.parameterListLength],
    ['cut in a segment descriptor', copyList(plain).subarray(0, 107), SENSE.parameterListLength],
    ['inline data', copyList({ ...plain, inlineBytes: 4 }), SENSE.parameterListLength],
    ['both too many', copyList({ targets: nine(targets[0]!), segments: nine(segment) }), SENSE.parameterListLength],
    ['too many CSCDs', copyList({ targets: nine(targets[0]!), segments: [segment] }), SENSE.tooManyTargets],
    ['too many segments', copyList({ targets, segments: nine(segment) }), SENSE.tooManySegments],
    ['a CSCD by Fibre Channel', list({ naa: '0', typeCode: 0xe0 }), SENSE.unsupportedTarget],
    ['a name of 21 bytes', list({ naa: '0', nameBytes: 21 }), SENSE.invalidParameter],
    ['stream to stream', copyList({ targets, segments: [{ ...segment, typeCode: 3 }] }), SENSE.unsupportedSegment],
    ['a short segment', copyList({ targets, segments: [{ ...segment, descriptorBytes: 20 }] }), SENSE.invalidParameter],
    ['a reserved use of the identifier', copyList({ ...plain, usage: 1 }), SENSE.invalidParameter],
    ['an identifier where there is none', copyList({ ...plain, usage: 3 }), SENSE.invalidParameter],
  ])('%s', (_, bytes, sense) => {
    expect(parseCopyList(bytes)).toBe(sense)
    expect(ask(first, copyCdb(bytes.length), bytes)).toMatchObject({ action: 'status', sense })
  })

  function list(target: CopyListFields['targets'][number]) {
    return copyList({ targets: [target], segments: [segment] })
  }

  test('nothing is nothing, and longer than anything is refused at once', () => {
    expect(ask(first, copyCdb(0)).status).toBe(STATUS.good)
    expect(ask(first, copyCdb(65535)).sense).toBe(SENSE.parameterListLength)
    expect(ask(first, [0x83, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64]).sense).toBe(SENSE.invalidField)
  })
})

test('what was meant is what is understood', () => {
  const block = fc.integer({ min: 0, max: 2 ** 32 })
  const segments = fc.array(
    fc.record({
      from: block,
      to: block,
      blocks: fc.integer({ min: 0, max: 65535 }),
      source: fc.integer({ min: 0, max: 65535 }),
      destination: fc.integer({ min: 0, max: 65535 }),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(segments, fc.integer({ min: 1, max: 255 }), fc.boolean(), (meant, id, discard) => {
      const understood = parseCopyList(copyList({ id, usage: discard ? 2 : 0, targets, segments: meant })) as CopyList
      expect(understood.id).toBe(id)
      expect(understood.targets.map((one) => `0x${Buffer.from(one.name).toString('hex')}`)).toEqual(
        targets.map((one) => one.naa),
      )
      expect(understood.segments).toEqual(
        meant.map(({ from, to, blocks, source, destination }) => ({
          ...{ source, destination, from: from * 512, to: to * 512, bytes: blocks * 512 },
        })),
      )
    }),
  )
})

describe('the ends of a segment', () => {
  const find = (fields: CopyListFields, end: 'source' | 'destination' = 'source') => {
    const list = parseCopyList(copyList(fields)) as CopyList
    return unitOf(list, list.segments[0]!, end, first, [first, second])
  }
  const at = (more: object) => ({ targets, segments: [{ ...segment, ...more }] })
  const fault = (sense: number, pointer: object) => ({ fault: { sense, pointer } })

  test('are found by the name of the unit, or as the one that was asked', () => {
    expect(find(plain)).toEqual({ unit: first })
    // LU ID TYPE is not looked at.
    expect(find(one({ flags: 0xc0 }))).toEqual({ unit: first })
    expect(find(at({ destination: 1 }), 'destination')).toEqual({ unit: second })
    expect(find(at({ source: 0xffff }))).toEqual({ unit: first })
  })

  test.each<[string, CopyListFields, ReturnType<typeof fault>]>([
    ['not in the list', at({ source: 2 }), fault(SENSE.unreachableCopyTarget, { inSegment: true, at: 4 })],
    ['a null device', one({ flags: 0x20 }), fault(SENSE.copyDeviceNotReachable, { inSegment: false, at: 16 })],
    ['of nobody', one({ naa: '0x3' }), fault(SENSE.copyDeviceNotReachable, { inSegment: false, at: 16 })],
    ['named by its port', one({ association: 1 }), fault(SENSE.copyDeviceNotReachable, { inSegment: false, at: 16 })],
    ['a tape', one({ flags: 1 }), fault(SENSE.copyDeviceType, { inSegment: false, at: 16 })],
    ['of other blocks', one({ blockBytes: 4096 }), fault(SENSE.copyInvalidParameter, { inSegment: false, at: 45 })],
    ['beyond the end', at({ from: 4089 }), fault(SENSE.copyAborted, { inSegment: true, at: 12 })],
  ])('%s', (_, fields, expected) => expect(find(fields)).toEqual(expected))

  test('the end of the destination is that of its own disk', () => {
    expect(find(at({ destination: 1, to: 92 }), 'destination')).toEqual({ unit: second })
    expect(find(at({ destination: 1, to: 93 }), 'destination')).toEqual(
      fault(SENSE.copyAborted, { inSegment: true, at: 20 }),
    )
  })

  function one(more: Partial<CopyListFields['targets'][number]>): CopyListFields {
    return { targets: [{ ...targets[0]!, ...more }], segments: [segment] }
  }
})

describe('reservations and write protection', () => {
  const reserve = (one: LogicalUnit, nexus: ReturnType<LogicalUnit['attach']>, type: number) => {
    const list = (key: number, given: number) =>
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, key, ...Buffer.alloc(7), given, ...Buffer.alloc(8))
    ask(one, [0x5f, 0, 0, 0, 0, 0, 0, 0, 24], list(0, 1), nexus)
    ask(one, [0x5f, 1, type, 0, 0, 0, 0, 0, 24], list(1, 0), nexus)
  }

  test('of the unit that is asked hold the command off, but not questions about it', () => {
    const held = unit('held')
    reserve(held, attached(held, 'holder'), 1)
    expect(ask(held, copyCdb(64)).status).toBe(STATUS.reservationConflict)
    expect(ask(held, resultsCdb(3, 0)).action).toBe('data')
  })

  test('of both ends are asked for as for a READ and a WRITE', () => {
    const held = unit('held')
    const [holder, other] = [attached(held, 'holder'), attached(held, 'other')]
    reserve(held, holder, 1)
    expect(held.refusal(other, false)).toBeUndefined()
    expect(held.refusal(other, true)).toEqual({ status: STATUS.reservationConflict, sense: SENSE.none })
    expect(held.refusal(holder, true)).toBeUndefined()
    const readOnly = unit('read-only', 100, true)
    expect(readOnly.refusal(readOnly.attach('a'), false)).toBeUndefined()
    expect(readOnly.refusal(readOnly.attach('a'), true)?.sense).toBe(SENSE.writeProtected)
    // It may be asked to copy to another one.
    expect(ask(readOnly, copyCdb(64)).action).toBe('parameters')
  })
})
