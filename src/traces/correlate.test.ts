import { describe, expect, test } from 'vitest'
import {
  discover,
  done,
  event,
  FIRMWARE,
  foreign,
  IPXE,
  ipxeDiscover,
  ipxeRequest,
  kernel,
  launch,
  parked,
  read,
  request,
  script,
  start,
  systemDhcp,
  T0,
  traceOf,
  WHOLE_BOOT,
} from '../../test/traces/boots.ts'
import { correlate } from './correlate.ts'
import type { TraceEvent } from './trace.ts'

type Unseen = Omit<TraceEvent, 'at'>
const action = (before: readonly Unseen[], next: Unseen, silenceMs = 1000) => {
  const trace = before.length > 0 ? traceOf(before) : undefined
  return correlate(trace, { ...next, at: (trace?.updatedAt ?? T0) + silenceMs }).action
}
const romIpxe = [ipxeDiscover, ipxeRequest, start, script]

describe('a new power-on begins', () => {
  test.each<[string, Unseen[], Unseen, number]>([
    ['with the first DISCOVER ever', [], discover, 0],
    ['with a REQUEST when the DISCOVER was missed', [], request, 0],
    ['with TFTP when another server does DHCP', [], read, 0],
    ['with a script request when only HTTP is ours', [], script, 0],
    ['with firmware asking again after it fetched its program', FIRMWARE, discover, 3000],
    ['with firmware asking again after iPXE ran', [...FIRMWARE, ipxeDiscover], discover, 3000],
    ['with firmware asking after a launch', WHOLE_BOOT, discover, 3000],
    ['with firmware asking after parking', [...FIRMWARE, ...IPXE, parked], discover, 3000],
    ['with a REQUEST after a script, when the DISCOVER was missed', WHOLE_BOOT, request, 3000],
    ['with a boot program asked for after a script', WHOLE_BOOT, read, 3000],
    ['with iPXE in the ROM asking again after its script', romIpxe, ipxeDiscover, 3000],
    ['with the first script after a launch, when only HTTP is ours', [start, script, kernel, launch], start, 60_000],
    ['when firmware was silent for minutes', [discover], discover, 121_000],
    ['when a script was silent for very long', [...FIRMWARE, ...IPXE, script], script, 601_000],
  ])('%s', (_, before, next, silence) => expect(action(before, next, silence)).toBe('begin'))
})

describe('an event belongs to the running boot', () => {
  test.each<[string, Unseen[], Unseen, number]>([
    ['when firmware repeats its DISCOVER', [discover], discover, 32_000],
    ['when firmware starts over before it fetched anything', [discover, request], discover, 20_000],
    ['when iPXE asks after the firmware loaded it', FIRMWARE, ipxeDiscover, 5000],
    ['when iPXE repeats its DISCOVER', [...FIRMWARE, ipxeDiscover], ipxeDiscover, 8000],
    ['when a script makes iPXE ask again', [...FIRMWARE, ...IPXE, script], ipxeDiscover, 5000],
    ['when another server answers', [discover], foreign, 10],
    ['when the program is fetched after its size', [discover, request, event('tftp.read', { probe: true })], read, 10],
    ['when a parked machine asks again', [...FIRMWARE, ...IPXE, parked], parked, 60_000],
    ['when a failed script asks again', [...FIRMWARE, ...IPXE, script, event('mark.failed')], script, 120_000],
    ['when the launched system renews its address a week later', WHOLE_BOOT, systemDhcp, 604_800_000],
    ['when a launched ISO reads on after an hour', WHOLE_BOOT, kernel, 3_600_000],
    ['when a transfer ends late', [discover, request, read], done, 200_000],
  ])('%s', (_, before, next, silence) => expect(action(before, next, silence)).toBe('join'))

  test('when the clock was set back', () => expect(action([discover, request], read, -3_600_000)).toBe('join'))
})

test('a running system and leftovers of unseen boots begin nothing', () => {
  expect(action([], systemDhcp)).toBe('skip')
  for (const kind of ['http.file', 'http.blob', 'tftp.done', 'dhcp.foreign', 'dhcp.release'] as const)
    expect(action([], event(kind)), kind).toBe('skip')
})
