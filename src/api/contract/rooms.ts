import { z } from 'zod'
import { Name } from '../../profiles/profile.ts'
import { BATCH_ACTIONS } from '../../rooms/batch.ts'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { route } from './route.ts'

export const Batch = z
  .object({
    id: z.string(),
    action: z.enum(BATCH_ACTIONS),
    profile: z.string().nullable(),
    state: z.enum(['running', 'finished', 'cancelled']),
    done: z.number().int(),
    failed: z.number().int(),
    total: z.number().int(),
    machines: z.array(
      z.object({
        machine: z.string(),
        state: z.enum(['waiting', 'running', 'succeeded', 'failed', 'skipped']),
        detail: z.string(),
      }),
    ),
    orderedBy: z.string(),
    startedAt: Time,
    endedAt: Time.nullable(),
  })
  .meta({ id: 'Batch' })
export type Batch = z.infer<typeof Batch>

export const GuestInfo = z
  .object({
    hostname: z.string(),
    os: z.string(),
    kernel: z.string(),
    uptimeSeconds: z.number(),
    addresses: z.array(z.string()),
    users: z.array(z.object({ name: z.string(), terminal: z.string(), from: z.string(), since: z.string() })),
  })
  .meta({ id: 'GuestInfo' })
export type GuestInfo = z.infer<typeof GuestInfo>

export const Room = z
  .object({
    tag: z.string(),
    machines: z.number().int(),
    states: z.record(z.string(), z.number().int()).meta({ description: 'machines in each state' }),
    boots: z.record(z.string(), z.number().int()).meta({ description: 'machines by the state of their newest boot' }),
    power: z
      .record(z.string(), z.number().int())
      .meta({ description: 'machines by what was read of their power last; without those that nothing can switch' }),
  })
  .meta({ id: 'Room' })

const BatchParams = z.object({ batch: z.string().max(100) })

/** A room is the machines that carry one tag. */
export const roomRoutes = {
  listRooms: route({
    method: 'GET',
    path: '/api/v1/rooms',
    summary:
      'Every tag that a machine carries, with how many do, in which states they, their boots and their power are',
    group: 'machines',
    needs: 'viewer',
    query: PageQuery.extend({ q: z.string().max(100).optional().meta({ description: 'part of a tag' }) }),
    response: page(Room),
  }),
  listBatches: route({
    method: 'GET',
    path: '/api/v1/batches',
    summary: 'Actions on many machines, the newest first',
    group: 'machines',
    needs: 'viewer',
    query: PageQuery,
    response: page(Batch),
  }),
  getBatch: route({
    method: 'GET',
    path: '/api/v1/batches/{batch}',
    summary: 'How far an action on many machines is, and how each went',
    group: 'machines',
    needs: 'viewer',
    params: BatchParams,
    response: Batch,
  }),
  startBatch: route({
    method: 'POST',
    path: '/api/v1/batches',
    summary: 'Do one thing on many machines: those with a tag, or those named',
    group: 'machines',
    needs: 'operator',
    body: z
      .object({
        action: z.enum(BATCH_ACTIONS),
        tag: z.string().max(63).nullable().default(null),
        machines: z.array(z.string().min(1).max(100)).max(10_000).default([]),
        profile: Name.nullable().default(null).meta({ description: 'for boot and boot-once' }),
        /** Between the starts of two machines. */
        staggerSeconds: z.number().min(0).max(600).default(0),
        kick: z.boolean().default(false).meta({ description: 'for reset: end sessions of machines that are on' }),
      })
      .strict(),
    response: Batch,
    status: 202,
    action: 'batch.start',
  }),
  cancelBatch: route({
    method: 'DELETE',
    path: '/api/v1/batches/{batch}',
    summary: 'Leave out the machines whose turn has not come',
    group: 'machines',
    needs: 'operator',
    params: BatchParams,
    response: Batch,
    action: 'batch.cancel',
  }),
  getGuest: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/guest',
    summary: 'Ask the running system of a machine who it is and who is logged in, through SSH',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    response: GuestInfo,
  }),
  setGuestAccess: route({
    method: 'PUT',
    path: '/api/v1/machines/{machine}/guest/access',
    summary: 'How its running system is reached: user, key or password, and the host key that is expected',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    body: z
      .object({
        user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
        port: z.number().int().min(1).max(65_535).default(22),
        password: z.string().max(200).nullable().default(null),
        privateKey: z.string().max(20_000).nullable().default(null),
        hostKey: z
          .string()
          .max(200)
          .nullable()
          .default(null)
          .meta({ description: 'SHA256:...; learnt and pinned at the first connection when left out' }),
      })
      .strict(),
    response: z.object({ user: z.string(), port: z.number().int(), hostKey: z.string().nullable() }),
    action: 'guest.access',
  }),
  setGuestPassword: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/guest/password',
    summary: 'Set the password of a user of its running system, or of its diskless volume while it is off',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    body: z
      .object({
        user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
        password: z
          .string()
          .min(1)
          .max(200)
          .regex(/^[^\p{Cc}]+$/u),
        via: z.enum(['ssh', 'volume']).default('ssh'),
      })
      .strict(),
    response: 'nothing',
    status: 204,
    action: 'guest.password',
  }),
  rebootGuest: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/guest/reboot',
    summary: 'Reboot its running system cleanly, through SSH',
    group: 'machines',
    needs: 'operator',
    params: MachineReference,
    body: z.object({ powerOff: z.boolean().default(false) }).strict(),
    response: 'nothing',
    status: 202,
    action: 'guest.reboot',
  }),
} as const
