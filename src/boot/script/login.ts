import { cpioArchive } from '../../initramfs/cpio.ts'
import type { BootDisks } from '../../volumes/boot-disks.ts'

/** Where the initramfs of Debian's open-iscsi reads, as shell, how to log in; what is there takes the place of `ISCSI_AUTO`. */
const FILE = 'etc/iscsi.initramfs'

/**
 * An initrd that tells the system behind it how to log in to its disks, where no firmware does by an iBFT. It holds the secret, which has
 * no place on a command line.
 */
export function loginArchive({ host, port, initiator, target, chap }: BootDisks): Uint8Array {
  const values = {
    ISCSI_INITIATOR: initiator,
    ISCSI_TARGET_NAME: target,
    ISCSI_TARGET_IP: host,
    ISCSI_TARGET_PORT: String(port),
    // Of all engines (RFC 7143, 13.9).
    ISCSI_TARGET_GROUP: '1',
    ...(chap ? { ISCSI_USERNAME: chap.user, ISCSI_PASSWORD: chap.secret } : {}),
  }
  const lines = Object.entries(values).map(([name, value]) => `${name}='${plain(value)}'\n`)
  return cpioArchive([
    { name: 'etc', kind: 'directory', mode: 0o755 },
    { name: FILE, kind: 'file', mode: 0o400, content: Buffer.from(lines.join('')) },
  ])
}

/** All of these are names, addresses, numbers and secrets that this server made; anything else would be read as shell. */
function plain(value: string): string {
  if (/[^A-Za-z0-9._:@-]/.test(value)) throw new RangeError('a login to a disk has a character that a shell would read')
  return value
}
