import type { CompactSensorRecord, FullSensorRecord } from '../../../protocols/ipmi/sdr.ts'
import { EVENT_TYPE, SENSOR_TYPE, SENSOR_UNITS, THRESHOLDS } from '../../../protocols/ipmi/sensor-types.ts'
import { LINEAR, type SensorFactors, sensorValue } from '../../../protocols/ipmi/sensor-values.ts'
import type { SensorReading } from '../../../protocols/ipmi/sensors.ts'
import type { Sensor, SensorKind } from '../../sensor.ts'
import { stateWords } from './event-words.ts'

/** Of a sensor that can be read. */
export type SensorRecord = FullSensorRecord | CompactSensorRecord

const KIND_OF_TYPE: Readonly<Record<number, SensorKind>> = {
  [SENSOR_TYPE.temperature]: 'temperature',
  [SENSOR_TYPE.voltage]: 'voltage',
  [SENSOR_TYPE.current]: 'current',
  [SENSOR_TYPE.fan]: 'fan',
}

/** What a reading says. `reading` `undefined`: there is none. `factors`: where they are not those of the record. */
export function sensorOf(record: SensorRecord, reading: SensorReading | undefined, factors?: SensorFactors): Sensor {
  const isThere = reading?.isAvailable && reading.isScanned
  if (record.kind === 'full' && record.eventType === EVENT_TYPE.threshold)
    return measured(record, isThere ? reading : undefined, factors)
  return ofStates(record, isThere ? reading : undefined)
}

function measured(
  record: Extract<SensorRecord, { kind: 'full' }>,
  reading: SensorReading | undefined,
  factors: SensorFactors = record.factors,
): Sensor {
  const unit = record.isPercent ? '%' : (SENSOR_UNITS[record.unit] ?? '')
  const worth = (raw: number | undefined): number | null => {
    const value = raw === undefined ? undefined : sensorValue(factors, raw)
    // The steps of a byte are coarse; floats are not, and would show 11.999999999.
    return value === undefined ? null : Number(value.toPrecision(6))
  }
  const { thresholds } = record
  return {
    name: record.name,
    kind: KIND_OF_TYPE[record.sensorType] ?? (unit === 'W' ? 'power' : 'other'),
    unit,
    value: reading ? worth(reading.raw) : null,
    state: reading ? thresholdState(reading.states) : 'unknown',
    lowCritical: worth(thresholds.lowCritical),
    lowWarning: worth(thresholds.lowWarning),
    highWarning: worth(thresholds.highWarning),
    highCritical: worth(thresholds.highCritical),
    text: '',
  }
}

/** Bits of the thresholds that are crossed (table 35-15). */
function thresholdState(states: number): Sensor['state'] {
  const crossed = THRESHOLDS.filter((_, i) => ((states >> i) & 1) === 1)
  if (crossed.length === 0) return 'ok'
  return crossed.every((name) => name === 'lowWarning' || name === 'highWarning') ? 'warning' : 'critical'
}

const MOST_STATES = 15
const RANKS = { critical: 3, warning: 2, ok: 1, unknown: 0 } as const

function ofStates(record: SensorRecord, reading: SensorReading | undefined): Sensor {
  const words: ReturnType<typeof stateWords>[] = []
  for (let offset = 0; reading && offset < MOST_STATES; offset++)
    if ((reading.states >> offset) & 1) words.push(stateWords({ ...record, offset }))
  const worst = words.reduce<Sensor['state']>(
    (a, { severity }) => (RANKS[severity] > RANKS[a] ? severity : a),
    'unknown',
  )
  return {
    name: record.name,
    kind: 'discrete',
    unit: '',
    value: null,
    // No state at all is how a sensor of faults says that there is none.
    state: reading && words.length === 0 ? 'ok' : worst,
    lowCritical: null,
    lowWarning: null,
    highWarning: null,
    highCritical: null,
    text: words.map(({ text }) => text).join(', '),
  }
}

const signed = (value: number, bits: number): number => (value >= 1 << (bits - 1) ? value - (1 << bits) : value)

/** Get Sensor Reading Factors (table 35-6): next reading, M, tolerance, B, accuracy, exponents. `undefined` when it is cut off. */
export function factorsOf(record: SensorFactors, data: Uint8Array): SensorFactors | undefined {
  if (data.length < 7) return undefined
  const [, m, mHigh, b, bHigh, , exponents] = data as unknown as number[]
  return {
    format: record.format,
    linearization: LINEAR,
    m: signed(m! | ((mHigh! & 0xc0) << 2), 10),
    b: signed(b! | ((bHigh! & 0xc0) << 2), 10),
    exponent: signed(exponents! >> 4, 4),
    bExponent: signed(exponents! & 0x0f, 4),
  }
}
