/** Bytes of a logical block; every offset and length of a device is a multiple of it. */
export const SECTOR_BYTES = 512

/**
 * A disk as the stage that serves it sees it. Offsets and lengths are bytes, multiples of 512 and within the device; the caller has
 * checked that. Calls may overlap in time; two that touch the same bytes at the same time end as if one came after the other,
 * sector by sector, as on a disk. Methods that return `undefined` are done already: warm data is served without a promise.
 * A full pool refuses with `no-space`, damaged or changed base data with `corrupt`; nothing is written then.
 */
export interface BlockDevice {
  readonly bytes: number
  readonly readOnly: boolean
  /** Fills `into` from `at`. */
  read(into: Uint8Array, at: number): undefined | Promise<void>
  /** Writes the parts one behind the other from `at`. They may be used again once this is done. What was written outlives `kill -9`. */
  write(parts: readonly Uint8Array[], at: number): undefined | Promise<void>
  /**
   * The same if it can be done before it returns: `true`; the parts may be used again in any case. `false`: nothing was done, and `write` is for
   * it. A device that always waits does without.
   */
  writeNow?(parts: readonly Uint8Array[], at: number): boolean
  /** Makes a range read as zeros and gives back its space where possible. */
  zero(at: number, bytes: number): undefined | Promise<void>
  /** Everything written before this call was made outlives power loss once this is done. */
  flush(): Promise<void>
  /** Whether space is taken for what begins at `at`, and how many bytes on that stays so; for GET LBA STATUS. */
  allocation(at: number): Readonly<{ mapped: boolean; bytes: number }>
  /** Bytes of base data that reads found in the cache, and that had to be fetched, since it was opened. */
  cacheUse?(): Readonly<{ hitBytes: number; missBytes: number }>
  /** Flushes and lets go. Nothing may be called afterwards. */
  close(): Promise<void>
}
