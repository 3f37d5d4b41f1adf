import { z } from 'zod'
import { TOPICS } from '../../events/event.ts'
import { LEASE_STATES } from '../../networks/lease.ts'
import { DriverSettings } from '../../power/settings.ts'
import { Name, ProfileSpec } from '../../profiles/profile.ts'
import { bmcRoutes } from './bmcs.ts'
import { PageQuery, page, Time } from './common.ts'
import { configRoutes } from './configs.ts'
import { NewMachine } from './machines.ts'
import { DriverName, DriverSecrets } from './power.ts'
import { route } from './route.ts'
import { volumeRoutes } from './volumes.ts'

export const Lease = z
  .object({
    ip: z.string(),
    network: z.string(),
    mac: z.string(),
    machine: z.object({ id: z.string(), name: z.string() }).nullable(),
    hostname: z.string().nullable(),
    state: z.enum(LEASE_STATES),
    startedAt: Time,
    expiresAt: Time,
  })
  .meta({ id: 'Lease' })
export type Lease = z.infer<typeof Lease>

export const Network = z
  .object({
    name: z.string(),
    subnet: z.string(),
    interface: z.string().nullable(),
    ranges: z.array(z.object({ first: z.string(), last: z.string() })),
    router: z.string().nullable(),
    dns: z.array(z.string()),
    ntp: z.array(z.string()),
    domain: z.string().nullable(),
    leaseSeconds: z.number(),
    used: z.number().int().meta({ description: 'leases bound now' }),
    size: z.number().int().meta({ description: 'addresses in the ranges' }),
  })
  .meta({ id: 'Network' })
export type Network = z.infer<typeof Network>

export const Setting = z
  .object({
    name: z.string(),
    value: z.unknown(),
    source: z.enum(['default', 'file', 'environment', 'flag']),
    description: z.string(),
  })
  .meta({ id: 'Setting' })

export const Event = z
  .object({ topic: z.enum(TOPICS), id: z.string(), change: z.enum(['saved', 'removed']) })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof Event>

/** A machine of a manifest. `power`: its drivers in their order, and no others; left out, those that it has stay. */
const DeclaredMachine = NewMachine.required({ name: true }).extend({
  power: z
    .array(
      z
        .object({
          name: DriverName,
          settings: DriverSettings,
          /** Never told again. Left out, those that are kept stay while the driver is reached in the same place. */
          secrets: DriverSecrets.optional(),
        })
        .strict(),
    )
    .max(16)
    .optional(),
})

/** A value that is no secret. Secrets are never in a manifest: `reveille config set` seals them. */
const DeclaredValue = configRoutes.setConfigValue.params
  .extend({
    value: z.union([z.string().max(65_536), z.number(), z.boolean(), z.array(z.string().max(4096)).max(1000)]),
  })
  .strict()

/** A BMC that is answered for a machine. Its accounts get random passwords, which a manifest neither sets nor tells. */
const DeclaredBmc = bmcRoutes.createBmc.body
  .omit({ user: true, privilege: true, password: true })
  .extend({
    enabled: z.boolean().default(true),
    users: z
      .array(
        z
          .object({
            name: bmcRoutes.createBmc.body.shape.user.unwrap(),
            privilege: bmcRoutes.createBmc.body.shape.privilege,
            enabled: z.boolean().default(true),
          })
          .strict(),
      )
      .min(1)
      .max(15)
      .default([{ name: 'admin', privilege: 'administrator', enabled: true }]),
  })
  .strict()

/** What `reveille apply` sends: the whole of what is named here; everything else is left alone. */
export const Manifest = z
  .object({
    machines: z.array(DeclaredMachine).max(10_000).default([]),
    profiles: z.array(ProfileSpec).max(1000).default([]),
    volumes: z
      .array(volumeRoutes.createVolume.body.omit({ clone: true, bootsLeft: true }))
      .max(10_000)
      .default([]),
    configs: z.array(configRoutes.createConfig.body).max(1000).default([]),
    values: z.array(DeclaredValue).max(100_000).default([]),
    bmcs: z.array(DeclaredBmc).max(10_000).default([]),
    bmcRules: z
      .array(bmcRoutes.putBmcRule.body.extend({ name: bmcRoutes.putBmcRule.params.shape.rule }).strict())
      .max(1000)
      .default([]),
  })
  .strict()
  .meta({ id: 'Manifest' })
