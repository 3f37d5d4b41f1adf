import type { Image } from './image.ts'

/** Keeps images with their versions by name. A resolved promise means: it is durable. */
export interface ImageRepository {
  all(): Promise<Image[]>
  save(image: Image): Promise<void>
  remove(name: string): Promise<void>
}

export type BlobStat = Readonly<{ sha256: string; bytes: number }>

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
  list(): Promise<BlobStat[]>
  remove(sha256: string): Promise<void>
}
