import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'
import type { IpmiCryptography } from '../protocols/ipmi/cryptography.ts'

/** Node makes an object of each key it is given, which takes six times as long as what is done with it: a session has its keys made once. */
const keys = new WeakMap<Uint8Array, KeyObject>()

function keyOf(bytes: Uint8Array): KeyObject {
  let key = keys.get(bytes)
  if (!key) {
    key = createSecretKey(bytes)
    keys.set(bytes, key)
  }
  return key
}

/** Random bytes are drawn in advance, many packets' worth at a time. Those that were handed out are overwritten. */
const drawn = new Uint8Array(4096)
let used = drawn.length

/** What IPMI needs of cryptography, by Node. Bytes that were handed in as a key must not change afterwards. */
export const IPMI_CRYPTOGRAPHY: IpmiCryptography = {
  hmac(hash, key, ...parts) {
    const hmac = createHmac(hash, keyOf(key))
    for (const part of parts) hmac.update(part)
    return bare(hmac.digest())
  },
  encrypt(key, iv, plain) {
    const cipher = createCipheriv('aes-128-cbc', keyOf(key), iv).setAutoPadding(false)
    const bytes = cipher.update(plain)
    cipher.final()
    return bare(bytes)
  },
  decrypt(key, iv, secret) {
    const decipher = createDecipheriv('aes-128-cbc', keyOf(key), iv).setAutoPadding(false)
    const bytes = decipher.update(secret)
    decipher.final()
    return bare(bytes)
  },
  random(count) {
    if (count > drawn.length) return randomFillSync(new Uint8Array(count))
    if (used + count > drawn.length) {
      randomFillSync(drawn)
      used = 0
    }
    const bytes = drawn.slice(used, used + count)
    drawn.fill(0, used, used + count)
    used += count
    return bytes
  },
  isSame: timingSafeEqual,
}

/** `slice` of a `Buffer` is no copy, which whoever gets a `Uint8Array` may rely on. */
function bare(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
