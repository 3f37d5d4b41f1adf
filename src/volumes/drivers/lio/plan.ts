import { Refusal } from '../../../kit/errors.ts'
import type { Chap, Target, TargetLun } from '../../engine.ts'

/** One thing done below /sys/kernel/config/target. Paths are relative to it. Values of `secret` writes are never shown. */
export type Step =
  | Readonly<{ do: 'mkdir' | 'rmdir' | 'unlink'; path: string }>
  | Readonly<{ do: 'write'; path: string; value: string; secret?: true }>
  | Readonly<{ do: 'link'; path: string; to: string }>

/** What the kernel reads and writes for a LUN. `bytes` matters for files only. */
export type Backstore = Readonly<{ kind: 'fileio' | 'iblock'; path: string; bytes: number }>

/** A disk with where its content is. */
export type LunStore = Readonly<{ lun: TargetLun; store: Backstore }>

/** What is named in the tree: `hba` tells ours from those of others. */
export type Place = Readonly<{ hba: number; portal: string }>

const target = (iqn: string) => `iscsi/${iqn}`
const group = (iqn: string) => `${target(iqn)}/tpgt_1`
const mkdir = (path: string): Step => ({ do: 'mkdir', path })
const rmdir = (path: string): Step => ({ do: 'rmdir', path })
const unlink = (path: string): Step => ({ do: 'unlink', path })
const write = (path: string, value: string | number): Step => ({ do: 'write', path, value: String(value) })
const hide = (path: string, value: string): Step => ({ do: 'write', path, value, secret: true })

/** Disks of several targets share a backstore when volume, snapshot and direction are the same. */
export function storeName(lun: TargetLun): string {
  const name = [lun.volume, lun.snapshot, lun.readOnly ? 'ro' : undefined]
    .filter((part) => part !== undefined)
    .join('-')
  // Configfs takes nearly anything; an identity in hexadecimal cannot meet a plain one because of its `=`.
  return /^[A-Za-z0-9_.-]{1,100}$/.test(name) ? name : `=${Buffer.from(name).toString('hex').slice(0, 200)}`
}

const storePath = ({ hba }: Place, { lun, store }: LunStore) => `core/${store.kind}_${hba}/${storeName(lun)}`

export function makeStore(place: Place, disk: LunStore): Step[] {
  const { lun, store } = disk
  if (/[,\n]/.test(store.path))
    throw new Refusal('not-available', `LIO cannot serve ${JSON.stringify(store.path)}: its name has a comma`, {
      next: 'set volumes.directory to a path without commas',
    })
  const path = storePath(place, disk)
  const control =
    store.kind === 'fileio'
      ? `fd_dev_name=${store.path},fd_dev_size=${store.bytes},fd_buffered_io=1`
      : `udev_path=${store.path},readonly=${lun.readOnly ? 1 : 0}`
  return [
    mkdir(`core/${store.kind}_${place.hba}`),
    mkdir(path),
    write(`${path}/control`, control),
    ...(store.kind === 'iblock' ? [write(`${path}/udev_path`, store.path)] : []),
    write(`${path}/wwn/vendor_id`, lun.scsi.vendor),
    write(`${path}/wwn/product_id`, lun.scsi.product),
    write(`${path}/wwn/revision`, lun.scsi.revision),
    write(`${path}/enable`, 1),
    write(`${path}/wwn/vpd_unit_serial`, lun.serial),
    // Thin: the initiator may give blocks back.
    write(`${path}/attrib/emulate_tpu`, 1),
    ...(store.kind === 'fileio' ? [write(`${path}/attrib/emulate_write_cache`, 1)] : []),
  ]
}

export const removeStore = (place: Place, disk: LunStore): Step[] => [rmdir(storePath(place, disk))]

/** A target that is not there yet. Nobody may log in before the last step. */
export function makeTarget(place: Place, wanted: Target, disks: readonly LunStore[]): Step[] {
  mustBePossible(wanted, disks)
  const at = group(wanted.iqn)
  return [
    mkdir(target(wanted.iqn)),
    mkdir(at),
    ...settings(wanted),
    write(`${at}/param/MaxRecvDataSegmentLength`, 262_144),
    write(`${at}/param/FirstBurstLength`, 262_144),
    ...disks.flatMap((disk) => makeLun(place, wanted.iqn, disk)),
    ...(wanted.initiators ?? []).flatMap((initiator) => makeAcl(wanted, initiator)),
    mkdir(`${at}/np/${place.portal}`),
    write(`${at}/enable`, 1),
  ]
}

