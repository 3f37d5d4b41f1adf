import { expect, test } from 'vitest'
import { roomsOf } from './rooms.ts'

test('a machine counts in the room of each of its tags, by its state', () => {
  const rooms = roomsOf([
    { tags: ['north', 'gpu'], state: 'ready' },
    { tags: ['north'], state: 'failed' },
    { tags: ['north'], state: 'ready' },
    { tags: [], state: 'ready' },
  ])
  expect(rooms).toEqual([
    { tag: 'gpu', machines: 1, states: { ready: 1 } },
    { tag: 'north', machines: 3, states: { ready: 2, failed: 1 } },
  ])
})
