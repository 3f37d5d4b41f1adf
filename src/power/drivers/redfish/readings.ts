import type { Sensor, SensorKind } from '../../sensor.ts'
import { type Document, field, list, number, text } from './fields.ts'

const MOST = 512

/** Sensors of the older Thermal and Power resources. */
export function thermalSensors(thermal: Document): readonly Sensor[] {
  const temperatures = list(field(thermal, 'Temperatures'), MOST).map((one) =>
    reading(one, 'temperature', '°C', number(field(one, 'ReadingCelsius'))),
  )
  const fans = list(field(thermal, 'Fans'), MOST).map((one) =>
    reading(one, 'fan', text(field(one, 'ReadingUnits')) === 'Percent' ? '%' : 'RPM', number(field(one, 'Reading'))),
  )
  return [...temperatures, ...fans].filter(isThere)
}

export function powerSensors(power: Document): readonly Sensor[] {
  const voltages = list(field(power, 'Voltages'), MOST).map((one) =>
    reading(one, 'voltage', 'V', number(field(one, 'ReadingVolts'))),
  )
  const control = list(field(power, 'PowerControl'), MOST).map((one) =>
    reading(one, 'power', 'W', number(field(one, 'PowerConsumedWatts'))),
  )
  const supplies = list(field(power, 'PowerSupplies'), MOST).map((one) =>
    reading(one, 'power', 'W', number(field(one, 'PowerInputWatts')) ?? number(field(one, 'LastPowerOutputWatts'))),
  )
  return [...control, ...supplies, ...voltages].filter(isThere)
}

const KINDS: Readonly<Record<string, SensorKind>> = {
  Temperature: 'temperature',
  Voltage: 'voltage',
  Current: 'current',
  Rotational: 'fan',
  Power: 'power',
}
const UNITS: Readonly<Record<string, string>> = { Cel: '°C', '{rev}/min': 'RPM' }

/** A member of the newer Sensors collection (DSP0268, Sensor). */
export function sensorOf(one: unknown): Sensor | undefined {
  const type = text(field(one, 'ReadingType')) ?? ''
  const unit = text(field(one, 'ReadingUnits'), 16) ?? ''
  const limit = (name: string) => number(field(one, 'Thresholds', name, 'Reading'))
  const sensor = {
    ...reading(
      one,
      Object.hasOwn(KINDS, type) ? KINDS[type]! : 'other',
      Object.hasOwn(UNITS, unit) ? UNITS[unit]! : unit,
      number(field(one, 'Reading')),
    ),
    lowCritical: limit('LowerCritical'),
    lowWarning: limit('LowerCaution'),
    highWarning: limit('UpperCaution'),
    highCritical: limit('UpperCritical'),
  }
  return isThere(sensor) ? sensor : undefined
}

function reading(one: unknown, kind: SensorKind, unit: string, value: number | null): Sensor & { there: boolean } {
  return {
    name: text(field(one, 'Name'), 100) ?? text(field(one, 'MemberId'), 100) ?? kind,
    kind,
    unit,
    value,
    state: stateOf(text(field(one, 'Status', 'Health'))),
    lowCritical: number(field(one, 'LowerThresholdCritical')),
    lowWarning: number(field(one, 'LowerThresholdNonCritical')),
    highWarning: number(field(one, 'UpperThresholdNonCritical')),
    highCritical: number(field(one, 'UpperThresholdCritical')),
    text: '',
    there: text(field(one, 'Status', 'State')) !== 'Absent',
  }
}

export function stateOf(health: string | null): Sensor['state'] {
  return health === 'OK' ? 'ok' : health === 'Warning' ? 'warning' : health === 'Critical' ? 'critical' : 'unknown'
}

const isThere = (sensor: Sensor & { there?: boolean }) => {
  const { there } = sensor
  delete sensor.there
  return there !== false
}
