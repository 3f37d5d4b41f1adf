import { z } from 'zod'
import { CIPHER_SUITES, PRIVILEGES } from '../../gateway/bmc.ts'
import { COMMAND_CLASSES } from '../../gateway/routes.ts'
import { Name } from '../../profiles/profile.ts'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { BootOrderInfo } from './power.ts'
import { route } from './route.ts'

/** IPMI 2.0 §22.29: at most 16 bytes. */
const UserName = z.string().regex(/^[\x21-\x7e]{1,16}$/, 'a user name has 1 to 16 printable characters without spaces')
/** IPMI 2.0 §22.30: at most 20 bytes. */
const Password = z.string().regex(/^[\x20-\x7e]{8,20}$/, 'a password has 8 to 20 printable characters')
const Target = z
  .string()
  .max(64)
  .meta({ description: 'a power driver of the machine, `drivers` (in their order), `reveille`, or `none`' })
const RouteTable = z.partialRecord(z.enum(COMMAND_CLASSES), Target).meta({ id: 'BmcRoutes' })
const Client = z.string().max(43).meta({ description: 'an address or a subnet', example: '10.0.0.0/24' })

export const BmcUserInfo = z
  .object({ slot: z.number().int(), name: z.string(), privilege: z.enum(PRIVILEGES), enabled: z.boolean() })
  .meta({ id: 'BmcUser' })

export const Bmc = z
  .object({
    machine: z.string(),
    machineName: z.string(),
    enabled: z.boolean(),
    /** Whether its address and port are bound; `problem` says why not. */
    listening: z.boolean(),
    problem: z.string(),
    address: z.string().nullable(),
    port: z.number().int(),
    /** Where an IPMI client finds it, with `port`. */
    host: z.string(),
    /** The Redfish service of it, where `gateway.redfish.enabled`. */
    redfish: z.string().nullable(),
    guid: z.string(),
    users: z.array(BmcUserInfo),
    cipherSuites: z.array(z.union(CIPHER_SUITES.map((suite) => z.literal(suite)))),
    clients: z.array(z.string()),
    routes: RouteTable,
    bootOrder: BootOrderInfo.nullable(),
    media: z.string().nullable(),
    sessions: z.number().int(),
    rule: z.string().nullable(),
    createdAt: Time,
  })
  .meta({ id: 'Bmc' })
export type Bmc = z.infer<typeof Bmc>

/** The one answer that shows a password. */
export const BmcWithPassword = z
  .object({ bmc: Bmc, user: z.string(), password: z.string() })
  .meta({ id: 'BmcWithPassword' })

export const BmcExplanation = z
  .object({
    command: z.string(),
    class: z.enum(COMMAND_CLASSES).nullable(),
    target: z.string(),
    /** Where the target comes from. */
    because: z.enum(['machine', 'default', 'fixed']),
    /** What would be done, step by step, in sentences. */
    steps: z.array(z.string()),
    works: z.boolean(),
  })
  .meta({ id: 'BmcExplanation' })

export const BmcEventInfo = z
  .object({
    id: z.number().int(),
    at: Time,
    kind: z.string(),
    severity: z.enum(['ok', 'warning', 'critical']),
    text: z.string(),
  })
  .meta({ id: 'BmcEvent' })

export const BmcRule = z
  .object({
    name: z.string(),
    tag: z.string(),
    routes: RouteTable,
    user: z.string(),
    createdAt: Time,
    machines: z.number().int(),
  })
  .meta({ id: 'BmcRule' })

/** `answers`: its address is bound; `fails`: it should be and is not; `off`: switched off. */
export const BMC_STATES = ['answers', 'fails', 'off'] as const

const RuleParams = z.object({ rule: Name })

