import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  discover,
  event,
  FIRMWARE,
  IPXE,
  kernel,
  launch,
  MAC,
  parked,
  request,
  script,
  start,
  systemDhcp,
  WHOLE_BOOT,
} from '../../test/traces/boots.ts'
import { type DomainEvent, Events } from '../events/event.ts'
import { ManualClock } from '../kit/clock.ts'
import { SILENT } from '../kit/log.ts'
import type { Mac } from '../kit/mac.ts'
import { openStore, type Store } from '../store/store.ts'
import type { TraceRepository } from './trace.ts'
import { Traces, type TracesDeps } from './traces.ts'

const OTHER = '52:54:00:99:99:99' as Mac
const MINUTE = 60_000

let dir: string
let store: Store
let clock: ManualClock
let told: DomainEvent[]
let events: Events
let opened: Traces[]

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reveille-traces-'))
  store = await openStore(dir, { log: SILENT })
  clock = new ManualClock()
  events = new Events()
  told = []
  events.listen((each) => told.push(each))
  opened = []
})
afterEach(async () => {
  for (const traces of opened) await traces.close()
  await store.close()
  rmSync(dir, { recursive: true })
})

async function open(more: Partial<TracesDeps> = {}): Promise<Traces> {
  const keep = { days: 30, perMachine: 50 }
  const traces = await Traces.open({ repository: store.traces, events, clock, log: SILENT, keep, ...more })
  opened.push(traces)
  return traces
}

function play(traces: Traces, boot: readonly Parameters<Traces['record']>[1][], mac: Mac = MAC): void {
  for (const each of boot) {
    traces.record({ mac }, each)
    clock.advance(1000)
  }
}

test('a whole boot is one trace, in memory at once and in the repository after a flush', async () => {
  const traces = await open()
  play(traces, WHOLE_BOOT)
  const newest = traces.newest([OTHER, MAC])
  expect(newest).toMatchObject({ mac: MAC, stage: 'launch', state: 'launched', profile: 'debian' })
  expect(newest?.id).toMatch(/^t_[0-9a-f]{16}$/)
  await traces.flush()
  expect(await store.traces.get(newest!.id)).toEqual(newest)
  expect(traces.newest([OTHER])).toBeUndefined()
})

test('two boots are two traces, the first one superseded, listed newest first', async () => {
  const traces = await open()
  play(traces, [...FIRMWARE, ...IPXE])
  const first = traces.newest([MAC])!.id
  play(traces, [discover])
  const [b, a, ...rest] = await traces.list([MAC], { limit: 10 })
  expect(rest).toEqual([])
  expect(a).toMatchObject({ id: first, state: 'superseded' })
  expect(b).toMatchObject({ state: 'running', events: [expect.objectContaining({ kind: 'dhcp.discover' })] })
  await traces.flush()
  expect(await traces.list([MAC], { limit: 10 })).toEqual([b, a])
  expect(await traces.list([MAC], { limit: 10, before: b!.id })).toEqual([a])
  expect(await traces.list([MAC], { limit: 1 })).toEqual([b])
})

test('packets without a MAC find their machine by what was learnt, then by the neighbour table, else nowhere', async () => {
  const traces = await open({ neighbour: (address) => (address === '10.0.0.9' ? OTHER : undefined) })
  play(traces, [discover])
  traces.learn(MAC, '10.0.0.150')
  traces.record({ address: '10.0.0.150' }, event('tftp.read'))
  traces.record({ address: '10.0.0.9' }, event('tftp.read'))
  traces.record({ address: '10.0.0.10' }, event('tftp.read'))
  expect(traces.newest([MAC])?.stage).toBe('loader')
  expect(traces.newest([OTHER])?.events).toHaveLength(1)
  expect(traces.macAt('10.0.0.10')).toBeUndefined()
  traces.learn(OTHER, '10.0.0.150')
  expect(traces.macAt('10.0.0.150')).toBe(OTHER)
})

describe('after a restart', () => {
  test('a boot goes on in its trace, at every point, and finds its machine by address', async () => {
    for (let at = 3; at < WHOLE_BOOT.length; at++) {
      const mac = `52:54:00:00:00:${String(at).padStart(2, '0')}` as Mac
      const before = await open()
      play(before, WHOLE_BOOT.slice(0, at), mac)
      const id = before.newest([mac])!.id
      await before.close()
      clock.advance(5000)
      const after = await open()
      expect(after.macAt('10.0.0.150')).toBe(mac)
      play(after, WHOLE_BOOT.slice(at), mac)
      expect(after.newest([mac])).toMatchObject({ id, state: 'launched' })
      expect((await after.get(id))?.events).toHaveLength(WHOLE_BOOT.length)
      await after.close()
    }
  })

  test('the time without a server is not held against a boot', async () => {
    const before = await open()
    play(before, FIRMWARE)
    await before.close()
    clock.advance(20 * MINUTE)
    const after = await open()
    after.tick()
    expect(after.newest([MAC])?.state).toBe('running')
    clock.advance(MINUTE)
    after.tick()
    expect(after.newest([MAC])?.state).toBe('stalled')
  })

  test('an old boot is known by its head; its events stay in the repository and the next boot closes it', async () => {
    const before = await open()
    play(before, [start, parked])
    const { id } = before.newest([MAC])!
    await before.close()
    clock.advance(24 * 60 * MINUTE)
    const after = await open()
    expect(after.newest([MAC])).toMatchObject({ id, state: 'parked', events: [] })
    play(after, [systemDhcp])
    expect((await after.get(id))?.events, 'a renewal a day later changes nothing').toHaveLength(2)
    play(after, [discover])
    await vi.waitFor(async () => expect(await after.get(id)).toMatchObject({ state: 'superseded' }))
    expect((await after.get(id))?.events).toHaveLength(2)
  })
})

