import { beforeEach, describe, expect, test } from 'vitest'
import { resultsCdb } from '../../../test/fakes/copy-list.ts'
import { operatingParameters, thirdPartyCopy } from './copy-limits.ts'
import { CopyResults } from './copy-results.ts'
import { deviceFault, encodeCopySense } from './copy-sense.ts'
import { OPERATIONS } from './operation-codes.ts'
import { Plan, STATUS } from './plan.ts'
import { SENSE } from './sense.ts'

let results: CopyResults
beforeEach(() => {
  results = new CopyResults()
})

function ask(action: number, id: number, room = 1024): Plan {
  const plan = new Plan()
  results.plan(Uint8Array.from(resultsCdb(action, id, room)), plan)
  return plan
}

describe('copies and their results', () => {
  test('nobody knows of a copy that never was', () => {
    expect(ask(0, 1).sense).toBe(SENSE.invalidField)
    expect(ask(4, 1).sense).toBe(SENSE.invalidField)
  })

  test('one under way tells how far it is, as often as it is asked; its identifier is taken', () => {
    const operation = results.begin(7)!
    operation.segments = 2
    operation.bytes = 0x1020304
    for (let i = 0; i < 2; i++) expect([...ask(0, 7).data!]).toEqual([0, 0, 0, 8, 0, 0, 2, 0, 1, 2, 3, 4])
    expect(ask(4, 7).sense).toBe(SENSE.invalidField)
    expect(results.begin(7)).toBeUndefined()
    expect(results.begin(8)).toBeDefined()
  })

  test('one that is done says so once', () => {
    results.begin(7)!.finish()
    expect(ask(0, 7).data![4]).toBe(1)
    expect(ask(0, 7).sense).toBe(SENSE.invalidField)
    expect(results.begin(7)).toBeDefined()
  })

  test('of one that is done there are no details', () => {
    results.begin(7)!.finish()
    expect([...ask(4, 7).data!]).toEqual([0, 0, 0, 0])
  })

  test('one that failed keeps its details until all of them were taken, or are not wanted', () => {
    const sense = Uint8Array.of(0x70, 0, 0x0a)
    results.begin(7)!.fail(STATUS.checkCondition, sense)
    expect(ask(0, 7).data![4]).toBe(2)
    expect(ask(4, 7, 60).data).toHaveLength(60)
    const { data } = ask(4, 7)
    expect([...data!.subarray(0, 4)]).toEqual([0, 0, 0, 59])
    expect([...data!.subarray(56)]).toEqual([STATUS.checkCondition, 0, 0, 3, ...sense])
    expect(ask(4, 7).sense).toBe(SENSE.invalidField)
    results.begin(8)!.fail(STATUS.taskAborted)
    expect(ask(4, 8, 0).data).toHaveLength(0)
    expect([...ask(4, 8).data!]).toEqual([0, 0, 0, 0])
  })

  test('copies without an identifier leave nothing; old results make room, and a reset forgets them', () => {
    for (let id = 0; id < 40; id++) results.begin(id)!.finish()
    results.begin(undefined)!.finish()
    expect(ask(0, 0).sense).toBe(SENSE.invalidField)
    expect(ask(0, 39).data![4]).toBe(1)
    results.reset()
    expect(ask(0, 38).sense).toBe(SENSE.invalidField)
  })
})

test('sense data of a failed copy: which segment, what was left, what the disk said and where its descriptor is', () => {
  const answer = { status: STATUS.checkCondition, sense: SENSE.noSpace }
  const sense = encodeCopySense(deviceFault('destination', answer, 48), 3, 1024)
  expect(sense).toHaveLength(37)
  expect([...sense.subarray(0, 18)]).toEqual([
    ...[0xf0, 0, 0x0a, 0, 0, 0, 2, 29],
    ...[0, 18, 0, 3, 0x0d, 0x01, 0, 0x80, 0, 48],
  ])
  expect([...sense.subarray(18, 22), sense[31], sense[32]]).toEqual([2, 0x70, 0, 0x07, 0x27, 0x07])
  const conflict = { status: STATUS.reservationConflict, sense: SENSE.none }
  const short = encodeCopySense(deviceFault('source', conflict, undefined), 0, undefined)
  expect([...short.subarray(0, 4), ...short.subarray(7)]).toEqual([
    ...[0x70, 0, 0x0a, 0, 11],
    ...[18, 0, 0, 0, 0x0d, 0x01, 0, 0, 0, 0, 0x18],
  ])
  const wrong = { sense: SENSE.copyAborted, pointer: { inSegment: true, at: 20 } }
  expect([...encodeCopySense(wrong, 1, undefined).subarray(8)]).toEqual([0, 0, 0, 1, 0, 0, 0, 0xa0, 0, 20])
})

test('operating parameters and page 8Fh say the same, and what they name is there', () => {
  const parameters = Buffer.from(operatingParameters())
  expect(parameters.readUInt32BE(0)).toBe(parameters.length - 4)
  expect([...parameters.subarray(43)]).toEqual([2, 0x02, 0xe4])
  const page = Buffer.from(thirdPartyCopy())
  const descriptors = new Map<number, Buffer>()
  for (let at = 0; at < page.length; at += 4 + page.readUInt16BE(at + 2))
    descriptors.set(page.readUInt16BE(at), page.subarray(at + 4, at + 4 + page.readUInt16BE(at + 2)))
  expect([...descriptors.keys()]).toEqual([0x0001, 0x0004, 0x0008, 0x000c, 0x8001])
  expect(descriptors.get(0x0004)!.subarray(4, 12)).toEqual(parameters.subarray(8, 16))
  expect(descriptors.get(0x8001)!.readUInt32BE(8)).toBe(parameters.readUInt32BE(16))
  expect(descriptors.get(0x8001)!.readUInt32BE(4)).toBe(parameters[36])
  const services = (code: number) => OPERATIONS.filter((one) => one.code === code).map((one) => one.service)
  expect([...descriptors.get(0x0001)!.subarray(1, 9)]).toEqual([0x83, 1, ...services(0x83), 0x84, 3, ...services(0x84)])
})
