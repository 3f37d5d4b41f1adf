import { z } from 'zod'
import { ImageReference, Name } from '../../profiles/profile.ts'
import { LEAST_VOLUME_BYTES, MOST_VOLUME_BYTES } from '../../volumes/limits.ts'
import { VOLUME_CONDITIONS } from '../../volumes/volume.ts'
import { PageQuery, page, Time } from './common.ts'
import { route } from './route.ts'

const Bytes = z
  .number()
  .int()
  .min(LEAST_VOLUME_BYTES)
  .max(MOST_VOLUME_BYTES)
  .refine((bytes) => bytes % 512 === 0, 'a disk has a whole number of 512-byte sectors')
const MOST_LABELS = 64
const Labels = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,62}$/), z.string().max(200))
  .refine((labels) => Object.keys(labels).length <= MOST_LABELS, `a volume has at most ${MOST_LABELS} labels`)
const printable = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\x20-\x7e]*$/, 'printable ASCII characters only')
const Scsi = z.object({ vendor: printable(8), product: printable(16), revision: printable(4) })
/** RFC 7143, 4.2.7: iqn., eui. or naa. names, in lower case. */
const InitiatorName = z
  .string()
  .max(223)
  .regex(
    /^(iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.-]+(:[a-z0-9.:_-]+)?|eui\.[0-9a-f]{16}|naa\.([0-9a-f]{16}|[0-9a-f]{32}))$/,
    'an initiator name such as iqn.2026-01.org.example:host',
  )

export const Snapshot = z
  .object({ name: z.string(), createdAt: Time, createdBy: z.string(), note: z.string() })
  .meta({ id: 'Snapshot' })
export const VolumeExport = z
  .object({
    id: z.string(),
    uri: z.string().meta({ description: 'iscsi://HOST:PORT/IQN/LUN' }),
    iqn: z.string(),
    lun: z.number().int(),
    readOnly: z.boolean(),
    initiator: z.string().nullable(),
    address: z.string().nullable(),
    chapUser: z.string().nullable(),
    for: z.string().meta({ description: 'machine NAME, an export by USER, or examination by machine NAME' }),
    sessions: z.number().int(),
  })
  .meta({ id: 'VolumeExport' })
