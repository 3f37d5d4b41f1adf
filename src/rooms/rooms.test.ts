import { expect, test } from 'vitest'
import { roomsOf } from './rooms.ts'

test('a machine counts in the room of each of its tags, by its state, its boot and its power', () => {
  const rooms = roomsOf(
    [
      { tags: ['north', 'gpu'], state: 'ready', power: 'on' },
      { tags: ['north'], state: 'failed', power: 'off' },
      { tags: ['north'], state: 'ready', power: undefined },
      { tags: [], state: 'ready', power: 'on' },
    ],
    ({ power }) => ({ boot: 'launched', power }),
  )
  expect(rooms).toEqual([
    { tag: 'gpu', machines: 1, states: { ready: 1 }, boots: { launched: 1 }, power: { on: 1 } },
    { tag: 'north', machines: 3, states: { ready: 2, failed: 1 }, boots: { launched: 3 }, power: { on: 1, off: 1 } },
  ])
})
