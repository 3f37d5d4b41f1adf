import { DecodeError } from '../../kit/errors.ts'
import { type IpmiCryptography, SUITES } from './cryptography.ts'
import { fillPlusHeader, PAYLOAD_AT, type PlusPacket } from './packet.ts'
import type { SessionKeys } from './rakp.ts'
import { fillRmcpHeader, RMCP_HEADER_BYTES } from './rmcp.ts'

const BLOCK_BYTES = 16
const NEXT_HEADER = 0x07
const ENCRYPTED = 0x80
const AUTHENTICATED = 0x40

/** A payload to be sent inside a session. `sessionId`: the receiver's; `sequence`: not 0, one more each time. */
export type SealedPayload = Readonly<{
  payloadType: number
  sessionId: number
  sequence: number
  payload: Uint8Array
  /** Payloads without it are signed only; SOL may ask for that. By default true. */
  encrypted?: boolean
}>

/** A whole RMCP packet: encrypted with AES-CBC-128 (IPMI 2.0 §13.29) and signed (§13.28.4). */
export function sealPacket(crypto: IpmiCryptography, keys: SessionKeys, sealed: SealedPayload): Uint8Array {
  const { payloadType, sessionId, sequence, encrypted = true } = sealed
  const payload = encrypted ? encryptPayload(crypto, keys, sealed.payload) : sealed.payload
  const { hash, codeBytes } = SUITES[keys.suite]
  const end = PAYLOAD_AT + payload.length
  // What is signed ends after the next-header byte, on a multiple of 4 counted from the session header (table 13-8).
  const pad = -(end - RMCP_HEADER_BYTES + 2) & 3
  const signedEnd = end + pad + 2
  const packet = new Uint8Array(signedEnd + codeBytes)
  fillRmcpHeader(packet)
  fillPlusHeader(packet, payloadType | AUTHENTICATED | (encrypted ? ENCRYPTED : 0), sessionId, sequence, payload.length)
  packet.set(payload, PAYLOAD_AT)
  packet.fill(0xff, end, end + pad)
  packet[signedEnd - 2] = pad
  packet[signedEnd - 1] = NEXT_HEADER
  const code = crypto.hmac(hash, keys.integrity, packet.subarray(RMCP_HEADER_BYTES, signedEnd))
  packet.set(code.subarray(0, codeBytes), signedEnd)
  return packet
}

/**
 * The payload of a packet of a session, checked and in clear. A packet that is not signed, or whose signature is wrong, is a
 * `DecodeError`: whoever sent it has no part in the session.
 */
export function openPacket(crypto: IpmiCryptography, keys: SessionKeys, packet: PlusPacket): Uint8Array {
  if (!packet.authenticated) throw new DecodeError('a packet of a session that is not signed')
  const { hash, codeBytes } = SUITES[keys.suite]
  const { session } = packet
  const payloadEnd = PAYLOAD_AT - RMCP_HEADER_BYTES + packet.payload.length
  // The seal follows its pad and is the last thing; some senders add bytes after it, which nobody signed.
  const pad = -(payloadEnd + 2) & 3
  const signedEnd = payloadEnd + pad + 2
  if (session.length < signedEnd + codeBytes) throw new DecodeError('a packet of a session with half a signature')
  const code = crypto.hmac(hash, keys.integrity, session.subarray(0, signedEnd)).subarray(0, codeBytes)
  if (!crypto.isSame(code, session.subarray(signedEnd, signedEnd + codeBytes)))
    throw new DecodeError('the signature of a packet is wrong')
  return packet.encrypted ? decryptPayload(crypto, keys, packet.payload) : packet.payload
}

/** Table 13-20: initialization vector, data, pad 1 2 3 ..., its length. */
function encryptPayload(crypto: IpmiCryptography, keys: SessionKeys, payload: Uint8Array): Uint8Array {
  const pad = -(payload.length + 1) & (BLOCK_BYTES - 1)
  const plain = new Uint8Array(payload.length + pad + 1)
  plain.set(payload)
  for (let i = 1; i <= pad; i++) plain[payload.length + i - 1] = i
  plain[plain.length - 1] = pad
  return crypto.encrypt(keys.encryption, plain)
}

function decryptPayload(crypto: IpmiCryptography, keys: SessionKeys, payload: Uint8Array): Uint8Array {
  if (payload.length < 2 * BLOCK_BYTES || payload.length % BLOCK_BYTES !== 0)
    throw new DecodeError(`${payload.length} encrypted bytes are not whole blocks`)
  const plain = crypto.decrypt(keys.encryption, payload)
  const pad = plain[plain.length - 1]!
  const end = plain.length - 1 - pad
  if (pad >= BLOCK_BYTES || end < 0) throw new DecodeError(`${pad} bytes of padding`)
  for (let i = 1; i <= pad; i++) if (plain[end + i - 1] !== i) throw new DecodeError('the padding is wrong')
  return plain.subarray(0, end)
}
