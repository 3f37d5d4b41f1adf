import { z } from 'zod'
import { parseSubnet } from '../kit/ip.ts'
import { BMC_SETTINGS } from './bmc-settings.ts'
import { address, clients, databaseUrl, interfaceName, listen, range, secret, subnet } from './values.ts'

/**
 * All settings with their defaults and one line of help each. The file, the environment, the flags, `reveille serve --help`,
 * `GET /api/v1/settings` and docs/configuration.md are all made from this one schema. Messages say what would be right, so
 * that they go on from "it must be"; `example` is what the documentation shows for a value that is written as text.
 */

/** Settings whose values no answer, log or error shows. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  'database',
  'notify.webhookSecret',
  'notify.smtp.password',
])

export const NetworkSettings = z
  .object({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name of 1 to 32 lower-case letters, digits and hyphens')
      .describe('name of the network, unlike all others'),
    subnet: subnet.describe('the addresses of this network'),
    interface: interfaceName
      .optional()
      .describe('interface it is attached to; without one it is reached through relays only'),
    ranges: z
      .array(range)
      .max(64)
      .optional()
      .describe(
        'where dynamic addresses come from; the upper half of the subnet if not given, [] for reservations only',
      ),
    router: address.optional().describe('default router that machines are told'),
    dns: z.array(address).max(8).default([]).describe('DNS servers that machines are told'),
    ntp: z.array(address).max(8).default([]).describe('NTP servers that machines are told'),
    domain: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9.-]+$/, 'a domain name')
      .optional()
      .describe('domain name that machines are told'),
    leaseSeconds: z.number().int().min(120).max(31_536_000).default(3600).describe('how long a lease lasts'),
    relay: z
      .object({
        circuitId: z
          .string()
          .max(255)
          .optional()
          .describe('Agent Circuit ID (RFC 3046 sub-option 1) that chooses this network'),
        remoteId: z
          .string()
          .max(255)
          .optional()
          .describe('Agent Remote ID (RFC 3046 sub-option 2) that chooses this network'),
      })
      .strict()
      .optional(),
  })
  .strict()

const logLevels = ['debug', 'info', 'warn', 'error'] as const

export const Settings = z
  .object({
    dataDir: z.string().min(1).default('/var/lib/reveille').describe('directory that holds everything'),
    database: databaseUrl
      .optional()
      .describe(
        'PostgreSQL that keeps what the SQLite files keep otherwise, such as postgresql://reveille:PASSWORD@10.0.0.2/reveille; files in the data directory if not given',
      ),
    controlGroup: z
      .string()
      .regex(/^[a-z_][a-z0-9_.-]{0,31}$/, 'the name of a group')
      .optional()
      .describe(
        'group of this computer whose members are admins through the control socket; the user of the server and root alone if not given',
      ),
    advertise: address
      .optional()
      .describe('address that machines use to reach this server; found for each interface if not given'),
    unknownMachines: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/, 'park, ignore, or the name of a profile')
      .default('park')
      .describe('what an unknown machine gets: park, ignore, or the name of a profile'),
    bootPrograms: z
      .string()
      .min(1)
      .optional()
      .describe(
        'directory of boot programs that are given in place of those of Debian packages, by their names (snponly.efi, debian/shimx64.efi)',
      ),
    machineNames: z
      .string()
      .regex(
        /^(?=.*(?:%0?[1-9]?d|%w|%m))(?:[a-z0-9-]|%0?[1-9]?d|%w|%m|%\{tag:[A-Za-z0-9._-]{1,32}\})+$/,
        'a pattern with a number, a word or the MAC, such as node-%04d, %w or pc-%m',
      )
      .max(100)
      .default('node-%04d')

      .describe(
        'pattern for the names of machines that come without one: %04d a number, %w a word, %m the end of the MAC, %{tag:rack} what follows rack= in a tag',
      ),
    phoneHomeMinutes: z
      .number()
      .int()
      .min(1)
      .max(1440)
      .default(20)
      .describe(
        'how long a system whose config tells it to phone home may take from its start to that, in minutes; then its boot counts as stalled and its deployment fails',
      ),
    http: z
      .object({
        listen: listen
          .default({ host: '0.0.0.0', port: 8080 })
          .describe('address and port of console, API and HTTP boot'),
        adminListen: listen
          .optional()
          .describe('if given, API and console answer on this address alone, and http.listen keeps the boot paths'),
        rateLimit: z
          .number()
          .int()
          .min(1)
          .max(10_000_000)
          .default(500)
          .describe(
            'boot scripts per second and client address before they are refused; behind one address may be many machines',
          ),
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
        maxDiskGiB: z
          .number()
          .min(0.001)
          .max(2048)
          .default(2048)
          .describe('largest disk that an upload may hold, unpacked'),
        scrubDays: z
          .number()
          .min(0)
          .max(3650)
          .default(30)
          .describe('how often every stored chunk is read again to find damage, in days; 0 for never'),
      })
      .strict()
      .prefault({}),
    deployments: z
      .object({
        keepDays: z
          .number()
          .int()
          .min(1)
          .max(36_500)
          .default(365)
          .describe(
            'days that deployments are kept after they were ordered, with their logs; none is deleted before its end',
          ),
      })
      .strict()
      .prefault({}),
    notify: z
      .object({
        webhookSecret: secret
          .optional()
          .describe('key that signs what webhooks receive (HMAC-SHA-256); without one they are not signed'),
        smtp: z
          .object({
            server: z.string().min(1).max(253).optional().describe('mail server; without one no e-mail is sent'),
            port: z.number().int().min(1).max(65_535).default(587).describe('port of the mail server'),
            tls: z
              .enum(['starttls', 'tls', 'none'])
              .default('starttls')
              .describe(
                'starttls (port 587), tls from the first byte (port 465), or none (a mail server on this host)',
              ),
            user: z.string().max(200).optional().describe('user name at the mail server'),
            password: secret.optional().describe('password at the mail server'),
            from: z.email('an e-mail address').max(200).optional().describe('sender of e-mails; needed to send any'),
          })
          .strict()
          .prefault({}),
      })
      .strict()
      .prefault({}),
    agent: z
      .object({
        shell: z
          .boolean()
          .default(true)
          .describe('operators may open a shell on machines that run the management OS; each is in the audit log'),
      })
      .strict()
      .prefault({}),
    iscsi: z
      .object({
        enabled: z
          .boolean()
          .optional()
          .describe(
            'serve volumes over iSCSI; if not given it is on, but given up with a warning where it cannot be had',
          ),
        listen: listen.default({ host: '0.0.0.0', port: 3260 }).describe('address and port of iSCSI'),
        engine: z
          .enum(['builtin', 'tgt', 'lio'])
          .default('builtin')
          .describe('what serves volumes: builtin, tgt (tgtd) or lio (the kernel; root)'),
        workers: z
          .number()
          .int()
          .min(1)
          .max(64)
          .optional()
          .describe('processes that serve volumes; by default one for each processor but one, at most 4'),
        name: z
          .string()
          .regex(/^iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.-]{1,100}$/, 'a name such as iqn.2026-01.org.example')
          .default('iqn.2026-11.org.reveille')
          .describe('what the names of targets and initiators begin with'),
        chap: z
          .boolean()
          .default(true)
          .describe(
            'machines prove with a secret of their own, made anew for each boot, that they may use their disks',
          ),
      })
      .strict()
      .prefault({}),
    volumes: z
      .object({
        pool: z
          .enum(['file', 'lvm'])
          .default('file')
          .describe('where volumes are kept: files below the data directory, or an LVM thin pool'),
        directory: z.string().min(1).optional().describe('directory of volumes; DATADIR/volumes if not given'),
        exportDirectory: z
          .string()
          .min(1)
          .optional()
          .describe('the only directory that volumes are dumped to and restored from; DATADIR/exports if not given'),
        warnPercent: z
          .number()
          .int()
          .min(1)
          .max(100)
          .default(80)
          .describe('how full the pool may be before everybody who looks is warned'),
        refusePercent: z
          .number()
          .int()
          .min(1)
          .max(100)
          .default(95)
          .describe('how full the pool may be before new volumes are refused'),
        cacheGiB: z
          .number()
          .min(1)
          .max(65_536)
          .default(64)
          .describe('disk space for unpacked base data that volumes read, shared by all of them'),
        lvmGroup: z
          .string()
          .regex(/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$/, 'a volume group')
          .optional()
          .describe('volume group of the LVM pool'),
        lvmThinPool: z
          .string()
          .regex(/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$/, 'a thin pool')
          .default('reveille')
          .describe('thin pool in that volume group; made when it does not exist'),
      })
      .strict()
      .prefault({}),
    ...BMC_SETTINGS,
    thrift: z
      .object({
        enabled: z
          .boolean()
          .default(false)
          .describe("answer the Thrift service of DBC-CloudCyberCafe's programs; it knows no passwords"),
        listen: listen
          .default({ host: '127.0.0.1', port: 9090 })
          .describe('address and port of the Thrift service, which should be reachable by its clients only'),
        clients: z
          .array(clients)
          .max(256)
          .default([])
          .describe('addresses and subnets of Thrift clients; nobody else is answered, and without any nobody is'),
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
export type NetworkConfig = z.output<typeof NetworkSettings>
export type SettingsInput = z.input<typeof Settings>
