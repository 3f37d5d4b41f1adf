import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_TARGET, parseTarget } from './target.ts'

const socket = { remoteAddress: '::ffff:10.0.0.7', localAddress: '::ffff:10.0.0.1', localPort: 8080 }
const parse = (url: string, advertised?: string) => parseTarget({ url, socket }, advertised)

test.each([
  ['/boot/program/ipxe.efi', '/boot/program/ipxe.efi'],
  ['/boot/program//ipxe.efi', '/boot/program/ipxe.efi'],
  ['//boot/./program/ipxe.efi', '/boot/program/ipxe.efi'],
  ['/boot/blob/aa/net%20boot.iso', '/boot/blob/aa/net boot.iso'],
  ['http://10.0.0.1:8080/boot/start.ipxe', '/boot/start.ipxe'],
  ['/boot/start.ipxe#part', '/boot/start.ipxe'],
  ['/', '/'],
])('%s is %s', (url, path) => {
  expect(parse(url)).toMatchObject({ path, client: '10.0.0.7', base: 'http://10.0.0.1:8080' })
})

test('the query is kept whole, question marks and odd escapes too', () => {
  const target = parse('/boot/script.ipxe?mac=52:54:00:00:00:01&product=A%20B?C&x=%zz')
  expect('query' in target && Object.fromEntries(target.query)).toEqual({
    mac: '52:54:00:00:00:01',
    product: 'A B?C',
    x: '%zz',
  })
})

test('the advertised address wins', () => {
  expect(parse('/', 'http://boot.example:80')).toMatchObject({ base: 'http://boot.example:80' })
})

test.each([
  '/boot/../etc',
  '/boot/%2e%2e/etc',
  '/boot/%2e%2e%2fetc',
  '/a%00b',
  '/a%0ab',
  '/%',
  '/%ff',
  '',
  'x',
  '*',
  'ftp://a/b',
])('%j is refused', (url) => {
  expect(parse(url)).toMatchObject({ status: 400 })
})

test('a long URL is refused with 414', () => {
  expect(parse(`/${'a'.repeat(MAX_TARGET - 1)}`)).toHaveProperty('path')
  expect(parse(`/${'a'.repeat(MAX_TARGET)}`)).toMatchObject({ status: 414 })
})

test('whatever is asked, it never throws and never climbs', () => {
  const url = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom('/', '..', '%2e', '%2f', '\\', '?', 'a', '%', '\0')).map((parts) => `/${parts.join('')}`),
  )
  fc.assert(
    fc.property(url, (given) => {
      const target = parse(given)
      if ('path' in target) expect(target.path).toMatch(/^\/(?!.*\/\/)(?!(.*\/)?\.\.(\/|$))/)
    }),
  )
})
