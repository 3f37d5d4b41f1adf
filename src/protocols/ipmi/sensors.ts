import { ByteWriter } from '../../kit/bytes.ts'
import { answerReader, bytesOf, type Command, type Nothing, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'
import { getRecord, reserve } from './sel.ts'
import { THRESHOLDS, type Threshold } from './sensor-types.ts'

/**
 * IPMI 2.0 table 35-15. `raw` means something only where `isAvailable`. `states`: for thresholds how the reading stands to each
 * (bits as `THRESHOLDS`), for others the offsets that hold now.
 */
export type SensorReading = Readonly<{ raw: number; isAvailable: boolean; isScanned: boolean; states: number }>

type WhichSensor = Readonly<{ sensor: number }>

const whichSensor = {
  encodeRequest: ({ sensor }: WhichSensor): Uint8Array => bytesOf(sensor),
  decodeRequest: (data: Uint8Array): WhichSensor => ({ sensor: requestReader(data, 1).u8() }),
} as const

export const GET_SENSOR_READING: Command<WhichSensor, SensorReading> = {
  name: 'Get Sensor Reading',
  netFn: NET_FN.sensor,
  command: 0x2d,
  privilege: PRIVILEGE_LEVEL.user,
  ...whichSensor,
  encodeAnswer: ({ raw, isAvailable, isScanned, states }) =>
    bytesOf(
      raw,
      // Bit 7: events are on; clients leave out sensors where it is not.
      0x80 | (isScanned ? 0x40 : 0) | (isAvailable ? 0 : 0x20),
      states & 0xff,
      0x80 | ((states >> 8) & 0x7f),
    ),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    const [raw, flags] = [reader.u8(), reader.u8()]
    const low = reader.remaining > 0 ? reader.u8() : 0
    const high = reader.remaining > 0 ? reader.u8() & 0x7f : 0
    return { raw, isAvailable: (flags & 0x20) === 0, isScanned: (flags & 0x40) !== 0, states: low | (high << 8) }
  },
}

/** Only those that can be read are there. */
export type SensorThresholds = Readonly<Partial<Record<Threshold, number>>>

/** IPMI 2.0 table 35-11. */
export const GET_SENSOR_THRESHOLDS: Command<WhichSensor, SensorThresholds> = {
  name: 'Get Sensor Thresholds',
  netFn: NET_FN.sensor,
  command: 0x27,
  privilege: PRIVILEGE_LEVEL.user,
  ...whichSensor,
  encodeAnswer: (thresholds) =>
    bytesOf(
      THRESHOLDS.reduce((mask, name, i) => mask | (thresholds[name] === undefined ? 0 : 1 << i), 0),
      ...THRESHOLDS.map((name) => thresholds[name] ?? 0),
    ),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 7)
    const mask = reader.u8()
    const values = THRESHOLDS.map((name) => [name, reader.u8()] as const)
    return Object.fromEntries(values.filter((_, i) => ((mask >> i) & 1) === 1))
  },
}

export const GET_SENSOR_TYPE: Command<WhichSensor, Readonly<{ sensorType: number; eventType: number }>> = {
  name: 'Get Sensor Type',
  netFn: NET_FN.sensor,
  command: 0x2f,
  privilege: PRIVILEGE_LEVEL.user,
  ...whichSensor,
  encodeAnswer: ({ sensorType, eventType }) => bytesOf(sensorType, eventType & 0x7f),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    return { sensorType: reader.u8(), eventType: reader.u8() & 0x7f }
  },
}

export const GET_SENSOR_HYSTERESIS: Command<WhichSensor, Readonly<{ positive: number; negative: number }>> = {
  name: 'Get Sensor Hysteresis',
  netFn: NET_FN.sensor,
  command: 0x25,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ sensor }) => bytesOf(sensor, 0xff),
  decodeRequest: (data) => ({ sensor: requestReader(data, 2).u8() }),
  encodeAnswer: ({ positive, negative }) => bytesOf(positive, negative),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    return { positive: reader.u8(), negative: reader.u8() }
  },
}

/** IPMI 2.0 table 35-9: which of its events a sensor sends. Masks as in its record. */
export const GET_SENSOR_EVENTS: Command<
  WhichSensor,
  Readonly<{ isEnabled: boolean; isScanned: boolean; assertions: number; deassertions: number }>
> = {
  name: 'Get Sensor Event Enable',
  netFn: NET_FN.sensor,
  command: 0x29,
  privilege: PRIVILEGE_LEVEL.user,
  ...whichSensor,
  encodeAnswer: ({ isEnabled, isScanned, assertions, deassertions }) =>
    new ByteWriter(5)
      .u8((isEnabled ? 0x80 : 0) | (isScanned ? 0x40 : 0))
      .u16le(assertions)
      .u16le(deassertions)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 1)
    const flags = reader.u8()
    const assertions = reader.remaining >= 2 ? reader.u16le() : 0
    const deassertions = reader.remaining >= 2 ? reader.u16le() : 0
    return { isEnabled: (flags & 0x80) !== 0, isScanned: (flags & 0x40) !== 0, assertions, deassertions }
  },
}

/** IPMI 2.0 table 35-2: what a controller without a repository says of its sensors. `counts`: records, not sensors. */
export const GET_DEVICE_SDR_INFO: Command<
  Readonly<{ counts: boolean }>,
  Readonly<{ count: number; isDynamic: boolean; changedAt: number }>
> = {
  name: 'Get Device SDR Info',
  netFn: NET_FN.sensor,
  command: 0x20,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ counts }) => (counts ? bytesOf(1) : bytesOf()),
  decodeRequest: (data) => {
    const reader = requestReader(data, 0, 1)
    return { counts: reader.remaining > 0 && (reader.u8() & 1) === 1 }
  },
  encodeAnswer: ({ count, isDynamic, changedAt }) =>
    new ByteWriter(6)
      .u8(count)
      .u8((isDynamic ? 0x80 : 0) | 0x01)
      .u32le(changedAt)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    const [count, flags] = [reader.u8(), reader.u8()]
    return { count, isDynamic: (flags & 0x80) !== 0, changedAt: reader.remaining >= 4 ? reader.u32le() : 0 }
  },
}

export const GET_DEVICE_SDR = getRecord('Get Device SDR', NET_FN.sensor, 0x21)
export const RESERVE_DEVICE_SDR: Command<Nothing, Readonly<{ id: number }>> = reserve(
  'Reserve Device SDR Repository',
  NET_FN.sensor,
  0x22,
)
