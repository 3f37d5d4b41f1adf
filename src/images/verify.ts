import { Refusal } from '../kit/errors.ts'
import { CHUNK_BYTES, chunkLength } from '../protocols/chunks/list.ts'
import type { Disks } from './disks.ts'

/** Problems that are told of one disk; there may be thousands. */
const MOST_PROBLEMS = 100

export type Verified = Readonly<{ bytes: number; chunks: number; sha256: string | null; problems: readonly string[] }>

/** A hash that is fed piece by piece. */
export type RunningHash = { update(bytes: Uint8Array): unknown; digest(encoding: 'hex'): string }

/**
 * Reads every chunk of a disk again. `sha256` is of the raw content, `null` when not all of it could be read. `expected`: what it was known to be.
 */
export async function verifyDisk(
  disks: Disks,
  list: string,
  hash: RunningHash,
  expected: string | null,
): Promise<Verified> {
  const content = await disks.list(list)
  const problems: string[] = []
  const zeros = new Uint8Array(CHUNK_BYTES)
  let damaged = 0
  for (const [index, chunk] of content.chunks.entries()) {
    const length = chunkLength(content, index)
    try {
      const raw = chunk === null ? zeros.subarray(0, length) : await disks.chunk(chunk)
      if (raw.length !== length)
        throw new Refusal('corrupt', `the chunk ${chunk} has ${raw.length} bytes, not ${length}`)
      hash.update(raw)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      damaged++
      if (problems.length < MOST_PROBLEMS) problems.push(`at ${index * CHUNK_BYTES}: ${error.message}`)
    }
  }
  if (damaged > problems.length) problems.push(`and ${damaged - problems.length} more`)
  const sha256 = damaged > 0 ? null : hash.digest('hex')
  if (sha256 !== null && expected !== null && sha256 !== expected)
    problems.push(`the whole has the SHA-256 ${sha256}; it was said to be ${expected}`)
  return { bytes: content.bytes, chunks: content.chunks.length, sha256, problems }
}