test('tick declares a stall with its cause, once, and tells listeners', async () => {
  const traces = await open()
  play(traces, [discover, request])
  traces.tick()
  expect(traces.newest([MAC])?.state).toBe('running')
  clock.advance(MINUTE)
  traces.tick()
  const stalled = traces.newest([MAC])
  expect(stalled).toMatchObject({
    state: 'stalled',
    deadlineAt: null,
    headline: 'it took our answer but never asked for snponly.efi',
  })
  traces.tick()
  expect(traces.newest([MAC])).toBe(stalled)
  await vi.waitFor(() => expect(told).toContainEqual({ topic: 'trace', id: stalled?.id, change: 'saved' }))
})

test('memory of events is given back after half an hour, and get still has them', async () => {
  const traces = await open()
  play(traces, WHOLE_BOOT)
  const full = traces.newest([MAC])!
  await traces.flush()
  clock.advance(31 * MINUTE)
  traces.tick()
  expect(traces.newest([MAC])).toEqual({ ...full, events: [] })
  expect(await traces.get(full.id)).toEqual(full)
  expect((await traces.why([MAC])).sentences).toHaveLength(WHOLE_BOOT.length)
})

test('why: nothing seen, then the newest boot, with the boot before in mind', async () => {
  const traces = await open()
  expect(await traces.why([MAC])).toMatchObject({ trace: null, state: null, verdict: 'Nothing was seen of it yet.' })
  play(traces, FIRMWARE)
  clock.advance(4000)
  play(traces, [discover])
  const why = await traces.why([MAC])
  expect(why).toMatchObject({ trace: traces.newest([MAC])?.id, state: 'running' })
  expect(why.verdict).toMatch(/Secure Boot/)
  expect(why.sentences).toEqual([{ at: expect.any(Number), text: expect.stringContaining('as x64 UEFI') }])
})

test('the profile that was decided is part of the trace', async () => {
  const traces = await open()
  play(traces, [start])
  traces.decided(MAC, 'rescue')
  traces.decided(OTHER, 'rescue')
  expect(traces.newest([MAC])?.profile).toBe('rescue')
})

test('retention removes what is too old, too many, and forgets it', async () => {
  const traces = await open({ keep: { days: 1, perMachine: 2 } })
  play(traces, WHOLE_BOOT, OTHER)
  await traces.flush()
  clock.advance(2 * 24 * 60 * MINUTE)
  for (let boot = 0; boot < 4; boot++) play(traces, WHOLE_BOOT)
  await traces.flush()
  traces.tick()
  await vi.waitFor(async () => expect(await store.traces.list({ limit: 10 })).toHaveLength(2))
  expect(traces.newest([OTHER])).toBeUndefined()
})

describe('nothing that goes wrong reaches a boot', () => {
  test('a repository that fails for a while: nothing is lost, nothing throws', async () => {
    let broken = true
    const repository: TraceRepository = {
      ...store.traces,
      saveAll: (all) => (broken ? Promise.reject(new Error('disk')) : store.traces.saveAll(all)),
    }
    const traces = await open({ repository })
    play(traces, WHOLE_BOOT)
    await traces.flush()
    const { id } = traces.newest([MAC])!
    expect(await traces.get(id)).toMatchObject({ state: 'launched' })
    expect(await traces.list([MAC], { limit: 5 })).toHaveLength(1)
    broken = false
    await traces.flush()
    expect(await store.traces.get(id)).toMatchObject({ state: 'launched' })
  })

  test('a neighbour table that throws', async () => {
    const traces = await open({
      neighbour: () => {
        throw new Error('no table')
      },
    })
    expect(() => traces.record({ address: '10.0.0.1' }, event('tftp.read'))).not.toThrow()
  })

  test('made-up MACs: only so many get a trace, known machines are traced all the same', async () => {
    const traces = await open()
    play(traces, [discover])
    for (let n = 0; n < 5000; n++)
      traces.record(
        {
          mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}` as Mac,
        },
        discover,
      )
    await traces.flush()
    const stored = (await store.traces.list({ limit: 10_000 })).length
    expect(stored).toBeGreaterThan(1000)
    expect(stored).toBeLessThan(2500)
    play(traces, [request])
    expect(traces.newest([MAC])?.events).toHaveLength(2)
  })
})

test('writes are grouped: a burst of events costs few commits and few messages, a new stage does not wait', async () => {
  let commits = 0
  const repository: TraceRepository = {
    ...store.traces,
    saveAll: (all) => {
      commits += 1
      return store.traces.saveAll(all)
    },
  }
  const traces = await open({ repository })
  const burst = Array.from({ length: 200 }, (_, i) => event('http.blob', { file: `part${i}` }))
  play(traces, [start, script])
  const { id } = traces.newest([MAC])!
  await vi.waitFor(async () => expect(await store.traces.get(id)).toBeDefined())
  play(traces, [kernel, ...burst, launch])
  await vi.waitFor(async () => expect(await store.traces.get(id)).toMatchObject({ state: 'launched' }))
  expect(commits).toBeLessThan(10)
  expect(told.length).toBeLessThan(10)
  expect(told.at(-1)).toEqual({ topic: 'trace', id, change: 'saved' })
})
