import { ByteReader, ByteWriter, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { answerReader, type Command, type Nothing, noData } from './command.ts'
import { fieldText, LATIN1_FIELD, readField } from './id-string.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'
import { allocation, getRecord, getTime, reserve } from './sel.ts'
import { THRESHOLDS, type Threshold } from './sensor-types.ts'
import type { SensorFactors } from './sensor-values.ts'

/** IPMI 2.0 table 33-3. Times are seconds since 1970; they tell clients whether what they keep is still so. */
export type SdrInfo = Readonly<{
  records: number
  freeBytes: number
  lastAddition: number
  lastErase: number
  canReserve: boolean
}>

export const GET_SDR_INFO: Command<Nothing, SdrInfo> = {
  name: 'Get SDR Repository Info',
  netFn: NET_FN.storage,
  command: 0x20,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: (info) =>
    new ByteWriter(14)
      .u8(0x51)
      .u16le(info.records)
      .u16le(info.freeBytes)
      .u32le(info.lastAddition)
      .u32le(info.lastErase)
      .u8(info.canReserve ? 0x02 : 0)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 14)
    reader.skip(1)
    const [records, freeBytes] = [reader.u16le(), reader.u16le()]
    const [lastAddition, lastErase] = [reader.u32le(), reader.u32le()]
    return { records, freeBytes, lastAddition, lastErase, canReserve: (reader.u8() & 0x02) !== 0 }
  },
}

export const GET_SDR_ALLOCATION = allocation('Get SDR Repository Allocation Info', 0x21)
export const RESERVE_SDR = reserve('Reserve SDR Repository', NET_FN.storage, 0x22)
export const GET_SDR = getRecord('Get SDR', NET_FN.storage, 0x23)
export const GET_SDR_TIME = getTime('Get SDR Repository Time', 0x28)

/** The head of a record: its id, version, type and the length of what follows. */
export const SDR_HEAD_BYTES = 5
const SDR_VERSION = 0x51
const MOST_NAME_BYTES = 16

/** Record types of IPMI 2.0 §43. */
const RECORD = { full: 0x01, compact: 0x02, eventOnly: 0x03, fruLocator: 0x11, mcLocator: 0x12 } as const

export type SensorPlace = Readonly<{
  /** Address of the controller that has it, and the unit there. */
  owner: number
  lun: number
  sensor: number
  entity: number
  instance: number
  sensorType: number
  eventType: number
  name: string
}>

/** Of a record of sensors that say a value (§43.1). Thresholds are bytes, as readings are; those that are not there are absent. */
export type FullSensorRecord = SensorPlace &
  Readonly<{
    kind: 'full'
    id: number
    factors: SensorFactors
    /** Of `SENSOR_UNITS`. */
    unit: number
    isPercent: boolean
    thresholds: Readonly<Partial<Record<Threshold, number>>>
    /** States that it tells, for a sensor that has any; for thresholds 0. */
    states: number
  }>

/** §43.2. `shared`: so many sensors follow each other from `sensor` on. */
export type CompactSensorRecord = SensorPlace &
  Readonly<{ kind: 'compact'; id: number; states: number; shared: number }>
/** §43.3: it only sends events. */
export type EventOnlyRecord = SensorPlace & Readonly<{ kind: 'event-only'; id: number }>
/** §43.8. */
export type FruLocator = Readonly<{
  kind: 'fru'
  id: number
  controller: number
  device: number
  /** False: an EEPROM on a bus of the controller, which Read FRU Data does not reach. */
  isLogical: boolean
  entity: number
  instance: number
  name: string
}>
/** §43.9. `capabilities`: bits of what Get Device ID says it supports. */
export type ControllerLocator = Readonly<{
  kind: 'controller'
  id: number
  address: number
  capabilities: number
  entity: number
  instance: number
  name: string
}>
export type OtherRecord = Readonly<{ kind: 'other'; id: number; type: number }>

export type SdrRecord =
  | FullSensorRecord
  | CompactSensorRecord
  | EventOnlyRecord
  | FruLocator
  | ControllerLocator
  | OtherRecord

const FORMATS = ['unsigned', 'ones', 'twos', null] as const

function writeName(writer: ByteWriter, name: string): void {
  let text = fieldText(name).slice(0, MOST_NAME_BYTES)
  // A length of one is reserved with these characters (§43.15).
  if (text.length === 1) text += ' '
  writer.u8(LATIN1_FIELD | text.length).bytes(latin1Bytes(text))
}

function writePlace(writer: ByteWriter, place: SensorPlace): void {
  writer
    .u8(place.owner)
    .u8(place.lun & 3)
    .u8(place.sensor)
    .u8(place.entity)
    .u8(place.instance)
}

