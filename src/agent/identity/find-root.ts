import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { whileMounted } from '../mounting/mounted.ts'
import type { Place } from '../mounting/partitions.ts'
import { TaskFailure } from '../task.ts'
import { Inside } from './inside.ts'

const TYPES = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs']
/** Btrfs: the subvolumes in which distributions put their system. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = { btrfs: ['', 'root', '@', '@rootfs'] }
const CONTAINERS: Readonly<Record<string, string>> = {
  crypto_LUKS: 'encrypted (LUKS)',
  LVM2_member: 'part of LVM',
  linux_raid_member: 'part of a RAID',
  zfs_member: 'part of a ZFS pool',
}

/** The installed system: where it lies, and the folder in that filesystem. */
export type InstalledRoot = Readonly<{ place: Place; type: string; folder: string }>

/** The one place with an installed system. None or several: a `TaskFailure` that says what is there. */
export async function findRoot(places: readonly Place[]): Promise<InstalledRoot> {
  const found: InstalledRoot[] = []
  for (const place of places) {
    const type = place.filesystem?.type
    if (!type || !TYPES.includes(type)) continue
    const folder = await whileMounted({ path: place.path, type, write: false }, async (mounted) => {
      for (const each of FOLDERS[type] ?? ['']) if (await isSystem(join(mounted, each))) return each
      return undefined
    })
    if (folder !== undefined) found.push({ place, type, folder })
  }
  if (found.length === 1) return found[0]!
  const list = places.map(({ path, filesystem }) => `${path} (${filesystem?.type ?? 'nothing known'})`).join(', ')
  if (found.length > 1)
    throw new TaskFailure(
      `Several installed systems: ${found.map(({ place }) => place.path).join(', ')}. It is not clear whose identity to set`,
    )
  const closed = places.find(({ filesystem }) => filesystem && CONTAINERS[filesystem.type])
  const why = closed ? ` ${closed.path} is ${CONTAINERS[closed.filesystem!.type]}, which cannot be opened here.` : ''
  throw new TaskFailure(
    `No installed Linux system was found on ${list || 'this disk'}.${why} Set the identity by cloud-init or Ignition, or none`,
  )
}

async function isSystem(root: string): Promise<boolean> {
  const system = new Inside(root)
  const folder = await lstat(join(root, 'etc')).catch(() => undefined)
  if (!folder?.isDirectory()) return false
  for (const path of ['/etc/os-release', '/usr/lib/os-release', '/etc/passwd'])
    if (await system.exists(path)) return true
  return false
}
