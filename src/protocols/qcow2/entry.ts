import { DecodeError } from '../../kit/errors.ts'

/**
 * Where the bytes of one guest cluster are. `zero`: nowhere, it reads as zeros. `file`: at this place of the file, a whole cluster.
 * `compressed`: packed, somewhere within these bytes; what follows the packed data belongs to others.
 */
export type Mapping = Readonly<
  { kind: 'zero' } | { kind: 'file'; offset: number } | { kind: 'compressed'; offset: number; length: number }
>

const ZERO: Mapping = { kind: 'zero' }
const COMPRESSED = 0x4000_0000
const SECTOR = 512
/** Bits 56 to 61 of L1 entries and standard L2 entries. */
const RESERVED_HIGH = 0x3f00_0000

/** Place of an L2 table from one entry of the L1 table (QEMU, docs/interop/qcow2, "L1 table entry"); 0: all of it is zeros. */
export function decodeL1Entry(high: number, low: number, clusterBits: number): number {
  // Bit 62 is reserved here, unlike in L2 entries.
  if ((high & (RESERVED_HIGH | COMPRESSED)) !== 0 || (low & (SECTOR - 1)) !== 0)
    throw new DecodeError('an entry of the L1 table has reserved bits set')
  return placeOfCluster(high, low, clusterBits, 'an L2 table')
}

/** One entry of an L2 table ("L2 table entry", without subclusters). */
export function decodeL2Entry(high: number, low: number, clusterBits: number, version: 2 | 3): Mapping {
  if ((high & COMPRESSED) !== 0) return compressed(high, low, clusterBits)
  // Bit 0 says that the cluster reads as zeros, wherever it points; version 2 has no such bit.
  const reserved = low & (SECTOR - 1) & (version === 3 ? ~1 : ~0)
  if ((high & RESERVED_HIGH) !== 0 || reserved !== 0)
    throw new DecodeError('an entry of an L2 table has reserved bits set')
  const offset = placeOfCluster(high, low & ~1, clusterBits, 'a cluster')
  return (low & 1) !== 0 || offset === 0 ? ZERO : { kind: 'file', offset }
}

function placeOfCluster(high: number, low: number, clusterBits: number, what: string): number {
  const offset = (high & 0x00ff_ffff) * 2 ** 32 + (low >>> 0)
  if (offset % 2 ** clusterBits !== 0) throw new DecodeError(`${what} is said to lie at ${offset}, not at a cluster`)
  return offset
}

/** "Compressed Clusters Descriptor": bits 0 to x-1 are the place, bits x to 61 how many further sectors it goes on. */
function compressed(high: number, low: number, clusterBits: number): Mapping {
  // x = 62 - (cluster_bits - 8) is from 49 to 61: the place always takes all of the lower word.
  const highBits = 62 - (clusterBits - 8) - 32
  const offset = (high & (2 ** highBits - 1)) * 2 ** 32 + (low >>> 0)
  const sectors = ((high & 0x3fff_ffff) >>> highBits) + 1
  return { kind: 'compressed', offset, length: sectors * SECTOR - (offset % SECTOR) }
}
