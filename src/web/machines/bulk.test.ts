import { expect, test } from 'vitest'
import { ApiProblem } from '../../api/client/problem.ts'
import { forEachMachine, retagged } from './bulk.ts'

const machines = Array.from({ length: 40 }, (_, i) => ({ id: `m_${i}`, name: `node-${i}` }))
const problem = (status: number) => new ApiProblem({ status, code: 'x', detail: 'no' })

test('every machine is asked once, never more at a time than the width', async () => {
  const asked: string[] = []
  let running = 0
  let most = 0
  const result = await forEachMachine(
    machines,
    async ({ id }) => {
      asked.push(id)
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
    },
    () => undefined,
    4,
  )
  expect(asked.toSorted()).toEqual(machines.map((m) => m.id).toSorted())
  expect(most).toBe(4)
  expect(result).toEqual({ done: 40, failed: [] })
})

test('one refusal does not stop the others and is told with its machine', async () => {
  let ended = 0
  const result = await forEachMachine(
    machines,
    async ({ id }) => {
      if (id === 'm_3') throw problem(409)
    },
    (n) => {
      ended = n
    },
  )
  expect(result.done).toBe(39)
  expect(result.failed.map((f) => f.machine)).toEqual(['node-3'])
  expect(ended).toBe(40)
})

test.each([0, 401])('status %i ends the whole order', async (status) => {
  let asked = 0
  const result = await forEachMachine(
    machines,
    async () => {
      asked++
      throw problem(status)
    },
    () => undefined,
    2,
  )
  expect(asked).toBeLessThanOrEqual(2)
  expect(result.done).toBe(0)
})

test('tags are given and taken away, and a machine that has them already is left alone', () => {
  expect(retagged(['a', 'b'], { add: ['c'], remove: ['a'] })).toEqual(['b', 'c'])
  expect(retagged(['a', 'b'], { add: ['b'], remove: ['x'] })).toBeNull()
  expect(retagged([], { add: ['new'], remove: [] })).toEqual(['new'])
})