/** A target that is there, and its disks. */
export type Made = Readonly<{ target: Target; disks: readonly LunStore[] }>

/**
 * Whether a target must be made anew. The kernel remembers who came while anybody might, and lets them in for as long as the target is there.
 * A backstore stays as it was made; and it has its block device for itself, also for reading, so that one for the other direction can
 * only come after it.
 */
export function mustBeAnew(before: Made, wanted: Target, disks: readonly LunStore[]): boolean {
  const otherwise = (was: LunStore, is: LunStore) =>
    storeName(was.lun) === storeName(is.lun)
      ? JSON.stringify(was.store) !== JSON.stringify(is.store)
      : is.store.kind === 'iblock' && was.store.path === is.store.path
  return (
    (before.target.initiators === null) !== (wanted.initiators === null) ||
    before.disks.some((was) => disks.some((is) => otherwise(was, is)))
  )
}

/** Makes `before` into `wanted` with as little disturbance as possible; not for what `mustBeAnew`. */
export function changeTarget(place: Place, before: Made, wanted: Target, disks: readonly LunStore[]): Step[] {
  mustBePossible(wanted, disks)
  const { iqn } = wanted
  const [was, is] = [before.target.initiators, wanted.initiators]
  const same = (a: LunStore, b: LunStore) => JSON.stringify(a) === JSON.stringify(b)
  const gone = before.disks.filter((disk) => !disks.some((each) => same(each, disk)))
  const come = disks.filter((disk) => !before.disks.some((each) => same(each, disk)))
  const proofChanged = JSON.stringify(before.target.chap) !== JSON.stringify(wanted.chap)
  // Who comes by name only has an entry; entries go with their sessions.
  const left = (was ?? []).filter((initiator) => proofChanged || !is?.includes(initiator))
  const stay = (was ?? []).filter((initiator) => !left.includes(initiator))
  const enter = (is ?? []).filter((initiator) => !stay.includes(initiator))
  // Sessions without an entry end only with all others of the target.
  const everybody = was === null && proofChanged
  const at = group(iqn)
  return [
    ...(everybody ? [write(`${at}/enable`, 0)] : []),
    ...left.flatMap((initiator) => removeAcl(iqn, initiator, before.target.luns)),
    ...gone.flatMap(({ lun }) => [
      ...stay.flatMap((initiator) => removeMapping(iqn, initiator, lun)),
      unlink(`${at}/lun/lun_${lun.lun}/store`),
      rmdir(`${at}/lun/lun_${lun.lun}`),
    ]),
    ...(everybody || proofChanged || (was === null && gone.length + come.length > 0) ? settings(wanted) : []),
    ...come.flatMap((disk) => [
      ...makeLun(place, iqn, disk),
      ...stay.flatMap((initiator) => makeMapping(iqn, initiator, disk.lun)),
    ]),
    ...enter.flatMap((initiator) => makeAcl(wanted, initiator)),
    ...(everybody ? [write(`${at}/enable`, 1)] : []),
  ]
}

/** Ends the sessions of one initiator, which may come again; without an entry of its own, all sessions of the target. */
export function endSessions(wanted: Target, initiator: string): Step[] {
  const at = group(wanted.iqn)
  return wanted.initiators?.includes(initiator)
    ? [...removeAcl(wanted.iqn, initiator, wanted.luns), ...makeAcl(wanted, initiator)]
    : [write(`${at}/enable`, 0), write(`${at}/enable`, 1)]
}

/** What is found of a target in the tree: names of folders, and of the links in them. */
export type Found = Readonly<{
  iqn: string
  portals: readonly string[]
  luns: readonly Readonly<{ name: string; links: readonly string[] }>[]
  acls: readonly Readonly<{
    initiator: string
    luns: readonly Readonly<{ name: string; links: readonly string[] }>[]
  }>[]
  /** Whether `tpgt_1` is there at all. */
  group: boolean
}>

