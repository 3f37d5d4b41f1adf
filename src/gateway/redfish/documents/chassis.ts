import type { Sensor, SensorKind } from '../../../power/sensor.ts'
import type { Json } from '../messages.ts'
import { collection, link, PATHS } from '../paths.ts'
import type { Lamp, Machine } from './system.ts'

export function chassisDocument(machine: Machine, lamp: Lamp): Json {
  const path = PATHS.oneChassis(machine.id)
  return {
    '@odata.id': path,
    '@odata.type': '#Chassis.v1_15_0.Chassis',
    Id: machine.id,
    Name: `Chassis of ${machine.name}`,
    ChassisType: 'Other',
    Manufacturer: machine.manufacturer,
    Model: machine.product,
    SerialNumber: machine.serial,
    Status: { State: 'Enabled', Health: 'OK' },
    IndicatorLED: lamp,
    LocationIndicatorActive: lamp === 'Lit' || lamp === 'Blinking',
    Thermal: link(`${path}/Thermal`),
    Power: link(`${path}/Power`),
    Sensors: link(`${path}/Sensors`),
    Links: { ComputerSystems: [link(PATHS.system(machine.id))], ManagedBy: [link(PATHS.manager(machine.id))] },
  }
}

const HEALTH = { ok: 'OK', warning: 'Warning', critical: 'Critical', unknown: null } as const

const status = (sensor: Sensor) => ({
  State: sensor.value === null && sensor.text === '' ? 'Absent' : 'Enabled',
  Health: HEALTH[sensor.state],
})

/** Limits by the names of the older schemas. */
const limits = (sensor: Sensor) => ({
  LowerThresholdCritical: sensor.lowCritical,
  LowerThresholdNonCritical: sensor.lowWarning,
  UpperThresholdNonCritical: sensor.highWarning,
  UpperThresholdCritical: sensor.highCritical,
})

export function thermalDocument(machine: Machine, sensors: readonly Sensor[]): Json {
  const path = `${PATHS.oneChassis(machine.id)}/Thermal`
  const part = (list: string, kind: SensorKind, reading: (sensor: Sensor) => Json) =>
    sensors
      .filter((sensor) => sensor.kind === kind)
      .map((sensor, index) => ({
        '@odata.id': `${path}#/${list}/${index}`,
        MemberId: String(index),
        Name: sensor.name,
        Status: status(sensor),
        ...reading(sensor),
        ...limits(sensor),
      }))
  return {
    '@odata.id': path,
    '@odata.type': '#Thermal.v1_7_0.Thermal',
    Id: 'Thermal',
    Name: 'Thermal',
    Temperatures: part('Temperatures', 'temperature', ({ value }) => ({ ReadingCelsius: value })),
    // The schema has whole numbers here.
    Fans: part('Fans', 'fan', ({ value, unit }) => ({
      Reading: value === null ? null : Math.round(value),
      ReadingUnits: unit === '%' ? 'Percent' : 'RPM',
    })),
  }
}

export function powerDocument(machine: Machine, sensors: readonly Sensor[]): Json {
  const path = `${PATHS.oneChassis(machine.id)}/Power`
  const voltages = sensors.filter(({ kind }) => kind === 'voltage')
  const watts = sensors.filter(({ kind, unit }) => kind === 'power' && unit === 'W')
  return {
    '@odata.id': path,
    '@odata.type': '#Power.v1_7_0.Power',
    Id: 'Power',
    Name: 'Power',
    PowerControl: watts.map((sensor, index) => ({
      '@odata.id': `${path}#/PowerControl/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      PowerConsumedWatts: sensor.value,
      Status: status(sensor),
    })),
    Voltages: voltages.map((sensor, index) => ({
      '@odata.id': `${path}#/Voltages/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      ReadingVolts: sensor.value,
      Status: status(sensor),
      ...limits(sensor),
    })),
  }
}

const READING_TYPES: Readonly<Record<SensorKind, string | undefined>> = {
  temperature: 'Temperature',
  voltage: 'Voltage',
  current: 'Current',
  fan: 'Rotational',
  power: 'Power',
  other: undefined,
  discrete: undefined,
}
/** UCUM, as the Sensor schema wants units. */
const UNITS: Readonly<Record<string, string>> = { '°C': 'Cel', RPM: '{rev}/min' }

/** Ids of sensors: their names in harmless characters, the same as long as the names are. */
function sensorIds(sensors: readonly Sensor[]): readonly string[] {
  const seen = new Map<string, number>()
  return sensors.map(({ name }) => {
    const id = name.replace(/[^A-Za-z0-9.-]+/g, '_').slice(0, 64) || 'Sensor'
    const before = seen.get(id) ?? 0
    seen.set(id, before + 1)
    return before === 0 ? id : `${id}_${before + 1}`
  })
}

export function sensorCollection(machine: Machine, sensors: readonly Sensor[]): Json {
  const path = `${PATHS.oneChassis(machine.id)}/Sensors`
  return collection(
    path,
    'SensorCollection',
    'Sensors',
    sensorIds(sensors).map((id) => `${path}/${id}`),
  )
}

export function sensorDocument(machine: Machine, sensors: readonly Sensor[], id: string): Json | undefined {
  const sensor = sensors[sensorIds(sensors).indexOf(id)]
  if (!sensor) return undefined
  const limit = (value: number | null) => (value === null ? undefined : { Reading: value })
  return {
    '@odata.id': `${PATHS.oneChassis(machine.id)}/Sensors/${id}`,
    '@odata.type': '#Sensor.v1_5_0.Sensor',
    Id: id,
    Name: sensor.name,
    ...(READING_TYPES[sensor.kind] === undefined ? {} : { ReadingType: READING_TYPES[sensor.kind] }),
    Reading: sensor.value,
    ...(sensor.unit === '' ? {} : { ReadingUnits: UNITS[sensor.unit] ?? sensor.unit }),
    ...(sensor.text === '' ? {} : { Description: sensor.text }),
    Status: status(sensor),
    Thresholds: {
      LowerCritical: limit(sensor.lowCritical),
      LowerCaution: limit(sensor.lowWarning),
      UpperCaution: limit(sensor.highWarning),
      UpperCritical: limit(sensor.highCritical),
    },
  }
}
