import { DecodeError } from '../../../kit/errors.ts'
import type { LogicalVolume, PhysicalVolume, StorageDevice, VolumeGroup } from '../../storage.ts'
import { TAG } from './names.ts'
import { number, parseReport, word } from './report.ts'

/** Columns that the functions below need, for `-o`. */
export const PV_COLUMNS = 'pv_name,pv_size,pv_used,dev_size,vg_name,vg_size,vg_free,vg_extent_size,vg_missing_pv_count'
export const LV_COLUMNS = 'lv_name,vg_name,lv_size,lv_layout,lv_device_open,origin,lv_tags,pool_lv'
/** For `lsblk --json --bytes`; `NAME` makes it tell the devices as a tree. */
export const DEVICE_COLUMNS = 'NAME,PATH,SIZE,TYPE,RO,MODEL,FSTYPE,PTTYPE,MOUNTPOINTS'

/** Where Reveille keeps its own volumes, if that is in LVM. */
export type Own = Readonly<{ group: string | undefined; thinPool: string }>

export function parsePhysicalVolumes(text: string): PhysicalVolume[] {
  return parseReport(text, 'pv').map((row) => ({
    path: word(row, 'pv_name'),
    group: word(row, 'vg_name'),
    bytes: number(row, 'dev_size') ?? number(row, 'pv_size') ?? 0,
    usedBytes: number(row, 'pv_used') ?? 0,
  }))
}

/** Each group is told with each of its physical volumes. */
export function parseGroups(text: string, volumes: readonly LogicalVolume[], own: Own): VolumeGroup[] {
  const groups = new Map<string, VolumeGroup>()
  for (const row of parseReport(text, 'pv')) {
    const name = word(row, 'vg_name')
    if (name === '') continue
    groups.set(name, {
      ...{ name, bytes: number(row, 'vg_size') ?? 0, freeBytes: number(row, 'vg_free') ?? 0 },
      extentBytes: number(row, 'vg_extent_size') || 4 * 2 ** 20,
      missing: number(row, 'vg_missing_pv_count') ?? 0,
      ours: name === own.group || volumes.some(({ group, ours }) => ours && group === name),
    })
  }
  return [...groups.values()]
}

export function parseLogicalVolumes(text: string, own: Own): LogicalVolume[] {
  return parseReport(text, 'lv').map((row) => {
    const [name, group, pool] = [word(row, 'lv_name'), word(row, 'vg_name'), word(row, 'pool_lv')]
    const inPool = group === own.group && (name === own.thinPool || pool === own.thinPool)
    return {
      ...{ name, group, bytes: number(row, 'lv_size') ?? 0, layout: word(row, 'lv_layout') },
      ...{ open: word(row, 'lv_device_open') === 'open', origin: word(row, 'origin') },
      ours: inPool || word(row, 'lv_tags').split(',').includes(TAG),
    }
  })
}

type Node = Readonly<{
  path: string
  bytes: number
  type: string
  readOnly: boolean
  model: string
  signatures: readonly string[]
  mounts: readonly string[]
  children: readonly Node[]
}>

const MOST_DEPTH = 20
/** What can hold a physical volume. Logical volumes, ROMs and floppies are left out. */
const TYPES = /^(disk|part|loop|crypt|mpath|raid\d+|linear)$/
const NOT_DISKS = /^\/dev\/(zram|ram|fd)\d/

/** Reads what `lsblk --json --bytes -o DEVICE_COLUMNS` printed. What it tells of signatures may be old or missing: see `withSignatures`. */
export function parseDevices(text: string): Node[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DecodeError('lsblk printed something that is not JSON')
  }
  return list(field(value, 'blockdevices')).map((each) => node(each, 0))
}

/** What can become a physical volume, with the signatures that were read from it by now (`null`: it could not be read). */
export function devicesOf(
  tree: readonly Node[],
  physical: readonly PhysicalVolume[],
  signatures: ReadonlyMap<string, readonly string[] | null>,
): StorageDevice[] {
  const found = new Map<string, StorageDevice>()
  for (const each of all(tree))
    if (isCandidate(each) && !found.has(each.path)) found.set(each.path, device(each, physical, signatures))
  return [...found.values()]
}

