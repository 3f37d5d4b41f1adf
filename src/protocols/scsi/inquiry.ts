import { ByteReader, hex, latin1 } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** Pages of vital product data (SPC-5, section 7.7), as the kernel keeps them. A page that is not what it should be is a `DecodeError`. */

/** Page 83h, device identification: the NAA name of the logical unit as `0x5000c500a1b2c3d4`; `undefined` if it has none. */
export function naaOf(page: Uint8Array): string | undefined {
  const reader = body(page, 0x83)
  while (reader.remaining >= 4) {
    const [, second] = [reader.u8(), reader.u8()]
    reader.skip(1)
    const designator = reader.view(reader.u8())
    // Association 0: the unit itself rather than its port; designator type 3: NAA.
    if (((second >> 4) & 3) === 0 && (second & 0xf) === 3 && (designator.length === 8 || designator.length === 16))
      return `0x${hex(designator)}`
  }
  return undefined
}

/**
 * Page 89h, ATA information: the IDENTIFY DEVICE data of a SATA disk behind it (SAT-4, 12.4.2), where texts have the bytes of each word
 * swapped. `security`: word 128, of which bits 1 to 3 are enabled, locked and frozen.
 */
export function ataIdentity(page: Uint8Array): { model: string; serial: string; firmware: string; security: number } {
  const reader = body(page, 0x89)
  reader.skip(56)
  const identify = reader.view(512)
  const words = (from: number, count: number) => {
    const bytes = identify.slice(2 * from, 2 * (from + count))
    for (let i = 0; i + 1 < bytes.length; i += 2) [bytes[i], bytes[i + 1]] = [bytes[i + 1]!, bytes[i]!]
    return latin1(bytes)
      .replace(/[^\x20-\x7e]/g, ' ')
      .trim()
  }
  const security = identify[256]! | (identify[257]! << 8)
  return { model: words(27, 20), serial: words(10, 10), firmware: words(23, 4), security }
}

function body(page: Uint8Array, code: number): ByteReader {
  const reader = new ByteReader(page)
  reader.skip(1)
  const found = reader.u8()
  if (found !== code) throw new DecodeError(`this is page ${found.toString(16)}h, not ${code.toString(16)}h`)
  return new ByteReader(reader.view(reader.u16()))
}