/** Takes away whatever there is of it, half-made ones too. */
export function removeTarget(found: Found): Step[] {
  const at = group(found.iqn)
  if (!found.group) return [rmdir(target(found.iqn))]
  return [
    write(`${at}/enable`, 0),
    ...found.acls.flatMap(({ initiator, luns }) => [
      ...luns.flatMap(({ name, links }) => [
        ...links.map((link) => unlink(`${at}/acls/${initiator}/${name}/${link}`)),
        rmdir(`${at}/acls/${initiator}/${name}`),
      ]),
      rmdir(`${at}/acls/${initiator}`),
    ]),
    ...found.luns.flatMap(({ name, links }) => [
      ...links.map((link) => unlink(`${at}/lun/${name}/${link}`)),
      rmdir(`${at}/lun/${name}`),
    ]),
    ...found.portals.map((portal) => rmdir(`${at}/np/${portal}`)),
    rmdir(at),
    rmdir(target(found.iqn)),
  ]
}

function mustBePossible(wanted: Target, disks: readonly LunStore[]): void {
  if (wanted.initiators !== null) return
  if (wanted.addresses !== null)
    throw new Refusal('not-available', 'LIO does not look at the addresses of initiators', {
      next: 'name the initiators, or use iscsi.engine builtin',
    })
  const [readOnly, files] = [
    disks.filter(({ lun }) => lun.readOnly),
    disks.filter(({ store }) => store.kind === 'fileio'),
  ]
  if (readOnly.length !== 0 && readOnly.length !== disks.length && files.some(({ lun }) => lun.readOnly))
    throw new Refusal('not-available', 'LIO cannot keep any initiator from writing to one file and not to another', {
      next: 'name the initiators, or use iscsi.engine builtin',
    })
}

/** Who may log in and what they prove. Demo mode, in which anybody may, is only for targets without names. */
function settings(wanted: Target): Step[] {
  const at = group(wanted.iqn)
  const any = wanted.initiators === null
  const readOnly = wanted.luns.every((lun) => lun.readOnly)
  return [
    write(`${at}/attrib/authentication`, wanted.chap ? 1 : 0),
    write(`${at}/attrib/generate_node_acls`, any ? 1 : 0),
    write(`${at}/attrib/cache_dynamic_acls`, 0),
    write(`${at}/attrib/demo_mode_write_protect`, any && !readOnly ? 0 : 1),
    ...(any ? proof(`${at}/auth`, wanted.chap) : []),
  ]
}

function proof(path: string, chap: Chap | null): Step[] {
  // The kernel takes the word NULL for nothing.
  const { user, secret, mutual } = chap ?? { user: 'NULL', secret: 'NULL' }
  return [
    write(`${path}/userid`, user),
    hide(`${path}/password`, secret),
    write(`${path}/userid_mutual`, mutual?.user ?? 'NULL'),
    hide(`${path}/password_mutual`, mutual?.secret ?? 'NULL'),
  ]
}

function makeLun(place: Place, iqn: string, disk: LunStore): Step[] {
  const path = `${group(iqn)}/lun/lun_${disk.lun.lun}`
  return [mkdir(path), { do: 'link', path: `${path}/store`, to: storePath(place, disk) }]
}

/** The proof last: a system that comes back at once would find its disks gone before they are mapped, and give them up. */
function makeAcl(wanted: Target, initiator: string): Step[] {
  const path = `${group(wanted.iqn)}/acls/${initiator}`
  return [
    mkdir(path),
    ...wanted.luns.flatMap((lun) => makeMapping(wanted.iqn, initiator, lun)),
    ...(wanted.chap ? proof(`${path}/auth`, wanted.chap) : []),
  ]
}

function makeMapping(iqn: string, initiator: string, lun: TargetLun): Step[] {
  const path = `${group(iqn)}/acls/${initiator}/lun_${lun.lun}`
  return [
    mkdir(path),
    { do: 'link', path: `${path}/lun`, to: `${group(iqn)}/lun/lun_${lun.lun}` },
    write(`${path}/write_protect`, lun.readOnly ? 1 : 0),
  ]
}

function removeMapping(iqn: string, initiator: string, lun: TargetLun): Step[] {
  const path = `${group(iqn)}/acls/${initiator}/lun_${lun.lun}`
  return [unlink(`${path}/lun`), rmdir(path)]
}

function removeAcl(iqn: string, initiator: string, luns: readonly TargetLun[]): Step[] {
  return [...luns.flatMap((lun) => removeMapping(iqn, initiator, lun)), rmdir(`${group(iqn)}/acls/${initiator}`)]
}
