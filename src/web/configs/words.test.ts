import { expect, test } from 'vitest'
import { CONFIG_KINDS } from '../../configs/config.ts'
import { DELIVERIES } from '../../configs/kinds.ts'
import { diffLines, KIND_WORDS, PARTS } from './words.ts'

test('every kind is named, with the parts that it has', () => {
  expect(Object.keys(KIND_WORDS).sort()).toEqual([...CONFIG_KINDS].sort())
  for (const kind of CONFIG_KINDS)
    expect(PARTS[kind], kind).toEqual(kind === 'snippet' ? ['main'] : DELIVERIES[kind].map(({ part }) => part))
})

test('lines of a diff are told apart', () => {
  expect(diffLines('--- a\n@@ -1 +1 @@\n-old\n+new\n same').map(({ tone }) => tone)).toEqual([
    'place',
    'place',
    'removed',
    'added',
    'same',
  ])
})
