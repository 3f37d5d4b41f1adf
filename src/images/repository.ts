import type { Image } from './image.ts'

/** Keeps images with their versions by name. A resolved promise means: it is durable. */
export interface ImageRepository {
  all(): Promise<Image[]>
  save(image: Image): Promise<void>
  remove(name: string): Promise<void>
}

/** `storedAt`: milliseconds since 1970 of the last `put` of these bytes. */
export type BlobStat = Readonly<{ sha256: string; bytes: number; storedAt: number }>

/**
 * Bytes kept under their SHA-256 (64 lower-case hex digits). Writing is atomic and durable: a blob is either whole and right
 * or absent, whatever is killed when.
 */
export interface BlobStore {
  stat(sha256: string): Promise<BlobStat | undefined>
  /**
   * Stores a stream. With `expected.sha256` other bytes are refused (`checksum-mismatch`) and leave nothing behind; more than
   * `limit` bytes are refused (`too-large`), a full disk too (`no-space`).
   */
  put(content: AsyncIterable<Uint8Array>, expected: { sha256?: string; limit: number }): Promise<BlobStat>
  /** Where a blob lies in the file system, for servers that stream it; `undefined` when absent. */
  path(sha256: string): Promise<string | undefined>
  /** A whole small blob, checked against its SHA-256 (`corrupt`); more than `limit` bytes are refused (`too-large`). */
  read(sha256: string, limit: number): Promise<Uint8Array | undefined>
  list(): Promise<BlobStat[]>
  /**
   * Deletes a blob; an absent one is fine. With `storedBefore`, only if its last `put` is older than that time: what somebody
   * uploads again at this moment stays. Tells whether it deleted one.
   */
  remove(sha256: string, only?: { storedBefore: number }): Promise<boolean>
}
