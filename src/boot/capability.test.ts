import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Mac } from '../kit/mac.ts'
import { type Grant, openGrant, sealGrant } from './capability.ts'

const key = createSecretKey(new Uint8Array(32).fill(7))
const now = 1_800_000_000_000
const grant: Grant = {
  use: 'boot',
  machine: 'm_0123456789abcdef',
  mac: '52:54:00:12:34:56' as Mac,
  profile: 'debian-12.x_y',
  once: null,
  expiresAt: now + 1000,
}

test('a sealed grant opens as it was, with and without a next boot', () => {
  for (const once of [null, 'n_0123456789abcdef'])
    expect(openGrant(sealGrant({ ...grant, once }, key), 'boot', key, now)).toEqual({ ...grant, once })
})

test('it has only characters that iPXE of 2019 sends unchanged', () =>
  expect(sealGrant(grant, key)).toMatch(/^[A-Za-z0-9._~-]{40,250}$/))

test('it ends, is for one use, and for one key', () => {
  const word = sealGrant(grant, key)
  expect(openGrant(word, 'boot', key, now + 1000)).toBe('expired')
  expect(openGrant(word, 'file', key, now)).toBe('forged')
  expect(openGrant(word, 'boot', createSecretKey(new Uint8Array(32).fill(8)), now)).toBe('forged')
})

test('no change of it is accepted, whatever comes never throws', () => {
  const word = sealGrant(grant, key)
  fc.assert(
    fc.property(fc.nat(word.length - 1), fc.string({ unit: 'binary', maxLength: 3 }), (at, text) => {
      const changed = word.slice(0, at) + text + word.slice(at + 1)
      return changed === word || openGrant(changed, 'boot', key, now) === 'forged'
    }),
  )
  for (const odd of ['', '~', 'a'.repeat(10_000), '~'.repeat(200), word.toUpperCase()])
    expect(openGrant(odd, 'boot', key, now)).toBe('forged')
})
