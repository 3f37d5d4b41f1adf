import { expect, test } from 'vitest'
import { printable } from './printable.ts'

test('escapes every control character and nothing else', () => {
  expect(printable('a\u001b[31mé\n\u009b')).toBe('a\\x1b[31mé\\x0a\\x9b')
})