/** BMCs that Reveille answers for machines, by IPMI and Redfish. */
export const bmcRoutes = {
  listBmcs: route({
    method: 'GET',
    path: '/api/v1/bmcs',
    summary: 'The BMCs that are answered here',
    group: 'bmcs',
    needs: 'viewer',
    query: PageQuery.extend({
      state: z.enum(BMC_STATES).optional(),
      q: z.string().max(100).optional().meta({ description: 'part of a machine, address, account or rule' }),
    }),
    response: page(Bmc),
  }),
  createBmc: route({
    method: 'POST',
    path: '/api/v1/bmcs',
    summary: 'Answer a BMC for a machine; its password is in this answer and nowhere else',
    group: 'bmcs',
    needs: 'operator',
    body: z
      .object({
        machine: z.string().min(1).max(100),
        user: UserName.default('admin'),
        privilege: z.enum(PRIVILEGES).default('administrator'),
        /** A random one if left out. */
        password: Password.optional(),
        /** An address of its own; a port of the gateway's address if left out. */
        address: z.ipv4().optional(),
        /** The next free one of `gateway.ports` if left out. */
        port: z.number().int().min(1).max(65_535).optional(),
        cipherSuites: z
          .array(z.union(CIPHER_SUITES.map((suite) => z.literal(suite))))
          .min(1)
          .optional(),
        clients: z.array(Client).max(64).default([]),
        routes: RouteTable.default({}),
      })
      .strict(),
    response: BmcWithPassword,
    status: 201,
    action: 'bmc.create',
  }),
  getBmc: route({
    method: 'GET',
    path: '/api/v1/bmcs/{machine}',
    summary: 'The BMC of a machine',
    group: 'bmcs',
    needs: 'viewer',
    params: MachineReference,
    response: Bmc,
  }),
  patchBmc: route({
    method: 'PATCH',
    path: '/api/v1/bmcs/{machine}',
    summary:
      'Switch it on or off, move it, change its suites, clients and routes; routes are merged, null takes one back',
    group: 'bmcs',
    needs: 'operator',
    params: MachineReference,
    body: z
      .object({
        enabled: z.boolean(),
        address: z.ipv4().nullable(),
        port: z.number().int().min(1).max(65_535),
        cipherSuites: z.array(z.union(CIPHER_SUITES.map((suite) => z.literal(suite)))).min(1),
        clients: z.array(Client).max(64),
        routes: z.partialRecord(z.enum(COMMAND_CLASSES), Target.nullable()),
      })
      .partial()
      .strict(),
    response: Bmc,
    action: 'bmc.update',
  }),
  removeBmc: route({
    method: 'DELETE',
    path: '/api/v1/bmcs/{machine}',
    summary: 'Answer for this machine no longer',
    group: 'bmcs',
    needs: 'operator',
    params: MachineReference,
    response: 'nothing',
    status: 204,
    action: 'bmc.remove',
  }),
  setBmcUser: route({
    method: 'PUT',
    path: '/api/v1/bmcs/{machine}/users/{user}',
    summary: 'Add or change an account of a BMC; a new password is random unless given, and shown once',
    group: 'bmcs',
    needs: 'operator',
    params: MachineReference.extend({ user: UserName }),
    body: z
      .object({
        privilege: z.enum(PRIVILEGES).optional(),
        enabled: z.boolean().optional(),
        password: Password.optional(),
        /** Make a new random password. */
        newPassword: z.boolean().default(false),
      })
      .strict(),
    response: z.object({ user: BmcUserInfo, password: z.string().nullable() }).meta({ id: 'BmcUserChange' }),
    action: 'bmc.user.set',
  }),
  removeBmcUser: route({
    method: 'DELETE',
    path: '/api/v1/bmcs/{machine}/users/{user}',
    summary: 'Remove an account of a BMC and end its sessions',
    group: 'bmcs',
    needs: 'operator',
    params: MachineReference.extend({ user: UserName }),
    response: 'nothing',
    status: 204,
    action: 'bmc.user.remove',
  }),
  explainBmc: route({
    method: 'GET',
    path: '/api/v1/bmcs/{machine}/explain',
    summary: 'Where a command would go and why, without doing it',
    group: 'bmcs',
    needs: 'viewer',
    params: MachineReference,
    query: z.object({
      command: z.string().min(1).max(100).meta({ description: 'as ipmitool writes it, such as `chassis power soft`' }),
    }),
    response: BmcExplanation,
  }),
  listBmcEvents: route({
    method: 'GET',
    path: '/api/v1/bmcs/{machine}/events',
    summary: 'What its SEL shows',
    group: 'bmcs',
    needs: 'viewer',
    params: MachineReference,
    response: z.object({ items: z.array(BmcEventInfo) }),
  }),
  listBmcSessions: route({
    method: 'GET',
    path: '/api/v1/bmcs/{machine}/sessions',
    summary: 'Who is logged in to it',
    group: 'bmcs',
    needs: 'viewer',
    params: MachineReference,
    response: z.object({
      items: z.array(
        z.object({
          id: z.string(),
          user: z.string(),
          privilege: z.enum(PRIVILEGES),
          address: z.string(),
          cipherSuite: z.number().int(),
          console: z.boolean(),
          since: Time,
          lastAt: Time,
        }),
      ),
    }),
  }),
  listBmcRules: route({
    method: 'GET',
    path: '/api/v1/bmc-rules',
    summary: 'Rules that give machines with a tag a BMC',
    group: 'bmcs',
    needs: 'viewer',
    query: PageQuery,
    response: page(BmcRule),
  }),
  putBmcRule: route({
    method: 'PUT',
    path: '/api/v1/bmc-rules/{rule}',
    summary: 'Give every machine with a tag a BMC, those that come later too',
    group: 'bmcs',
    needs: 'operator',
    params: RuleParams,
    body: z
      .object({ tag: z.string().min(1).max(63), routes: RouteTable.default({}), user: UserName.default('admin') })
      .strict(),
    response: BmcRule,
    action: 'bmc.rule.set',
  }),
  removeBmcRule: route({
    method: 'DELETE',
    path: '/api/v1/bmc-rules/{rule}',
    summary: 'Remove a rule; BMCs it made stay unless `remove` is true',
    group: 'bmcs',
    needs: 'operator',
    params: RuleParams,
    query: z.object({ remove: z.enum(['true', 'false']).optional() }),
    response: 'nothing',
    status: 204,
    action: 'bmc.rule.remove',
  }),
} as const
