import type { PowerDriverInfo } from '../../api/contract/power.ts'

/** Kinds that a person can add; lab and agent are there by themselves. */
export type DriverKind = Exclude<PowerDriverInfo['kind'], 'lab' | 'agent'>

/** One input of the form of a driver. `form`: how it is written down. */
export type Field = Readonly<{
  name: string
  label: string
  form: 'text' | 'number' | 'choice' | 'json' | 'lines' | 'yes'
  hint?: string
  example?: string
  choices?: readonly string[]
  /** Must be given. */
  needed?: boolean
}>

export type Secret = Readonly<{ name: string; label: string; long?: boolean }>

const address: Field = { name: 'address', label: 'Address', form: 'text', example: '10.0.0.50', needed: true }
const user: Field = { name: 'user', label: 'User', form: 'text' }
const port: Field = { name: 'port', label: 'Port', form: 'number', hint: 'Empty: the usual one' }
const fingerprint: Field = {
  name: 'fingerprint',
  label: 'Fingerprint of its certificate',
  form: 'text',
  hint: 'Empty: the certificate must be valid',
  example: 'SHA256:…',
}
const unseenRestart: Field = {
  name: 'unseenRestart',
  label: 'A restart that nobody saw',
  form: 'choice',
  choices: ['judge', 'tell', 'insist'],
  hint: 'judge: tried by off and on if it did not happen; tell: only told; insist: always tried',
}
const password: Secret = { name: 'password', label: 'Password' }

export const KINDS: Readonly<
  Record<DriverKind, Readonly<{ word: string; about: string; fields: readonly Field[]; secrets: readonly Secret[] }>>
> = {
  ipmi: {
    word: 'IPMI',
    about: 'A BMC that speaks IPMI 2.0.',
    fields: [
      address,
      user,
      port,
      { name: 'cipherSuite', label: 'Cipher suite', form: 'choice', choices: ['auto', '17', '3'] },
      { name: 'privilege', label: 'Privilege', form: 'choice', choices: ['administrator', 'operator', 'user'] },
      unseenRestart,
    ],
    secrets: [password, { name: 'kg', label: 'BMC key (Kg), where one is set' }],
  },
  redfish: {
    word: 'Redfish',
    about: 'A BMC with a Redfish service.',
    fields: [
      { name: 'url', label: 'Address of the service', form: 'text', example: 'https://10.0.0.50', needed: true },
      user,
      { name: 'system', label: 'System', form: 'text', hint: 'Its id, where the service has several' },
      fingerprint,
      unseenRestart,
    ],
    secrets: [password],
  },
  ssh: {
    word: 'SSH',
    about: 'The system that runs on the machine: clean shutdowns, sensors, a console by a command.',
    fields: [
      { ...address, needed: false, hint: 'Empty: where its system was last seen' },
      user,
      port,
      {
        name: 'hostKey',
        label: 'Host key',
        form: 'text',
        hint: 'Empty: the first one that is seen',
        example: 'SHA256:…',
      },
      { name: 'system', label: 'System', form: 'choice', choices: ['unix', 'windows'] },
      { name: 'ipmitool', label: 'Ask its BMC with ipmitool there', form: 'yes' },
      { name: 'consoleCommand', label: 'Command of the console', form: 'text', example: 'picocom /dev/ttyS0' },
    ],
    secrets: [{ name: 'privateKey', label: 'Private key', long: true }, password],
  },
  wol: {
    word: 'Wake-on-LAN',
    about: 'Wakes it by a packet on the network. It can switch nothing off.',
    fields: [
      { name: 'macs', label: 'MACs', form: 'lines', hint: 'One on each line; empty: those of the machine' },
      { name: 'broadcast', label: 'Broadcast address', form: 'text', hint: 'Empty: those of our interfaces' },
    ],
    secrets: [{ name: 'secureOn', label: 'SecureOn password' }],
  },
  snmp: {
    word: 'Power strip (SNMP)',
    about: 'An outlet of a switched power strip.',
    fields: [
      address,
      { name: 'model', label: 'Model', form: 'text', needed: true, hint: 'docs/power.md lists them' },
      { name: 'outlet', label: 'Outlet', form: 'number', needed: true },
      { name: 'unit', label: 'Unit', form: 'number', hint: 'Which strip of a chain, where the model numbers them' },
      { name: 'version', label: 'SNMP version', form: 'choice', choices: ['2c', '1', '3'] },
      { ...user, hint: 'Version 3' },
      { name: 'pauseSeconds', label: 'Seconds between off and on', form: 'number' },
    ],
    secrets: [
      { name: 'community', label: 'Community (versions 1 and 2c)' },
      { name: 'authKey', label: 'Authentication key (version 3)' },
      { name: 'privKey', label: 'Privacy key (version 3)' },
    ],
  },
  http: {
    word: 'HTTP',
    about: 'A cloud or a smart plug with an API.',
    fields: [
      { name: 'url', label: 'Address of the API', form: 'text', example: 'https://api.example.org', needed: true },
      {
        name: 'preset',
        label: 'Preset',
        form: 'text',
        hint: 'docs/power.md lists them; empty: all by the fields below',
      },
      user,
      fingerprint,
      { name: 'variables', label: 'Variables', form: 'json', example: '{"device": "0123"}' },
      { name: 'actions', label: 'Requests of actions', form: 'json' },
      { name: 'state', label: 'Request of the state', form: 'json' },
      unseenRestart,
    ],
    secrets: [{ name: 'token', label: 'Token' }, password],
  },
  manual: {
    word: 'By hand',
    about: 'Asks a person, and believes what they answer.',
    fields: [{ name: 'instructions', label: 'What that person should know', form: 'text' }],
    secrets: [],
  },
}

