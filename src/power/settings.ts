import { z } from 'zod'
import { POWER_ACTIONS } from './power.ts'
import { UNSEEN_RESTARTS, type UnseenRestart } from './restart.ts'

/** A host name or an address, without port. */
export const Host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9:]([A-Za-z0-9.:%_-]*[A-Za-z0-9])?$/, 'a host name or an address')
const Port = z.number().int().min(1).max(65_535)
const User = z.string().max(64)
const Fingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'a fingerprint such as SHA256: and 43 characters of base64')
/** What is done about a restart that was taken and not seen: see `restart.ts`. */
const UnseenRestartSetting = z.enum(UNSEEN_RESTARTS).default('judge')
/** Without user and password: settings are shown, and those belong to the secrets. */
const Url = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .refine((url) => !hasCredentials(url), 'give user and password apart from the address')

/** Whether an address holds a user or a password. */
export function hasCredentials(url: string): boolean {
  return /^[a-z]+:\/\/[^/?#]*@/i.test(url)
}

/** IPMI 2.0 over LAN (RMCP+). Secrets: `password`, `kg` (the BMC key, where one is set). */
export const IpmiSettings = z
  .object({
    kind: z.literal('ipmi'),
    address: Host,
    port: Port.default(623),
    user: User.max(16).default(''),
    /** 17: HMAC-SHA256; 3: HMAC-SHA1. `auto` takes the strongest of both that the BMC lists. */
    cipherSuite: z.enum(['auto', '17', '3']).default('auto'),
    privilege: z.enum(['user', 'operator', 'administrator']).default('administrator'),
    unseenRestart: UnseenRestartSetting,
  })
  .strict()

/** Secrets: `password`. Without a `fingerprint` the certificate must be valid; with one it must be exactly that. */
export const RedfishSettings = z
  .object({
    kind: z.literal('redfish'),
    url: Url,
    user: User.default(''),
    /** Id of the system, where the service has several. */
    system: z.string().max(200).nullable().default(null),
    fingerprint: Fingerprint.nullable().default(null),
    unseenRestart: UnseenRestartSetting,
  })
  .strict()

/** Secrets: `password`, `privateKey`. Without an address: where the machine's system was last seen. */
export const SshSettings = z
  .object({
    kind: z.literal('ssh'),
    address: Host.nullable().default(null),
    port: Port.default(22),
    user: User.default('root'),
    /** The only host key that is accepted; `null`: the first one seen is kept. */
    hostKey: Fingerprint.nullable().default(null),
    system: z.enum(['unix', 'windows']).default('unix'),
    /** The system has `ipmitool` and a BMC that it may ask: IPMI commands and what to boot next go through it. */
    ipmitool: z.boolean().default(false),
    /** Command whose input and output is the serial console, such as `ipmitool sol activate` or `picocom /dev/ttyS0`; none if left out. */
    consoleCommand: z.string().max(1000).nullable().default(null),
  })
  .strict()

/** Wakes only. Secrets: `secureOn` (six bytes as a MAC). Without MACs: those of the machine. */
export const WakeOnLanSettings = z
  .object({
    kind: z.literal('wol'),
    macs: z.array(z.string().max(17)).max(16).default([]),
    /** Where the packet is sent; the broadcast address of each of our interfaces if left out. */
    broadcast: z.ipv4().nullable().default(null),
    port: Port.default(9),
  })
  .strict()

/** An outlet of a switched power strip. Secrets: `community` (versions 1 and 2c), `authKey` and `privKey` (version 3). */
export const SnmpSettings = z
  .object({
    kind: z.literal('snmp'),
    address: Host,
    port: Port.default(161),
    version: z.enum(['1', '2c', '3']).default('2c'),
    user: User.default(''),
    authProtocol: z.enum(['none', 'md5', 'sha', 'sha256', 'sha512']).default('sha'),
    privProtocol: z.enum(['none', 'des', 'aes', 'aes256b', 'aes256r']).default('aes'),
    /** A name of the outlet tables in power/drivers/snmp. */
    model: z.string().max(64),
    outlet: z.number().int().min(1).max(9999),
    /** Which strip of a chain, and which feed of it, where the model numbers those. */
    unit: z.number().int().min(0).max(99).nullable().default(null),
    feed: z.number().int().min(1).max(99).default(1),
    /** Seconds between off and on in a cycle. */
    pauseSeconds: z.number().int().min(0).max(20).default(5),
  })
  .strict()

const HttpRequest = z
  .object({
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
    /** Below `url`; `{token}` and `{variables}` are replaced, escaped for where they stand. */
    path: z.string().max(1000).default(''),
    headers: z.record(z.string().max(100), z.string().max(1000)).default({}),
    body: z.string().max(10_000).nullable().default(null),
    /** Statuses that mean yes. */
    expect: z.array(z.number().int().min(100).max(599)).max(20).default([200, 201, 202, 204]),
  })
  .strict()

/** Any API by HTTP: clouds, smart plugs. Secrets: `token`, `password`. A preset names requests and states; what is given here wins. */
export const HttpSettings = z
  .object({
    kind: z.literal('http'),
    url: Url,
    preset: z.string().max(64).nullable().default(null),
    user: User.default(''),
    fingerprint: Fingerprint.nullable().default(null),
    variables: z.record(z.string().regex(/^[a-z][a-zA-Z0-9]{0,31}$/), z.string().max(500)).default({}),
    actions: z.partialRecord(z.enum(POWER_ACTIONS), HttpRequest).default({}),
    state: HttpRequest.extend({
      /** JSON pointer (RFC 6901) into the answer; the whole text if empty. */
      pointer: z.string().max(500).default(''),
      on: z.array(z.string().max(100)).max(20),
      off: z.array(z.string().max(100)).max(20),
    })
      .nullable()
      .default(null),
    bootFromNetwork: HttpRequest.nullable().default(null),
    bootFromDisk: HttpRequest.nullable().default(null),
    /** Seconds between off and on, where the API knows no cycle of its own. */
    pauseSeconds: z.number().int().min(0).max(15).default(5),
    unseenRestart: UnseenRestartSetting,
  })
  .strict()

/** A virtual machine of this server's lab; needs no settings and is there by itself. */
export const LabSettings = z.object({ kind: z.literal('lab') }).strict()

/** Asks a person, and believes what they answer. */
export const ManualSettings = z
  .object({ kind: z.literal('manual'), instructions: z.string().max(1000).default('') })
  .strict()

/** The management OS, while it runs on the machine: restarts and switches off, gives inventory and a shell. There by itself. */
export const AgentSettings = z.object({ kind: z.literal('agent') }).strict()

export const DriverSettings = z.discriminatedUnion('kind', [
  IpmiSettings,
  RedfishSettings,
  SshSettings,
  WakeOnLanSettings,
  SnmpSettings,
  HttpSettings,
  LabSettings,
  ManualSettings,
  AgentSettings,
])
export type DriverSettings = z.output<typeof DriverSettings>
export type DriverKind = DriverSettings['kind']
/** Drivers of other kinds see for themselves what came of a restart, or have no setting. */
export function unseenRestartOf(settings: DriverSettings): UnseenRestart {
  return 'unseenRestart' in settings ? settings.unseenRestart : 'judge'
}
export type SettingsOf<Kind extends DriverKind> = Extract<DriverSettings, { kind: Kind }>

export const DRIVER_KINDS = ['ipmi', 'redfish', 'ssh', 'wol', 'snmp', 'http', 'lab', 'manual', 'agent'] as const

/** The secrets that a driver of each kind may be given. */
export const DRIVER_SECRETS: Readonly<Record<DriverKind, readonly string[]>> = {
  ipmi: ['password', 'kg'],
  redfish: ['password'],
  ssh: ['password', 'privateKey'],
  wol: ['secureOn'],
  snmp: ['community', 'authKey', 'privKey'],
  http: ['token', 'password'],
  lab: [],
  manual: [],
  agent: [],
}
