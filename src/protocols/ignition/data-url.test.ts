import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base64, dataUrl, dataUrlFault, fromUtf8, utf8 } from './data-url.ts'
import { escapeUnitPath } from './mount-units.ts'
import { nearest } from './nearest.ts'

test('bytes in data URLs are the same bytes for Node, and the shorter way is taken', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { source: url, compression } = dataUrl(bytes)
      expect(compression).toBe('')
      expect(dataUrlFault(url)).toBeUndefined()
      const [head, data] = [url.slice(0, url.indexOf(',')), url.slice(url.indexOf(',') + 1)]
      const escaped = [...bytes].map(
        (byte) => (/[A-Za-z0-9\-_.!~*'()]/.test(String.fromCharCode(byte)) ? 1 : 3) as number,
      )
      const length = escaped.reduce((sum, each) => sum + each, 0)
      expect(url.length).toBe('data:,'.length + Math.min(length, ';base64'.length + Math.ceil(bytes.length / 3) * 4))
      const read = head === 'data:' ? Buffer.from(unescaped(data), 'latin1') : Buffer.from(data, 'base64')
      expect(new Uint8Array(read)).toEqual(bytes)
    }),
  )
  function unescaped(text: string) {
    return text.replace(/%(..)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  }
})

test('contents are packed where that is shorter by more than saying so', () => {
  const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes, { level: 9 }))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(30), (piece, times) => {
      const bytes = new Uint8Array(Buffer.concat(Array.from({ length: times }, () => piece)))
      const plain = dataUrl(bytes).source
      const packed = `data:;base64,${base64(gzip(bytes))}`
      const expected =
        packed.length + 4 < plain.length ? { source: packed, compression: 'gzip' } : { source: plain, compression: '' }
      expect(dataUrl(bytes, gzip)).toEqual(expected)
    }),
  )
})

test('data URLs of any length are looked through soon', () => {
  const long = 'a'.repeat(3_000_000)
  expect(dataUrlFault(`data:,${long}`)).toBeUndefined()
  expect(dataUrlFault(`data:;base64,${long}`)).toBeUndefined()
  expect(dataUrlFault(`data:,${'%41'.repeat(1_000_000)}`)).toBeUndefined()
  expect(dataUrlFault(`data:;x=${long}§,`)).toContain('begins with')
  expect(dataUrlFault(`data:${';x=y'.repeat(100_000)}§,`)).toContain('begins with')
})

test('texts and bytes are turned into each other as Node does', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(utf8(text)).toEqual(new Uint8Array(Buffer.from(text)))
      expect(fromUtf8(utf8(text))).toBe(text)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
      expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      let text: string | undefined
      try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      } catch {}
      expect(fromUtf8(bytes)).toBe(text)
    }),
    { numRuns: 2000 },
  )
  expect(utf8('\ud800')).toEqual(Uint8Array.of(0xef, 0xbf, 0xbd))
})

test('paths are named in units as systemd-escape names them', () => {
  expect(['/', '/var/lib/x', '/dev/disk/by-label/ä b', '//a//b/', '/.a/.b', '/a_b:c.d-e'].map(escapeUnitPath)).toEqual([
    '-',
    'var-lib-x',
    'dev-disk-by\\x2dlabel-\\xc3\\xa4\\x20b',
    'a-b',
    '\\x2ea-.b',
    'a_b:c.d\\x2de',
  ])
})

test('a slip of the pen is recognised, another word is not', () => {
  const names = ['storage', 'systemd', 'passwd', 'ignition']
  expect(
    ['storge', 'Storage', 'stroage', 'systemctl', 'paswd', 'networkd', 'x'.repeat(50)].map((each) =>
      nearest(each, names),
    ),
  ).toEqual(['storage', 'storage', 'storage', undefined, 'passwd', undefined, undefined])
})
