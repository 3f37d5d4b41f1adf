import { expect, test } from 'vitest'
import { asWritten, SETTINGS } from './describe.ts'
import { Settings } from './schema.ts'
import { suggest } from './suggest.ts'

test('names follow from the path of a setting', () => {
  const names = Object.fromEntries(SETTINGS.map(({ name, variable, flag }) => [name, `${variable} ${flag}`]))
  expect(names.dataDir).toBe('REVEILLE_DATA_DIR --data-dir')
  expect(names['http.listen']).toBe('REVEILLE_HTTP_LISTEN --http-listen')
  expect(names['images.maxUploadGiB']).toBe('REVEILLE_IMAGES_MAX_UPLOAD_GIB --images-max-upload-gib')
  expect(new Set(SETTINGS.map(({ variable }) => variable)).size).toBe(SETTINGS.length)
})

test('every setting says what it means', () => {
  expect(SETTINGS.filter(({ description }) => description === '').map(({ name }) => name)).toEqual([])
})

test('a default as written is read as the default again', () => {
  const written: Record<string, unknown> = {}
  for (const { path, default: value } of SETTINGS) {
    if (value === undefined) continue
    let section = written
    for (const part of path.slice(0, -1)) {
      section[part] ??= {}
      section = section[part] as Record<string, unknown>
    }
    section[path.at(-1)!] = value
  }
  expect(Settings.parse(written)).toEqual(Settings.parse({}))
})

test('addresses are written as addresses, other numbers as numbers', () => {
  const network = { router: 0x0a000001, dns: [0x0a000002], leaseSeconds: 3600, ranges: [{ first: 1, last: 1 }] }
  expect(asWritten(network)).toEqual({ router: '10.0.0.1', dns: ['10.0.0.2'], leaseSeconds: 3600, ranges: ['0.0.0.1'] })
})

test('suggests near words and nothing far away', () => {
  expect(suggest('prxy', ['off', 'proxy', 'server'])).toBe('proxy')
  expect(suggest('rate-limit', ['rateLimit', 'mode'])).toBe('rateLimit')
  expect(suggest('proyx', ['proxy'])).toBe('proxy')
  expect(suggest('elephant', ['off', 'proxy', 'server'])).toBeUndefined()
})
