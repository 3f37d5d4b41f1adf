import { expect, test } from 'vitest'
import { FetchQueue } from './fetch-queue.ts'

/** Fetches that end when they are told to. */
function bed(bounds = { most: 1, ahead: 1 }) {
  const queue = new FetchQueue(bounds)
  const begun: string[] = []
  const running: (() => void)[] = []
  const work = (name: string) => () => {
    begun.push(name)
    return new Promise<void>((resolve) => running.push(resolve))
  }
  const end = async () => {
    running.shift()!()
    await new Promise(setImmediate)
  }
  return { queue, begun, running, work, end }
}

test('readers have their turn one after the other, however much one of them wants', async () => {
  const { queue, begun, running, work, end } = bed()
  for (let i = 0; i < 6; i++) queue.add(work(`greedy ${i}`), 'greedy')
  queue.add(work('a 0'), 'a')
  queue.add(work('b 0'), 'b')
  queue.add(work('a 1'), 'a')
  while (running.length > 0) await end()
  expect(begun).toEqual([
    ...['greedy 0', 'greedy 1', 'a 0', 'b 0'],
    ...['greedy 2', 'a 1', 'greedy 3', 'greedy 4', 'greedy 5'],
  ])
})

test('so many at once and no more; a failed one makes room too', async () => {
  const { queue, begun, running, work, end } = bed({ most: 3, ahead: 1 })
  const failed = queue.add(() => Promise.reject(new Error('damaged')), 'a')
  await expect(failed.done).rejects.toThrow('damaged')
  for (let i = 0; i < 8; i++) queue.add(work(String(i)), `reader ${i % 2}`)
  await new Promise(setImmediate)
  expect(running.length).toBe(3)
  while (running.length > 0) {
    expect(running.length).toBeLessThanOrEqual(3)
    await end()
  }
  expect(begun.length).toBe(8)
})

test('what is fetched ahead waits for readers, until one of them wants it', async () => {
  const { queue, begun, running, work, end } = bed({ most: 2, ahead: 1 })
  queue.add(work('ahead 0'), undefined)
  queue.add(work('ahead 1'), undefined)
  const wanted = queue.add(work('ahead 2'), undefined)
  expect(begun).toEqual(['ahead 0'])
  queue.add(work('a'), 'a')
  queue.add(work('b'), 'b')
  queue.want(wanted, 'c')
  queue.want(wanted, 'd')
  while (running.length > 0) await end()
  expect(begun).toEqual(['ahead 0', 'a', 'b', 'ahead 2', 'ahead 1'])
})
