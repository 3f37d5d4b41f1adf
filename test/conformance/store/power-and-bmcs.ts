import { describe, expect, test } from 'vitest'
import type { BmcEvent } from '../../../src/gateway/bmc.ts'
import { DriverSettings } from '../../../src/power/settings.ts'
import { AWKWARD, bmc, powerDriver } from '../values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function powerAndBmcSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  describe('power drivers', () => {
    test('by machine and position, with what is sealed, or without', async () => {
      const other = powerDriver(0, {
        machine: 'm_2',
        name: 'wake',
        settings: DriverSettings.parse({ kind: 'wol', macs: [AWKWARD.slice(0, 9)] }),
        secretNames: [],
        sealed: null,
      })
      await bed.store.power.save([powerDriver(1), other, powerDriver(0)])
      expect(await (await bed.reopened()).power.all()).toEqual([powerDriver(0), powerDriver(1), other])
    })
    test('replaced together, removed by name, and forgotten with their machine', async () => {
      await bed.store.power.save([0, 1, 2].map((n) => powerDriver(n)))
      const moved = [powerDriver(0, { position: 1 }), powerDriver(1, { position: 0, sealed: null, secretNames: [] })]
      await bed.store.power.save(moved)
      await bed.store.power.remove('m_1', 'bmc-2')
      await bed.store.power.remove('m_1', 'nothing')
      await bed.store.power.save([])
      await bed.store.power.save([powerDriver(0, { machine: 'm_2' })])
      expect((await (await bed.reopened()).power.all()).slice(0, 2)).toEqual([moved[1], moved[0]])
      await bed.store.power.forget('m_1')
      await bed.store.power.forget('m_9')
      expect(await (await bed.reopened()).power.all()).toEqual([powerDriver(0, { machine: 'm_2' })])
    })
  })

  describe('BMCs', () => {
    const event = (machine: string, id: number): BmcEvent => ({
      ...{ machine, id, at: 1_800_000_000_000 + id, kind: 'power', severity: 'warning', text: AWKWARD },
    })
    test('with every field, replaced and removed by machine, with their logs', async () => {
      await bed.store.gateway.saveBmc(bmc('m_2'))
      await bed.store.gateway.saveBmc(bmc('m_1'))
      await bed.store.gateway.saveBmc(
        bmc('m_3', { bootOrder: null, bootOrdered: null, media: null, rule: null, address: null }),
      )
      await bed.store.gateway.saveBmc(bmc('m_2', { enabled: false, port: 623, users: [] }))
      for (const machine of ['m_1', 'm_2']) await bed.store.gateway.addEvent(event(machine, 1), 0)
      await bed.store.gateway.removeBmc('m_1')
      await bed.store.gateway.removeBmc('m_9')
      expect(await (await bed.reopened()).gateway.bmcs()).toEqual([
        bmc('m_2', { enabled: false, port: 623, users: [] }),
        bmc('m_3', { bootOrder: null, bootOrdered: null, media: null, rule: null, address: null }),
      ])
      expect(await bed.store.gateway.events('m_1')).toEqual([])
      expect(await bed.store.gateway.events('m_2')).toEqual([event('m_2', 1)])
    })
    test('rules by name', async () => {
      const rule = { name: 'racks', tag: AWKWARD, routes: { fru: 'bmc' }, user: 'admin', createdAt: 1 }
      await bed.store.gateway.saveRule(rule)
      await bed.store.gateway.saveRule({ ...rule, name: 'all' })
      await bed.store.gateway.saveRule({ ...rule, routes: {} })
      expect(await (await bed.reopened()).gateway.rules()).toEqual([
        { ...rule, name: 'all' },
        { ...rule, routes: {} },
      ])
      await bed.store.gateway.removeRule('all')
      await bed.store.gateway.removeRule('none')
      expect(await (await bed.reopened()).gateway.rules()).toEqual([{ ...rule, routes: {} }])
    })
    test('logs in order, without what is too old, until they are cleared', async () => {
      for (const id of [1, 2, 10, 11]) await bed.store.gateway.addEvent(event('m_1', id), id === 11 ? 3 : 0)
      await bed.store.gateway.addEvent(event('m_2', 1), 0)
      await bed.store.gateway.addEvent(event('m_2', 9), 9)
      expect(await (await bed.reopened()).gateway.events('m_1')).toEqual([event('m_1', 10), event('m_1', 11)])
      expect(await bed.store.gateway.lastEventIds()).toEqual(new Map(Object.entries({ m_1: 11, m_2: 9 })))
      await bed.store.gateway.clearEvents('m_1')
      expect(await (await bed.reopened()).gateway.events('m_1')).toEqual([])
      expect(await bed.store.gateway.events('m_2')).toEqual([event('m_2', 9)])
    })
  })
}
