import type { Readable } from 'node:stream'

/** `storedBytes`: what it takes on disk, compressed. `storedAt`: milliseconds since 1970 of its last `put`. */
export type ChunkStat = Readonly<{ sha256: string; storedBytes: number; storedAt: number }>

/** A chunk as it is kept and as it travels: one zstd frame, or the bytes themselves where that is not smaller. */
export type StoredChunk = Readonly<{ encoding: 'zstd' | 'identity'; payload: Uint8Array }>

/** A stored chunk to be sent in small pieces. It must be read to the end, or `pieces` be destroyed. */
export type OpenChunk = Readonly<{ encoding: 'zstd' | 'identity'; bytes: number; pieces: Readable }>

/** How a corrupt chunk is told: it is set aside at once and never served; putting the same content again heals it. */
export type Corruption = Readonly<{ sha256: string; detail: string; at: number }>

/**
 * Chunks kept under the SHA-256 of their raw content (64 lower-case hex digits), each of 1 byte to 4 MiB. Writing is atomic and
 * durable; what is here is whole. Directory by default, behind this interface so that an object store can follow.
 */
export interface ChunkStore {
  /** Which of these are not here. */
  missing(hashes: readonly string[]): Promise<string[]>
  /**
   * Stores one chunk; its raw content must have this SHA-256 (`checksum-mismatch`) and at most 4 MiB (`too-large`, whatever its
   * compressed form says). A full disk refuses (`no-space`) and loses nothing. Tells whether it was new.
   */
  put(sha256: string, chunk: StoredChunk): Promise<{ added: boolean; storedBytes: number }>
  /** Stores the raw bytes of a chunk under their SHA-256, which is computed here; otherwise like `put`. They may be changed afterwards. */
  add(raw: Uint8Array): Promise<{ sha256: string; added: boolean; storedBytes: number }>
  /**
   * The chunk as stored, checked against its check sum on the way; `undefined` when absent. A damaged one is set aside and refused
   * (`corrupt`), naming it, until the same content is put again.
   */
  get(sha256: string): Promise<StoredChunk | undefined>
  /** The same for sending to many at once: checked before the first piece, and never whole in memory for as long as a slow line takes. */
  open(sha256: string): Promise<OpenChunk | undefined>
  /** The raw bytes, checked against their SHA-256; otherwise like `get`. */
  read(sha256: string): Promise<Uint8Array | undefined>
  list(): AsyncIterable<ChunkStat>
  /** How many there are, and what they take. May be off by what changes at this moment. */
  usage(): Promise<{ chunks: number; storedBytes: number }>
  /** Deletes chunks whose last `put` (or `touch`) is older than `storedBefore`; returns the bytes that went. */
  remove(sha256: string, only: { storedBefore: number }): Promise<number>
  /** Chunks that were set aside. */
  corrupt(): readonly Corruption[]
}
