import { z } from 'zod'
import { DEPLOYMENT_STATES, RELEASES, TASK_STATES, WIPE_METHODS } from '../../deployments/deployment.ts'
import { DiskHints } from '../../deployments/hints.ts'
import { Inventory } from '../../machines/inventory.ts'
import { Name } from '../../profiles/profile.ts'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { route } from './route.ts'

const ArmedDisk = z
  .object({
    disk: z.string().min(1).max(200).meta({ description: 'serial number of the disk that may be overwritten' }),
    bytes: z.number().int().min(1).nullable().default(null),
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable()
      .default(null),
  })
  .strict()

const Action = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('install'), profile: Name }).strict(),
  z
    .object({
      kind: z.literal('capture'),
      disk: DiskHints.default({}),
      partition: z.number().int().min(1).max(128).nullable().default(null),
      image: Name,
      note: z.string().max(500).default(''),
    })
    .strict(),
  z.object({ kind: z.literal('wipe'), method: z.enum(WIPE_METHODS).default('auto') }).strict(),
  z.object({ kind: z.literal('inventory') }).strict(),
  z
    .object({
      kind: z.literal('script'),
      script: z.string().min(1).max(65_536),
      timeoutSeconds: z.number().int().min(1).max(86_400).default(3600),
    })
    .strict(),
])

/** `profile` alone is short for the action `install`. */
export const NewDeployment = z
  .object({
    profile: Name.optional(),
    action: Action.optional(),
    arm: z
      .union([ArmedDisk, z.array(ArmedDisk).max(32)])
      .optional()
      .meta({ description: 'the disks that may be overwritten; without them nothing is' }),
    reservedUntil: Time.nullable().default(null),
    release: z.enum(RELEASES).default('leave'),
    notify: z
      .object({
        webhook: z.url().max(500).nullable().default(null),
        email: z.email().max(200).nullable().default(null),
      })
      .strict()
      .default({ webhook: null, email: null }),
  })
  .strict()
  .meta({ id: 'NewDeployment' })
export type NewDeployment = z.infer<typeof NewDeployment>

const Progress = z.object({
  phase: z.string(),
  doneBytes: z.number(),
  totalBytes: z.number(),
  fetchedBytes: z.number(),
  writtenBytes: z.number(),
  bytesPerSecond: z.number(),
  secondsLeft: z.number().nullable(),
  at: Time,
})

export const DeploymentTask = z
  .object({
    id: z.string(),
    kind: z.string(),
    what: z.string().meta({ description: 'what it does, in one sentence' }),
    state: z.enum(TASK_STATES),
    summary: z.string(),
    result: z.record(z.string(), z.unknown()).nullable(),
    startedAt: Time.nullable(),
    endedAt: Time.nullable(),
  })
  .meta({ id: 'DeploymentTask' })

export const Deployment = z
  .object({
    id: z.string(),
    machine: z.string().meta({ description: 'name of the machine' }),
    machineId: z.string(),
    action: Action,
    profile: z.string().nullable(),
    arm: z.array(ArmedDisk),
    state: z.enum(DEPLOYMENT_STATES),
    reason: z.string(),
    next: z.string(),
    /** How many are before it on its machine. */
    ahead: z.number().int(),
    deadlineAt: Time.nullable(),
    tasks: z.array(DeploymentTask),
    progress: Progress.nullable(),
    attempts: z.number().int(),
    dirty: z.boolean(),
    reservedUntil: Time.nullable(),
    release: z.enum(RELEASES),
    notify: z.object({ webhook: z.string().nullable(), email: z.string().nullable() }),
    orderedBy: z.string(),
    createdAt: Time,
    startedAt: Time.nullable(),
    endedAt: Time.nullable(),
    updatedAt: Time,
  })
  .meta({ id: 'Deployment' })
export type Deployment = z.infer<typeof Deployment>

