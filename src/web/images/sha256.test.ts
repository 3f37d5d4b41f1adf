import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Sha256 } from './sha256.ts'

const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, '0')).join('')
const hash = (text: string) => new Sha256().update(new TextEncoder().encode(text)).digest()

test('the examples of FIPS 180', () => {
  expect(hash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(hash('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  )
})

test('however the bytes are cut, the digest is that of the platform', async () => {
  const lengths = fc.array(fc.nat(200), { maxLength: 8, size: 'max' })
  await fc.assert(
    fc.asyncProperty(lengths, fc.nat(255), async (cuts, first) => {
      const bytes = Uint8Array.from({ length: cuts.reduce((a, b) => a + b, 0) }, (_, i) => first + i * 7)
      const sha = new Sha256()
      let at = 0
      for (const cut of cuts) {
        sha.update(bytes.subarray(at, at + cut))
        at += cut
      }
      expect(sha.digest()).toBe(hex(await crypto.subtle.digest('SHA-256', bytes)))
    }),
  )
})
