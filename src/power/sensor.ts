export const SENSOR_KINDS = ['temperature', 'voltage', 'current', 'fan', 'power', 'other', 'discrete'] as const
export type SensorKind = (typeof SENSOR_KINDS)[number]

/** A reading. `value` is `null` for sensors that have states only, and when there is no reading. Thresholds: `null` where none is set. */
export type Sensor = Readonly<{
  name: string
  kind: SensorKind
  /** As people write it: `°C`, `V`, `A`, `RPM`, `W`, `%`; empty without one. */
  unit: string
  value: number | null
  state: 'ok' | 'warning' | 'critical' | 'unknown'
  lowCritical: number | null
  lowWarning: number | null
  highWarning: number | null
  highCritical: number | null
  /** What a sensor of states says, in words; empty for others. */
  text: string
}>
