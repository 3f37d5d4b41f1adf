import { describe, expect, test } from 'vitest'
import { AWKWARD } from '../values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function configSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  describe('configs', () => {
    const version = (number: number, content = AWKWARD) => ({
      number,
      parts: [{ name: 'main', content }],
      variables: [{ name: 'list', type: 'list', default: [AWKWARD], description: AWKWARD } as const],
      note: AWKWARD,
      createdAt: 1_800_000_000_000,
      createdBy: AWKWARD,
    })
    const config = (name: string, ...versions: ReturnType<typeof version>[]) => {
      return { name, kind: 'text', description: AWKWARD, versions, createdAt: 1, updatedAt: 2 } as const
    }
    const value = (name: string, more: object = {}) => {
      return { scope: 'all', name, value: { a: [AWKWARD, null, 1.5] }, sealed: null, updatedAt: 3, ...more } as const
    }

    test('with versions that never change, in their order', async () => {
      await bed.store.configs.saveConfig(config('b', version(1)))
      await bed.store.configs.saveConfig(config('a', ...Array.from({ length: 12 }, (_, n) => version(n + 1))))
      await bed.store.configs.saveConfig({ ...config('b', version(1, 'changed'), version(2)), description: 'new' })
      const [a, b] = await (await bed.reopened()).configs.configs()
      expect(a?.versions.map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
      expect(b).toEqual({ ...config('b', version(1), version(2)), description: 'new' })
      await bed.store.configs.removeConfig('b')
      await bed.store.configs.removeConfig('b')
      await bed.store.configs.saveConfig(config('b', version(1, 'other')))
      expect((await (await bed.reopened()).configs.configs())[1]).toEqual(config('b', version(1, 'other')))
    })

    test('with values by scope and name', async () => {
      const sealed = value('x', { scope: 'tag:rack=a3', value: null, sealed: AWKWARD })
      await bed.store.configs.saveValues([value('x'), sealed])
      await bed.store.configs.saveValues([value('x', { value: false, updatedAt: 4 })])
      await bed.store.configs.saveValues([value('y', { scope: 'machine:m_1', value: '' })])
      await bed.store.configs.saveValues([])
      const values = await (await bed.reopened()).configs.values()
      expect(values).toHaveLength(3)
      expect(values).toContainEqual(value('x', { value: false, updatedAt: 4 }))
      expect(values).toContainEqual(value('x', { scope: 'tag:rack=a3', value: null, sealed: AWKWARD }))
      await bed.store.configs.removeValue('all', 'x')
      await bed.store.configs.removeValue('all', 'nothing')
      expect(await (await bed.reopened()).configs.values()).toHaveLength(2)
    })

    test('with what was given once: one of many that ask at the same time has it', async () => {
      const asked = await Promise.all(Array.from({ length: 20 }, () => bed.store.configs.takeOnce('boot', AWKWARD, 10)))
      expect(asked.filter(Boolean)).toHaveLength(1)
      expect(await (await bed.reopened()).configs.takeOnce('boot', AWKWARD, 11)).toBe(false)
      expect(await bed.store.configs.takeOnce('boot', 'other', 12)).toBe(true)
      await bed.store.configs.giveBack('boot', AWKWARD)
      expect(await bed.store.configs.takeOnce('boot', AWKWARD, 13)).toBe(true)
      await bed.store.configs.forgetTaken(13)
      expect(await bed.store.configs.takeOnce('boot', 'other', 14)).toBe(true)
      expect(await bed.store.configs.takeOnce('boot', AWKWARD, 14)).toBe(false)
    })
  })
}
