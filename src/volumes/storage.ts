import { Refusal } from '../kit/errors.ts'
import { checkFree, checkGroupName, checkVolumeName, sized } from './storage-names.ts'

/** A disk or partition of the server that could become a physical volume, or why it cannot. */
export type StorageDevice = Readonly<{
  path: string
  bytes: number
  model: string
  /**
   * `free`: nothing is on it. `holds-data`: a signature or partitions, which can be wiped. `physical-volume`: LVM has it. `in-use`: mounted,
   * swapped to, or part of something; nobody wipes that from here.
   */
  state: 'free' | 'holds-data' | 'physical-volume' | 'in-use'
  /** What is on it or who uses it, a few words each. */
  holds: readonly string[]
  /** Partitions on it, which go when it is wiped. */
  partitions: readonly string[]
}>

/** `group` is empty for one that belongs to none. */
export type PhysicalVolume = Readonly<{ path: string; group: string; bytes: number; usedBytes: number }>

export type VolumeGroup = Readonly<{
  name: string
  bytes: number
  freeBytes: number
  /** Sizes of logical volumes are multiples of it. */
  extentBytes: number
  /** Devices of it that LVM does not find. */
  missing: number
  /** Reveille's own pool is in it, or may come into it. */
  ours: boolean
}>

export type LogicalVolume = Readonly<{
  name: string
  group: string
  bytes: number
  /** `linear` or `striped` is a classic one; `thin,pool` and such are not. */
  layout: string
  open: boolean
  /** What it is a snapshot of; else empty. */
  origin: string
  /** Reveille's own thin pool and all that is in it: touched by nobody but the pool. */
  ours: boolean
}>

export type StorageState = Readonly<{
  devices: readonly StorageDevice[]
  physicalVolumes: readonly PhysicalVolume[]
  volumeGroups: readonly VolumeGroup[]
  logicalVolumes: readonly LogicalVolume[]
}>

/** Names what is to be lost, so that a slip of the finger or a disk that changed its name loses nothing. */
export type Wipe = Readonly<{ path: string; bytes: number }>

/**
 * Physical volumes, volume groups and classic logical volumes of the server. All of it is refused as below; `not-available` where the
 * programs of LVM or the rights for them are missing. What is answered is done. Sizes are rounded up to extents of the group.
 */
export interface StorageAdministration {
  state(): Promise<StorageState>
  createPhysicalVolume(path: string, wipe: Wipe | null): Promise<void>
  removePhysicalVolume(path: string): Promise<void>
  createGroup(name: string, devices: readonly string[]): Promise<void>
  extendGroup(name: string, devices: readonly string[]): Promise<void>
  reduceGroup(name: string, device: string): Promise<void>
  removeGroup(name: string): Promise<void>
  createVolume(group: string, name: string, bytes: number): Promise<void>
  /** `shrink`: the end may be cut off, and is lost. */
  resizeVolume(group: string, name: string, bytes: number, shrink: boolean): Promise<void>
  renameVolume(group: string, name: string, to: string): Promise<void>
  removeVolume(group: string, name: string): Promise<void>
}

/** Answers what has to be wiped before: partitions first, then the device; nothing for one that is free. */
export function checkNewPhysicalVolume(state: StorageState, path: string, wipe: Wipe | null): readonly string[] {
  const device = state.devices.find((each) => each.path === path)
  if (!device)
    throw new Refusal('not-found', `the server has no device ${path} that could be a physical volume`, {
      next: 'reveille storage list shows the devices there are',
    })
  const { bytes, holds } = device
  const what = holds.join(', ')
  if (device.state === 'physical-volume') throw new Refusal('conflict', `${path} is a physical volume already`)
  if (device.state === 'in-use')
    throw new Refusal('in-use', `${path} is in use: ${what}`, {
      next: 'unmount it or take it out of what uses it, on the server, or choose another device',
    })
  if (wipe && (wipe.path !== path || wipe.bytes !== bytes))
    throw new Refusal('validation-failed', `what is to be wiped is not this device: ${path} has ${bytes} bytes`, {
      next: 'look at the list again: devices change their names between starts of a server',
    })
  if (device.state === 'free') return []
  if (!wipe)
    throw new Refusal('in-use', `${path} is not empty: ${what}`, {
      next: `if all on it may be lost, say so by its path and size: --wipe ${path}=${bytes}`,
    })
  return [...device.partitions, path]
}

export function checkRemovedPhysicalVolume(state: StorageState, path: string): void {
  const { group } = physicalVolume(state, path)
  if (group !== '')
    throw new Refusal('in-use', `${path} belongs to the volume group ${group}`, {
      next: `reveille storage vg reduce ${group} ${path}, or vg rm ${group}`,
    })
}

export function checkNewGroup(state: StorageState, name: string, devices: readonly string[]): void {
  checkGroupName(name)
  if (state.volumeGroups.some((each) => each.name === name))
    throw new Refusal('conflict', `there is a volume group ${name} already`)
  checkUnused(state, devices)
}

export function checkExtendedGroup(state: StorageState, name: string, devices: readonly string[]): void {
  whole(group(state, name))
  checkUnused(state, devices)
}

