/** The least that every disk writes whole or not at all, whatever happens to the power. */
export const SECTOR_BYTES = 512

/**
 * A disk, or a stretch of one such as a partition. Offsets and lengths are bytes from its start. All methods reject with a `DiskError`;
 * a write is only sure to survive a power cut once a `flush` that began after it has resolved.
 */
export interface Disk {
  /** What to call it in front of people: `/dev/sda`, `/dev/sda partition 2`. */
  readonly name: string
  readonly bytes: number
  /** Fills `into` from `offset`. */
  read(offset: number, into: Uint8Array): Promise<void>
  write(offset: number, bytes: Uint8Array): Promise<void>
  /** The range reads as zeros from now on: by the disk's own command where it has one, else by writing zeros. */
  zero(offset: number, length: number): Promise<void>
  /** The range is not needed; what it reads as is up to the disk. One that cannot do this ignores it. */
  discard(offset: number, length: number): Promise<void>
  flush(): Promise<void>
  /** Flushes, and drops what the computer remembers, so that the next read asks the disk itself. Regular files keep their cache. */
  forget(): Promise<void>
  close(): Promise<void>
}

const ADVICE: Readonly<Record<string, string>> = {
  EIO: 'The disk reports a failure of the medium: look at its health (SMART) and its cable, and replace it if this repeats',
  ENXIO: 'The disk went away: look at its cable and power',
  ENODEV: 'The disk went away: look at its cable and power',
  ENOSPC: 'The device has no room behind it: a thin or virtual disk whose store is full',
  EROFS: 'The disk is read-only: look for a write-protect switch or a worn-out SSD',
  EACCES: 'The disk may not be opened: it is read-only, or the agent lacks the right',
  EPERM: 'The disk refuses writes: it is read-only or locked',
  EBUSY: 'Something on this machine uses the disk: it is mounted, or part of a RAID or LVM',
  EREMOTEIO: 'The disk refused the command: look at its health (SMART)',
}

/** A disk did not do what it was asked. `offset` is where, when that is known; `advice` is what a person can do. */
export class DiskError extends Error {
  override name = 'DiskError'
  readonly disk: string
  readonly offset: number | null
  /** The system's error name, such as `EIO`; `MISMATCH` when it reads otherwise than was written. */
  readonly code: string
  readonly advice: string

  constructor(disk: string, doing: string, offset: number | null, code: string, advice?: string) {
    super(`${disk}: ${doing}${offset === null ? '' : ` at byte ${offset}`} failed (${code})`)
    this.disk = disk
    this.offset = offset
    this.code = code
    this.advice = advice ?? ADVICE[code] ?? 'Look at the health of the disk (SMART) and at its cable'
  }
}

/** Refuses what lies outside of the disk, before anything is touched. */
export function checkRange(disk: Pick<Disk, 'name' | 'bytes'>, offset: number, length: number): void {
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(length) ||
    offset < 0 ||
    length < 0 ||
    offset + length > disk.bytes
  )
    throw new RangeError(`${length} bytes at ${offset} are not within ${disk.name} of ${disk.bytes} bytes`)
}

/** A stretch of a disk as a disk of its own; closing it closes the disk. */
export function windowOf(disk: Disk, name: string, start: number, bytes: number): Disk {
  checkRange(disk, start, bytes)
  const window: Disk = {
    name,
    bytes,
    async read(offset, into) {
      checkRange(window, offset, into.length)
      await disk.read(start + offset, into)
    },
    async write(offset, given) {
      checkRange(window, offset, given.length)
      await disk.write(start + offset, given)
    },
    async zero(offset, length) {
      checkRange(window, offset, length)
      await disk.zero(start + offset, length)
    },
    async discard(offset, length) {
      checkRange(window, offset, length)
      await disk.discard(start + offset, length)
    },
    flush: () => disk.flush(),
    forget: () => disk.forget(),
    close: () => disk.close(),
  }
  return window
}
