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

test.each(['bmc.order', 'power.order'])(
  'what is ordered (%s) belongs to the boot that was seen last, and begins none',
  (kind) => {
    expect(correlate(traceOf(WHOLE_BOOT), { ...order, kind }).action).toBe('join')
    expect(correlate(undefined, { ...order, kind }).action).toBe('skip')
  },
)

test.each(['bmc.order', 'power.order'])(
  '%s is told in the trace and changes nothing else: the machine did nothing',
  (kind) => {
    const given = { ...order, kind }
    for (const before of [WHOLE_BOOT, WHOLE_BOOT.slice(0, 3), [...WHOLE_BOOT, systemDhcp]]) {
      const trace = traceOf(before)
      const after = advance(trace, given)
      expect(after.events).toEqual([...trace.events, given])
      expect({ ...after, events: trace.events }).toEqual(trace)
    }
    expect(describeEvent(order)).toBe('its BMC was told: power cycle: admin (IPMI from 10.0.0.5) ordered it')
  },
)
