/** IPMI 2.0 table 43-15: what a sensor counts in, as people write it. Those that are not here are `''`. */
export const SENSOR_UNITS: Readonly<Record<number, string>> = {
  1: '°C',
  2: '°F',
  3: 'K',
  4: 'V',
  5: 'A',
  6: 'W',
  7: 'J',
  8: 'C',
  9: 'VA',
  15: 'lbf/in²',
  17: 'CFM',
  18: 'RPM',
  19: 'Hz',
  20: 'µs',
  21: 'ms',
  22: 's',
  23: 'min',
  24: 'h',
  25: 'd',
  38: 'gal',
  40: 'in',
  41: 'ft',
  43: 'mm',
  44: 'cm',
  45: 'm',
  56: 'm/s',
  66: 'gauss',
  70: 'bit',
  71: 'Kibit',
  72: 'Mibit',
  73: 'Gibit',
  74: 'B',
  75: 'KiB',
  76: 'MiB',
  77: 'GiB',
}

const NUMBERS = new Map(Object.entries(SENSOR_UNITS).map(([number, unit]) => [unit, Number(number)]))
NUMBERS.set('C', 1).set('rpm', 18)

/** The number of a unit; 0, unspecified, for others. */
export const sensorUnitNumber = (unit: string): number => NUMBERS.get(unit) ?? 0

/** IPMI 2.0 table 42-3, as far as names are needed. */
export const SENSOR_TYPE = {
  temperature: 0x01,
  voltage: 0x02,
  current: 0x03,
  fan: 0x04,
  physicalSecurity: 0x05,
  processor: 0x07,
  powerSupply: 0x08,
  powerUnit: 0x09,
  coolingDevice: 0x0a,
  other: 0x0b,
  memory: 0x0c,
  driveSlot: 0x0d,
  firmwareProgress: 0x0f,
  eventLog: 0x10,
  systemEvent: 0x12,
  criticalInterrupt: 0x13,
  button: 0x14,
  systemBoot: 0x1d,
  bootError: 0x1e,
  osBoot: 0x1f,
  osStop: 0x20,
  acpiState: 0x22,
  watchdog: 0x23,
  platformAlert: 0x24,
  sessionAudit: 0x2a,
  versionChange: 0x2b,
} as const

/** IPMI 2.0 table 42-1: classes of events and readings. */
export const EVENT_TYPE = {
  threshold: 0x01,
  /** Table 42-2, code 07h: from OK to critical. */
  severity: 0x07,
  /** What the sensor's own type defines. */
  specific: 0x6f,
} as const

/** Offsets of `EVENT_TYPE.severity`. */
export const SEVERITY = { ok: 0, warning: 1, critical: 2, unrecoverable: 3 } as const

/** Offsets of `EVENT_TYPE.threshold`: where a threshold is crossed, or how a reading stands to it (table 42-2, 35-15). */
export const THRESHOLDS = [
  'lowWarning',
  'lowCritical',
  'lowUnrecoverable',
  'highWarning',
  'highCritical',
  'highUnrecoverable',
] as const
export type Threshold = (typeof THRESHOLDS)[number]

/** IPMI 2.0 table 43-13, as far as we use it. */
export const ENTITY = {
  systemBoard: 7,
  processor: 3,
  chassis: 23,
  managementController: 46,
  powerSupply: 10,
  fan: 29,
} as const
