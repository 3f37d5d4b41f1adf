import { z } from 'zod'
import { FIRMWARES } from '../../machines/machine.ts'
import { POWER_ACTIONS } from '../../power/power.ts'
import { page, Time } from './common.ts'
import { MacText } from './machines.ts'
import { route } from './route.ts'

const LabName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
    'a lab machine name has 1 to 32 lower-case letters, digits and hyphens',
  )
/** Whole MiB, so that tests and trials need not wait for gigabytes. */
const DiskGiB = z
  .number()
  .min(1 / 1024)
  .max(2048)
  .multipleOf(1 / 1024, 'a disk has a whole number of MiB')
export const DISK_MODELS = ['virtio-blk-pci', 'nvme'] as const
export const NIC_MODELS = ['virtio-net-pci', 'e1000', 'e1000e'] as const

export const NewLabMachine = z
  .object({
    name: LabName,
    /** Of its network card; made from the name if not given. */
    mac: MacText.optional(),
    firmware: z.enum(FIRMWARES).default('bios'),
    memoryMiB: z.number().int().min(128).max(65_536).default(512),
    disksGiB: z.array(DiskGiB).max(4).default([]),
    diskModel: z.enum(DISK_MODELS).default('virtio-blk-pci'),
    nic: z.enum(NIC_MODELS).default('virtio-net-pci'),
    /** What the firmware itself speaks: QEMU's iPXE option ROM, or (UEFI only) EDK2's own PXE or HTTP boot. */
    rom: z.enum(['ipxe', 'pxe', 'http']).default('ipxe'),
    /** UEFI only: it starts only what Microsoft signed. */
    secureBoot: z.boolean().default(false),
    bootOrder: z.enum(['network', 'disk']).default('network'),
    start: z.boolean().default(true),
  })
  .strict()
  .meta({ id: 'NewLabMachine' })
export type NewLabMachine = z.infer<typeof NewLabMachine>

export const LabMachine = z
  .object({
    name: z.string(),
    mac: z.string(),
    firmware: z.enum(FIRMWARES),
    memoryMiB: z.number().int(),
    disksGiB: z.array(z.number()),
    diskModel: z.enum(DISK_MODELS),
    nic: z.enum(NIC_MODELS),
    rom: z.enum(['ipxe', 'pxe', 'http']),
    secureBoot: z.boolean(),
    bootOrder: z.enum(['network', 'disk']),
    power: z.enum(['on', 'off', 'unknown']),
    /** The registry's machine with this MAC, once it was seen. */
    machine: z.object({ id: z.string(), name: z.string(), state: z.string() }).nullable(),
    createdAt: Time,
  })
  .meta({ id: 'LabMachine' })
export type LabMachine = z.infer<typeof LabMachine>

export const LabStatus = z
  .object({
    state: z.enum(['up', 'down', 'impossible']),
    mode: z.enum(['bridge', 'user']).nullable(),
    subnet: z.string().nullable(),
    interface: z.string().nullable(),
    acceleration: z.enum(['kvm', 'tcg']).nullable(),
    reason: z.string(),
    machines: z.number().int(),
  })
  .meta({ id: 'LabStatus' })
export type LabStatus = z.infer<typeof LabStatus>

const LabParams = z.object({ name: LabName })

/** These routes exist only where the lab is switched on (`lab.enabled`). */
export const labRoutes = {
  labStatus: route({
    method: 'GET',
    path: '/api/v1/lab',
    summary: 'State of the lab',
    group: 'lab',
    needs: 'viewer',
    response: LabStatus,
  }),
  labUp: route({
    method: 'POST',
    path: '/api/v1/lab/up',
    summary: 'Build the lab network if it is not there',
    group: 'lab',
    needs: 'admin',
    response: LabStatus,
    action: 'lab.up',
  }),
  labDestroy: route({
    method: 'DELETE',
    path: '/api/v1/lab',
    summary: 'End all lab machines and delete them with their disks and the lab network',
    group: 'lab',
    needs: 'admin',
    response: 'nothing',
    status: 204,
    action: 'lab.destroy',
  }),
  listLabMachines: route({
    method: 'GET',
    path: '/api/v1/lab/machines',
    summary: 'List lab machines',
    group: 'lab',
    needs: 'viewer',
    response: page(LabMachine),
  }),
  addLabMachine: route({
    method: 'POST',
    path: '/api/v1/lab/machines',
    summary: 'Make a virtual machine and switch it on',
    group: 'lab',
    needs: 'admin',
    body: NewLabMachine,
    response: LabMachine,
    status: 201,
    action: 'lab.machine.create',
  }),
  removeLabMachine: route({
    method: 'DELETE',
    path: '/api/v1/lab/machines/{name}',
    summary: 'Switch a lab machine off and delete it with its disks',
    group: 'lab',
    needs: 'admin',
    params: LabParams,
    response: 'nothing',
    status: 204,
    action: 'lab.machine.delete',
  }),
  patchLabMachine: route({
    method: 'PATCH',
    path: '/api/v1/lab/machines/{name}',
    summary: 'Change boot order (from the next start), attach one more disk, switch it',
    group: 'lab',
    needs: 'admin',
    params: LabParams,
    body: z
      .object({
        bootOrder: z.enum(['network', 'disk']),
        attachDiskGiB: DiskGiB,
        /** Done last. Works before the machine was ever seen on the network. */
        power: z.enum(POWER_ACTIONS),
      })
      .partial()
      .strict(),
    response: LabMachine,
    action: 'lab.machine.update',
  }),
  labScreen: route({
    method: 'GET',
    path: '/api/v1/lab/machines/{name}/screen',
    summary: 'What its screen shows now, as PNG',
    group: 'lab',
    needs: 'viewer',
    params: LabParams,
    response: 'bytes',
  }),
} as const
