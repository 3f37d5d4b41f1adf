import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { runProgram } from '../program.ts'

/** No programs, devices or set-user-id of what is mounted have any effect here. */
const SAFE = ['nodev', 'nosuid', 'noexec']
const KERNEL_TYPES: Readonly<Record<string, string>> = { ext2: 'ext4', ext3: 'ext4' }
const EXTRA: Readonly<Record<string, readonly string[]>> = {
  // A copy of an XFS has the UUID of its original, which may be on another disk here.
  xfs: ['nouuid'],
  // FAT has no owners and modes: asking for some is no error.
  vfat: ['umask=0077', 'quiet'],
}

/**
 * Mounts a filesystem in a folder of its own while `use` works there, and unmounts it whatever happens; what was written is on the disk
 * when this resolves.
 */
export async function whileMounted<T>(
  device: { path: string; type: string; write: boolean },
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'reveille-mount-'))
  const options = [device.write ? 'rw' : 'ro', ...SAFE, ...(EXTRA[device.type] ?? [])].join(',')
  const type = KERNEL_TYPES[device.type] ?? device.type
  try {
    await runProgram('mount', ['-t', type, '-o', options, device.path, folder], { seconds: 120 })
  } catch (error) {
    await rmdir(folder)
    throw error
  }
  let failure: unknown
  try {
    return await use(folder)
  } catch (error) {
    failure = error
    throw error
  } finally {
    await unmount(folder).catch((error) => {
      if (failure === undefined) throw error
    })
    await rmdir(folder).catch(() => undefined)
  }
}

async function unmount(folder: string): Promise<void> {
  for (let tried = 0; ; tried++) {
    try {
      await runProgram('umount', [folder], { seconds: 300 })
      return
    } catch (error) {
      // Something still looks at it, such as a scanner: it goes away by itself.
      if (tried >= 5) throw error
      await pause(500)
    }
  }
}
