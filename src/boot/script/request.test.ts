import { expect, test } from 'vitest'
import { readRequest, sightingOf } from './request.ts'

const read = (query: string) => readRequest(new URLSearchParams(query), 'http://10.0.0.1')

test('reads what start.ipxe sends', () => {
  const request = read(
    'mac=52:54:00:12:34:56&platform=efi&arch=x86_64&uuid=11111111-2222-3333-4444-555555555555&serial=61266220632532352264232b78&manufacturer=5145204d55&product=',
  )
  expect(request && sightingOf(request, '10.0.0.9')).toEqual({
    mac: '52:54:00:12:34:56',
    uuid: '11111111-2222-3333-4444-555555555555',
    serial: 'a&b c%25"d#+x',
    manufacturer: 'QE MU',
    product: undefined,
    firmware: 'uefi',
    architecture: 'x86_64',
    address: '10.0.0.9',
  })
})

test.each(['', 'mac=', 'mac=00:00:00:00:00:00', 'mac=ff:ff:ff:ff:ff:ff', 'mac=x', 'serial=6161'])(
  '%j names no machine',
  (query) => expect(read(query)).toBeUndefined(),
)

test('the first MAC counts, and odd values are unknown, not errors', () => {
  const request = read(
    'mac=52:54:00:12:34:56&mac=52:54:00:00:00:99&arch=__proto__&serial=6&product=zz&polls=-1&retries=1e3&choice=a',
  )
  expect(request).toMatchObject({
    mac: '52:54:00:12:34:56',
    architecture: undefined,
    serial: undefined,
    product: undefined,
    polls: 0,
    retries: 0,
  })
  expect(request?.firmware).toBe('bios')
})

test('counts and choices are bounded', () => {
  const request = read(`mac=52:54:00:12:34:56&polls=9999&${'choice=a&'.repeat(100)}serial=${'61'.repeat(1000)}`)
  expect(request).toMatchObject({ polls: 1000, serial: undefined })
  expect(request?.choices).toHaveLength(8)
})
