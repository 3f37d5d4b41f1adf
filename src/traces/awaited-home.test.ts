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