/** Ten bits, the upper two beside six others in the next byte. */
function writeTen(writer: ByteWriter, value: number): void {
  writer.u8(value & 0xff).u8((value >> 2) & 0xc0)
}

/** All thresholds are only read; no events are sent for them. */
function writeFull(writer: ByteWriter, record: FullSensorRecord): void {
  const mask = THRESHOLDS.reduce((sum, name, i) => sum | (record.thresholds[name] === undefined ? 0 : 1 << i), 0)
  const isThreshold = record.eventType === 0x01
  writePlace(writer, record)
  // Byte 11: scanning is on from the start. Byte 12: it starts again by itself; thresholds are readable, there is no hysteresis and no event (§43.1).
  writer.u8(0x40 | 0x01).u8(0x40 | (isThreshold && mask !== 0 ? 0x04 : 0) | 0x03)
  writer.u8(record.sensorType).u8(record.eventType)
  if (isThreshold)
    writer
      .u16le((mask & 7) << 12)
      .u16le(((mask >> 3) & 7) << 12)
      .u8(mask)
      .u8(0)
  else writer.u16le(0).u16le(0).u16le(record.states)
  const format = FORMATS.indexOf(record.factors.format)
  writer
    .u8((format << 6) | Number(record.isPercent))
    .u8(record.unit)
    .u8(0)
  writer.u8(record.factors.linearization)
  writeTen(writer, record.factors.m)
  writeTen(writer, record.factors.b)
  writer.u8(0).u8(((record.factors.exponent & 0x0f) << 4) | (record.factors.bExponent & 0x0f))
  // No nominal reading nor normal limits; then the limits of the byte itself.
  writer.u8(0).u8(0).u8(0).u8(0)
  writer.u8(record.factors.format === 'twos' ? 0x7f : 0xff).u8(record.factors.format === 'twos' ? 0x80 : 0)
  const { thresholds } = record
  for (const name of ['highUnrecoverable', 'highCritical', 'highWarning'] as const) writer.u8(thresholds[name] ?? 0)
  for (const name of ['lowUnrecoverable', 'lowCritical', 'lowWarning'] as const) writer.u8(thresholds[name] ?? 0)
  writer.u8(0).u8(0).u16le(0).u8(0)
}

/** The whole record, head included. @throws RangeError for kinds that only come from elsewhere */
export function encodeSdr(record: SdrRecord): Uint8Array {
  const writer = new ByteWriter(80).u16le(record.id).u8(SDR_VERSION)
  switch (record.kind) {
    case 'full':
      writer.u8(RECORD.full).u8(0)
      writeFull(writer, record)
      break
    case 'compact':
      writer.u8(RECORD.compact).u8(0)
      writePlace(writer, record)
      writer.u8(0x41).u8(0x43).u8(record.sensorType).u8(record.eventType)
      writer.u16le(0).u16le(0).u16le(record.states)
      writer
        .u8(0xc0)
        .u8(0)
        .u8(0)
        .u8(record.shared & 0x0f)
        .u8(0)
        .padTo(31)
      break
    case 'event-only':
      writer.u8(RECORD.eventOnly).u8(0)
      writePlace(writer, record)
      writer.u8(record.sensorType).u8(record.eventType).u8(1).u8(0).u8(0).u8(0)
      break
    case 'fru':
      writer.u8(RECORD.fruLocator).u8(0)
      writer
        .u8(record.controller)
        .u8(record.device)
        .u8(record.isLogical ? 0x80 : 0)
        .u8(0)
        .u8(0)
      // Table 43-12: FRU inventory behind a controller.
      writer.u8(0x10).u8(0).u8(record.entity).u8(record.instance).u8(0)
      break
    case 'controller':
      writer.u8(RECORD.mcLocator).u8(0)
      writer.u8(record.address).u8(0).u8(0).u8(record.capabilities).u8(0).u16le(0)
      writer.u8(record.entity).u8(record.instance).u8(0)
      break
    case 'other':
      throw new RangeError(`records of type ${record.type} are not written`)
  }
  writeName(writer, record.name)
  const bytes = writer.finish()
  bytes[4] = bytes.length - SDR_HEAD_BYTES
  return bytes
}

const signedBits = (value: number, bits: number): number => (value >= 1 << (bits - 1) ? value - (1 << bits) : value)

function readPlace(reader: ByteReader): Omit<SensorPlace, 'sensorType' | 'eventType' | 'name'> {
  const [owner, lun, sensor] = [reader.u8(), reader.u8() & 3, reader.u8()]
  return { owner, lun, sensor, entity: reader.u8(), instance: reader.u8() & 0x7f }
}

