import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { answerReader, bytesOf, type Command, checkField, type Nothing, noData, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** What stands for "not known" in a time of IPMI 2.0 §37. Times are seconds since 1970. */
export const UNKNOWN_TIME = 0xffffffff

/** IPMI 2.0 table 31-2. */
export type SelInfo = Readonly<{
  entries: number
  freeBytes: number
  lastAddition: number
  lastErase: number
  hasOverflowed: boolean
  canDelete: boolean
  canReserve: boolean
}>

export const GET_SEL_INFO: Command<Nothing, SelInfo> = {
  name: 'Get SEL Info',
  netFn: NET_FN.storage,
  command: 0x40,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: (info) =>
    new ByteWriter(14)
      .u8(0x51)
      .u16le(info.entries)
      .u16le(info.freeBytes)
      .u32le(info.lastAddition)
      .u32le(info.lastErase)
      .u8((info.hasOverflowed ? 0x80 : 0) | (info.canDelete ? 0x08 : 0) | (info.canReserve ? 0x02 : 0))
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 14)
    reader.skip(1)
    const [entries, freeBytes] = [reader.u16le(), reader.u16le()]
    const [lastAddition, lastErase, operations] = [reader.u32le(), reader.u32le(), reader.u8()]
    return {
      entries,
      freeBytes,
      lastAddition,
      lastErase,
      hasOverflowed: (operations & 0x80) !== 0,
      canDelete: (operations & 0x08) !== 0,
      canReserve: (operations & 0x02) !== 0,
    }
  },
}

/** A reservation ends when records change, so that nobody reads halves of two records (IPMI 2.0 §31.4, §33.11). */
export const reserve = (name: string, netFn: number, command: number): Command<Nothing, Readonly<{ id: number }>> => ({
  name,
  netFn,
  command,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ id }) => new ByteWriter(2).u16le(id).finish(),
  decodeAnswer: (data) => ({ id: answerReader(data, 2).u16le() }),
})

export const RESERVE_SEL = reserve('Reserve SEL', NET_FN.storage, 0x42)

/** `count` FFh: as much as there is. Record 0 is the first, FFFFh the last. */
export type GetRecord = Readonly<{ reservation: number; record: number; offset: number; count: number }>
/** `next` FFFFh: this was the last. */
export type RecordPart = Readonly<{ next: number; data: Uint8Array }>

export const FIRST_RECORD = 0x0000
export const LAST_RECORD = 0xffff
export const WHOLE_RECORD = 0xff

export const getRecord = (name: string, netFn: number, command: number): Command<GetRecord, RecordPart> => ({
  name,
  netFn,
  command,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: (request) =>
    new ByteWriter(6).u16le(request.reservation).u16le(request.record).u8(request.offset).u8(request.count).finish(),
  decodeRequest: (data) => {
    const reader = requestReader(data, 6)
    return { reservation: reader.u16le(), record: reader.u16le(), offset: reader.u8(), count: reader.u8() }
  },
  encodeAnswer: ({ next, data }) => new ByteWriter(2 + data.length).u16le(next).bytes(data).finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    return { next: reader.u16le(), data: reader.rest() }
  },
})

export const GET_SEL_ENTRY = getRecord('Get SEL Entry', NET_FN.storage, 0x43)

/** `starts` false only asks how far it is. */
export const CLEAR_SEL: Command<
  Readonly<{ reservation: number; starts: boolean }>,
  Readonly<{ isComplete: boolean }>
> = {
  name: 'Clear SEL',
  netFn: NET_FN.storage,
  command: 0x47,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ reservation, starts }) =>
    new ByteWriter(6)
      .u16le(reservation)
      .text('CLR', 3)
      .u8(starts ? 0xaa : 0x00)
      .finish(),
  decodeRequest: (data) => {
    const reader = requestReader(data, 6)
    const reservation = reader.u16le()
    checkField(reader.text(3) === 'CLR')
    const action = reader.u8()
    checkField(action === 0xaa || action === 0x00)
    return { reservation, starts: action === 0xaa }
  },
  encodeAnswer: ({ isComplete }) => bytesOf(Number(isComplete)),
  decodeAnswer: (data) => ({ isComplete: (answerReader(data, 1).u8() & 0x0f) === 1 }),
}

/** `time`: seconds since 1970. */
export type RecordTime = Readonly<{ time: number }>

export const getTime = (name: string, command: number): Command<Nothing, RecordTime> => ({
  name,
  netFn: NET_FN.storage,
  command,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ time }) => new ByteWriter(4).u32le(time).finish(),
  decodeAnswer: (data) => ({ time: answerReader(data, 4).u32le() }),
})

export const GET_SEL_TIME = getTime('Get SEL Time', 0x48)

