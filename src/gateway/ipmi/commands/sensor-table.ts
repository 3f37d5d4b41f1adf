import type { Sensor } from '../../../power/sensor.ts'
import { BMC_ADDRESS } from '../../../protocols/ipmi/net-fn.ts'
import { encodeSdr, type SdrRecord } from '../../../protocols/ipmi/sdr.ts'
import {
  ENTITY,
  EVENT_TYPE,
  SENSOR_TYPE,
  SEVERITY,
  sensorUnitNumber,
  THRESHOLDS,
  type Threshold,
} from '../../../protocols/ipmi/sensor-types.ts'
import { chooseFactors, factorsHold, type SensorFactors, sensorRaw } from '../../../protocols/ipmi/sensor-values.ts'
import type { SensorReading, SensorThresholds } from '../../../protocols/ipmi/sensors.ts'

/** Numbers from here on are those of events that belong to no sensor. */
export const FIRST_EVENT_SENSOR = 0xf0
const MOST_SENSORS = FIRST_EVENT_SENSOR - 1

/** A sensor with the number it is known by, and how its byte counts; `undefined` factors: it has states only. */
export type NumberedSensor = Readonly<{ number: number; sensor: Sensor; factors: SensorFactors | undefined }>

/** The sensors of a machine as they were read last. */
export type ReadSensors = Readonly<{
  byNumber: ReadonlyMap<number, NumberedSensor>
  /** Milliseconds since 1970 when they were read. */
  readAt: number
  /** Seconds since 1970 that are told as the time when records changed; see `stampOf`. */
  stamp: number
}>

const TYPES: Readonly<Record<Sensor['kind'], number>> = {
  temperature: SENSOR_TYPE.temperature,
  voltage: SENSOR_TYPE.voltage,
  current: SENSOR_TYPE.current,
  fan: SENSOR_TYPE.fan,
  power: SENSOR_TYPE.other,
  other: SENSOR_TYPE.other,
  discrete: SENSOR_TYPE.platformAlert,
}

const LIMITS = {
  lowWarning: 'lowWarning',
  lowCritical: 'lowCritical',
  highWarning: 'highWarning',
  highCritical: 'highCritical',
} as const satisfies Partial<Record<Threshold, keyof Sensor>>

const limitsOf = (sensor: Sensor): [Threshold, number][] =>
  Object.entries(LIMITS).flatMap(([name, key]) => {
    const limit = sensor[key]
    return limit === null ? [] : [[name as Threshold, limit] as [Threshold, number]]
  })

/** What a sensor that has not said anything yet is made ready for. */
const USUAL_PEAK: Readonly<Record<Sensor['kind'], number>> = {
  temperature: 120,
  voltage: 15,
  current: 25,
  fan: 10_000,
  power: 1000,
  other: 100,
  discrete: 1,
}

/** Room above what was seen: a value that no longer fits makes the record another one, and clients keep records. */
const ROOM_ABOVE_LIMITS = 1.1
const ROOM_ABOVE_VALUE = 2
const ROOM_ABOVE_VOLTAGE = 1.25
const ROUND = [1, 2, 3, 4, 5, 6, 8, 10]

function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * (ROUND.find((digit) => digit * power >= value * (1 - 1e-9)) ?? 10)
}

/** What the byte must reach. It depends on the present value as little as can be: after a restart the record should be the same. */
function peakOf(sensor: Sensor, limits: readonly number[]): number {
  const { value, highWarning, highCritical, kind, unit } = sensor
  const highest = Math.max(Math.abs(highWarning ?? 0), Math.abs(highCritical ?? 0))
  const seen = value !== null && Number.isFinite(value) ? Math.abs(value) : 0
  const largest = Math.max(seen, ...limits.map(Math.abs))
  if (highest > 0 && largest <= highest * ROOM_ABOVE_LIMITS) return highest * ROOM_ABOVE_LIMITS
  const room = largest * (kind === 'voltage' ? ROOM_ABOVE_VOLTAGE : ROOM_ABOVE_VALUE)
  const usual = kind === 'temperature' || kind === 'fan' || unit === '%' || room === 0 ? USUAL_PEAK[kind] : 0
  return roundUp(Math.max(room, usual))
}

function factorsOf(sensor: Sensor): SensorFactors {
  const limits = limitsOf(sensor)
    .map(([, limit]) => limit)
    .filter(Number.isFinite)
  const isSigned = sensor.kind === 'temperature' || [...limits, sensor.value ?? 0].some((value) => value < 0)
  return chooseFactors({ peak: peakOf(sensor, limits), isSigned, exact: limits })
}

const holdsAll = (factors: SensorFactors, sensor: Sensor): boolean =>
  [sensor.value, ...limitsOf(sensor).map(([, limit]) => limit)].every(
    (value) => value === null || !Number.isFinite(value) || factorsHold(factors, value),
  )

const isDiscrete = (sensor: Sensor): boolean => sensor.kind === 'discrete'

const isSameRecord = (a: NumberedSensor, b: NumberedSensor): boolean =>
  a.factors === b.factors &&
  a.sensor.unit === b.sensor.unit &&
  a.sensor.kind === b.sensor.kind &&
  Object.values(LIMITS).every((key) => a.sensor[key] === b.sensor[key])