export function checkReducedGroup(state: StorageState, name: string, path: string): void {
  whole(group(state, name))
  const device = physicalVolume(state, path)
  if (device.group !== name) throw new Refusal('conflict', `${path} does not belong to the volume group ${name}`)
  if (device.usedBytes > 0)
    throw new Refusal('in-use', `logical volumes of ${name} lie on ${path}: ${sized(device.usedBytes)}`, {
      next: 'move them with pvmove on the server, or remove them',
    })
  if (state.physicalVolumes.filter((each) => each.group === name).length < 2)
    throw new Refusal('in-use', `${path} is the only device of the volume group ${name}`, {
      next: `remove the group: reveille storage vg rm ${name}`,
    })
}

export function checkRemovedGroup(state: StorageState, name: string): void {
  const { ours } = group(state, name)
  if (ours)
    throw new Refusal('in-use', `Reveille keeps its volumes in the volume group ${name}`, {
      next: 'volumes.lvmGroup names it',
    })
  const inside = state.logicalVolumes.filter((each) => each.group === name)
  if (inside.length > 0)
    throw new Refusal(
      'in-use',
      `the volume group ${name} has ${inside.length} logical volumes, such as ${inside[0]!.name}`,
      {
        next: 'remove them first',
      },
    )
}

/** `poolName`: of Reveille's thin pool, which may be yet to be made. */
export function checkNewVolume(state: StorageState, place: Place, bytes: number, poolName: string | undefined): void {
  const found = group(state, place.group)
  whole(found)
  checkNewName(state, place, found, poolName)
  checkFree(found, bytes)
}

export function checkResizedVolume(state: StorageState, place: Place, bytes: number, shrink: boolean): void {
  const volume = ordinary(state, place)
  const found = group(state, place.group)
  whole(found)
  if (bytes < volume.bytes) {
    if (!shrink)
      throw new Refusal(
        'validation-failed',
        `${place.group}/${place.name} has ${sized(volume.bytes)}: its end would be lost`,
        {
          next: 'make what is in it smaller first, then say --shrink',
        },
      )
    closed(volume)
    if (bytes <= 0) throw new Refusal('validation-failed', 'a logical volume has at least one byte')
  } else checkFree(found, bytes, volume.bytes)
}

export function checkRenamedVolume(state: StorageState, place: Place, to: string, poolName: string | undefined): void {
  ordinary(state, place)
  const found = group(state, place.group)
  whole(found)
  checkNewName(state, { group: place.group, name: to }, found, poolName)
}

export function checkRemovedVolume(state: StorageState, place: Place): void {
  const volume = ordinary(state, place)
  closed(volume)
  const snapshot = state.logicalVolumes.find((each) => each.group === place.group && each.origin === place.name)
  if (snapshot)
    throw new Refusal('in-use', `${snapshot.name} is a snapshot of ${place.group}/${place.name} and would go with it`)
}

type Place = Readonly<{ group: string; name: string }>

function group(state: StorageState, name: string): VolumeGroup {
  checkGroupName(name)
  const found = state.volumeGroups.find((each) => each.name === name)
  if (!found) throw new Refusal('not-found', `the server has no volume group ${name}`)
  return found
}

function whole({ name, missing }: VolumeGroup): void {
  if (missing > 0)
    throw new Refusal('wrong-state', `${missing} devices of the volume group ${name} are missing`, {
      next: 'bring them back, or see vgreduce --removemissing on the server',
    })
}

function physicalVolume(state: StorageState, path: string): PhysicalVolume {
  const found = state.physicalVolumes.find((each) => each.path === path)
  if (!found)
    throw new Refusal('not-found', `${path} is no physical volume`, {
      next: `make it one: reveille storage pv add ${path}`,
    })
  return found
}

function checkUnused(state: StorageState, devices: readonly string[]): void {
  if (devices.length === 0 || new Set(devices).size < devices.length)
    throw new Refusal('validation-failed', 'a volume group is given one device or several, each once')
  for (const path of devices) {
    const { group: has } = physicalVolume(state, path)
    if (has !== '') throw new Refusal('in-use', `${path} belongs to the volume group ${has} already`)
  }
}

function checkNewName(state: StorageState, place: Place, { ours }: VolumeGroup, poolName: string | undefined): void {
  checkVolumeName(place.name)
  if (ours && (place.name === poolName || /^rv[tobs]?\./.test(place.name)))
    throw new Refusal('conflict', `Reveille uses the name ${place.name} itself in the volume group ${place.group}`)
  if (state.logicalVolumes.some((each) => each.group === place.group && each.name === place.name))
    throw new Refusal('conflict', `there is a logical volume ${place.group}/${place.name} already`)
}

/** A classic logical volume that is somebody else's than the pool's. */
function ordinary(state: StorageState, { group: of, name }: Place): LogicalVolume {
  group(state, of)
  const found = state.logicalVolumes.find((each) => each.group === of && each.name === name)
  if (!found) throw new Refusal('not-found', `the server has no logical volume ${of}/${name}`)
  if (found.ours)
    throw new Refusal('in-use', `${of}/${name} belongs to Reveille's pool of volumes`, {
      next: 'reveille volume list shows the volumes in it, and reveille volume rm removes them',
    })
  if (found.layout !== 'linear' && found.layout !== 'striped')
    throw new Refusal(
      'wrong-state',
      `${of}/${name} is no classic logical volume: it is ${found.layout || 'something else'}`,
      {
        next: 'use the programs of LVM on the server',
      },
    )
  return found
}

function closed({ group: of, name, open }: LogicalVolume): void {
  if (open)
    throw new Refusal('in-use', `somebody has ${of}/${name} open: it is mounted, swapped to, or served`, {
      next: 'end that on the server first',
    })
}
