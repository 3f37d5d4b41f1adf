import { z } from 'zod'
import { formatIpv4, formatSubnet, type Ipv4, type Subnet } from '../kit/ip.ts'
import { Secret } from '../kit/secret.ts'
import { NetworkSettings, Settings } from './schema.ts'

/** How a setting is written where only text is possible: in the environment and in flags. */
export type SettingForm = 'text' | 'number' | 'boolean' | 'choice' | 'list' | 'yaml'

/** One setting as the schema describes it. All names come from the path: `dhcp.rateLimit`, `REVEILLE_DHCP_RATE_LIMIT`, `--dhcp-rate-limit`. */
export type SettingDescription = Readonly<{
  name: string
  path: readonly string[]
  variable: string
  flag: string
  form: SettingForm
  choices: readonly string[]
  least: number | null
  most: number | null
  required: boolean
  description: string
  /** As it would be written in the file; `undefined` when the setting has none. */
  default: unknown
}>

type Unwrapped = { inner: z.core.$ZodType; required: boolean; fallback: unknown; description: string }

function unwrap(schema: z.core.$ZodType): Unwrapped {
  const unwrapped: Unwrapped = { inner: schema, required: true, fallback: undefined, description: '' }
  for (;;) {
    const { inner } = unwrapped
    unwrapped.description ||= z.globalRegistry.get(inner)?.description ?? ''
    if (inner instanceof z.ZodDefault) unwrapped.fallback = inner.def.defaultValue
    else if (!(inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault)) return unwrapped
    unwrapped.required = false
    unwrapped.inner = inner.def.innerType
  }
}

function formOf(inner: z.core.$ZodType): SettingForm {
  if (inner instanceof z.ZodNumber) return 'number'
  if (inner instanceof z.ZodBoolean) return 'boolean'
  if (inner instanceof z.ZodEnum) return 'choice'
  if (inner instanceof z.ZodArray) return inner.def.element instanceof z.ZodObject ? 'yaml' : 'list'
  return 'text'
}

/** `maxUploadGiB` -> `max-upload-gib`: a capital begins a word only when a small letter follows it. */
function words(part: string): string {
  return part.replace(/(?<=[a-z0-9])(?=[A-Z][a-z])/g, '-').toLowerCase()
}

export function variableName(path: readonly string[]): string {
  return `REVEILLE_${path.map(words).join('-').replaceAll('-', '_').toUpperCase()}`
}

export function flagName(path: readonly string[]): string {
  return `--${path.map(words).join('-')}`
}

function describeAll(object: z.core.$ZodType, above: readonly string[]): SettingDescription[] {
  if (!(object instanceof z.ZodObject)) return []
  return Object.entries<z.core.$ZodType>(object.shape).flatMap(([key, schema]) => {
    const path = [...above, key]
    const { inner, required, fallback, description } = unwrap(schema)
    if (inner instanceof z.ZodObject) return describeAll(inner, path)
    const number = inner instanceof z.ZodNumber ? inner : undefined
    return [
      {
        name: path.join('.'),
        path,
        variable: variableName(path),
        flag: flagName(path),
        form: formOf(inner),
        choices: inner instanceof z.ZodEnum ? inner.options.map(String) : [],
        least: number?.minValue ?? null,
        most: number?.maxValue ?? null,
        required,
        description,
        default: asWritten(fallback),
      },
    ]
  })
}

/**
 * A parsed value as people write it: addresses, subnets, ranges and `HOST:PORT` become text again. Numbers stay numbers
 * unless `name` is one of an address, which the parsed form does not show.
 */
export function asWritten(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => asWritten(item, name))
  if (typeof value === 'number') return ADDRESSES.has(name) ? formatIpv4(value as Ipv4) : value
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Secret) return String(value)
  if ('host' in value && 'port' in value) return `${value.host}:${value.port}`
  if ('base' in value && 'prefix' in value) return formatSubnet(value as Subnet)
  if ('firstPort' in value && 'lastPort' in value) return `${value.firstPort}-${value.lastPort}`
  if ('first' in value && 'last' in value)
    return value.first === value.last
      ? formatIpv4(value.first as Ipv4)
      : `${formatIpv4(value.first as Ipv4)}-${formatIpv4(value.last as Ipv4)}`
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asWritten(item, key)]))
}

const ADDRESSES: ReadonlySet<string> = new Set(['advertise', 'router', 'dns', 'ntp'])

/** Every setting, in the order of the schema. */
export const SETTINGS: readonly SettingDescription[] = describeAll(Settings, [])

/** What one entry of `networks` may hold; their `variable` and `flag` mean nothing. */
export const NETWORK_SETTINGS: readonly SettingDescription[] = describeAll(NetworkSettings, [])

/** The names of the sections (`http`, `dhcp`, ...) and of all settings, for "did you mean". */
export const SETTING_NAMES: readonly string[] = [
  ...new Set(SETTINGS.flatMap(({ path, name }) => (path.length > 1 ? [path[0]!, name] : [name]))),
]
