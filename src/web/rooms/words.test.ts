import { expect, test } from 'vitest'
import { BATCH_ACTIONS } from '../../rooms/batch.ts'
import { ACTIONS, batchSentence, batchTitle, failures, startsIn } from './words.ts'

type State = 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped'
const machine = (name: string, state: State, detail = '') => ({ machine: name, state, detail })

test('every action has its words, and those that take something away say so', () => {
  expect(Object.keys(ACTIONS).toSorted()).toEqual(BATCH_ACTIONS.toSorted())
  for (const { danger, does } of Object.values(ACTIONS)) expect(/lost|dropped/.test(does)).toBe(danger)
})

test('a batch is told by what it does to how many', () => {
  expect(batchTitle({ action: 'switch', profile: 'windows', total: 12 })).toBe('Switch 12 machines to windows')
  expect(batchTitle({ action: 'reset', profile: null, total: 1 })).toBe('Reset the disks of 1 machine')
})

test('failures for the same reason stand together, whatever the names in them', () => {
  const machines = [
    machine('pc-1', 'failed', 'pc-1 has no power driver'),
    machine('pc-2', 'succeeded'),
    machine('pc-3', 'failed', 'it is busy'),
    machine('pc-4', 'failed', 'pc-4 has no power driver'),
    machine('pc-5', 'failed', 'pc-5, driver plug: no answer'),
  ]
  expect(failures({ machines })).toEqual([
    { detail: 'it has no power driver', machines: ['pc-1', 'pc-4'] },
    { detail: 'it is busy', machines: ['pc-3'] },
    { detail: 'driver plug: no answer', machines: ['pc-5'] },
  ])
})

test('how it stands is one sentence', () => {
  const of = (...states: State[]) => batchSentence({ machines: states.map((state, at) => machine(`pc-${at}`, state)) })
  expect(of('succeeded', 'failed', 'running', 'waiting')).toBe('1 of 4 machines done, 1 failed, 2 to come.')
  expect(of('succeeded', 'skipped', 'skipped')).toBe('1 of 3 machines done, 2 left out.')
  expect(of('succeeded')).toBe('1 of 1 machine done.')
})

test('a stagger says when the last one starts', () => {
  expect(startsIn(30, 0)).toBe('All at once.')
  expect(startsIn(30, 2)).toBe('The last one starts after 58 s.')
  expect(startsIn(100, 5)).toBe('The last one starts after 8 min.')
  expect(startsIn(1, 5)).toBe('All at once.')
})
