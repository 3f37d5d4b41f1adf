import { expect, test } from 'vitest'
import { fillCmd } from './write-cmd.ts'

const WORD = 'rvlabcdefghijklmnopzq'
const fill = (text: string, value: unknown) => fillCmd(text.replaceAll('X', WORD), new Map([[WORD, value]]))

test('values in batch files are words, or texts within double quotes; lines end as Windows ends them', () => {
  expect(fill('wpeinit\nnet use Z: X\n', '\\\\files\\win')).toEqual({
    text: 'wpeinit\r\nnet use Z: \\\\files\\win\r\n',
    misfits: [],
  })
  expect(fill('net use Z: \\\\f\\w "/user:X"', 'two & three %PATH%').text).toBe(
    'net use Z: \\\\f\\w "/user:two & three %%PATH%%"',
  )
  expect(fill('a\r\nset X', 'x=y').misfits).toMatchObject([
    { line: 1, message: expect.stringContaining('double quotes') },
  ])
})

test.each([
  ['set a=X', 'a & format c:'],
  ['set a=X', 'a|b'],
  ['set a=X', '(a)'],
  ['set "a=X"', 'a" & format c:'],
  ['set "a=X"', 'a\nformat c:'],
  ['set "a=X"', 'a\rformat c:'],
  ['dir "X"', 'C:\\'],
  ['"one" X', 'a & b'],
  ['setlocal EnableDelayedExpansion & echo "X"', 'a!b'],
])('%j is not filled with %j', (text, value) => {
  expect(fill(text, value).misfits).not.toEqual([])
})
