import { z } from 'zod'
import { route } from './route.ts'

const StorageDevice = z
  .object({
    path: z.string(),
    bytes: z.number(),
    model: z.string(),
    state: z.enum(['free', 'holds-data', 'physical-volume', 'in-use']),
    holds: z.array(z.string()).meta({ description: 'what is on it or who uses it, a few words each' }),
    partitions: z.array(z.string()),
  })
  .meta({ id: 'StorageDevice' })
const PhysicalVolume = z
  .object({
    path: z.string(),
    group: z.string().meta({ description: 'empty when it belongs to none' }),
    bytes: z.number(),
    usedBytes: z.number(),
  })
  .meta({ id: 'PhysicalVolume' })
const VolumeGroup = z
  .object({
    name: z.string(),
    bytes: z.number(),
    freeBytes: z.number(),
    extentBytes: z.number().meta({ description: 'sizes of its logical volumes are multiples of it' }),
    missing: z.number().int().meta({ description: 'devices that LVM does not find' }),
    ours: z.boolean().meta({ description: "Reveille's own pool is in it, or may come into it" }),
  })
  .meta({ id: 'VolumeGroup' })
const LogicalVolume = z
  .object({
    name: z.string(),
    group: z.string(),
    bytes: z.number(),
    layout: z.string(),
    open: z.boolean(),
    origin: z.string().meta({ description: 'what it is a snapshot of; else empty' }),
    ours: z.boolean().meta({ description: "it belongs to Reveille's own pool, and is not changed here" }),
  })
  .meta({ id: 'LogicalVolume' })

export const StorageState = z
  .object({
    devices: z.array(StorageDevice),
    physicalVolumes: z.array(PhysicalVolume),
    volumeGroups: z.array(VolumeGroup),
    logicalVolumes: z.array(LogicalVolume),
  })
  .meta({ id: 'StorageState' })
export type StorageState = z.infer<typeof StorageState>

const Device = z
  .string()
  .max(200)
  .regex(/^\/dev\/[A-Za-z0-9][A-Za-z0-9._+:@/-]*$/, 'a device has a path such as /dev/sdb')
const Name = z.string().min(1).max(100)
const Bytes = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const Group = z.object({ group: Name })
const Volume = z.object({ group: Name, name: Name })

/** LVM of the server. Every change answers with how things are then. */
export const storageRoutes = {
  getStorage: route({
    method: 'GET',
    path: '/api/v1/storage',
    summary: 'Disks of the server, physical volumes, volume groups and logical volumes',
    group: 'storage',
    needs: 'admin',
    response: StorageState,
  }),
  createPhysicalVolume: route({
    method: 'POST',
    path: '/api/v1/storage/physical-volumes',
    summary: 'Make a device a physical volume; one that is not empty only if its path and size are named in `wipe`',
    group: 'storage',
    needs: 'admin',
    body: z.object({ path: Device, wipe: z.object({ path: Device, bytes: Bytes }).strict().optional() }).strict(),
    response: StorageState,
    status: 201,
    action: 'storage.physical-volume.create',
  }),
  deletePhysicalVolume: route({
    method: 'DELETE',
    path: '/api/v1/storage/physical-volumes',
    summary: 'Make a physical volume of no group an empty device',
    group: 'storage',
    needs: 'admin',
    query: z.object({ path: Device }),
    response: StorageState,
    action: 'storage.physical-volume.delete',
  }),
  createVolumeGroup: route({
    method: 'POST',
    path: '/api/v1/storage/volume-groups',
    summary: 'Make a volume group of physical volumes',
    group: 'storage',
    needs: 'admin',
    body: z.object({ name: Name, devices: z.array(Device).min(1).max(100) }).strict(),
    response: StorageState,
    status: 201,
    action: 'storage.volume-group.create',
  }),
  extendVolumeGroup: route({
    method: 'POST',
    path: '/api/v1/storage/volume-groups/{group}/physical-volumes',
    summary: 'Add physical volumes to a volume group',
    group: 'storage',
    needs: 'admin',
    params: Group,
    body: z.object({ devices: z.array(Device).min(1).max(100) }).strict(),
    response: StorageState,
    action: 'storage.volume-group.extend',
  }),
  reduceVolumeGroup: route({
    method: 'DELETE',
    path: '/api/v1/storage/volume-groups/{group}/physical-volumes',
    summary: 'Take a physical volume that nothing lies on out of its volume group',
    group: 'storage',
    needs: 'admin',
    params: Group,
    query: z.object({ path: Device }),
    response: StorageState,
    action: 'storage.volume-group.reduce',
  }),
  deleteVolumeGroup: route({
    method: 'DELETE',
    path: '/api/v1/storage/volume-groups/{group}',
    summary: 'Remove a volume group without logical volumes; its devices stay physical volumes',
    group: 'storage',
    needs: 'admin',
    params: Group,
    response: StorageState,
    action: 'storage.volume-group.delete',
  }),
  createLogicalVolume: route({
    method: 'POST',
    path: '/api/v1/storage/logical-volumes',
    summary: 'Make a logical volume; its size is rounded up to extents of the group',
    group: 'storage',
    needs: 'admin',
    body: z.object({ group: Name, name: Name, bytes: Bytes }).strict(),
    response: StorageState,
    status: 201,
    action: 'storage.logical-volume.create',
  }),
  resizeLogicalVolume: route({
    method: 'POST',
    path: '/api/v1/storage/logical-volumes/{group}/{name}/resize',
    summary: 'Change the size of a logical volume; smaller only with `shrink`, and then its end is lost',
    group: 'storage',
    needs: 'admin',
    params: Volume,
    body: z.object({ bytes: Bytes, shrink: z.boolean().default(false) }).strict(),
    response: StorageState,
    action: 'storage.logical-volume.resize',
  }),
  renameLogicalVolume: route({
    method: 'POST',
    path: '/api/v1/storage/logical-volumes/{group}/{name}/rename',
    summary: 'Give a logical volume another name',
    group: 'storage',
    needs: 'admin',
    params: Volume,
    body: z.object({ to: Name }).strict(),
    response: StorageState,
    action: 'storage.logical-volume.rename',
  }),
  deleteLogicalVolume: route({
    method: 'DELETE',
    path: '/api/v1/storage/logical-volumes/{group}/{name}',
    summary: 'Remove a logical volume with all that is in it',
    group: 'storage',
    needs: 'admin',
    params: Volume,
    response: StorageState,
    action: 'storage.logical-volume.delete',
  }),
} as const
