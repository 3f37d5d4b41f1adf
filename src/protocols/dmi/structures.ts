import { ByteReader } from '../../kit/bytes.ts'

/** Structures that are followed: a table of a server has a few hundred. */
const MOST_STRUCTURES = 4096

/**
 * The types of the structures in an SMBIOS table (DSP0134, section 6.1): each has a formatted part whose length its second byte tells,
 * then texts up to two zeros. A table that is cut off tells what came before the cut.
 */
export function structureTypes(table: Uint8Array): number[] {
  const types: number[] = []
  const reader = new ByteReader(table)
  while (types.length < MOST_STRUCTURES && reader.remaining >= 4) {
    const [type, length] = [reader.u8(), reader.u8()]
    if (length < 4 || length - 2 > reader.remaining) break
    types.push(type)
    // Type 127 ends the table; what follows is not defined.
    if (type === 127) break
    reader.skip(length - 2)
    let zeros = 0
    while (zeros < 2 && reader.remaining > 0) zeros = reader.u8() === 0 ? zeros + 1 : 0
  }
  return types
}
