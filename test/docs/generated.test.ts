import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GENERATED } from './generated.ts'

test.each(GENERATED)('$path is what node scripts/generate-docs.ts writes', ({ path, text }) => {
  expect(readFileSync(path, 'utf8')).toBe(text())
})
