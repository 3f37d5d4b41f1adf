import { expect, test } from 'vitest'
import { event, T0, traceOf, WHOLE_BOOT } from '../../test/traces/boots.ts'
import { HOME_MS } from './awaited-home.ts'
import { advance, stall } from './progress.ts'
import type { TraceEvent } from './trace.ts'
import { explain } from './why.ts'

type Step = Omit<TraceEvent, 'at'>
const launch = event('mark.launch', { profile: 'node', decision: 'live', awaits: 'home' })
const address = event('dhcp.request', { client: 'system', reply: 'ack' })
const config = event('http.file', { file: 'ignition.json', status: 200 })
const home = event('http.home', { status: 204 }, { summary: 'the booted system says that it is ready' })
const LATE = T0 + HOME_MS + 3_600_000
const boot = (...since: Step[]) =>
  traceOf([...WHOLE_BOOT.filter(({ kind }) => kind !== 'mark.launch'), launch, ...since])

test('a system that is to phone home is waited for, and is through when it has', () => {
  const waiting = boot(address, config)
  expect(waiting).toMatchObject({ state: 'launched', deadlineAt: expect.any(Number) })
  expect(explain(waiting, { now: waiting.updatedAt + 4000 }).verdict).toBe(
    'It was started and is to phone home, which it has not done yet; nothing was heard for 4 s.',
  )
  expect(stall(waiting, waiting.updatedAt)).toBeUndefined()
  const through = boot(address, config, home)
  expect(through).toMatchObject({ state: 'launched', stage: 'system', deadlineAt: null })
  expect(stall(through, LATE)).toBeUndefined()
  expect(explain(through, { now: LATE }).verdict).toMatch(/^It has booted: the booted system says that it is ready/)
})

test.each<[string, Step[], RegExp]>([
  ['nothing', [], /nothing was heard of it since/],
  ['its address', [address], /asked for an address, but it never fetched its config/],
  ['its config', [address, config], /fetched ignition\.json last, but did not phone home/],
  [
    'a refusal',
    [address, { ...config, outcome: 'refused', reason: 'the config node does not fit web1' }],
    /was refused ignition\.json \(the config node does not fit web1\)/,
  ],
])('one that does not tells what was heard last: %s', (_, since, cause) => {
  const stalled = stall(boot(...since), LATE)!
  expect(stalled.state).toBe('stalled')
  expect(stalled.headline).toMatch(cause)
  expect(explain(stalled, { now: LATE }).verdict).toMatch(cause)
})

test('it may phone home after all, but renewing its address is no call home', () => {
  const stalled = stall(boot(address, config), LATE)!
  expect(advance(stalled, { ...address, at: LATE + 1 }).state).toBe('stalled')
  expect(advance(stalled, { ...home, at: LATE + 1 }).state).toBe('launched')
})

test('the launch may say how long it has', () => {
  const quick = { ...launch, detail: { ...launch.detail, homeSeconds: 60 } }
  const waiting = traceOf([...WHOLE_BOOT.filter(({ kind }) => kind !== 'mark.launch'), quick])
  expect(waiting.deadlineAt).toBe(waiting.updatedAt + 60_000)
})

test('one that had its config before its start is not said to lack it', () => {
  const before = WHOLE_BOOT.filter(({ kind }) => kind !== 'mark.launch')
  const given = { ...event('http.file', { file: 'unattend.xml', status: 200 }), stage: 'script' as const }
  const pe = traceOf([...before, given, launch, address])
  expect(stall(pe, LATE)?.headline).toMatch(
    /it was started with unattend\.xml and asked for an address, but did not phone/,
  )
  const installed = { ...launch, detail: { ...launch.detail, decision: 'install' } }
  expect(stall(traceOf([...before, installed, address]), LATE)?.headline).toMatch(
    /from its disk, which holds its config/,
  )
})
