import type { Fru } from '../../driver.ts'
import type { Sensor, SensorKind } from '../../sensor.ts'

/**
 * What a Linux says of its hardware in /sys, one `FILE:VALUE` per line as grep prints it. Sensors as in the kernel's
 * Documentation/hwmon/sysfs-interface.rst; zones as in Documentation/driver-api/thermal.
 */
export const SENSORS_COMMAND = `sh -c 'cd /sys/class && grep -sH "" hwmon/hwmon*/name hwmon/hwmon*/*_input hwmon/hwmon*/*_average hwmon/hwmon*/*_label hwmon/hwmon*/*_min hwmon/hwmon*/*_max hwmon/hwmon*/*_crit hwmon/hwmon*/*_lcrit thermal/thermal_zone*/type thermal/thermal_zone*/temp; exit 0'`

const DMI_FILES = [
  'sys_vendor',
  'product_name',
  'product_sku',
  'product_serial',
  'chassis_asset_tag',
  'board_vendor',
  'board_name',
  'board_serial',
  'chassis_serial',
]

/** Serial numbers may be read by root only. */
export const FRU_COMMAND = `sh -c 'cd /sys/class/dmi/id 2>/dev/null || { echo its kernel knows no DMI >&2; exit 3; }; for f in ${DMI_FILES.join(' ')}; do v=$(cat $f 2>/dev/null || sudo -n cat $f 2>/dev/null); echo "$f:$v"; done'`

const MOST_SENSORS = 500
const MOST_NAME = 100

/** Kinds by the word before the number, with the divisor from what the kernel counts in. */
const KINDS: Readonly<Record<string, Readonly<{ kind: SensorKind; unit: string; divisor: number }>>> = {
  temp: { kind: 'temperature', unit: '°C', divisor: 1000 },
  in: { kind: 'voltage', unit: 'V', divisor: 1000 },
  curr: { kind: 'current', unit: 'A', divisor: 1000 },
  fan: { kind: 'fan', unit: 'RPM', divisor: 1 },
  power: { kind: 'power', unit: 'W', divisor: 1_000_000 },
  humidity: { kind: 'other', unit: '%', divisor: 1000 },
}

type Channel = Record<string, string>

/** Channels without a reading, and lines that are none of these, are left out. */
export function parseSensors(text: string): Sensor[] {
  const chips = new Map<string, string>()
  const channels = new Map<string, Channel>()
  const zones = new Map<string, Channel>()
  for (const [path, value] of filesOf(text)) {
    const [, chip = '', file = ''] = /^hwmon\/(hwmon\d{1,6})\/(.{1,60})$/.exec(path) ?? []
    if (file === 'name') chips.set(chip, value)
    const [, channel = '', what = ''] = /^([a-z]{2,10}\d{1,4})_([a-z]{1,12})$/.exec(file) ?? []
    if (what !== '') into(channels, `${chip} ${channel}`)[what] = value
    const [, zone = '', part = ''] = /^thermal\/(thermal_zone\d{1,6})\/(type|temp)$/.exec(path) ?? []
    if (part !== '') into(zones, zone)[part] = value
  }
  const found: Sensor[] = []
  for (const [key, channel] of channels) {
    const [chip = '', name = ''] = key.split(' ')
    const sensor = sensorOf(chips.get(chip) ?? chip, name, channel)
    if (sensor) found.push(sensor)
  }
  // Most zones are chips already.
  const known = new Set(chips.values())
  for (const { type = 'zone', temp } of zones.values()) {
    const sensor = known.has(type) ? undefined : sensorOf('', 'temp1', { input: temp ?? '', label: type })
    if (sensor) found.push(sensor)
  }
  return withOwnNames(found).slice(0, MOST_SENSORS)
}

function sensorOf(chip: string, name: string, channel: Channel): Sensor | undefined {
  const kind = KINDS[/^[a-z]+/.exec(name)?.[0] ?? '']
  if (!kind) return undefined
  const of = (...files: string[]) => {
    const text = files.map((file) => channel[file]).find((value) => value !== undefined) ?? ''
    return /^-?\d{1,15}$/.test(text) ? Number(text) / kind.divisor : null
  }
  const value = of('input', 'average')
  if (value === null) return undefined
  const limits = {
    lowCritical: of('lcrit'),
    lowWarning: of('min'),
    highWarning: of('max'),
    highCritical: of('crit'),
  }
  return {
    name: `${chip} ${channel.label || name}`.trim().slice(0, MOST_NAME),
    kind: kind.kind,
    unit: kind.unit,
    value,
    state: stateOf(value, limits),
    ...limits,
    text: '',
  }
}

type Limits = Pick<Sensor, 'lowCritical' | 'lowWarning' | 'highWarning' | 'highCritical'>

function stateOf(value: number, { lowCritical, lowWarning, highWarning, highCritical }: Limits): Sensor['state'] {
  const below = (limit: number | null) => limit !== null && value < limit
  // Chips that have no limit there say 0.
  const above = (limit: number | null) => limit !== null && limit > 0 && value >= limit
  if (below(lowCritical) || above(highCritical)) return 'critical'
  return below(lowWarning) || above(highWarning) ? 'warning' : 'ok'
}

/** Two chips of one kind have the same words. */
function withOwnNames(sensors: readonly Sensor[]): Sensor[] {
  const taken = new Set<string>()
  return sensors.map((sensor) => {
    let { name } = sensor
    for (let n = 2; taken.has(name); n++) name = `${sensor.name} ${n}`
    taken.add(name)
    return { ...sensor, name }
  })
}

/** What makers leave in where nothing was filled in. */
const FILLER =
  /^(none|n\/?a|not (specified|available|applicable|provided)|to be filled by o\.?e\.?m\.?|default string|system (manufacturer|product name|serial number)|unknown|0+|\.+|x+)$/i

export function parseFru(text: string): Fru {
  const files = new Map(filesOf(text))
  const of = (file: string) => {
    const value = (files.get(file) ?? '').trim().slice(0, MOST_NAME)
    return value === '' || FILLER.test(value) ? null : value
  }
  return {
    manufacturer: of('sys_vendor'),
    product: of('product_name'),
    partNumber: of('product_sku'),
    serial: of('product_serial'),
    assetTag: of('chassis_asset_tag'),
    boardManufacturer: of('board_vendor'),
    boardProduct: of('board_name'),
    boardSerial: of('board_serial'),
    chassisSerial: of('chassis_serial'),
  }
}

/** File and value of each line; control characters are gone. */
function filesOf(text: string): [string, string][] {
  return text.split('\n', 20_000).flatMap((line): [string, string][] => {
    const at = line.indexOf(':')
    return at < 1
      ? []
      : [
          [
            line.slice(0, at),
            line
              .slice(at + 1, at + 1 + 200)
              .replace(/\p{Cc}/gu, '')
              .trim(),
          ],
        ]
  })
}

function into(map: Map<string, Channel>, key: string): Channel {
  const there = map.get(key) ?? {}
  map.set(key, there)
  return there
}
