import { expect, test } from 'vitest'
import { aesGcmSealer } from './aes-gcm.ts'

const sealer = aesGcmSealer(new Uint8Array(32).fill(1), 'credential-key')

test('what was sealed opens in its own context, with its own key, and unchanged', () => {
  const sealed = sealer.seal('machine 1', 'pässword')
  expect(sealer.open('machine 1', sealed)).toBe('pässword')
  expect(sealer.seal('machine 1', 'pässword'), 'never twice the same').not.toBe(sealed)
  const bytes = Buffer.from(sealed.slice(2), 'base64')
  bytes[14]! ^= 1
  const others: [string, () => string][] = [
    ['another context', () => sealer.open('machine 2', sealed)],
    ['another key', () => aesGcmSealer(new Uint8Array(32), 'credential-key').open('machine 1', sealed)],
    ['a changed text', () => sealer.open('machine 1', `1.${bytes.toString('base64')}`)],
    ['another version', () => sealer.open('machine 1', `2${sealed.slice(1)}`)],
    ['nothing', () => sealer.open('machine 1', '')],
    ['too little', () => sealer.open('machine 1', '1.AAAA')],
  ]
  for (const [what, open] of others) expect(open, what).toThrow('DATADIR/credential-key is not what it was')
})

test('what was sealed before other secrets were sealed still opens', () => {
  const sealed = '1.lNBWG/8m/wR2EJq8F01MCZisHrNtXrDsGX9FLMRseYFidh6Hw+005Sy7c0htrMzSA0plqwXU1IWi9kg2SJrTRbfp4A=='
  const guest = aesGcmSealer(new Uint8Array(32).fill(1), 'guest-key')
  expect(guest.open('guest-access 1 m_1', sealed)).toBe('{"password":"s3cret","privateKey":null}')
})
