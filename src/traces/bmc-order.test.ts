import { expect, test } from 'vitest'
import { event, systemDhcp, T0, traceOf, WHOLE_BOOT } from '../../test/traces/boots.ts'
import { correlate } from './correlate.ts'
import { advance } from './progress.ts'
import { describeEvent } from './sentences.ts'

const order = {
  ...event('bmc.order'),
  summary: 'its BMC was told: power cycle',
  reason: 'admin (IPMI from 10.0.0.5) ordered it',
  at: T0 + 3_600_000,
}

test('what is ordered through a BMC belongs to the boot that was seen last, and begins none', () => {
  expect(correlate(traceOf(WHOLE_BOOT), order).action).toBe('join')
  expect(correlate(undefined, order).action).toBe('skip')
})

test('it is told in the trace and changes nothing else: the machine did nothing', () => {
  for (const before of [WHOLE_BOOT, WHOLE_BOOT.slice(0, 3), [...WHOLE_BOOT, systemDhcp]]) {
    const trace = traceOf(before)
    const after = advance(trace, order)
    expect(after.events).toEqual([...trace.events, order])
    expect({ ...after, events: trace.events }).toEqual(trace)
  }
  expect(describeEvent(order)).toBe('its BMC was told: power cycle: admin (IPMI from 10.0.0.5) ordered it')
})
