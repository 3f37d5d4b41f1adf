import { expect, test } from 'vitest'
import { negotiate } from './negotiate.ts'

const limits = { size: 1000, maxBlksize: 1468, maxWindowsize: 64, maxWindowBytes: 131_072 }

test.each([
  ['no option, no OACK', [], { blksize: 512, windowsize: 1, timeoutMs: 1000, oack: [] }],
  [
    'iPXE',
    [
      ['blksize', '1432'],
      ['tsize', '0'],
    ],
    {
      blksize: 1432,
      oack: [
        ['blksize', '1432'],
        ['tsize', '1000'],
      ],
    },
  ],
  ['blksize above the path is lowered', [['blksize', '65464']], { blksize: 1468, oack: [['blksize', '1468']] }],
  ['blksize below 8 is left out', [['blksize', '7']], { blksize: 512, oack: [] }],
  ['the smallest blksize', [['blksize', '8']], { blksize: 8, oack: [['blksize', '8']] }],
  [
    'windowsize above our limit is lowered',
    [['windowsize', '65535']],
    { windowsize: 64, oack: [['windowsize', '64']] },
  ],
  ['windowsize 0 is left out', [['windowsize', '0']], { windowsize: 1, oack: [] }],
  ['windowsize 65536 is left out', [['windowsize', '65536']], { windowsize: 1, oack: [] }],
  ['timeout is taken as it is', [['timeout', '255']], { timeoutMs: 255_000, oack: [['timeout', '255']] }],
  ['timeout 0 and 256 are left out', [['timeout', '0']], { timeoutMs: 1000, oack: [] }],
  ['timeout 256 is left out', [['timeout', '256']], { timeoutMs: 1000, oack: [] }],
  [
    'what is no number is left out',
    [
      ['blksize', '0x200'],
      ['tsize', '-1'],
      ['windowsize', ''],
    ],
    { blksize: 512, oack: [] },
  ],
  [
    'an unknown option is never acknowledged',
    [
      ['multicast', ''],
      ['tsize', '0'],
    ],
    { oack: [['tsize', '1000']] },
  ],
] as const)('%s', (_, asked, terms) => {
  expect(negotiate(asked, limits)).toMatchObject(terms)
})

test('a window never has more bytes than the limit, whatever the order of the options', () => {
  const wide = { ...limits, maxBlksize: 65_464 }
  const expected = { blksize: 32_768, windowsize: 4 }
  expect(
    negotiate(
      [
        ['blksize', '32768'],
        ['windowsize', '64'],
      ],
      wide,
    ),
  ).toMatchObject(expected)
  const reversed = negotiate(
    [
      ['windowsize', '64'],
      ['blksize', '32768'],
    ],
    wide,
  )
  expect(reversed).toMatchObject(expected)
  expect(reversed.oack).toEqual([
    ['windowsize', '4'],
    ['blksize', '32768'],
  ])
  expect(
    negotiate(
      [
        ['blksize', '65464'],
        ['windowsize', '9'],
      ],
      { ...wide, maxWindowBytes: 100 },
    ).windowsize,
  ).toBe(1)
})
