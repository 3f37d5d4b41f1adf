import { basename, join } from 'node:path'
import type { Inventory } from '../../api/contract/agent.ts'
import { DecodeError } from '../../kit/errors.ts'
import { describeDisk } from '../../protocols/disk/describe.ts'
import { ataIdentity, naaOf } from '../../protocols/scsi/inquiry.ts'
import { type ListedDisk, listDisks } from '../disk/find.ts'
import { fingerprintOf } from '../disk/fingerprint.ts'
import { byPath } from './by-path.ts'
import type { Probe } from './probe.ts'
import { readSmart } from './smart.ts'
import { bytesOf, leadsTo, namesIn, numberOf, type Roots, shown, textOf } from './tree.ts'

type DiskFacts = Inventory['disks'][number]

const MOST_DISKS = 256
/** Disks that are looked at at once: each takes a process of its own. */
const AT_ONCE = 4
/** What a disk may take for all its reads; a dying one tries a single read for minutes. */
const DISK_SECONDS = 30
const SMART_SECONDS = 10

/** All disks. One that cannot be read has a `problem` and takes its time from none of the others. */
export async function readDisks(roots: Roots, probe: Probe): Promise<DiskFacts[]> {
  const listed = (await listDisks(roots)).slice(0, MOST_DISKS)
  const facts: DiskFacts[] = new Array(listed.length)
  let next = 0
  const work = async () => {
    for (let i = next++; i < listed.length; i = next++) facts[i] = await readDisk(listed[i]!, roots, probe)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return facts
}

async function readDisk(disk: ListedDisk, roots: Roots, probe: Probe): Promise<DiskFacts> {
  const at = join(roots.sys, 'block', disk.name)
  const hardware = await hardwareOf(disk, at)
  const smart = hardware.transport === 'virtio' ? null : await probe.smart(disk.path, SMART_SECONDS)
  return { ...hardware, ...(await contentOf(disk, hardware.logicalBlockBytes, probe)), health: readSmart(smart ?? '') }
}

/** What the kernel knows without asking the disk. */
async function hardwareOf(disk: ListedDisk, at: string) {
  const device = await leadsTo(at)
  const ata = decoded(await bytesOf(at, 'device/vpd_pg89'), ataIdentity)
  const vendor = await textOf(at, 'device/vendor')
  const model = ata?.model || disk.model
  return {
    name: disk.name,
    serial: disk.serial,
    wwn: decoded(await bytesOf(at, 'device/vpd_pg83'), naaOf) ?? shortName(await textOf(at, 'wwid')),
    model: ata?.model || !vendor || /^(ATA|0x)/.test(vendor) ? model : shown(`${vendor} ${model ?? ''}`),
    firmware: ata?.firmware || (await firstOf(at, 'device/firmware_rev', 'device/rev', 'device/fwrev')),
    bytes: disk.bytes,
    logicalBlockBytes: Math.min(Math.max((await numberOf(at, 'queue/logical_block_size')) ?? 512, 1), 65_536),
    rotational: (await numberOf(at, 'queue/rotational')) === 1,
    transport: transportOf(disk.name, device, vendor),
    removable: (await numberOf(at, 'removable')) === 1,
    readOnly: (await numberOf(at, 'ro')) === 1,
    byPath: await byPath(await plugged(device)),
  }
}

/** Behind NVMe multipathing a namespace belongs to no controller: its place is that of the first. */
async function plugged(device: string): Promise<string> {
  if (!device.includes('/nvme-subsystem/')) return device
  const controller = (await namesIn(device, '..')).find((name) => /^nvme\d+$/.test(name))
  return controller ? join(await leadsTo(device, '..', controller), basename(device)) : device
}

async function firstOf(at: string, ...files: string[]): Promise<string | null> {
  for (const file of files) {
    const text = await textOf(at, file)
    if (text !== null) return text
  }
  return null
}

/** NVMe names its namespace `eui.` or `nvme.`; the other forms repeat the serial number. */
function shortName(wwid: string | null): string | null {
  if (wwid === null || wwid.startsWith('t10.')) return null
  return wwid.replace(/^naa\./, '0x')
}

function transportOf(name: string, device: string, vendor: string | null): DiskFacts['transport'] {
  if (name.startsWith('nvme')) return 'nvme'
  if (name.startsWith('mmcblk')) return 'mmc'
  if (/\/usb\d+\//.test(device)) return 'usb'
  if (/\/virtio\d+\//.test(device)) return 'virtio'
  // A SATA disk behind a SAS controller is still one.
  if (/\/ata\d+\//.test(device) || vendor === 'ATA') return 'sata'
  return /\/(end_device|sas)/.test(device) ? 'sas' : 'other'
}

function decoded<T>(bytes: Uint8Array | undefined, decode: (bytes: Uint8Array) => T): T | undefined {
  try {
    return bytes && decode(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

type Content = Pick<DiskFacts, 'table' | 'tableId' | 'partitions' | 'filesystem' | 'fingerprint' | 'problem'>

async function contentOf(disk: ListedDisk, blockBytes: number, probe: Probe): Promise<Content> {
  const nothing = { table: null, tableId: null, partitions: [], filesystem: null, fingerprint: null }
  const read = probe.reader(disk.path, DISK_SECONDS)
  const tell = (error: unknown) =>
    `${disk.path}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500)
  let content: Omit<Content, 'fingerprint' | 'problem'>
  try {
    content = await describeDisk(read, disk.bytes, { blockBytes })
  } catch (error) {
    return { ...nothing, problem: tell(error) }
  }
  try {
    const fingerprint = await fingerprintOf({
      bytes: disk.bytes,
      read: async (offset, into) => into.set(await read(offset, into.length)),
    })
    return { ...content, fingerprint, problem: null }
  } catch (error) {
    return { ...content, fingerprint: null, problem: tell(error) }
  }
}
