import { DecodeError } from '../../kit/errors.ts'
import { type Mac, macFromBytes, macToBytes } from '../../kit/mac.ts'

/** Six bytes FFh, sixteen times the address (AMD publication 20213, "Magic Packet Technology"). */
const SYNC_BYTES = 6
const REPEATS = 16
const PLAIN_BYTES = SYNC_BYTES + REPEATS * 6

/** What a network card listens for while its machine is off. `secureOn`: the password of SecureOn, four or six bytes; `null` without. */
export type MagicPacket = Readonly<{ mac: Mac; secureOn: Uint8Array | null }>

export function encodeMagicPacket({ mac, secureOn }: MagicPacket): Uint8Array {
  if (secureOn && secureOn.length !== 4 && secureOn.length !== 6)
    throw new RangeError(`a SecureOn password has 4 or 6 bytes, not ${secureOn.length}`)
  const packet = new Uint8Array(PLAIN_BYTES + (secureOn?.length ?? 0)).fill(0xff, 0, SYNC_BYTES)
  const address = macToBytes(mac)
  for (let i = 0; i < REPEATS; i++) packet.set(address, SYNC_BYTES + i * 6)
  if (secureOn) packet.set(secureOn, PLAIN_BYTES)
  return packet
}

/** Reads what `encodeMagicPacket` makes; a `DecodeError` for anything else. */
export function decodeMagicPacket(bytes: Uint8Array): MagicPacket {
  const extra = bytes.length - PLAIN_BYTES
  if (extra !== 0 && extra !== 4 && extra !== 6)
    throw new DecodeError(`a magic packet has ${PLAIN_BYTES} bytes, 4 or 6 more with a password, not ${bytes.length}`)
  for (let i = 0; i < SYNC_BYTES; i++)
    if (bytes[i] !== 0xff) throw new DecodeError('a magic packet begins with six bytes FFh')
  const address = bytes.subarray(SYNC_BYTES, SYNC_BYTES + 6)
  for (let i = SYNC_BYTES + 6; i < PLAIN_BYTES; i++)
    if (bytes[i] !== address[i % 6])
      throw new DecodeError('the address of a magic packet is not the same sixteen times')
  return { mac: macFromBytes(address), secureOn: extra === 0 ? null : bytes.slice(PLAIN_BYTES) }
}
