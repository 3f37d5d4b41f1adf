import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryBatches } from '../../test/fakes/volume-rows.ts'
import { ManualClock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { SILENT } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import { Batches, type BatchWork, type NewBatch } from './batches.ts'

let rows: MemoryBatches
let done: string[]
let slept: number[]
beforeEach(() => {
  rows = new MemoryBatches()
  done = []
  slept = []
})

const machine = (n: number) => ({ id: `m_${n}`, name: `pc${n}` }) as Machine
const machines = (count: number) => Array.from({ length: count }, (_, n) => machine(n))

const working: BatchWork = async ({ name }) => {
  done.push(name)
  return 'it is on'
}

function open(work: BatchWork = working, sleep: (ms: number) => Promise<void> = async (ms) => void slept.push(ms)) {
  return Batches.open({
    repository: rows,
    machine: (id) => (id === 'm_gone' ? undefined : ({ id, name: id.replace('m_', 'pc') } as Machine)),
    work,
    clock: new ManualClock(),
    log: SILENT,
    events: { publish: () => undefined },
    sleep,
  })
}
const order = (more: Partial<NewBatch> = {}): NewBatch => ({
  action: 'on',
  machines: machines(3),
  profile: null,
  staggerMs: 0,
  kick: false,
  ...more,
})

test('does one thing on each machine, one after another at the distance given', async () => {
  const batches = await open()
  const { id } = await batches.start(order({ staggerMs: 500 }), 'op')
  expect(await batches.ended(id)).toMatchObject({ state: 'finished', machines: [{ detail: 'it is on' }, {}, {}] })
  expect(done).toEqual(['pc0', 'pc1', 'pc2'])
  expect(slept).toEqual([500, 500])
  expect((await rows.all())[0]).toEqual(batches.get(id))
})

test('tells which machines failed and why; the others go on', async () => {
  const batches = await open(async ({ name }) => {
    if (name === 'pc1') throw new Refusal('not-available', 'no driver', { next: 'by hand' })
    if (name === 'pc2') throw new Error('secret')
    return 'fine'
  })
  const { id } = await batches.start(
    order({ machines: [...machines(4), { id: 'm_gone', name: 'gone' } as Machine] }),
    'op',
  )
  const states = (await batches.ended(id)).machines.map(({ state, detail }) => [state, detail])
  expect(states).toEqual([
    ['succeeded', 'fine'],
    ['failed', 'no driver; by hand'],
    ['failed', 'it failed; the log of the server says more'],
    ['succeeded', 'fine'],
    ['skipped', 'the machine was deleted'],
  ])
})

test('leaves out those whose turn has not come when it is cancelled', async () => {
  let go: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    go = resolve
  })
  const batches = await open(working, () => held)
  const { id } = await batches.start(order({ staggerMs: 1000 }), 'op')
  await expect.poll(() => done.length).toBe(1)
  await batches.cancel(id)
  go()
  const ended = await batches.ended(id)
  expect(ended.state).toBe('cancelled')
  expect(ended.machines.map(({ state }) => state)).toEqual(['succeeded', 'skipped', 'skipped'])
  await expect(batches.cancel(id)).rejects.toMatchObject({ code: 'wrong-state' })
})

test('a stop does not wait for the distance between machines; the rest is done after the next start', async () => {
  const batches = await open(working, () => new Promise(() => undefined))
  const { id } = await batches.start(order({ staggerMs: 600_000 }), 'op')
  await expect.poll(() => done.length).toBe(1)
  await batches.stop()
  expect((await rows.all())[0]).toMatchObject({
    state: 'running',
    machines: [{ state: 'succeeded' }, { state: 'waiting' }, { state: 'waiting' }],
  })
  const again = await open()
  again.resume()
  expect(await again.ended(id)).toMatchObject({ state: 'finished' })
  expect(done).toEqual(['pc0', 'pc1', 'pc2'])
})

describe('after a restart', () => {
  const left = (action: 'on' | 'cycle') => ({
    id: 'b_1',
    ...order({ action }),
    state: 'running' as const,
    machines: (['succeeded', 'running', 'waiting'] as const).map((state, n) => ({
      machine: `m_${n}`,
      name: `pc${n}`,
      state,
      detail: '',
    })),
    orderedBy: 'op',
    startedAt: 1,
    endedAt: null,
  })

  test('goes on where it was; what may be done twice is', async () => {
    await rows.save(left('on'))
    const batches = await open()
    batches.resume()
    expect(await batches.ended('b_1')).toMatchObject({ state: 'finished' })
    expect(done).toEqual(['pc1', 'pc2'])
  })

  test('does not do twice what must not be', async () => {
    await rows.save(left('cycle'))
    const batches = await open()
    batches.resume()
    const { machines } = await batches.ended('b_1')
    expect(done).toEqual(['pc2'])
    expect(machines[1]).toMatchObject({ state: 'failed', detail: expect.stringContaining('nobody knows') })
  })

  test('knows that what was being done when it was cancelled is not being done any more', async () => {
    let begin: () => void = () => undefined
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const batches = await open(() => {
      begin()
      return new Promise(() => undefined)
    })
    const { id } = await batches.start(order({ machines: machines(40) }), 'op')
    await begun
    await batches.cancel(id)
    const after = await open()
    after.resume()
    const states = (await after.ended(id)).machines.map(({ state }) => state)
    expect(new Set(states)).toEqual(new Set(['failed', 'skipped']))
    expect(done).toEqual([])
    expect((await rows.all())[0]).toEqual(after.get(id))
  })

  test('an orderly stop leaves the rest for the next start', async () => {
    const one = await open(async (each) => {
      void one.stop()
      return working(each, {} as never)
    })
    const { id } = await one.start(order({ machines: machines(40) }), 'op')
    await one.stop()
    const before = done.length
    expect(before).toBeLessThan(40)
    const two = await open()
    two.resume()
    expect(await two.ended(id)).toMatchObject({ state: 'finished' })
    expect([...done].sort()).toEqual(
      machines(40)
        .map(({ name }) => name)
        .sort(),
    )
  })
})

test('is refused without machines, and without the profile it needs', async () => {
  const batches = await open()
  await expect(batches.start(order({ machines: [] }), 'op')).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(batches.start(order({ action: 'switch' }), 'op')).rejects.toMatchObject({ code: 'validation-failed' })
})

test('what is written down is never behind what was begun', async () => {
  let unsaved = 0
  const batches = await open(async ({ id }) => {
    const [kept] = await rows.all()
    if (kept?.machines.find((each) => each.machine === id)?.state !== 'running') unsaved++
    return ''
  })
  const { id } = await batches.start(order({ machines: machines(200) }), 'op')
  expect((await batches.ended(id)).machines.every(({ state }) => state === 'succeeded')).toBe(true)
  expect(unsaved).toBe(0)
  expect((await rows.all())[0]).toEqual(batches.get(id))
})
