import { DecodeError, Refusal } from '../../kit/errors.ts'
import type { Secret } from '../../kit/secret.ts'
import { run } from '../../processes/run.ts'
import { describeDisk } from '../../protocols/disk/describe.ts'
import { Ext4 } from '../../protocols/ext4/filesystem.ts'
import { type BlockDevice, SECTOR_BYTES } from '../../volumes/block-device.ts'
import type { OfflinePassword } from '../guest.ts'
import { withPassword } from '../shadow.ts'

const DAY_MS = 86_400_000
const MOST_PASSWORD_BYTES = 250
const VIA_SSH = 'set the password while the machine runs: via ssh'

/**
 * Sets the password of a user in the /etc/shadow of a disk that nobody else has open: the first ext filesystem that has such a file. The file
 * is changed in its own blocks, and its inode; nothing else. Refused, with nothing written, when the filesystem was not ended cleanly:
 * its journal may hold newer content. `hash`: as crypt(5) has it.
 */
export async function setVolumePassword(
  device: BlockDevice,
  { user }: Pick<OfflinePassword, 'user'>,
  hash: string,
  now: number,
): Promise<void> {
  try {
    const read = readerOf(device)
    const { partitions } = await describeDisk(read, device.bytes, { blockBytes: SECTOR_BYTES })
    const places = [{ startBytes: 0, bytes: device.bytes }, ...partitions]
    for (const { startBytes, bytes } of places) {
      const found = await Ext4.open((offset, length) => read(startBytes + offset, length), bytes)
      const file = await found?.find(['etc', 'shadow'])
      if (found && file) return await change(device, { filesystem: found, file, startBytes }, { user, hash, now })
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new Refusal('not-available', `the disk cannot be edited: ${error.message}`, { next: VIA_SSH })
  }
  throw new Refusal('not-available', 'the disk has no ext2, ext3 or ext4 filesystem with an /etc/shadow', {
    next: `${VIA_SSH}; LVM, encryption and other filesystems are not looked into`,
  })
}

type Found = Readonly<{ filesystem: Ext4; file: NonNullable<Awaited<ReturnType<Ext4['find']>>>; startBytes: number }>

async function change(
  device: BlockDevice,
  { filesystem, file, startBytes }: Found,
  { user, hash, now }: Readonly<{ user: string; hash: string; now: number }>,
): Promise<void> {
  const { clean, unwritable } = filesystem.superblock
  if (!clean)
    throw new Refusal('wrong-state', 'the filesystem was not ended cleanly: its journal has yet to be played back', {
      next: 'let the machine start and shut down by itself, then try again',
    })
  if (unwritable !== undefined) throw new Refusal('not-available', `the filesystem ${unwritable}`, { next: VIA_SSH })
  const content = withPassword(await filesystem.content(file), user, hash, Math.floor(now / DAY_MS))
  if (!content) throw new Refusal('not-found', `the disk has no user ${user} in its /etc/shadow`)
  const writes = await filesystem.replace(file, content, Math.floor(now / 1000))
  if (!writes)
    throw new Refusal('not-available', '/etc/shadow has no room left in its blocks, or may not be changed', {
      next: VIA_SSH,
    })
  for (const { offset, bytes } of writes) {
    await device.write([bytes], startBytes + offset)
    await device.flush()
  }
}

/** Whole sectors are read; the bytes that were asked for are given. */
function readerOf(device: BlockDevice) {
  return async (offset: number, length: number): Promise<Uint8Array> => {
    const from = offset - (offset % SECTOR_BYTES)
    const to = Math.min(Math.ceil((offset + length) / SECTOR_BYTES) * SECTOR_BYTES, device.bytes)
    if (offset < 0 || offset + length > to) throw new DecodeError('what is wanted lies outside of the disk')
    const sectors = new Uint8Array(to - from)
    await device.read(sectors, from)
    return sectors.subarray(offset - from, offset - from + length)
  }
}

/** A hash by SHA-512 (crypt(5), `$6$`), which every Linux understands. The password goes to openssl on its input. */
export async function hashPassword(password: Secret): Promise<string> {
  // openssl would cut a longer one off.
  if (Buffer.byteLength(password.reveal()) > MOST_PASSWORD_BYTES)
    throw new Refusal(
      'validation-failed',
      `a password that is set in a volume has at most ${MOST_PASSWORD_BYTES} bytes`,
    )
  const { code, stdout } = await run('openssl', ['passwd', '-6', '-stdin'], { input: `${password.reveal()}\n` })
  const hash = stdout.trim()
  if (code !== 0 || !/^\$6\$[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}$/.test(hash))
    throw new Refusal('not-available', 'openssl, which hashes passwords, is not there or does not work', {
      next: 'install the Debian package openssl',
    })
  return hash
}
