import { z } from 'zod'

/**
 * What the management OS found in a machine. The schemas are the one source for the agent's report, the store and the API. Sizes
 * are bytes; texts are what the hardware says of itself, cut to a bound.
 */
const Text = z.string().max(200)
const Bytes = z.number().int().min(0)

/** What lies on a disk or partition: enough to show what would be overwritten. */
export const FilesystemFacts = z
  .object({ type: Text, label: Text.nullable(), uuid: Text.nullable() })
  .meta({ id: 'FilesystemFacts' })
export type FilesystemFacts = z.infer<typeof FilesystemFacts>

export const PartitionFacts = z
  .object({
    number: z.number().int().min(1).max(128),
    /** GPT: the name in the table; MBR has none. */
    name: Text,
    /** GPT: the type GUID; MBR: `0x83` and the like. */
    type: Text,
    startBytes: Bytes,
    bytes: Bytes,
    filesystem: FilesystemFacts.nullable(),
  })
  .meta({ id: 'PartitionFacts' })
export type PartitionFacts = z.infer<typeof PartitionFacts>

export const DISK_TRANSPORTS = ['nvme', 'sata', 'sas', 'usb', 'virtio', 'mmc', 'other'] as const

export const DiskFacts = z
  .object({
    /** The kernel's name of this boot, such as `sda`: to show, never to choose by. */
    name: Text,
    serial: Text.nullable(),
    wwn: Text.nullable(),
    model: Text.nullable(),
    firmware: Text.nullable(),
    bytes: Bytes,
    logicalBlockBytes: z.number().int().min(1).max(65_536),
    rotational: z.boolean(),
    transport: z.enum(DISK_TRANSPORTS),
    removable: z.boolean(),
    readOnly: z.boolean(),
    /** Where it is plugged in, such as `pci-0000:00:05.0`. */
    byPath: Text.nullable(),
    table: z.enum(['gpt', 'mbr']).nullable(),
    tableId: Text.nullable(),
    partitions: z.array(PartitionFacts).max(128),
    /** Of a disk without partitions. */
    filesystem: FilesystemFacts.nullable(),
    /** SHA-256 of its size, first MiB and last MiB: tells whether it is still the disk that was armed. `null`: unreadable. */
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    /** SMART in words; `null` when the disk does not tell. */
    health: z.object({ passed: z.boolean(), detail: z.string().max(1000) }).nullable(),
    /** Why it could not be read, if so. */
    problem: z.string().max(500).nullable(),
  })
  .meta({ id: 'DiskFacts' })
export type DiskFacts = z.infer<typeof DiskFacts>

export const Inventory = z
  .object({
    firmware: z.enum(['bios', 'uefi']),
    secureBoot: z.boolean().nullable(),
    smbios: z.object({
      manufacturer: Text.nullable(),
      product: Text.nullable(),
      serial: Text.nullable(),
      uuid: Text.nullable(),
      biosVersion: Text.nullable(),
      biosDate: Text.nullable(),
      board: Text.nullable(),
    }),
    cpu: z.object({
      model: Text,
      sockets: z.number().int(),
      cores: z.number().int(),
      threads: z.number().int(),
      architecture: Text,
    }),
    memoryBytes: Bytes,
    nics: z
      .array(
        z.object({
          name: Text,
          mac: z.string().max(17),
          driver: Text.nullable(),
          link: z.boolean(),
          speedMbps: z.number().int().nullable(),
          byPath: Text.nullable(),
        }),
      )
      .max(64),
    disks: z.array(DiskFacts).max(256),
    /** Whether the machine has a BMC that answers on the local interface. */
    ipmi: z.boolean(),
    /** In boot order first; empty on BIOS machines. */
    bootEntries: z
      .array(z.object({ number: z.string().max(8), name: Text, active: z.boolean(), current: z.boolean() }))
      .max(256),
  })
  .meta({ id: 'Inventory' })
export type Inventory = z.infer<typeof Inventory>
