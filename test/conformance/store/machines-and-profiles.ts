import { describe, expect, test } from 'vitest'
import { bareMachine, machine, profiles } from '../values.ts'
import { batch } from '../volume-values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function machineAndProfileSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  test('nothing at first', async () => {
    expect(await bed.store.machines.all()).toEqual([])
    expect(await bed.store.profiles.all()).toEqual([])
    expect(await bed.store.images.all()).toEqual([])
    expect(await bed.store.volumes.all()).toEqual({ volumes: [], attachments: [], maintenances: [], rollouts: [] })
    expect(await bed.store.batches.all()).toEqual([])
    expect([
      await bed.store.gateway.bmcs(),
      await bed.store.gateway.rules(),
      await bed.store.gateway.events('m_1'),
    ]).toEqual([[], [], []])
    expect(await bed.store.power.all()).toEqual([])
    expect(await bed.store.leases.all()).toEqual([])
    expect(await bed.store.traces.newest({ eventsSince: 0 })).toEqual([])
    expect(await bed.store.traces.get('t_1')).toBeUndefined()
    expect(await bed.store.access.users()).toEqual([])
    expect(await bed.store.access.audit({ limit: 10 })).toEqual([])
  })

  describe('machines', () => {
    test('with every field, or with none of the optional ones', async () => {
      await bed.store.machines.save(machine(1))
      await bed.store.machines.saveAll([bareMachine(2), machine(3)])
      expect(await (await bed.reopened()).machines.all()).toEqual([machine(1), bareMachine(2), machine(3)])
    })
    test('replaced by id, removed by id', async () => {
      await bed.store.machines.saveAll([machine(1), machine(2)])
      await bed.store.machines.save(machine(1, { name: 'other', tags: [], nextBoot: null, state: 'retired' }))
      await bed.store.machines.remove('m_2')
      await bed.store.machines.remove('m_9')
      expect(await (await bed.reopened()).machines.all()).toEqual([
        machine(1, { name: 'other', tags: [], nextBoot: null, state: 'retired' }),
      ])
    })
    test('under unique names: two machines may swap theirs, a clash changes nothing', async () => {
      await bed.store.machines.saveAll([machine(1), machine(2)])
      await bed.store.machines.saveAll([machine(1, { name: 'node-2' }), machine(2, { name: 'node-1' })])
      expect((await bed.store.machines.all()).map((m) => m.name)).toEqual(['node-2', 'node-1'])
      await expect(bed.store.machines.saveAll([machine(3), machine(4, { name: 'node-1' })])).rejects.toThrow()
      await expect(bed.store.machines.save(machine(5, { name: 'node-1' }))).rejects.toThrow()
      expect((await bed.store.machines.all()).map((m) => m.id)).toEqual(['m_1', 'm_2'])
    })
    test('thousands of them', async () => {
      const many = Array.from({ length: 3333 }, (_, n) => machine(n))
      await bed.store.machines.saveAll(many)
      expect(await (await bed.reopened()).machines.all()).toEqual(many)
    })
  })

  test('profiles of each kind, replaced and removed by name', async () => {
    for (const profile of profiles) await bed.store.profiles.save(profile)
    const byName = [...profiles].sort((a, b) => (a.name < b.name ? -1 : 1))
    expect(await (await bed.reopened()).profiles.all()).toEqual(byName)
    await bed.store.profiles.save({
      kind: 'park',
      name: 'disk',
      description: '',
      message: 'wait',
      createdAt: 1,
      updatedAt: 9,
    })
    await bed.store.profiles.remove('own')
    expect((await bed.store.profiles.all()).map((p) => `${p.name} ${p.kind}`)).toEqual([
      'choose menu',
      'debian live',
      'disk park',
    ])
  })

  test('batches, the oldest first, replaced and removed by id', async () => {
    for (const each of [batch(2), batch(1), batch(3)]) await bed.store.batches.save(each)
    await bed.store.batches.save(batch(2, { state: 'cancelled', endedAt: 9 }))
    await bed.store.batches.remove(['b_3', 'b_9'])
    await bed.store.batches.remove([])
    expect(await (await bed.reopened()).batches.all()).toEqual([batch(1), batch(2, { state: 'cancelled', endedAt: 9 })])
  })
}
