import { createHash } from 'node:crypto'
import type { Disk } from './disk.ts'

const EDGE_BYTES = 1024 * 1024

/**
 * Tells whether it is still the disk that was armed: hex SHA-256 over its size as decimal text, its first MiB and its last MiB (of a
 * smaller disk: what there is, twice).
 */
export async function fingerprintOf(disk: Pick<Disk, 'bytes' | 'read'>): Promise<string> {
  const edge = new Uint8Array(Math.min(EDGE_BYTES, disk.bytes))
  const hash = createHash('sha256').update(String(disk.bytes))
  await disk.read(0, edge)
  hash.update(edge)
  await disk.read(disk.bytes - edge.length, edge)
  return hash.update(edge).digest('hex')
}
