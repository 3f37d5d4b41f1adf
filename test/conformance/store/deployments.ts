import { describe, expect, test } from 'vitest'
import type { Store } from '../../../src/store/store.ts'
import { diskOf, inventoryOf } from '../../fakes/deployment-world.ts'
import { agentBoot, deployment, diskRecord } from '../deployment-values.ts'
import { AWKWARD } from '../values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function deploymentSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  describe('deployments', () => {
    test('whole, with what belongs to the same change', async () => {
      const deployments = [deployment(1), deployment(2, { state: 'queued', order: null, tasks: [], progress: null })]
      const lines = [1, 2, 3].map((n) => ({
        deployment: 'd_1',
        line: { n, at: n, level: 'info' as const, text: AWKWARD },
      }))
      const taken = { takenAt: 7, inventory: inventoryOf(diskOf(AWKWARD)) }
      await bed.store.deployments.commit({
        deployments,
        lines,
        boots: [agentBoot('b_1'), agentBoot('b_2', { nonce: 'n', serverNonce: 's' })],
        inventory: { machine: 'm_1', ...taken },
        disks: [diskRecord(0), diskRecord(1, { chunks: null, halfWrittenBy: 'd_1', writeBack: null })],
      })
      const again = (await bed.reopened()).deployments
      expect(await again.unsettled()).toEqual(deployments)
      expect(await again.get('d_2')).toEqual(deployments[1])
      expect(await again.get('d_9')).toBeUndefined()
      expect(await again.lastSequence()).toBe(2)
      expect((await again.log('d_1', 1, 10)).map(({ n }) => n)).toEqual([2, 3])
      expect((await again.log('d_1', 0, 1))[0]).toEqual(lines[0]?.line)
      expect(await again.lastLine('d_1')).toBe(3)
      expect(await again.lastLine('d_2')).toBe(0)
      expect(await again.boots()).toEqual([agentBoot('b_1'), agentBoot('b_2', { nonce: 'n', serverNonce: 's' })])
      expect(await again.inventory('m_1')).toEqual(taken)
      expect(await again.inventory('m_2')).toBeUndefined()
      expect(await again.disks()).toEqual([
        diskRecord(0),
        diskRecord(1, { chunks: null, halfWrittenBy: 'd_1', writeBack: null }),
      ])
    })
    test('changed and removed by key, all of a change or nothing', async () => {
      await bed.store.deployments.commit({
        deployments: [deployment(1)],
        boots: [agentBoot('b_1')],
        disks: [diskRecord(0), diskRecord(1)],
      })
      const settled = deployment(1, { state: 'succeeded', reservedUntil: null, noticeDue: false })
      await bed.store.deployments.commit({
        deployments: [settled],
        boots: [agentBoot('b_1', { nonce: 'n' })],
        disks: [diskRecord(1, { at: 9 })],
        disksGone: [diskRecord(0)],
      })
      expect(await bed.store.deployments.unsettled()).toEqual([])
      expect(await bed.store.deployments.get('d_1')).toEqual(settled)
      expect(await bed.store.deployments.disks()).toEqual([diskRecord(1, { at: 9 })])
      await bed.store.deployments.commit({ bootsGone: ['b_1', 'b_9'], disksGone: [diskRecord(5)] })
      expect(await bed.store.deployments.boots()).toEqual([])
      const line = { n: 1, at: 1, level: 'info' as const, text: '' }
      const twice = { deployments: [deployment(3)], lines: [1, 2].map(() => ({ deployment: 'd_3', line })) }
      await expect(bed.store.deployments.commit(twice)).rejects.toThrow()
      expect(await bed.store.deployments.get('d_3'), 'all or nothing').toBeUndefined()
    })
    test('nothing of a machine that is gone but its history', async () => {
      const taken = { takenAt: 7, inventory: inventoryOf(diskOf('SER1')) }
      for (const machine of ['m_1', 'm_2'])
        await bed.store.deployments.commit({
          boots: [agentBoot(`b_${machine}`, { machine })],
          inventory: { machine, ...taken },
          disks: [diskRecord(0, { machine })],
        })
      await bed.store.deployments.commit({ deployments: [deployment(1)] })
      await bed.store.deployments.commit({ machineGone: 'm_1' })
      expect(await bed.store.deployments.inventoried()).toEqual(['m_2'])
      expect((await bed.store.deployments.disks()).map(({ machine }) => machine)).toEqual(['m_2'])
      expect((await bed.store.deployments.boots()).map(({ machine }) => machine)).toEqual(['m_2'])
      expect(await bed.store.deployments.get('d_1')).toBeDefined()
    })
    test('until they are old and settled, oldest first; the newest stays', async () => {
      const settled = { state: 'succeeded', reservedUntil: null, noticeDue: false } as const
      const at = (n: number, more = {}) => deployment(n, { ...settled, createdAt: n, ...more })
      const line = { n: 1, at: 1, level: 'info' as const, text: '' }
      await bed.store.deployments.commit({
        deployments: [at(1), at(2), at(3, { state: 'queued' }), at(4), at(9), at(10, { createdAt: 1 })],
        lines: [{ deployment: 'd_1', line }],
      })
      expect(await bed.store.deployments.prune({ orderedBefore: 5, most: 2 })).toEqual(['d_1', 'd_2'])
      expect(await bed.store.deployments.prune({ orderedBefore: 5, most: 2 })).toEqual(['d_4'])
      expect(await bed.store.deployments.prune({ orderedBefore: 5, most: 2 })).toEqual([])
      expect(await bed.store.deployments.lastLine('d_1')).toBe(0)
      expect((await bed.store.deployments.list({ limit: 9 })).map(({ id }) => id)).toEqual(['d_10', 'd_9', 'd_3'])
    })
    test('listed newest first: by machine, by state, by words, page by page', async () => {
      await bed.store.deployments.commit({
        deployments: [
          deployment(1),
          deployment(2, { machine: 'm_2', state: 'queued', orderedBy: '100%_bob' }),
          deployment(3, { state: 'failed', action: { kind: 'inventory' } }),
        ],
      })
      const ids = async (query: Parameters<Store['deployments']['list']>[0]) =>
        (await bed.store.deployments.list(query)).map(({ id }) => id)
      expect(await ids({ limit: 10 })).toEqual(['d_3', 'd_2', 'd_1'])
      expect(await ids({ limit: 1, before: 3 })).toEqual(['d_2'])
      expect(await ids({ limit: 10, machine: 'm_1' })).toEqual(['d_3', 'd_1'])
      expect(await ids({ limit: 10, states: ['queued', 'failed'] })).toEqual(['d_3', 'd_2'])
      expect(await ids({ limit: 10, search: { machines: ['m_2'], text: 'debi' } })).toEqual(['d_2', 'd_1'])
      expect(await ids({ limit: 10, search: { machines: [], text: '%_' } })).toEqual(['d_2'])
      expect(await ids({ limit: 10, search: { machines: [], text: 'x_' } })).toEqual([])
    })
  })
}
