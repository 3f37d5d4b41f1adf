import { expect, test } from 'vitest'
import { ManualClock } from '../kit/clock.ts'
import { ManualRequests } from './manual-requests.ts'

const asked = { machine: 'm_1', name: 'alpha', action: 'on', instructions: 'third shelf' } as const

test('a request is seen until somebody answers it, and the answer is the state', async () => {
  const clock = new ManualClock(1000)
  const changes: string[] = []
  const requests = new ManualRequests({ clock, changed: (machine) => changes.push(machine) })
  const done = requests.ask(asked)
  const [request] = requests.pending()
  expect(request).toMatchObject({ ...asked, askedAt: 1000, deadlineAt: 51_000 })
  clock.advance(5)
  requests.answer(request!.id, 'on')
  await done
  expect(requests.pending()).toEqual([])
  expect(requests.lastAnswer('m_1')).toEqual({ state: 'on', at: 1005 })
  expect(changes).toEqual(['m_1', 'm_1'])
})

test('what is declined is refused with the reason, and the state stays what it was', async () => {
  const requests = new ManualRequests({ clock: new ManualClock() })
  const done = requests.ask(asked)
  requests.decline(requests.pending()[0]!.id, 'the rack is locked')
  await expect(done).rejects.toMatchObject({
    code: 'wrong-state',
    message: /nobody will do on to alpha: the rack is locked/,
  })
  expect(requests.lastAnswer('m_1')).toBeUndefined()
})

test('what nobody answers is refused in time', async () => {
  const requests = new ManualRequests({ clock: new ManualClock(), patienceMs: 20 })
  await expect(requests.ask(asked)).rejects.toMatchObject({
    code: 'not-available',
    message: /nobody said within .* that the order \(on\) for alpha was done/,
  })
  expect(requests.pending()).toEqual([])
})

test('a machine is asked for one thing at a time', async () => {
  const requests = new ManualRequests({ clock: new ManualClock() })
  const first = requests.ask(asked)
  await expect(requests.ask({ ...asked, action: 'off' })).rejects.toMatchObject({ code: 'wrong-state' })
  const other = requests.ask({ ...asked, machine: 'm_2', name: 'beta' })
  requests.withdraw('m_1')
  await expect(first).rejects.toThrow('was withdrawn')
  expect(requests.pending()).toHaveLength(1)
  requests.withdraw()
  await expect(other).rejects.toThrow('was withdrawn')
})

test('an answer to a request that is over is refused; telling the state is not', () => {
  const requests = new ManualRequests({ clock: new ManualClock(7) })
  expect(() => requests.answer('x', 'on')).toThrow('this request is over')
  requests.tell('m_1', 'off')
  expect(requests.lastAnswer('m_1')).toEqual({ state: 'off', at: 7 })
})