const FIRST_STAMP = 1_000_000_000
const STAMPS = 700_000_000

/**
 * A time that stands for these records. Clients keep records as long as it is the same, and FreeIPMI's refuse to work until they
 * are told to read them again when it is not. So it is made of the records: it stays over restarts, and changes when they do.
 */
function stampOf(sensors: Iterable<NumberedSensor>): number {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5
  for (const one of sensors) for (const byte of recordOf(one)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return FIRST_STAMP + (hash % STAMPS)
}

export const NO_SENSORS: ReadSensors = { byNumber: new Map(), readAt: 0, stamp: stampOf([]) }

/**
 * Numbers what was read. A sensor keeps its number and its factors as long as its values fit; sensors beyond the 239th have
 * no number and are left out.
 */
export function numberSensors(sensors: readonly Sensor[], before: ReadSensors, now: number): ReadSensors {
  const old = new Map([...before.byNumber.values()].map((one) => [one.sensor.name, one]))
  const byNumber = new Map<number, NumberedSensor>()
  const fresh: Sensor[] = []
  let isSame = true
  for (const sensor of sensors.slice(0, MOST_SENSORS)) {
    const known = old.get(sensor.name)
    if (!known || byNumber.has(known.number)) {
      fresh.push(sensor)
      continue
    }
    const kept = known.factors && holdsAll(known.factors, sensor) && known.sensor.kind === sensor.kind
    const factors = isDiscrete(sensor) ? undefined : kept ? known.factors : factorsOf(sensor)
    const one = { number: known.number, sensor, factors }
    isSame &&= isSameRecord(known, one)
    byNumber.set(one.number, one)
  }
  let number = 1
  for (const sensor of fresh) {
    while (byNumber.has(number)) number++
    byNumber.set(number, { number, sensor, factors: isDiscrete(sensor) ? undefined : factorsOf(sensor) })
  }
  isSame &&= fresh.length === 0 && byNumber.size === before.byNumber.size
  return { byNumber, readAt: now, stamp: isSame ? before.stamp : stampOf(byNumber.values()) }
}

/** The sensors as they stand, with nothing to read: what reads them does not answer. */
export function withoutReadings(before: ReadSensors, now: number): ReadSensors {
  const byNumber = new Map(
    [...before.byNumber].map(([number, one]) => [
      number,
      { ...one, sensor: { ...one.sensor, value: null, state: 'unknown' as const } },
    ]),
  )
  return { ...before, byNumber, readAt: now }
}

export function thresholdsOf({ sensor, factors }: NumberedSensor): SensorThresholds {
  if (!factors) return {}
  return Object.fromEntries(limitsOf(sensor).map(([name, limit]) => [name, sensorRaw(factors, limit)]))
}

const UNAVAILABLE: SensorReading = { raw: 0, isAvailable: false, isScanned: true, states: 0 }

export function readingOf({ sensor, factors }: NumberedSensor): SensorReading {
  const { value, state } = sensor
  if (!factors) {
    if (state === 'unknown') return UNAVAILABLE
    return { raw: 0, isAvailable: true, isScanned: true, states: 1 << SEVERITY[state] }
  }
  if (value === null || !Number.isFinite(value)) return UNAVAILABLE
  let states = 0
  for (const [name, limit] of limitsOf(sensor))
    if (name.startsWith('low') ? value <= limit : value >= limit) states |= 1 << THRESHOLDS.indexOf(name)
  // The machine may find bad what crosses none of the limits that it tells.
  if (states === 0 && state === 'warning') states = 1 << THRESHOLDS.indexOf('highWarning')
  if (states === 0 && state === 'critical') states = 1 << THRESHOLDS.indexOf('highCritical')
  return { raw: sensorRaw(factors, value), isAvailable: true, isScanned: true, states }
}

export function typeOf({ sensor, factors }: NumberedSensor): Readonly<{ sensorType: number; eventType: number }> {
  return { sensorType: TYPES[sensor.kind], eventType: factors ? EVENT_TYPE.threshold : EVENT_TYPE.severity }
}

/** Records of sensors have ids that follow from their numbers, so that they stay when others go. */
const FIRST_SENSOR_RECORD = 0x0100
export const recordIdOf = (number: number): number => FIRST_SENSOR_RECORD + number

export function recordOf(one: NumberedSensor): Uint8Array {
  const { number, sensor, factors } = one
  const place = {
    id: recordIdOf(number),
    owner: BMC_ADDRESS,
    lun: 0,
    sensor: number,
    entity: ENTITY.systemBoard,
    instance: 1,
    ...typeOf(one),
    name: sensor.name,
  }
  const record: SdrRecord = factors
    ? {
        kind: 'full',
        ...place,
        factors,
        unit: sensorUnitNumber(sensor.unit),
        isPercent: sensor.unit === '%',
        thresholds: thresholdsOf(one),
        states: 0,
      }
    : { kind: 'compact', ...place, states: 0b111, shared: 1 }
  return encodeSdr(record)
}