export type Manifest = z.infer<typeof Manifest>

export const Applied = z
  .object({
    dryRun: z.boolean(),
    changes: z.array(
      z.object({
        thing: z.string(),
        change: z.enum(['create', 'update', 'none', 'remove']),
        fields: z.array(z.string()),
        /** Of what is updated. `unified`: how a text changes, in place of `before` and `after`. Secrets are not shown. */
        differences: z.array(
          z.object({
            field: z.string(),
            before: z.string().nullable(),
            after: z.string().nullable(),
            unified: z.string().nullable(),
          }),
        ),
      }),
    ),
    /** What pruning would have removed, and why it did not. */
    kept: z.array(z.object({ thing: z.string(), reason: z.string() })),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Applied' })
export type Applied = z.infer<typeof Applied>

/** One look at one precondition: what was found and what to do about it. */
export const Finding = z
  .object({
    check: z.string(),
    status: z.enum(['ok', 'warning', 'failed']),
    found: z.string(),
    next: z.string().nullable(),
  })
  .meta({ id: 'Finding' })
export type Finding = z.infer<typeof Finding>

export const Listeners = z.array(
  z.object({
    service: z.string(),
    where: z.string(),
    state: z.enum(['listening', 'waiting', 'failed', 'off']),
    reason: z.string().nullable(),
  }),
)

export const serverRoutes = {
  listLeases: route({
    method: 'GET',
    path: '/api/v1/leases',
    summary: 'List DHCP leases',
    group: 'networks',
    needs: 'viewer',
    query: PageQuery.extend({
      network: z.string().optional(),
      state: z.enum(LEASE_STATES).optional(),
      q: z.string().max(100).optional().meta({ description: 'part of an address, MAC, host name or machine' }),
    }),
    response: page(Lease),
  }),
  listNetworks: route({
    method: 'GET',
    path: '/api/v1/networks',
    summary: 'List the networks our DHCP server serves, from the configuration',
    group: 'networks',
    needs: 'viewer',
    response: page(Network),
  }),
  listSettings: route({
    method: 'GET',
    path: '/api/v1/settings',
    summary: 'Every setting with its value and where that came from; secrets are not shown',
    group: 'settings',
    needs: 'admin',
    response: z.object({ settings: z.array(Setting) }),
  }),
  getStatus: route({
    method: 'GET',
    path: '/api/v1/status',
    summary: 'Version, uptime, counts, and what listens where',
    group: 'settings',
    needs: 'viewer',
    response: z.object({
      version: z.string(),
      startedAt: Time,
      machines: z.record(z.string(), z.number()),
      boots: z.record(z.string(), z.number()).meta({ description: 'machines by the state of their newest boot' }),
      power: z.record(z.string(), z.number()).meta({ description: 'machines by what was read of their power last' }),
      stalled: z.number().int(),
      leases: z.number().int(),
      images: z.number().int(),
      profiles: z.number().int(),
      listeners: Listeners,
      lab: z.boolean(),
    }),
  }),
  doctor: route({
    method: 'GET',
    path: '/api/v1/doctor',
    summary: 'Check ports, privileges, interfaces, other DHCP servers, boot files, disk space and clock',
    group: 'settings',
    needs: 'operator',
    response: z.object({ findings: z.array(Finding) }),
  }),
  apply: route({
    method: 'POST',
    path: '/api/v1/apply',
    summary:
      'Make the server match a manifest; checked as a whole before anything is written. With `prune`, what earlier manifests of the same `name` had and this one has not goes',
    group: 'machines',
    needs: 'operator',
    query: z.object({
      dryRun: z.stringbool().default(false),
      name: Name.optional(),
      prune: z.stringbool().default(false),
      /** Also when more than half of what is known by this name would go. */
      force: z.stringbool().default(false),
    }),
    body: Manifest,
    response: Applied,
    action: 'apply',
  }),
  events: route({
    method: 'GET',
    path: '/api/v1/events',
    summary: 'Server-Sent Events: what changed, as {topic, id, change}',
    group: 'events',
    needs: 'viewer',
    response: 'events',
  }),
} as const