export const Volume = z
  .object({
    id: z.string(),
    name: z.string(),
    pool: z.string(),
    bytes: z.number(),
    ownBytes: z.number().nullable().meta({ description: 'what it takes itself; null when the pool cannot tell now' }),
    dirtyBytes: z.number().nullable(),
    base: z.object({ image: z.string(), version: z.number().int() }).nullable(),
    use: z.enum(['own', 'overlay', 'maintenance']),
    machine: z.string().nullable().meta({ description: 'name of the machine whose overlay it is' }),
    profile: z.string().nullable(),
    condition: z.enum(VOLUME_CONDITIONS),
    owner: z.string(),
    labels: z.record(z.string(), z.string()),
    notes: z.string(),
    scsi: Scsi,
    snapshots: z.array(Snapshot),
    active: z.string().nullable().meta({ description: 'snapshot that it went on from; null: its base' }),
    limitBytes: z.number().nullable(),
    bootsLeft: z.number().int().nullable(),
    lastAttachedAt: Time.nullable(),
    exports: z.array(VolumeExport),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Volume' })
export type Volume = z.infer<typeof Volume>

/** Volumes change content in seconds to minutes: long work answers at once with a job that tells how far it is. */
export const VolumeJob = z
  .object({
    id: z.string(),
    what: z.enum(['publish', 'dump', 'restore']),
    volume: z.string(),
    state: z.enum(['running', 'succeeded', 'failed']),
    doneBytes: z.number(),
    totalBytes: z.number(),
    detail: z.string(),
    image: z.string().nullable().meta({ description: 'NAME@N that was published' }),
    startedAt: Time,
    endedAt: Time.nullable(),
  })
  .meta({ id: 'VolumeJob' })
export type VolumeJob = z.infer<typeof VolumeJob>

const VolumeParams = z.object({ volume: Name.meta({ description: 'name or id' }) })
const SnapshotParams = VolumeParams.extend({ snapshot: Name })
/** A file directly in the server's own export folder. */
const ExportFile = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/, 'a plain file name, without folders: files lie in the export folder')

const change = (path: string, summary: string, action: string) =>
  ({ method: 'POST', path, summary, group: 'volumes', needs: 'operator', params: VolumeParams, action }) as const

export const volumeRoutes = {
  listVolumes: route({
    method: 'GET',
    path: '/api/v1/volumes',
    summary: 'List volumes',
    group: 'volumes',
    needs: 'viewer',
    query: PageQuery.extend({
      use: z.enum(['own', 'overlay', 'maintenance']).optional(),
      condition: z.enum(VOLUME_CONDITIONS).optional(),
      machine: z.string().max(100).optional(),
      label: z.string().max(300).optional().meta({ description: 'KEY or KEY=VALUE' }),
      q: z.string().max(100).optional(),
    }),
    response: page(Volume),
  }),
  createVolume: route({
    method: 'POST',
    path: '/api/v1/volumes',
    summary: 'Create a volume over an image version, empty, or as a clone of another',
    group: 'volumes',
    needs: 'operator',
    body: z
      .object({
        name: Name,
        image: ImageReference.nullable().default(null),
        clone: z
          .object({ volume: Name, snapshot: Name.nullable().default(null) })
          .nullable()
          .default(null),
        bytes: Bytes.nullable().default(null).meta({ description: 'needed without image and clone' }),
        limitBytes: Bytes.nullable().default(null),
        labels: Labels.default({}),
        notes: z.string().max(2000).default(''),
        scsi: Scsi.partial().default({}),
        bootsLeft: z.number().int().min(1).max(1_000_000).nullable().default(null),
      })
      .strict(),
    response: Volume,
    status: 201,
    action: 'volume.create',
  }),
  getVolume: route({
    method: 'GET',
    path: '/api/v1/volumes/{volume}',
    summary: 'Show a volume with its snapshots and exports',
    group: 'volumes',
    needs: 'viewer',
    params: VolumeParams,
    response: Volume,
  }),
  updateVolume: route({
    method: 'PATCH',
    path: '/api/v1/volumes/{volume}',
    summary: 'Change what is said of a volume, its limit, its boots left, or take it in or out of service',
    group: 'volumes',
    needs: 'operator',
    params: VolumeParams,
    body: z
      .object({
        name: Name,
        labels: Labels,
        notes: z.string().max(2000),
        scsi: Scsi.partial(),
        limitBytes: Bytes.nullable(),
        bootsLeft: z.number().int().min(1).max(1_000_000).nullable(),
        condition: z.enum(['ready', 'modified', 'offline']),
      })
      .partial()
      .strict(),
    response: Volume,
    action: 'volume.update',
  }),
  deleteVolume: route({
    method: 'DELETE',
    path: '/api/v1/volumes/{volume}',
    summary: 'Delete a volume with its snapshots; refused while somebody is logged in to it or it is exported',
    group: 'volumes',
    needs: 'operator',
    params: VolumeParams,
    response: 'nothing',
    status: 204,
    action: 'volume.delete',
  }),
  createSnapshot: route({
    ...change(
      '/api/v1/volumes/{volume}/snapshots',
      'Freeze the content under a name, also while it is in use',
      'volume.snapshot',
    ),
    body: z.object({ name: Name, note: z.string().max(500).default('') }).strict(),
    response: Volume,
    status: 201,
  }),
  deleteSnapshot: route({
    method: 'DELETE',
    path: '/api/v1/volumes/{volume}/snapshots/{snapshot}',
    summary: 'Delete a snapshot; the content of the volume stays as it is',
    group: 'volumes',
    needs: 'operator',
    params: SnapshotParams,
    response: 'nothing',
    status: 204,
    action: 'volume.snapshot.delete',
  }),
  revertVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/revert',
      'Back to a snapshot, or to the base; refused while a machine writes, unless its sessions are to be ended',
      'volume.revert',
    ),
    body: z.object({ snapshot: Name.nullable().default(null), kick: z.boolean().default(false) }).strict(),
    response: Volume,
  }),
  recreateVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/recreate',
      'Drop the content and all snapshots and begin anew',
      'volume.recreate',
    ),
    body: z.object({ kick: z.boolean().default(false) }).strict(),
    response: Volume,
  }),
  resizeVolume: route({
    ...change('/api/v1/volumes/{volume}/resize', 'Change the size while nobody is logged in', 'volume.resize'),
    body: z
      .object({ bytes: Bytes, shrink: z.boolean().default(false).meta({ description: 'needed to cut off the end' }) })
      .strict(),
    response: Volume,
  }),
  publishVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/publish',
      'Make a new image version of the content; only changed chunks are added',
      'volume.publish',
    ),
    body: z
      .object({ image: Name, snapshot: Name.nullable().default(null), note: z.string().max(500).default('') })
      .strict(),
    response: VolumeJob,
    status: 202,
  }),
  dumpVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/dump',
      'Write the content to a sparse file in the export folder',
      'volume.dump',
    ),
    body: z
      .object({ file: ExportFile, snapshot: Name.nullable().default(null), replace: z.boolean().default(false) })
      .strict(),
    response: VolumeJob,
    status: 202,
  }),
  restoreVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/restore',
      'Replace the content by a file of the export folder',
      'volume.restore',
    ),
    body: z.object({ file: ExportFile }).strict(),
    response: VolumeJob,
    status: 202,
  }),
  listVolumeJobs: route({
    method: 'GET',
    path: '/api/v1/volume-jobs',
    summary: 'Long work on volumes, the newest first',
    group: 'volumes',
    needs: 'viewer',
    query: PageQuery,
    response: page(VolumeJob),
  }),
  getVolumeJob: route({
    method: 'GET',
    path: '/api/v1/volume-jobs/{job}',
    summary: 'How far long work on a volume is',
    group: 'volumes',
    needs: 'viewer',
    params: z.object({ job: z.string().max(100) }),
    response: VolumeJob,
  }),
  exportVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/exports',
      'Serve a volume to an initiator; with CHAP, the secret is told this once',
      'volume.export',
    ),
    body: z
      .object({
        initiator: InitiatorName.nullable().default(null),
        address: z.ipv4().nullable().default(null),
        readOnly: z.boolean().default(false),
        snapshot: Name.nullable().default(null),
        chap: z.boolean().default(false),
      })
      .strict(),
    response: VolumeExport.extend({ chapSecret: z.string().nullable() }),
    status: 201,
  }),
  endExport: route({
    method: 'DELETE',
    path: '/api/v1/volumes/{volume}/exports/{export}',
    summary: 'Stop serving; running sessions are ended',
    group: 'volumes',
    needs: 'operator',
    params: VolumeParams.extend({ export: z.string().max(100) }),
    response: 'nothing',
    status: 204,
    action: 'volume.export.end',
  }),
  examineVolume: route({
    ...change(
      '/api/v1/volumes/{volume}/examine',
      'Hand a volume that was set aside to a machine, read-only',
      'volume.examine',
    ),
    body: z.object({ machine: z.string().min(1).max(100) }).strict(),
    response: VolumeExport.extend({ chapSecret: z.string().nullable() }),
    status: 201,
  }),
} as const
