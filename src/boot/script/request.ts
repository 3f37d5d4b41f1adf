import { type Mac, parseMac } from '../../kit/mac.ts'
import { Secret } from '../../kit/secret.ts'
import type { Architecture, Firmware, Sighting } from '../../machines/machine.ts'

/** What a machine says when it asks for its script. */
export type ScriptRequest = Readonly<{
  mac: Mac
  firmware: Firmware
  architecture: Architecture | undefined
  uuid: string | undefined
  serial: string | undefined
  manufacturer: string | undefined
  product: string | undefined
  /** What was chosen in menus so far, from the outermost in. */
  choices: readonly string[]
  /** What somebody typed as the password of the last choice. */
  typed: Secret | undefined
  /** Words that prove that passwords were typed before. */
  passes: readonly string[]
  /** How often it asked in vain while parked, and how often a boot failed, in a row; each at most 1000. */
  polls: number
  retries: number
  /** `http://ADDRESS:PORT` by which it reaches us. */
  base: string
}>

/** Names of the query parameters; free text comes as hex digits because iPXE of 2019 cannot send it otherwise. */
export const QUERY = {
  mac: 'mac',
  uuid: 'uuid',
  platform: 'platform',
  architecture: 'arch',
  serial: 'serial',
  manufacturer: 'manufacturer',
  product: 'product',
  choice: 'choice',
  typed: 'typed',
  pass: 'pass',
  polls: 'polls',
  retries: 'retries',
} as const

const MAX_CHOICES = 8
const MAX_COUNT = 1000
/** By the names that iPXE gives to what it was built for. */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  ['i386', 'x86'],
  ['x86_64', 'x86_64'],
  ['arm32', 'arm'],
  ['arm64', 'arm64'],
  ['riscv64', 'riscv64'],
  ['loong64', 'loongarch64'],
])

/** Reads a query; `undefined` when it names no MAC. Everything else may be missing or odd: it is then unknown. */
export function readRequest(query: URLSearchParams, base: string): ScriptRequest | undefined {
  const mac = parseMac(query.get(QUERY.mac) ?? '')
  if (!mac) return undefined
  return {
    mac,
    firmware: query.get(QUERY.platform) === 'efi' ? 'uefi' : 'bios',
    architecture: ARCHITECTURES.get(query.get(QUERY.architecture) ?? ''),
    uuid: query.get(QUERY.uuid) ?? undefined,
    serial: hexText(query.get(QUERY.serial)),
    manufacturer: hexText(query.get(QUERY.manufacturer)),
    product: hexText(query.get(QUERY.product)),
    choices: query.getAll(QUERY.choice).slice(0, MAX_CHOICES),
    typed: query.has(QUERY.typed) ? new Secret(hexText(query.get(QUERY.typed)) ?? '') : undefined,
    passes: query.getAll(QUERY.pass).slice(0, MAX_CHOICES),
    polls: count(query.get(QUERY.polls)),
    retries: count(query.get(QUERY.retries)),
    base,
  }
}

export function sightingOf(request: ScriptRequest, address: string): Sighting {
  const { mac, uuid, serial, manufacturer, product, architecture, firmware } = request
  return { mac, uuid, serial, manufacturer, product, architecture, firmware, address }
}

function count(text: string | null): number {
  return text && /^[0-9]{1,4}$/.test(text) ? Math.min(Number(text), MAX_COUNT) : 0
}

function hexText(hex: string | null): string | undefined {
  if (!hex || hex.length > 400 || hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex)) return undefined
  return Buffer.from(hex, 'hex').toString('latin1')
}