export const SET_SEL_TIME: Command<RecordTime, Nothing> = {
  name: 'Set SEL Time',
  netFn: NET_FN.storage,
  command: 0x49,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ time }) => new ByteWriter(4).u32le(time).finish(),
  decodeRequest: (data) => ({ time: requestReader(data, 4).u32le() }),
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

/** Minutes east of UTC; `null` where it is not said. */
export const GET_SEL_UTC_OFFSET: Command<Nothing, Readonly<{ minutes: number | null }>> = {
  name: 'Get SEL Time UTC Offset',
  netFn: NET_FN.storage,
  command: 0x5c,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ minutes }) => new ByteWriter(2).u16le((minutes ?? 0x07ff) & 0xffff).finish(),
  decodeAnswer: (data) => {
    const value = answerReader(data, 2).u16le()
    return { minutes: value === 0x07ff ? null : value > 0x7fff ? value - 0x10000 : value }
  },
}

export const SEL_RECORD_BYTES = 16

/** IPMI 2.0 tables 32-1 to 32-3. `time` is `null` for records without one. */
export type SelRecord =
  | Readonly<{
      kind: 'event'
      id: number
      time: number
      /** Address and LUN of who saw it. */
      generator: number
      sensorType: number
      sensor: number
      eventType: number
      isDeassertion: boolean
      data: readonly [number, number, number]
    }>
  | Readonly<{ kind: 'oem'; id: number; type: number; time: number | null; data: Uint8Array }>

/** Record types of table 32-1: from C0h OEM records with a time, from E0h without. */
const SYSTEM_EVENT = 0x02
const FIRST_OEM = 0xc0
const FIRST_TIMELESS = 0xe0
/** Of events, since IPMI 1.5 (table 29-5). */
const EVENT_REVISION = 0x04

export function encodeSelRecord(record: SelRecord): Uint8Array {
  const writer = new ByteWriter(SEL_RECORD_BYTES).u16le(record.id)
  if (record.kind === 'oem') {
    writer.u8(record.type)
    if (record.time !== null) writer.u32le(record.time)
    return writer.bytes(record.data, SEL_RECORD_BYTES - writer.length).finish()
  }
  writer.u8(SYSTEM_EVENT).u32le(record.time).u16le(record.generator).u8(EVENT_REVISION)
  writer.u8(record.sensorType).u8(record.sensor)
  writer.u8((record.isDeassertion ? 0x80 : 0) | record.eventType)
  for (const byte of record.data) writer.u8(byte)
  return writer.finish()
}

/** @throws DecodeError when these are not the 16 bytes of a record of a known type */
export function decodeSelRecord(bytes: Uint8Array): SelRecord {
  if (bytes.length !== SEL_RECORD_BYTES) throw new DecodeError(`a log record has 16 bytes, ${bytes.length} came`)
  const reader = new ByteReader(bytes)
  const id = reader.u16le()
  const type = reader.u8()
  if (type >= FIRST_TIMELESS) return { kind: 'oem', id, type, time: null, data: reader.rest() }
  const time = reader.u32le()
  if (type >= FIRST_OEM) return { kind: 'oem', id, type, time, data: reader.rest() }
  if (type !== SYSTEM_EVENT) throw new DecodeError(`log record ${id} is of the unknown type ${type}`)
  const generator = reader.u16le()
  reader.skip(1)
  const [sensorType, sensor, event] = [reader.u8(), reader.u8(), reader.u8()]
  return {
    kind: 'event',
    id,
    time,
    generator,
    sensorType,
    sensor,
    eventType: event & 0x7f,
    isDeassertion: (event & 0x80) !== 0,
    data: [reader.u8(), reader.u8(), reader.u8()],
  }
}

/** IPMI 2.0 table 31-3 and 33-4, which say the same of the log and of the sensor records. Sizes in bytes. */
export type Allocation = Readonly<{
  units: number
  unitBytes: number
  freeUnits: number
  largestFree: number
  largestRecord: number
}>

export const allocation = (name: string, command: number): Command<Nothing, Allocation> => ({
  name,
  netFn: NET_FN.storage,
  command,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: (answer) =>
    new ByteWriter(9)
      .u16le(answer.units)
      .u16le(answer.unitBytes)
      .u16le(answer.freeUnits)
      .u16le(answer.largestFree)
      .u8(answer.largestRecord)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 9)
    const [units, unitBytes, freeUnits, largestFree] = [reader.u16le(), reader.u16le(), reader.u16le(), reader.u16le()]
    return { units, unitBytes, freeUnits, largestFree, largestRecord: reader.u8() }
  },
})

export const GET_SEL_ALLOCATION = allocation('Get SEL Allocation Info', 0x41)
