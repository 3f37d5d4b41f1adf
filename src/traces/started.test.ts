import { expect, test } from 'vitest'
import { startedSince } from './started.ts'
import type { TraceEvent } from './trace.ts'

const event = (kind: string, at: number, more: Partial<TraceEvent> = {}): TraceEvent => ({
  at,
  stage: 'script',
  kind,
  outcome: 'ok',
  summary: '',
  reason: '',
  ...more,
})

test.each<[string, number, TraceEvent[], boolean]>([
  ['a trace that began since', 100, [], true],
  ['a trace of before', 99, [], false],
  ['a parked machine that asks again', 1, [event('http.script', 2, { count: 9, lastAt: 500 })], false],
  [
    'a parked machine that asks for the first script again',
    1,
    [event('http.start', 2, { count: 2, lastAt: 100 })],
    true,
  ],
  ['its first script of before', 1, [event('http.start', 99)], false],
  ['firmware that asks for an address', 1, [event('dhcp.discover', 100, { detail: { client: 'firmware' } })], true],
  [
    'a running system that asks for an address',
    1,
    [event('dhcp.discover', 100, { detail: { client: 'system' } })],
    false,
  ],
  ['iPXE that looks again for an address', 1, [event('dhcp.discover', 100, { detail: { client: 'ipxe' } })], false],
  ['firmware that fetches a boot program', 1, [event('tftp.read', 100)], true],
  ['an order to its BMC', 1, [event('bmc.order', 100)], false],
  ['an order to its power', 1, [event('power.order', 100)], false],
])('%s', (_, startedAt, events, started) => {
  expect(startedSince({ startedAt, events }, 100)).toBe(started)
})
