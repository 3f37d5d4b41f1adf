import { z } from 'zod'
import { ARCHITECTURES, BOOT_LOADERS, FIRMWARES, MACHINE_STATES } from '../../machines/machine.ts'
import { Name } from '../../profiles/profile.ts'
import { TRACE_STATES } from '../../traces/trace.ts'
import { PageQuery, page, Time } from './common.ts'
import { route } from './route.ts'

export const MachineReference = z.object({
  machine: z.string().min(1).max(100).meta({ description: 'id, name or MAC' }),
})

const Tag = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:=/-]{0,62}$/, 'a tag has 1 to 63 letters, digits and . _ : = / -')
export const MacText = z.string().max(17).meta({ description: 'any usual spelling', example: '52:54:00:12:34:56' })

/** What machines are listed by; those that have none of it come last. `boot`: when something of the newest boot was heard last. */
export const MACHINE_SORTS = ['name', 'state', 'power', 'boot', 'profile', 'address', 'seen'] as const

export const NextBoot = z
  .object({ profile: z.string(), orderedAt: Time, orderedBy: z.string() })
  .meta({ id: 'NextBoot' })

export const Machine = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(MACHINE_STATES),
    macs: z.array(z.string()),
    uuid: z.string().nullable(),
    serial: z.string().nullable(),
    manufacturer: z.string().nullable(),
    product: z.string().nullable(),
    architecture: z.enum(ARCHITECTURES).nullable(),
    firmware: z.enum(FIRMWARES).nullable(),
    /** What its firmware is given to load: `grub` for Secure Boot. */
    bootLoader: z.enum(BOOT_LOADERS),
    tags: z.array(z.string()),
    notes: z.string(),
    ip: z.string().nullable(),
    hostname: z.string().nullable(),
    profile: z.string().nullable(),
    nextBoot: NextBoot.nullable(),
    /** Name of the lab's virtual machine that has one of its MACs. */
    lab: z.string().nullable(),
    createdAt: Time,
    updatedAt: Time,
    lastSeenAt: Time.nullable(),
    lastAddress: z.string().nullable(),
    /** What was read of its power last; `null`: nothing can switch it, or nothing was read yet. */
    power: z.enum(['on', 'off', 'unknown']).nullable(),
    /** What the newest boot trace says, in one line. */
    boot: z
      .object({ trace: z.string(), state: z.string(), stage: z.string(), headline: z.string(), updatedAt: Time })
      .nullable(),
  })
  .meta({ id: 'Machine' })
export type Machine = z.infer<typeof Machine>

/** What a person may set. */
const editable = {
  tags: z.array(Tag).max(64),
  notes: z.string().max(10_000),
  ip: z.string().max(15).nullable(),
  hostname: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a host name has 1 to 63 lower-case letters, digits and hyphens')
    .nullable(),
  profile: Name.nullable(),
  uuid: z.guid().nullable(),
  serial: z.string().max(100).nullable(),
  architecture: z.enum(ARCHITECTURES).nullable(),
  firmware: z.enum(FIRMWARES).nullable(),
  bootLoader: z.enum(BOOT_LOADERS),
}

export const NewMachine = z
  .object({
    name: Name.optional().meta({ description: 'made from the pattern when left out' }),
    macs: z.array(MacText).min(1).max(16),
    ...z.object(editable).partial().shape,
  })
  .strict()
  .meta({ id: 'NewMachine' })
export type NewMachine = z.infer<typeof NewMachine>

export const MachinePatch = z
  .object({
    name: Name,
    macs: z.array(MacText).min(1).max(16),
    state: z.enum(['ready', 'maintenance', 'retired']),
    ...editable,
  })
  .partial()
  .strict()
  .meta({ id: 'MachinePatch' })
export type MachinePatch = z.infer<typeof MachinePatch>

export const BootChoice = z
  .object({ profile: z.string().nullable(), once: NextBoot.nullable() })
  .meta({ id: 'BootChoice' })

export const machineRoutes = {
  listMachines: route({
    method: 'GET',
    path: '/api/v1/machines',
    summary: 'List machines',
    group: 'machines',
    needs: 'viewer',
    query: PageQuery.extend({
      state: z.enum(MACHINE_STATES).optional(),
      tag: z.string().optional(),
      profile: z.string().optional(),
      boot: z.enum(TRACE_STATES).optional().meta({ description: 'state of the newest boot' }),
      power: z.enum(['on', 'off', 'unknown']).optional().meta({ description: 'what was read last' }),
      sort: z.enum(MACHINE_SORTS).default('name'),
      order: z.enum(['asc', 'desc']).default('asc'),
      q: z.string().max(100).optional().meta({ description: 'part of a name, MAC, address, serial, tag or note' }),
    }),
    response: page(Machine),
  }),
  createMachine: route({
    method: 'POST',
    path: '/api/v1/machines',
    summary: 'Register a machine; it is ready at once',
    group: 'machines',
    needs: 'operator',
    body: NewMachine,
    response: Machine,
    status: 201,
    action: 'machine.create',
  }),
  getMachine: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}',
    summary: 'Show a machine',
    group: 'machines',
    needs: 'viewer',
    params: MachineReference,
    response: Machine,
  }),
  updateMachine: route({
    method: 'PATCH',
    path: '/api/v1/machines/{machine}',
    summary: 'Change a machine',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    body: MachinePatch,
    response: Machine,
    action: 'machine.update',
  }),
  deleteMachine: route({
    method: 'DELETE',
    path: '/api/v1/machines/{machine}',
    summary: 'Forget a machine; if it boots again it is discovered anew',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    response: 'nothing',
    status: 204,
    action: 'machine.delete',
  }),
  approveMachine: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/approve',
    summary: 'Approve a discovered machine, naming it and choosing its profile if wanted',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    body: z.object({ name: Name.optional(), profile: Name.nullable().optional() }).strict().default({}),
    response: Machine,
    action: 'machine.approve',
  }),
  getBoot: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/boot',
    summary: 'What it boots by default, and just once',
    group: 'machines',
    needs: 'viewer',
    params: MachineReference,
    response: BootChoice,
  }),
  setBoot: route({
    method: 'PUT',
    path: '/api/v1/machines/{machine}/boot',
    summary: 'Choose what it boots by default (`profile`) or just the next time (`once`); null takes a choice back',
    group: 'machines',
    needs: 'user',
    params: MachineReference,
    body: z.object({ profile: Name.nullable().optional(), once: Name.nullable().optional() }).strict(),
    response: BootChoice,
    action: 'machine.boot',
  }),
} as const
