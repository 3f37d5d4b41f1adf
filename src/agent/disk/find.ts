import { readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { TaskOf } from '../task.ts'
import { TaskFailure } from '../task.ts'
import { type Disk, SECTOR_BYTES, windowOf } from './disk.ts'
import { fingerprintOf } from './fingerprint.ts'
import { openDisk } from './open.ts'

export type TaskDisk = TaskOf<'flash'>['to']

/** A disk as the kernel lists it. */
export type ListedDisk = Readonly<{
  /** The kernel's name of this boot, such as `sda`. */
  name: string
  /** The device file. */
  path: string
  serial: string | null
  model: string | null
  bytes: number
  partitions: readonly Readonly<{ number: number; start: number; bytes: number }>[]
}>

/** Where the kernel tells of its disks, and where their device files are. */
export const KERNEL = { sys: '/sys', dev: '/dev' } as const
export type Kernel = Readonly<{ sys: string; dev: string }>

/** No disks of the machine itself: made of others, of memory or of files, optical, boot parts of eMMC, paths of NVMe multipathing. */
const NO_DISK = /^(loop|ram|zram|sr|fd|dm-|md|nbd|mtdblock|mmcblk\d+(boot|rpmb|gp)|nvme\d+c\d+n)/

/** All disks of this machine that have a size. */
export async function listDisks({ sys, dev }: Kernel = KERNEL): Promise<ListedDisk[]> {
  const names = await readdir(join(sys, 'block')).catch(() => [])
  const disks: ListedDisk[] = []
  for (const name of names.filter((each) => !NO_DISK.test(each)).toSorted()) {
    const at = join(sys, 'block', name)
    const bytes = (Number(await text(join(at, 'size'))) || 0) * SECTOR_BYTES
    // What the kernel hides has no device file: paths of multipathing.
    if (bytes === 0 || (await text(join(at, 'hidden'))) === '1') continue
    const [serial, model] = await Promise.all([serialOf(at), text(join(at, 'device/model'))])
    disks.push({ name, path: join(dev, name), serial, model, bytes, partitions: await partitionsOf(at) })
  }
  return disks
}

/** The serial number that a disk tells of itself, without the blanks around it. `at` is its folder in `/sys/block`. */
export async function serialOf(at: string): Promise<string | null> {
  for (const file of ['serial', 'device/serial']) {
    const told = await text(join(at, file))
    if (told !== null) return told
  }
  // SCSI, and SATA through libata: the page "unit serial number" (SPC-4, 7.8.15), four bytes of header before the text.
  const page = await readFile(join(at, 'device/vpd_pg80')).catch(() => undefined)
  const told = page && clean(page.subarray(4).toString('latin1'))
  if (told) return told
  // A USB stick without that page: what the USB device says, some folders up.
  let folder = await realpath(join(at, 'device')).catch(() => '/')
  while (/\/usb\d+\//.test(`${folder}/`)) {
    const ofUsb = await text(join(folder, 'serial'))
    if (ofUsb !== null) return ofUsb
    folder = join(folder, '..')
  }
  return null
}

async function partitionsOf(at: string): Promise<ListedDisk['partitions']> {
  const partitions = []
  for (const name of await readdir(at).catch(() => [])) {
    const number = Number(await text(join(at, name, 'partition')))
    if (!Number.isInteger(number) || number < 1) continue
    const start = Number(await text(join(at, name, 'start'))) * SECTOR_BYTES
    partitions.push({ number, start, bytes: Number(await text(join(at, name, 'size'))) * SECTOR_BYTES })
  }
  return partitions.toSorted((a, b) => a.number - b.number)
}

async function text(path: string): Promise<string | null> {
  const told = await readFile(path, 'latin1').catch(() => '')
  return clean(told) || null
}

/** Printable characters only, without blanks around them; at most 200, as in the inventory. */
function clean(told: string): string {
  return told
    .replace(/[^\x20-\x7e]/g, ' ')
    .trim()
    .slice(0, 200)
}

/** Which of these is meant: the one with just this serial and size. None or several: a `TaskFailure` that lists what is there. */
export function chooseDisk(disks: readonly ListedDisk[], wanted: TaskDisk): ListedDisk {
  const fitting = disks.filter((disk) => disk.serial === wanted.serial && disk.bytes === wanted.bytes)
  if (fitting.length === 1) return fitting[0]!
  const what = `the disk with serial ${wanted.serial} and ${wanted.bytes} bytes`
  const here = disks.map(
    ({ name, serial, model, bytes }) => `${name} (serial ${serial ?? 'none'}, ${model ?? 'no model'}, ${bytes} bytes)`,
  )
  const list = here.length > 0 ? `This machine has ${here.join('; ')}` : 'This machine has no disk at all'
  throw new TaskFailure(
    fitting.length === 0
      ? `Not found: ${what}. ${list}. Arm one of those, or look at cable and controller`
      : `${fitting.length} disks are ${what}: ${fitting.map(({ name }) => name).join(', ')}. Unplug one. ${list}`,
    { detail: { disks: here } },
  )
}

/**
 * Opens the disk that a task names, or its partition. With `write`, a disk whose content is not the armed one (`fingerprint`) is
 * refused; nothing is changed here.
 */
export async function openTaskDisk(wanted: TaskDisk, how: { write: boolean }, kernel: Kernel = KERNEL): Promise<Disk> {
  const listed = chooseDisk(await listDisks(kernel), wanted)
  const disk = await openDisk(listed.path, how)
  try {
    if (disk.bytes !== wanted.bytes)
      throw new TaskFailure(`${listed.path} has ${disk.bytes} bytes, and ${wanted.bytes} were armed`, { clean: true })
    if (how.write && wanted.fingerprint !== null && (await fingerprintOf(disk)) !== wanted.fingerprint)
      throw new TaskFailure(
        `The content of ${listed.path} (serial ${wanted.serial}) is not what was armed: its fingerprint differs. Nothing was written. ` +
          'Take a new inventory, look at what is on the disk, and arm it again',
        { clean: true },
      )
    return partitionOf(disk, listed, wanted.partition)
  } catch (error) {
    await disk.close()
    throw error
  }
}

/** Opens the only disk with this serial, or its partition, for reading; `undefined` when there is no such, or several. */
export async function openOtherDisk(
  serial: string,
  partition: number | null,
  kernel: Kernel = KERNEL,
): Promise<Disk | undefined> {
  const [listed, another] = (await listDisks(kernel)).filter((disk) => disk.serial === serial)
  if (!listed || another) return undefined
  const disk = await openDisk(listed.path, { write: false })
  try {
    return partitionOf(disk, listed, partition)
  } catch {
    await disk.close()
    return undefined
  }
}

function partitionOf(disk: Disk, { path, partitions }: ListedDisk, wanted: number | null): Disk {
  if (wanted === null) return disk
  const partition = partitions.find(({ number }) => number === wanted)
  if (!partition) {
    const numbers = partitions.map(({ number }) => number).join(', ') || 'none'
    throw new TaskFailure(`${path} has no partition ${wanted}; it has: ${numbers}`, { clean: true })
  }
  return windowOf(disk, `${path} partition ${wanted}`, partition.start, partition.bytes)
}
