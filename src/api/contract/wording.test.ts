import { expect, test } from 'vitest'
import { z } from 'zod'
import { wording } from './wording.ts'

const Machine = z
  .object({
    name: z.string().max(5),
    macs: z.array(z.string()).min(1),
    action: z.enum(['on', 'off']).optional(),
    limit: z.number().int().min(1).max(1000).optional(),
    own: z.string('as its schema says').optional(),
    what: z
      .discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })])
      .optional(),
    either: z.union([z.number(), z.boolean()]).optional(),
  })
  .strict()

function said(given: object): string {
  const { error } = Machine.safeParse({ name: 'web1', macs: ['m'], ...given }, { error: wording })
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'nothing'
}

test.each([
  [{ macs: undefined }, 'macs: it is missing (a list)'],
  [{ macs: 'm' }, 'macs: it must be a list, and is text'],
  [{ macs: null }, 'macs: it must be a list, and is null'],
  [{ macs: [] }, 'macs: it must have at least 1 entry'],
  [{ macs: ['m', 7] }, 'macs.1: it must be text'],
  [{ name: 'far too long' }, 'name: it must have at most 5 characters'],
  [{ action: 'explode' }, 'action: it must be one of on, off'],
  [{ limit: 5000 }, 'limit: it must be at most 1000'],
  [{ limit: 1.5 }, 'limit: it must be a whole number'],
  [{ own: 7 }, 'own: as its schema says'],
  [{ what: { kind: 'c' } }, 'what.kind: it must be one of a, b'],
  [{ what: {} }, 'what.kind: it must be one of a, b'],
  [{ either: 'x' }, 'either: it has none of the forms that it may have'],
  [{ mac: 'm' }, ': there is no such field; did you mean macs?'],
  [{ colour: 'red' }, ': there is no such field'],
])('says what is wrong with %j in plain words', (given, words) => {
  expect(said(given)).toBe(words)
})
