import type { DiskFacts, Inventory } from '../machines/inventory.ts'
import type { ArmedDisk } from './deployment.ts'
import type { DiskHints } from './hints.ts'

/** A disk, or why none was chosen: a whole sentence that lists what is there. */
export type Match = Readonly<{ disk: DiskFacts; problem?: undefined } | { disk?: undefined; problem: string }>

/** Finds the one disk that fits every hint. None or several are a problem: nothing is ever guessed. */
export function matchDisk(hints: DiskHints, disks: readonly DiskFacts[]): Match {
  const fitting = disks.filter((disk) => fits(hints, disk))
  const [disk] = fitting
  if (disk && fitting.length === 1) return { disk }
  const wanted = hintText(hints)
  if (!disk) return { problem: `no disk fits ${wanted}; there ${listed(disks)}` }
  return { problem: `${fitting.length} disks fit ${wanted}, and just one must: ${fitting.map(diskText).join('; ')}` }
}

export function fits(hints: DiskHints, disk: DiskFacts): boolean {
  const { serial, wwn, model, byPath, transport, rotational, leastBytes, mostBytes } = hints
  return (
    (serial === undefined || disk.serial === serial) &&
    (wwn === undefined || disk.wwn === wwn) &&
    (model === undefined || disk.model?.toLowerCase().includes(model.toLowerCase()) === true) &&
    (byPath === undefined || disk.byPath === byPath) &&
    (transport === undefined || disk.transport === transport) &&
    (rotational === undefined || disk.rotational === rotational) &&
    (leastBytes === undefined || disk.bytes >= leastBytes) &&
    (mostBytes === undefined || disk.bytes <= mostBytes)
  )
}

/** Why this disk may not be overwritten by a deployment armed so; `undefined` when it may. */
export function refuseUnarmed(disk: DiskFacts, armed: readonly ArmedDisk[], machine: string): string | undefined {
  if (disk.serial === null) return `the disk ${diskText(disk)} has no serial number, so it cannot be armed`
  const arm = armed.find((each) => each.disk === disk.serial)
  if (!arm) return `the disk ${diskText(disk)} of ${machine} is not armed`
  if (arm.bytes !== null && arm.bytes !== disk.bytes)
    return `the armed disk ${arm.disk} was to have ${arm.bytes} bytes, and has ${disk.bytes}`
  if (arm.fingerprint !== null && arm.fingerprint !== disk.fingerprint)
    return `the content of the disk ${arm.disk} has changed since it was armed (its fingerprint is another)`
  if (disk.readOnly) return `the disk ${diskText(disk)} cannot be written: it is read-only`
  return undefined
}

/** The armed disks that are not there, or there twice. */
export function strayArms(armed: readonly ArmedDisk[], { disks }: Inventory): string[] {
  return armed.flatMap(({ disk }) => {
    const { problem } = matchDisk({ serial: disk }, disks)
    return problem === undefined ? [] : [`armed, but ${problem}`]
  })
}

export function diskText({ serial, bytes, model, transport }: DiskFacts): string {
  return `${serial ?? '(no serial number)'} (${sizeText(bytes)}, ${model ?? 'unknown model'}, ${transport})`
}

/** As the end of "there ...". */
export function listed(disks: readonly DiskFacts[]): string {
  if (disks.length === 0) return 'is no disk at all'
  return `${disks.length === 1 ? 'is' : 'are'} ${disks.map(diskText).join('; ')}`
}

export function sizeText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1)
  const value = bytes / 1024 ** power
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power]}`
}

/** What is there now and would be gone, one sentence for each partition or filesystem. */
export function contentsOf(disk: DiskFacts, partition: number | null): string[] {
  const named = disk.partitions.filter(({ number }) => partition === null || number === partition)
  const parts = named.map(({ number, name, bytes, filesystem }) => {
    const label = name === '' ? '' : ` "${name}"`
    return `partition ${number}${label}, ${sizeText(bytes)}, ${filesystemText(filesystem)}`
  })
  if (partition !== null) return parts
  const table =
    disk.table === null ? [] : [`a ${disk.table.toUpperCase()} partition table with ${named.length} partitions`]
  const whole = disk.filesystem === null ? [] : [filesystemText(disk.filesystem)]
  const unread = disk.problem === null ? [] : [`what it holds could not be read: ${disk.problem}`]
  const found = [...table, ...parts, ...whole, ...unread]
  return found.length === 0 ? ['no partition table and no filesystem that is known'] : found
}

function filesystemText(filesystem: DiskFacts['filesystem']): string {
  if (!filesystem) return 'no filesystem that is known'
  const label = filesystem.label === null ? '' : ` labelled "${filesystem.label}"`
  return `${filesystem.type}${label}`
}

function hintText(hints: DiskHints): string {
  const given = Object.entries(hints).filter(([, value]) => value !== undefined)
  return given.length === 0 ? 'without a hint' : given.map(([name, value]) => `${name} ${value}`).join(', ')
}
