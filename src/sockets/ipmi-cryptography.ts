import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type Decipheriv,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'
import type { IpmiCryptography } from '../protocols/ipmi/cryptography.ts'

const BLOCK_BYTES = 16

/**
 * Node makes an object of each key it is given, and one for each message that is encrypted; both take far longer than what is done
 * with them. They are made once for the keys of a session, and live as long as those.
 */
const hmacKeys = new WeakMap<Uint8Array, KeyObject>()
const ciphers = new WeakMap<Uint8Array, Cipheriv>()
const deciphers = new WeakMap<Uint8Array, Decipheriv>()

function keyOf(bytes: Uint8Array): KeyObject {
  let key = hmacKeys.get(bytes)
  if (!key) {
    key = createSecretKey(bytes)
    hmacKeys.set(bytes, key)
  }
  return key
}

function cipherOf(key: Uint8Array): Cipheriv {
  let cipher = ciphers.get(key)
  if (!cipher) {
    cipher = createCipheriv('aes-128-cbc', key, new Uint8Array(BLOCK_BYTES)).setAutoPadding(false)
    ciphers.set(key, cipher)
  }
  return cipher
}

function decipherOf(key: Uint8Array): Decipheriv {
  let decipher = deciphers.get(key)
  if (!decipher) {
    decipher = createDecipheriv('aes-128-cbc', key, new Uint8Array(BLOCK_BYTES)).setAutoPadding(false)
    deciphers.set(key, decipher)
  }
  return decipher
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
  encrypt(key, plain) {
    const bytes = new Uint8Array(BLOCK_BYTES + plain.length)
    bytes.set(IPMI_CRYPTOGRAPHY.random(BLOCK_BYTES))
    bytes.set(plain, BLOCK_BYTES)
    // A random block in front of the message: what it becomes is as random, and is what the next block is chained to, so it is the vector.
    return bare(cipherOf(key).update(bytes))
  },
  decrypt(key, secret) {
    // Only the first block depends on what was deciphered before, and that is the vector.
    return bare(decipherOf(key).update(secret)).subarray(BLOCK_BYTES)
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