const readName = (reader: ByteReader): string => readField(reader, reader.u8(), 5).trim()

function readTen(reader: ByteReader): number {
  const low = reader.u8()
  return signedBits(low | ((reader.u8() & 0xc0) << 2), 10)
}

function readFull(reader: ByteReader, id: number): FullSensorRecord {
  const place = readPlace(reader)
  reader.skip(2)
  const [sensorType, eventType] = [reader.u8(), reader.u8()]
  reader.skip(4)
  const masks = reader.u16le()
  const units = reader.u8()
  const unit = reader.u8()
  reader.skip(1)
  const linearization = reader.u8() & 0x7f
  const [m, b] = [readTen(reader), readTen(reader)]
  reader.skip(1)
  const exponents = reader.u8()
  reader.skip(6)
  const [hu, hc, hw, lu, lc, lw] = Array.from({ length: 6 }, () => reader.u8())
  const values = {
    lowWarning: lw,
    lowCritical: lc,
    lowUnrecoverable: lu,
    highWarning: hw,
    highCritical: hc,
    highUnrecoverable: hu,
  }
  reader.skip(5)
  const isThreshold = eventType === 0x01
  const there = THRESHOLDS.filter((_, i) => isThreshold && ((masks >> i) & 1) === 1)
  return {
    kind: 'full',
    id,
    ...place,
    sensorType,
    eventType,
    factors: {
      format: FORMATS[units >> 6]!,
      m,
      b,
      bExponent: signedBits(exponents & 0x0f, 4),
      exponent: signedBits(exponents >> 4, 4),
      linearization,
    },
    unit,
    isPercent: (units & 1) === 1,
    thresholds: Object.fromEntries(there.map((name) => [name, values[name]!])),
    states: isThreshold ? 0 : masks,
    name: readName(reader),
  }
}

function readCompact(reader: ByteReader, id: number): CompactSensorRecord {
  const place = readPlace(reader)
  reader.skip(2)
  const [sensorType, eventType] = [reader.u8(), reader.u8()]
  reader.skip(4)
  const states = reader.u16le()
  reader.skip(3)
  const shared = Math.max(1, reader.u8() & 0x0f)
  reader.skip(7)
  return { kind: 'compact', id, ...place, sensorType, eventType, states, shared, name: readName(reader) }
}

function readEventOnly(reader: ByteReader, id: number): EventOnlyRecord {
  const place = readPlace(reader)
  const [sensorType, eventType] = [reader.u8(), reader.u8()]
  reader.skip(4)
  return { kind: 'event-only', id, ...place, sensorType, eventType, name: readName(reader) }
}

function readFruLocator(reader: ByteReader, id: number): FruLocator {
  const [controller, device, flags] = [reader.u8(), reader.u8(), reader.u8()]
  reader.skip(4)
  const [entity, instance] = [reader.u8(), reader.u8()]
  reader.skip(1)
  return {
    kind: 'fru',
    id,
    controller,
    device,
    isLogical: (flags & 0x80) !== 0,
    entity,
    instance,
    name: readName(reader),
  }
}

function readController(reader: ByteReader, id: number): ControllerLocator {
  const address = reader.u8()
  reader.skip(2)
  const capabilities = reader.u8()
  reader.skip(3)
  const [entity, instance] = [reader.u8(), reader.u8()]
  reader.skip(1)
  return { kind: 'controller', id, address, capabilities, entity, instance, name: readName(reader) }
}

/** The length of a whole record, from its head. @throws DecodeError when the head is cut off */
export function sdrLength(head: Uint8Array): number {
  if (head.length < SDR_HEAD_BYTES) throw new DecodeError('the head of a sensor record is cut off')
  return SDR_HEAD_BYTES + head[4]!
}

/** @throws DecodeError when it is shorter than it says, or than its kind needs */
export function decodeSdr(bytes: Uint8Array): SdrRecord {
  const length = sdrLength(bytes)
  if (bytes.length < length) throw new DecodeError(`a sensor record of ${length} bytes came with ${bytes.length}`)
  const reader = new ByteReader(bytes.subarray(0, length))
  const id = reader.u16le()
  reader.skip(1)
  const type = reader.u8()
  reader.skip(1)
  if (type === RECORD.full) return readFull(reader, id)
  if (type === RECORD.compact) return readCompact(reader, id)
  if (type === RECORD.eventOnly) return readEventOnly(reader, id)
  if (type === RECORD.fruLocator) return readFruLocator(reader, id)
  if (type === RECORD.mcLocator) return readController(reader, id)
  return { kind: 'other', id, type }
}