/** Devices whose signatures matter; those of a partition matter to the disk too, which it is `on`. */
export function candidates(tree: readonly Node[]): { path: string; on: readonly string[] }[] {
  const found = new Map<string, string[]>()
  const walk = (nodes: readonly Node[], above: readonly string[]) => {
    for (const each of nodes) {
      if (isCandidate(each)) found.set(each.path, [...(found.get(each.path) ?? []), ...above])
      walk(each.children, [...above, each.path])
    }
  }
  walk(tree, [])
  return [...found].map(([path, on]) => ({ path, on }))
}

/** Reads what `wipefs --no-act --json` printed of one device: nothing at all where nothing is on it. */
export function parseSignatures(text: string): string[] {
  if (text.trim() === '') return []
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DecodeError('wipefs printed something that is not JSON')
  }
  return [...new Set(list(field(value, 'signatures')).map((each) => textOf(each, 'type')))]
}

function device(
  { path, bytes, model, readOnly, mounts, children, signatures: told }: Node,
  physical: readonly PhysicalVolume[],
  read: ReadonlyMap<string, readonly string[] | null>,
): StorageDevice {
  const probed = read.get(path)
  const signatures = probed ?? told
  const partitions = children.filter(({ type }) => type === 'part')
  const shown = { path, bytes, model, partitions: partitions.map((each) => each.path) }
  const known = physical.find((each) => each.path === path)
  if (known) {
    const group = known.group === '' ? 'of no volume group' : `of the volume group ${known.group}`
    return { ...shown, state: 'physical-volume', holds: [`physical volume ${group}`] }
  }
  const uses = [
    ...mounts.map(mounted),
    ...children.filter(({ type }) => type !== 'part').map((each) => `part of ${each.path}`),
    ...all(partitions).flatMap((each) => usesBelow(each, physical, read)),
    ...(readOnly ? ['read-only'] : []),
    ...(probed === null ? ['it cannot be read'] : []),
    // LVM itself does not show it: of another system, or a copy of one that is shown.
    ...(signatures.includes('LVM2_member') ? ['a physical volume that LVM does not show'] : []),
  ]
  const data = [
    ...signatures.filter((each) => each !== 'LVM2_member').map((each) => `${each} signature`),
    ...partitions.map((each) => `partition ${each.path}`),
  ]
  return {
    ...shown,
    state: uses.length > 0 ? 'in-use' : data.length > 0 ? 'holds-data' : 'free',
    holds: [...uses, ...data],
  }
}

function usesBelow(
  { path, mounts, type, signatures }: Node,
  physical: readonly PhysicalVolume[],
  read: ReadonlyMap<string, readonly string[] | null>,
): string[] {
  if (type !== 'part') return [`${path} lies on it`]
  const member = (read.get(path) ?? signatures).includes('LVM2_member')
  const known = member || physical.some((each) => each.path === path)
  return [...mounts.map((mount) => `${path} ${mounted(mount)}`), ...(known ? [`${path} is a physical volume`] : [])]
}

const mounted = (mount: string) => (mount === '[SWAP]' ? 'swap' : `mounted at ${mount}`)

function isCandidate({ type, path, bytes }: Node): boolean {
  return TYPES.test(type) && bytes > 0 && !NOT_DISKS.test(path)
}

function all(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((each) => [each, ...all(each.children)])
}

function node(value: unknown, depth: number): Node {
  if (depth > MOST_DEPTH) throw new DecodeError('lsblk printed too deep a tree')
  const bytes = field(value, 'size')
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes)) throw new DecodeError('lsblk told no size')
  const words = list(field(value, 'mountpoints') ?? [])
  return {
    ...{ path: textOf(value, 'path'), type: textOf(value, 'type'), model: textOf(value, 'model').trim(), bytes },
    readOnly: field(value, 'ro') === true,
    signatures: [textOf(value, 'fstype'), textOf(value, 'pttype')].filter((each) => each !== ''),
    mounts: words.filter((each) => typeof each === 'string'),
    children: list(field(value, 'children') ?? []).map((each) => node(each, depth + 1)),
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) throw new DecodeError('a program printed another form of JSON')
  return (value as Readonly<Record<string, unknown>>)[name]
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new DecodeError('a program printed another form of JSON')
  return value
}

function textOf(value: unknown, name: string): string {
  const text = field(value, name) ?? ''
  if (typeof text !== 'string') throw new DecodeError(`a program told ${name} as ${typeof text}`)
  return text
}
