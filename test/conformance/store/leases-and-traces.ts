import { describe, expect, test } from 'vitest'
import { ipv4 } from '../../../src/kit/ip.ts'
import type { Store } from '../../../src/store/store.ts'
import { lease, mac, trace } from '../values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function leaseAndTraceSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  describe('leases', () => {
    test('of the highest and the lowest address, in each state', async () => {
      const all = [
        lease({ ip: ipv4(0), state: 'declined', hostname: null }),
        lease({ ip: ipv4(0x80000000), state: 'released' }),
        lease({ ip: ipv4(0xffffffff) }),
      ]
      await bed.store.leases.saveAll(all)
      expect(await (await bed.reopened()).leases.all()).toEqual(all)
    })
    test.each([1, 2, 5, 64, 65, 500, 1234])('%i in one call, replaced by address in another', async (count) => {
      const all = Array.from({ length: count }, (_, i) => lease({ ip: ipv4(i), client: `c${i}` }))
      await bed.store.leases.saveAll(all)
      const changed = all.map((each) => ({
        ...each,
        mac: mac(9),
        network: 'other',
        state: 'released' as const,
        expiresAt: 1,
      }))
      await bed.store.leases.saveAll(changed)
      expect(await (await bed.reopened()).leases.all()).toEqual(changed)
      await bed.store.leases.removeAll(all.slice(1).map((each) => each.ip))
      expect(await bed.store.leases.all()).toEqual(changed.slice(0, 1))
    })
    test('and nothing for an empty list', async () => {
      await bed.store.leases.saveAll([])
      await bed.store.leases.removeAll([])
      expect(await bed.store.leases.all()).toEqual([])
    })
    test('from many calls at once', async () => {
      await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          bed.store.leases.saveAll([lease({ ip: ipv4(i) }), lease({ ip: ipv4(1000 + i) })]),
        ),
      )
      expect(await (await bed.reopened()).leases.all()).toHaveLength(400)
    })
  })

  describe('traces', () => {
    test('with their events, replaced by id', async () => {
      await bed.store.traces.saveAll([trace()])
      const later = trace({
        updatedAt: 9,
        stage: 'launch',
        state: 'launched',
        headline: 'h',
        deadlineAt: 5,
        profile: 'p',
        bytesSent: 1,
        events: [],
        dropped: 0,
      })
      expect(await bed.store.traces.get('t_1')).toEqual(trace())
      await bed.store.traces.saveAll([trace({ id: 't_2' }), later])
      expect(await (await bed.reopened()).traces.get('t_1')).toEqual(later)
    })
    test('and knows the newest of each MAC, those long settled without events', async () => {
      await bed.store.traces.saveAll([
        trace({ id: 't_1', startedAt: 10 }),
        trace({ id: 't_2', startedAt: 20, updatedAt: 3000 }),
        trace({ id: 't_3', startedAt: 15, mac: mac(2), updatedAt: 2999 }),
        trace({ id: 't_4', startedAt: 15, mac: mac(3), updatedAt: 2999, deadlineAt: 7 }),
        trace({ id: 't_5', startedAt: 30, mac: mac(4) }),
        trace({ id: 't_6', startedAt: 30, mac: mac(4) }),
      ])
      const newest = await (await bed.reopened()).traces.newest({ eventsSince: 3000 })
      expect(newest.map((t) => [t.id, t.events.length])).toEqual([
        ['t_2', 2],
        ['t_3', 0],
        ['t_4', 2],
        ['t_6', 0],
      ])
    })
    test('listed newest first, page by page, for some MACs or all', async () => {
      await bed.store.traces.saveAll([
        trace({ id: 't_a', startedAt: 10 }),
        trace({ id: 't_c', startedAt: 20 }),
        trace({ id: 't_b', startedAt: 20, mac: mac(2) }),
        trace({ id: 't_d', startedAt: 5, mac: mac(3) }),
      ])
      const ids = async (query: Parameters<Store['traces']['list']>[0]) =>
        (await bed.store.traces.list(query)).map((t) => t.id)
      expect(await ids({ limit: 10 })).toEqual(['t_c', 't_b', 't_a', 't_d'])
      expect(await ids({ limit: 2 })).toEqual(['t_c', 't_b'])
      expect(await ids({ limit: 2, before: 't_b' })).toEqual(['t_a', 't_d'])
      expect(await ids({ limit: 1, before: 't_c' })).toEqual(['t_b'])
      expect(await ids({ limit: 10, mac: [mac(1), mac(3)], before: 't_c' })).toEqual(['t_a', 't_d'])
      expect(await ids({ limit: 10, mac: [] })).toEqual([])
      expect(await ids({ limit: 10, before: 't_gone' })).toEqual([])
    })
    test('no longer than told: by age, by number for each MAC, by number in all', async () => {
      const ids = async () => (await bed.store.traces.list({ limit: 1000 })).map((t) => t.id)
      const one = Array.from({ length: 6 }, (_, i) => trace({ id: `t_1${i}`, startedAt: 100 + i }))
      const two = Array.from({ length: 3 }, (_, i) => trace({ id: `t_2${i}`, startedAt: 200 + i, mac: mac(2) }))
      await bed.store.traces.saveAll([...one, ...two])
      expect(await bed.store.traces.prune({ olderThan: 0, keep: 100, most: 100 })).toBe(0)
      expect(await bed.store.traces.prune({ olderThan: 102, keep: 100, most: 100 })).toBe(2)
      expect(await ids()).toEqual(['t_22', 't_21', 't_20', 't_15', 't_14', 't_13', 't_12'])
      expect(await bed.store.traces.prune({ olderThan: 0, keep: 2, most: 100 })).toBe(3)
      expect(await ids()).toEqual(['t_22', 't_21', 't_15', 't_14'])
      expect(await bed.store.traces.prune({ olderThan: 0, keep: 100, most: 3 })).toBe(1)
      expect(await ids()).toEqual(['t_22', 't_21', 't_15'])
    })
    test('and prunes many', async () => {
      await bed.store.traces.saveAll(
        Array.from({ length: 1500 }, (_, i) => trace({ id: `t_${i}`, startedAt: i, mac: mac(i % 3) })),
      )
      expect(await bed.store.traces.prune({ olderThan: 600, keep: 100, most: 10_000 })).toBe(1200)
      expect(await bed.store.traces.list({ limit: 1000 })).toHaveLength(300)
    })
  })
}
