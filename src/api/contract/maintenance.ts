import { z } from 'zod'
import { Name } from '../../profiles/profile.ts'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { route } from './route.ts'
import { VolumeJob } from './volumes.ts'

export const Maintenance = z
  .object({
    id: z.string(),
    profile: z.string(),
    machine: z.string(),
    image: z.string(),
    from: z.number().int(),
    published: z.number().int().nullable(),
    volume: z.string(),
    others: z.enum(['keep', 'refuse']),
    state: z.enum(['open', 'publishing', 'published', 'discarded']),
    startedBy: z.string(),
    startedAt: Time,
    endedAt: Time.nullable(),
  })
  .meta({ id: 'Maintenance' })
export type Maintenance = z.infer<typeof Maintenance>

export const Rollout = z
  .object({
    id: z.string(),
    profile: z.string(),
    image: z.string(),
    from: z.number().int(),
    to: z.number().int(),
    canary: z.string().nullable(),
    state: z.enum(['canary', 'all', 'rolled-back']),
    startedBy: z.string(),
    startedAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Rollout' })
export type Rollout = z.infer<typeof Rollout>

/** Masters that are edited, how their versions reach the machines, and machines that begin anew. */
export const maintenanceRoutes = {
  listMaintenances: route({
    method: 'GET',
    path: '/api/v1/maintenances',
    summary: 'Machines that have a master open for writing, and those that had',
    group: 'volumes',
    needs: 'viewer',
    query: PageQuery,
    response: page(Maintenance),
  }),
  startMaintenance: route({
    method: 'POST',
    path: '/api/v1/maintenances',
    summary: "Let one machine boot a diskless profile's newest OS image writable",
    group: 'volumes',
    needs: 'operator',
    body: z
      .object({
        profile: Name,
        machine: z.string().min(1).max(100),
        others: z.enum(['keep', 'refuse']).default('keep'),
      })
      .strict(),
    response: Maintenance,
    status: 201,
    action: 'maintenance.start',
  }),
  publishMaintenance: route({
    method: 'POST',
    path: '/api/v1/maintenances/{maintenance}/publish',
    summary: 'Publish what the machine made of the master, and roll it out',
    group: 'volumes',
    needs: 'operator',
    params: z.object({ maintenance: z.string().max(100) }),
    body: z
      .object({
        note: z.string().max(500).default(''),
        rollout: z.enum(['none', 'canary', 'all']).default('none'),
        canary: z
          .string()
          .max(63)
          .nullable()
          .default(null)
          .meta({ description: 'tag of the machines that get it first' }),
      })
      .strict(),
    response: VolumeJob,
    status: 202,
    action: 'maintenance.publish',
  }),
  discardMaintenance: route({
    method: 'DELETE',
    path: '/api/v1/maintenances/{maintenance}',
    summary: 'Drop what was written; the master stays as it was',
    group: 'volumes',
    needs: 'operator',
    params: z.object({ maintenance: z.string().max(100) }),
    response: 'nothing',
    status: 204,
    action: 'maintenance.discard',
  }),
  listRollouts: route({
    method: 'GET',
    path: '/api/v1/rollouts',
    summary: 'Image versions that profiles are moved to',
    group: 'volumes',
    needs: 'viewer',
    query: PageQuery,
    response: page(Rollout),
  }),
  startRollout: route({
    method: 'POST',
    path: '/api/v1/rollouts',
    summary: "Move a diskless profile's OS image to another version, for the machines with a tag or for all",
    group: 'volumes',
    needs: 'operator',
    body: z
      .object({ profile: Name, to: z.number().int().min(1), canary: z.string().max(63).nullable().default(null) })
      .strict(),
    response: Rollout,
    status: 201,
    action: 'rollout.start',
  }),
  changeRollout: route({
    method: 'PATCH',
    path: '/api/v1/rollouts/{rollout}',
    summary: 'Go on to all machines, or back to the version before',
    group: 'volumes',
    needs: 'operator',
    params: z.object({ rollout: z.string().max(100) }),
    body: z.object({ state: z.enum(['all', 'rolled-back']) }).strict(),
    response: Rollout,
    action: 'rollout.change',
  }),
  resetMachine: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/reset',
    summary: "Drop a machine's own writes to its diskless disks, now or, when it is on, at its next boot",
    group: 'volumes',
    needs: 'operator',
    params: MachineReference,
    body: z.object({ profile: Name.optional(), kick: z.boolean().default(false) }).strict(),
    response: z.object({ reset: z.array(z.string()), atNextBoot: z.array(z.string()) }),
    action: 'machine.reset',
  }),
} as const
