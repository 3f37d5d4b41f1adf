import { z } from 'zod'
import { type Ipv4, parseIpv4, parseSubnet } from '../kit/ip.ts'

/**
 * All settings with their defaults and one line of help each. The file, the environment, the flags, `reveille serve --help`,
 * `GET /api/v1/settings` and docs/configuration.md are all made from this one schema.
 */

const address = z.string().transform((text, context): Ipv4 => {
  const parsed = parseIpv4(text)
  if (parsed === undefined) context.addIssue(`${JSON.stringify(text)} is not an IPv4 address such as 10.0.0.1`)
  return parsed ?? (0 as Ipv4)
})

const subnet = z.string().transform((text, context) => {
  const parsed = parseSubnet(text)
  if (!parsed) context.addIssue(`${JSON.stringify(text)} is not a subnet such as 10.0.0.0/24`)
  return parsed ?? { base: 0 as Ipv4, prefix: 32 }
})

const range = z.string().transform((text, context) => {
  const [first, last = first] = text.split('-').map((part) => parseIpv4(part.trim()))
  if (first === undefined || last === undefined || first > last)
    context.addIssue(`${JSON.stringify(text)} is not an address range such as 10.0.0.100-10.0.0.200`)
  return { first: first ?? (0 as Ipv4), last: last ?? (0 as Ipv4) }
})

/** `HOST:PORT`, with an IPv4 address as host. */
const listen = z.string().transform((text, context) => {
  const match = /^(.+):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? ''
  const port = Number(match?.[2] ?? Number.NaN)
  if (!match || parseIpv4(host) === undefined || port > 65_535)
    context.addIssue(`${JSON.stringify(text)} is not an address and port such as 0.0.0.0:8080`)
  return { host, port }
})
export type ListenAddress = z.output<typeof listen>

const interfaceName = z.string().regex(/^[A-Za-z0-9._:@-]{1,15}$/, 'an interface name has 1 to 15 characters')

export const NetworkSettings = z
  .object({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a network name has lower-case letters, digits and hyphens'),
    subnet,
    interface: interfaceName.optional(),
    ranges: z.array(range).max(64).optional(),
    router: address.optional(),
    dns: z.array(address).max(8).default([]),
    ntp: z.array(address).max(8).default([]),
    domain: z.string().max(253).optional(),
    leaseSeconds: z.number().int().min(120).max(31_536_000).default(3600),
    relay: z
      .object({ circuitId: z.string().max(255).optional(), remoteId: z.string().max(255).optional() })
      .strict()
      .optional(),
  })
  .strict()

const logLevels = ['debug', 'info', 'warn', 'error'] as const

export const Settings = z
  .object({
    dataDir: z.string().min(1).default('/var/lib/reveille').describe('directory that holds everything'),
    advertise: address
      .optional()
      .describe('address that machines use to reach this server; found for each interface if not given'),
    unknownMachines: z
      .string()
      .default('park')
      .describe('what an unknown machine gets: park, ignore, or the name of a profile'),
    machineNames: z
      .string()
      .regex(/^[a-z0-9-]*%0?[1-9]?d[a-z0-9-]*$/, 'a pattern has one number such as node-%04d')
      .default('node-%04d')
      .describe('pattern for the names of discovered machines'),
    http: z
      .object({
        listen: listen
          .default({ host: '0.0.0.0', port: 8080 })
          .describe('address and port of console, API and HTTP boot'),
        adminListen: listen
          .optional()
          .describe('if given, API and console answer on this address alone, and http.listen keeps the boot paths'),
      })
      .strict()
      .prefault({}),
    dhcp: z
      .object({
        mode: z
          .enum(['off', 'proxy', 'server'])
          .default('off')
          .describe('off, proxy (beside another DHCP server) or server'),
        interfaces: z
          .array(interfaceName)
          .max(64)
          .default([])
          .describe('interfaces to answer on; nothing is ever answered on others'),
        rateLimit: z
          .number()
          .int()
          .min(1)
          .max(100_000)
          .default(50)
          .describe('packets per second and client before they are dropped'),
        conflictProbe: z
          .boolean()
          .default(true)
          .describe('probe an address with ARP before it is offered for the first time'),
        routerAdvertisement: z
          .boolean()
          .default(true)
          .describe('answer IPv6 router solicitations with lifetime 0, so that iPXE does not wait for a router'),
      })
      .strict()
      .prefault({}),
    networks: z
      .array(NetworkSettings)
      .max(256)
      .default([])
      .describe('subnets to serve; without any, the upper half of the subnet of each interface'),
    tftp: z
      .object({
        enabled: z
          .boolean()
          .optional()
          .describe('serve boot programs over TFTP; by default whenever dhcp.mode is not off'),
        listen: listen.default({ host: '0.0.0.0', port: 69 }).describe('address and port of TFTP'),
      })
      .strict()
      .prefault({}),
    traces: z
      .object({
        keepDays: z.number().int().min(1).max(3650).default(30).describe('days that boot traces are kept'),
        keepPerMachine: z.number().int().min(1).max(1000).default(50).describe('boot traces kept for each machine'),
      })
      .strict()
      .prefault({}),
    audit: z
      .object({ keepDays: z.number().int().min(1).max(3650).default(365).describe('days that audit entries are kept') })
      .strict()
      .prefault({}),
    images: z
      .object({
        maxUploadGiB: z.number().min(0.001).max(4096).default(64).describe('largest file that may be uploaded'),
      })
      .strict()
      .prefault({}),
    lab: z
      .object({
        enabled: z
          .boolean()
          .default(false)
          .describe('virtual machines for trying things out; gives admins the power to start processes'),
        mode: z
          .enum(['auto', 'bridge', 'user'])
          .default('auto')
          .describe('bridge (root: a private bridge), user (no root: QEMU user networking), or what works'),
        subnet: subnet
          .default(parseSubnet('10.77.0.0/24')!)
          .describe('subnet of the lab bridge; the server has its first address'),
        maxMachines: z.number().int().min(1).max(256).default(16).describe('most lab machines'),
      })
      .strict()
      .prefault({}),
    log: z
      .object({
        level: z.enum(logLevels).default('info').describe('least level that is logged: debug, info, warn or error'),
      })
      .strict()
      .prefault({}),
  })
  .strict()

/** Frozen and whole: what the composition root builds everything from. */
export type Config = z.output<typeof Settings>
export type SettingsInput = z.input<typeof Settings>
