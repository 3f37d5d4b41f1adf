import { InvalidArgumentError } from 'commander'
import { readSize } from './units.ts'

const SECTOR = 512

/** For options and arguments that are a size in bytes, such as `20G` or `500M`: whole sectors, as every disk has. */
export function sizeInBytes(text: string): number {
  // A bare number would be bytes to some and gibibytes to others.
  const gib = /[a-z]/i.test(text) ? readSize(text, 'G') : undefined
  if (gib === undefined || gib <= 0) throw new InvalidArgumentError('It must be a size such as 20G or 500M.')
  return Math.ceil((gib * 1024 ** 3) / SECTOR) * SECTOR
}
