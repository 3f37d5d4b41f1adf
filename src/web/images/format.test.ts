import { expect, test } from 'vitest'
import { Name } from '../../profiles/profile.ts'
import { imageName, kindOf, packingOf } from './format.ts'

test('packed files are known by their first bytes', () => {
  expect(packingOf(Uint8Array.of(0x1f, 0x8b, 0x08, 0, 1))).toBe('gz')
  expect(packingOf(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4))).toBe('zst')
  expect(packingOf(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 9))).toBe('xz')
  expect(packingOf(Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3))).toBe('qcow2')
  expect(packingOf(new Uint8Array(6))).toBe('raw')
  expect(packingOf(new Uint8Array())).toBe('raw')
})

test.each([
  ['Debian 12.raw.zst', 'debian-12'],
  ['flatcar_production_image.bin.gz', 'flatcar_production_image'],
  ['WinPE.wim', 'winpe'],
  ['..odd--.img', 'odd'],
  ['x'.repeat(99), 'x'.repeat(63)],
])('%s is proposed as %s', (file, name) => {
  expect(imageName(file)).toBe(name)
  expect(Name.safeParse(name).success).toBe(true)
})

test.each([
  ['a.ISO', 'iso'],
  ['boot.wim', 'wim'],
  ['a.qcow2', 'disk'],
])('%s is taken for kind %s', (file, kind) => expect(kindOf(file)).toBe(kind))
