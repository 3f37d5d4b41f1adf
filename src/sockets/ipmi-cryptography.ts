import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IpmiCryptography } from '../protocols/ipmi/cryptography.ts'

/** What IPMI needs of cryptography, by Node. */
export const IPMI_CRYPTOGRAPHY: IpmiCryptography = {
  hmac(hash, key, ...parts) {
    const hmac = createHmac(hash, key)
    for (const part of parts) hmac.update(part)
    return bare(hmac.digest())
  },
  encrypt(key, iv, plain) {
    const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
    const bytes = cipher.update(plain)
    cipher.final()
    return bare(bytes)
  },
  decrypt(key, iv, secret) {
    const decipher = createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
    const bytes = decipher.update(secret)
    decipher.final()
    return bare(bytes)
  },
  random: (bytes) => bare(randomBytes(bytes)),
  isSame: timingSafeEqual,
}

/** `slice` of a `Buffer` is no copy, which whoever gets a `Uint8Array` may rely on. */
function bare(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
