import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { facts, table } from './table.ts'
import { ago, bytes, duration, readSize } from './units.ts'

describe('table', () => {
  test('aligns columns and marks what is empty', () => {
    expect(
      table(
        ['name', 'n'],
        [
          ['web1', 2],
          ['a', null],
        ],
      ),
    ).toBe('NAME  N\nweb1  2\na     -\n')
  })

  test('never exceeds a terminal that has room for the least widths, and shortens the widest first', () => {
    expect(table(['id', 'text'], [['web1', 'a very long text indeed']], 20)).toBe(
      'ID    TEXT\nweb1  a very long te…\n'.replace('te…', 't…').replace('a very long t…', 'a very long t…'),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.string(), fc.string())),
        fc.integer({ min: 30, max: 120 }),
        (rows, columns) => {
          for (const line of table(['a', 'b', 'c'], rows, columns).split('\n'))
            expect(line.length).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })

  test('a terminal that is too narrow for its columns gets a paragraph for each row', () => {
    const heads = ['name', 'state', 'profile', 'address']
    const row = ['cafe-pc-01', 'discovered', 'desktop-of-the-cafe', null]
    expect(table(heads, [row], 30)).toBe('cafe-pc-01\n  state    discovered\n  profile  desktop-of-the-cafe\n')
    expect(table(heads, [row], 40)).toMatch(/^NAME +STATE +PROFILE +ADDRESS\n/)
  })

  test('nothing is lost without a terminal', () => {
    const long = 'x'.repeat(500)
    expect(table(['a'], [[long]])).toContain(long)
  })

  test('a host name cannot steer the terminal', () => {
    expect(table(['a'], [['\u001b[2Jx']])).toContain('\\x1b[2Jx')
    expect(facts([['a', '\u0007']])).toBe('a  \\x07\n')
  })

  test('facts leave out what is not known', () => {
    expect(
      facts([
        ['name', 'x'],
        ['ip', null],
        ['a longer name', ''],
      ]),
    ).toBe('name  x\n')
  })
})

describe('units', () => {
  test.each([
    [0, '0 s'],
    [999, '1 s'],
    [59_400, '59 s'],
    [3_725_000, '1 h 2 min'],
    [90_061_000, '1 d 1 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  test('times are told from now', () => {
    const now = Date.parse('2026-11-21T12:00:00Z')
    expect(ago('2026-11-21T11:55:00Z', now)).toBe('5 min ago')
    expect(ago('2026-11-21T13:00:00Z', now)).toBe('in 1 h')
    expect(ago(null, now)).toBe('')
  })

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.50 KiB'],
    [20 * 1024 ** 2, '20.0 MiB'],
    [3 * 1024 ** 3, '3.00 GiB'],
  ])('%d bytes are %s', (count, text) => {
    expect(bytes(count)).toBe(text)
  })

  test.each([
    ['512M', 'M', 512],
    ['1G', 'M', 1024],
    ['1GiB', 'M', 1024],
    ['512', 'M', 512],
    ['10', 'G', 10],
    ['1T', 'G', 1024],
    ['ten', 'G', undefined],
  ] as const)('%s in %s is %s', (text, unit, size) => {
    expect(readSize(text, unit)).toBe(size)
  })
})
