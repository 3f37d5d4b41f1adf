import { Refusal } from '../kit/errors.ts'

/** lvm(8), VALID NAMES; it allows 127 letters for group and volume together. */
const NAME = /^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,59}$/
/** lvm(8): what names of logical volumes must not have. */
const RESERVED =
  /^(snapshot|pvmove)|_(cdata|cmeta|corig|cpool|cvol|imeta|iorig|mimage|mlog|pmspare|rimage|rmeta|tdata|tmeta|vdata|vorigin|wcorig)/

export function checkGroupName(name: string): void {
  if (!NAME.test(name) || name === '.' || name === '..')
    throw new Refusal('validation-failed', `${JSON.stringify(name)} is no name of a volume group`, {
      next: 'names have up to 60 letters, digits and + _ . - and do not begin with a hyphen',
    })
}

export function checkVolumeName(name: string): void {
  if (!NAME.test(name) || name === '.' || name === '..' || RESERVED.test(name))
    throw new Refusal('validation-failed', `${JSON.stringify(name)} is no name of a logical volume`, {
      next: 'names have up to 60 letters, digits and + _ . - and do not begin with a hyphen; LVM reserves a few, see lvm(8)',
    })
}

/** Whether a group has room for a volume of `bytes`, of which it `has` some already. */
export function checkFree(
  { name, freeBytes, extentBytes }: Readonly<{ name: string; freeBytes: number; extentBytes: number }>,
  bytes: number,
  has = 0,
): void {
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new Refusal('validation-failed', 'a logical volume has a whole number of bytes, and at least one')
  const extents = Math.ceil(bytes / extentBytes) * extentBytes
  if (extents - has > freeBytes)
    throw new Refusal('no-space', `the volume group ${name} has ${sized(freeBytes)} free: too little for this`, {
      next: `make it smaller, or add a device: reveille storage vg extend ${name} DEVICE`,
    })
}

/** Bytes, and roughly how many that is. */
export function sized(bytes: number): string {
  return `${bytes} bytes (${(bytes / 2 ** 30).toFixed(2)} GiB)`
}
