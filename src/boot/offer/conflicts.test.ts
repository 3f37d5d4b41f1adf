import { beforeEach, describe, expect, it } from 'vitest'
import { at, lan, MAC, OfferWorld, OTHER } from '../../../test/offer/world.ts'
import type { Subject, TraceEvent } from '../../traces/trace.ts'
import { Conflicts } from './conflicts.ts'

describe('the answer to a probe', () => {
  const ip = at('10.0.0.100')
  const asker = { network: lan, client: MAC, mac: MAC }
  let world: OfferWorld
  let conflicts: Conflicts
  let told: { subject: Subject; kind: string; summary: string }[]

  beforeEach(async () => {
    world = await OfferWorld.open()
    told = []
    const traces = {
      record: (subject: Subject, { kind, summary }: Pick<TraceEvent, 'kind' | 'summary'>) =>
        void told.push({ subject, kind, summary }),
      learn: () => undefined,
      macAt: () => undefined,
      decided: () => undefined,
    }
    conflicts = new Conflicts(world.leases, traces, world.clock)
    world.leases.hold(asker, ip)
    conflicts.expect(asker, ip)
  })

  const offered = async () => {
    await world.leases.settled()
    return world.leases.choose(asker, undefined).ip
  }

  it('from a stranger takes the offered address away, says so, and the next offer is another one', async () => {
    conflicts.heard(ip, OTHER)
    expect(await offered()).toBe(at('10.0.0.101'))
    expect(world.leases.at(ip)).toMatchObject({ state: 'declined', mac: OTHER })
    expect(told).toEqual([
      {
        subject: { mac: MAC },
        kind: 'dhcp.conflict',
        summary: `the address 10.0.0.100 is used by ${OTHER} without a lease, so it is not given`,
      },
    ])
  })

  it('from the client itself means nothing', async () => {
    conflicts.heard(ip, MAC)
    expect(await offered()).toBe(ip)
  })

  it('that comes late, or that nobody asked for, means nothing', async () => {
    conflicts.heard(at('10.0.0.105'), OTHER)
    world.clock.advance(5000)
    conflicts.heard(ip, OTHER)
    expect(await offered()).toBe(ip)
    expect(told).toEqual([])
  })

  it('is awaited for a bounded number of addresses', () => {
    const admitted = Array.from({ length: 300 }, (_, i) => conflicts.expect(asker, at(`10.9.${i >> 8}.${i & 255}`)))
    expect(admitted.filter((each) => each)).toHaveLength(255)
    world.clock.advance(5000)
    expect(conflicts.expect(asker, ip)).toBe(true)
  })
})
