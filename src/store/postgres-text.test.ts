import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromPostgres, toPostgres } from './postgres-text.ts'

const texts = fc.string({ unit: fc.constantFrom('a', '\0', '\u{e000}', '\u{e001}', 'ß', '😀') })

test('every text comes back, and nothing that is written has a NUL', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(toPostgres(text)).not.toContain('\0')
      expect(fromPostgres(toPostgres(text))).toBe(text)
    }),
  )
})

test('ordinary texts are written as they are', () => {
  expect(toPostgres('pc-01 😀')).toBe('pc-01 😀')
})
