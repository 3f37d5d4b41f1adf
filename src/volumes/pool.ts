import type { BlockDevice } from './block-device.ts'
import type { VolumeBase, VolumeFacts } from './volume.ts'

/** Bytes of the store behind a pool. */
export type PoolUsage = Readonly<{ totalBytes: number; freeBytes: number; usedBytes: number }>

/** One 4 MiB chunk that was published: its index and the SHA-256 under which it is in the chunk store; `null`: all zeros. */
export type PublishedChunk = Readonly<{ index: number; sha256: string | null }>

/**
 * Keeps the bytes of volumes, by their ids; what they are called and who may use them is known elsewhere. One suite in
 * test/conformance runs on every implementation. Every call is atomic: after `kill -9` at any moment a volume is as before or as after.
 * What does not exist is `not-found`, a full pool `no-space`, a missing or changed base `corrupt`, an open volume `in-use` where it matters.
 */
export interface VolumePool {
  /** The word of the setting, such as `file`. */
  readonly kind: string
  usage(): Promise<PoolUsage>
  /** Ids of all volumes that are kept here. */
  list(): Promise<string[]>
  /** `bytes` may exceed the base: the rest reads as zeros. Takes next to no space. A volume that exists with the same facts is left as it is. */
  create(id: string, options: CreateVolume): Promise<void>
  /** A new volume with the content that another has now, or had at a snapshot. */
  clone(id: string, from: Readonly<{ id: string; snapshot: string | null }>): Promise<void>
  /** Removes the volume and its snapshots; refused while it is open. Unknown ids are fine. */
  remove(id: string): Promise<void>
  facts(id: string): Promise<VolumeFacts>
  /** Freezes what was written so far, also while it is open: requests that are answered are in it. */
  snapshot(id: string, snapshot: string): Promise<void>
  removeSnapshot(id: string, snapshot: string): Promise<void>
  /** Back to a snapshot, which stays; `null`: to the base, or to nothing. Snapshots stay. Refused while it is open for writing. */
  revert(id: string, snapshot: string | null): Promise<void>
  /** Only while it is not open. Growing reads as zeros. */
  resize(id: string, bytes: number): Promise<void>
  limit(id: string, limitBytes: number | null): Promise<void>
  /**
   * Which of these took more of their own than they may: for pools with paths, since what an engine writes to a path cannot be refused here.
   * Blocks of the base that were written again may not count.
   */
  overLimit?(ids: readonly string[]): Promise<readonly string[]>
  /**
   * Puts the 4 MiB chunks that differ from the base into the chunk store and tells them, in order of index. Content is that of a snapshot, or
   * of this moment (`null`), also while it is open.
   */
  publish(
    id: string,
    snapshot: string | null,
    progress: (doneBytes: number) => void,
  ): Promise<readonly PublishedChunk[]>
  /** Opens for serving: by many readers, or by one writer. `snapshot`: that frozen state, which is only for reading. */
  open(id: string, options: Readonly<{ readOnly: boolean; snapshot?: string | undefined }>): Promise<BlockDevice>
  /**
   * A file or block device with just this content, or that of a snapshot, for target engines that serve paths; `undefined` when this pool has
   * none.
   */
  path?(id: string, snapshot?: string): Promise<string>
  /** Flushes and lets go of everything. */
  close(): Promise<void>
}

export type CreateVolume = Readonly<{ bytes: number; base: VolumeBase | null; limitBytes: number | null }>