/** What was typed, as settings of the kind; empty fields are left out. Refused with a sentence when a field cannot be read. */
export function settingsOf(kind: DriverKind, typed: Readonly<Record<string, string>>): Record<string, unknown> {
  const settings: Record<string, unknown> = { kind }
  for (const { name, label, form } of KINDS[kind].fields) {
    const text = (typed[name] ?? '').trim()
    if (text === '') continue
    if (form === 'number') settings[name] = Number(text)
    else if (form === 'yes') settings[name] = text === 'true'
    else if (form === 'lines') settings[name] = text.split(/[\s,]+/)
    else if (form === 'json') settings[name] = readJson(label, text)
    else settings[name] = text
  }
  return settings
}

function readJson(label: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${label}: this is no JSON`)
  }
}

/** What the form shows of settings that are kept. */
export function typedOf(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  const shown = (value: unknown) => {
    if (value === null || value === undefined) return ''
    if (Array.isArray(value)) return value.join('\n')
    if (typeof value === 'object') return Object.keys(value).length === 0 ? '' : JSON.stringify(value, null, 2)
    return String(value)
  }
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, shown(value)]))
}

/** Settings that say where, as whom and to whom secrets are sent: with another one they must be given again. */
const BINDING = ['url', 'address', 'port', 'user', 'broadcast', 'fingerprint']

/** Whether the server would drop the secrets of a driver that is changed so. */
export function dropsSecrets(driver: PowerDriverInfo, typed: Readonly<Record<string, string>>): boolean {
  if (driver.secrets.length === 0) return false
  const before = typedOf(driver.settings)
  const differs = (name: string) => (before[name] ?? '').trim() !== (typed[name] ?? '').trim()
  // A key is never sent, and without a host key the one that was learnt counts on.
  const isOther = differs('hostKey') && Boolean(typed.hostKey?.trim()) && driver.secrets.includes('password')
  return isOther || BINDING.some(differs)
}

/** Where a driver reaches to, in a word. */
export function placeOf(settings: Readonly<Record<string, unknown>>): string {
  const place = settings.url ?? settings.address
  return typeof place === 'string' ? place : ''
}