/** What a deployment would do, said before anything is done. */
export const DeploymentPlan = z
  .object({
    possible: z.boolean(),
    /** Why not, or what to know before, one sentence each. */
    problems: z.array(z.string()),
    /** When the inventory that this rests on was taken; `null`: the machine's disks are not known yet. */
    inventoryAt: Time.nullable(),
    steps: z.array(z.string()),
    overwrites: z.array(
      z.object({
        disk: z.string(),
        model: z.string().nullable(),
        bytes: z.number(),
        partition: z.number().nullable(),
        armed: z.boolean(),
        fingerprint: z.string().nullable(),
        /** What is there now and would be gone, one sentence for each partition or filesystem. */
        contents: z.array(z.string()),
        image: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'DeploymentPlan' })
export type DeploymentPlan = z.infer<typeof DeploymentPlan>

const DeploymentParams = z.object({ deployment: z.string().min(1).max(40) })

export const deploymentRoutes = {
  createDeployment: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/deployments',
    summary: 'Queue a deployment. Only a disk that it is armed for is ever overwritten',
    group: 'deployments',
    needs: 'user',
    params: MachineReference,
    body: NewDeployment,
    response: Deployment,
    status: 201,
    action: 'deployment.create',
  }),
  planDeployment: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/deployments/plan',
    summary: 'What a deployment would do and overwrite; nothing is queued',
    group: 'deployments',
    needs: 'viewer',
    params: MachineReference,
    body: NewDeployment,
    response: DeploymentPlan,
  }),
  listMachineDeployments: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/deployments',
    summary: 'The deployments of one machine, newest first',
    group: 'deployments',
    needs: 'viewer',
    params: MachineReference,
    query: PageQuery,
    response: page(Deployment),
  }),
  listDeployments: route({
    method: 'GET',
    path: '/api/v1/deployments',
    summary: 'All deployments, newest first',
    group: 'deployments',
    needs: 'viewer',
    query: PageQuery.extend({
      state: z.enum(DEPLOYMENT_STATES).optional(),
      open: z.stringbool().optional().meta({ description: 'only those not at rest' }),
      q: z.string().max(100).optional(),
    }),
    response: page(Deployment),
  }),
  getDeployment: route({
    method: 'GET',
    path: '/api/v1/deployments/{deployment}',
    summary: 'Show a deployment with its tasks',
    group: 'deployments',
    needs: 'viewer',
    params: DeploymentParams,
    response: Deployment,
  }),
  cancelDeployment: route({
    method: 'DELETE',
    path: '/api/v1/deployments/{deployment}',
    summary: 'Cancel a deployment; the answer says in what state the machine is left',
    group: 'deployments',
    needs: 'user',
    params: DeploymentParams,
    response: Deployment,
    action: 'deployment.cancel',
  }),
  releaseDeployment: route({
    method: 'POST',
    path: '/api/v1/deployments/{deployment}/release',
    summary: 'End the reserved time of a deployment now',
    group: 'deployments',
    needs: 'user',
    params: DeploymentParams,
    response: Deployment,
    action: 'deployment.release',
  }),
  getDeploymentLog: route({
    method: 'GET',
    path: '/api/v1/deployments/{deployment}/log',
    summary: 'What was done, line by line, oldest first; `after` of the last line continues',
    group: 'deployments',
    needs: 'viewer',
    params: DeploymentParams,
    query: z.object({
      after: z.coerce.number<number | string>().int().min(0).default(0),
      limit: z.coerce.number<number | string>().int().min(1).max(5000).default(1000),
    }),
    response: z.object({
      items: z.array(z.object({ n: z.number().int(), at: Time, level: z.string(), text: z.string() })),
      after: z.number().int(),
    }),
  }),
  getInventory: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/inventory',
    summary: 'What the management OS last found in a machine',
    group: 'machines',
    needs: 'viewer',
    params: MachineReference,
    response: z.object({ takenAt: Time, inventory: Inventory }),
  }),
  buildAgent: route({
    method: 'POST',
    path: '/api/v1/agent',
    summary: 'Build the management OS, if what it is made of has changed',
    group: 'agent',
    needs: 'operator',
    body: z.object({ force: z.boolean().default(false) }).strict(),
    response: z.object({ image: z.string(), version: z.number().int(), bytes: z.number(), built: z.boolean() }),
    action: 'agent.build',
  }),
  getAgent: route({
    method: 'GET',
    path: '/api/v1/agent',
    summary: 'Which management OS machines boot, and the machines that run it now',
    group: 'agent',
    needs: 'viewer',
    response: z.object({
      image: z.string(),
      version: z.number().int().nullable(),
      bytes: z.number(),
      builtAt: Time.nullable(),
      building: z
        .object({ doing: z.string(), since: Time })
        .nullable()
        .meta({ description: 'the build that is under way' }),
      running: z.array(z.object({ machine: z.string(), since: Time, heardAt: Time, doing: z.string() })),
    }),
  }),
} as const
