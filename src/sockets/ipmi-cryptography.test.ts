import { createDecipheriv } from 'node:crypto'
import { expect, test } from 'vitest'
import { fromHex, hex, latin1Bytes } from '../kit/bytes.ts'
import { IPMI_CRYPTOGRAPHY as CRYPTO } from './ipmi-cryptography.ts'

test('HMAC is that of RFC 2202 and RFC 4231, in one part or in several, with a key that is used again', () => {
  const key = new Uint8Array(20).fill(0x0b)
  const data = latin1Bytes('Hi There')
  const sha256 = 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'
  for (let i = 0; i < 2; i++) {
    expect(hex(CRYPTO.hmac('sha1', key, data))).toBe('b617318655057264e28bc0b6fb378c8ef146be00')
    expect(hex(CRYPTO.hmac('sha256', key, data.subarray(0, 3), data.subarray(3)))).toBe(sha256)
  }
  // Nobody has an empty password, but clients may ask with one.
  expect(CRYPTO.hmac('sha1', new Uint8Array(0), data)).toHaveLength(20)
})

test('AES is AES-128-CBC of NIST SP 800-38A F.2.1, without padding', () => {
  const key = fromHex('2b7e151628aed2a6abf7158809cf4f3c')
  const vector = '000102030405060708090a0b0c0d0e0f'
  const plain = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51'
  const secret = '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2'
  for (let i = 0; i < 3; i++) expect(hex(CRYPTO.decrypt(key, fromHex(vector + secret)))).toBe(plain)
})

test('each message is encrypted under a vector of its own, which anybody with the key can start from', () => {
  const key = CRYPTO.random(16)
  const vectors = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const plain = CRYPTO.random(16 * (1 + (i % 5)))
    const secret = CRYPTO.encrypt(key, plain)
    vectors.add(hex(secret.subarray(0, 16)))
    const decipher = createDecipheriv('aes-128-cbc', key, secret.subarray(0, 16)).setAutoPadding(false)
    expect(decipher.update(secret.subarray(16), undefined, 'hex')).toBe(hex(plain))
    expect(hex(CRYPTO.decrypt(key, secret))).toBe(hex(plain))
    // The same message again is nothing like it was.
    vectors.add(hex(CRYPTO.encrypt(key, plain).subarray(0, 16)))
  }
  expect(vectors.size).toBe(400)
})

test('random bytes are new each time and as many as asked for, and what is handed out stays as it is', () => {
  const drawn = Array.from({ length: 2000 }, () => CRYPTO.random(16))
  expect(new Set(drawn.map((bytes) => hex(bytes))).size).toBe(2000)
  expect(CRYPTO.random(10_000)).toHaveLength(10_000)
  expect(CRYPTO.random(0)).toHaveLength(0)
})
