import { expect, test } from 'vitest'
import { attention } from './attention.ts'

const QUIET = { status: { machines: { ready: 3000 }, boots: { launched: 2900 }, power: { on: 2, off: 1 } } }

test('nothing needs anybody where all is well', () => {
  const networks = [
    { name: 'cafe', used: 90, size: 100 },
    { name: 'fixed', used: 0, size: 0 },
  ]
  expect(attention({ ...QUIET, networks, pools: [{ name: 'file', state: 'ok', detail: '' }] })).toEqual([])
})

test('what is worst comes first, each with the way to it', () => {
  const matters = attention({
    status: { machines: { failed: 1, discovered: 2 }, boots: { stalled: 1179 }, power: { unknown: 1 } },
    networks: [
      { name: 'cafe', used: 3000, size: 3010 },
      { name: 'lab', used: 100, size: 100 },
    ],
    pools: [{ name: 'file', state: 'warning', detail: '85 % is in use.' }],
  })
  expect(matters.map(({ tone, text }) => `${tone} ${text}`)).toEqual([
    'bad 1 machine failed',
    'bad Network cafe has 10 addresses left of 3,010',
    'bad Network lab has no address left',
    'wait Pool file: 85 % is in use',
    'wait The newest boot of 1,179 machines does not go on',
    'wait The power of 1 machine cannot be read',
    'wait 2 machines are new and wait to be approved',
  ])
  expect(matters[4]).toMatchObject({ to: '/machines', search: { boot: 'stalled' } })
})
