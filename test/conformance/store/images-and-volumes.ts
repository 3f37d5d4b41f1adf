import { describe, expect, test } from 'vitest'
import { AWKWARD, image } from '../values.ts'
import { attachment, maintenance, rollout, volume } from '../volume-values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function imageAndVolumeSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  test('images with their versions in order, also when versions come and go', async () => {
    await bed.store.images.save(image())
    await bed.store.images.save(image({ name: 'empty', versions: [], lastNumber: 0 }))
    expect(await (await bed.reopened()).images.all()).toEqual([
      image(),
      image({ name: 'empty', versions: [], lastNumber: 0 }),
    ])
    const fewer = image({ versions: image().versions.slice(1), description: 'less' })
    await bed.store.images.save(fewer)
    expect((await bed.store.images.all())[0]).toEqual(fewer)
    await bed.store.images.save(image({ versions: [] }))
    expect((await bed.store.images.all())[0]?.versions).toEqual([])
    await bed.store.images.save(image())
    await bed.store.images.remove('debian')
    await bed.store.images.save(image({ versions: [] }))
    expect((await (await bed.reopened()).images.all())[0]?.versions, 'versions go with their image').toEqual([])
  })

  describe('volumes', () => {
    const rows = {
      volumes: [volume(1), volume(2, { base: null, use: { kind: 'own' }, pending: null, snapshots: [], active: null })],
      attachments: [attachment(1), attachment(2, { chap: null, for: { kind: 'export', by: AWKWARD } })],
      maintenances: [maintenance(1), maintenance(2, { state: 'published', published: 8, endedAt: 3 })],
      rollouts: [rollout(1), rollout(2, { canary: null, state: 'all' })],
    }

    test('with what they are given to, replaced and removed by id', async () => {
      await bed.store.volumes.write({ save: rows })
      expect(await (await bed.reopened()).volumes.all()).toEqual(rows)
      const [first, second] = rows.volumes
      await bed.store.volumes.write({
        save: { volumes: [{ ...second!, name: 'renamed' }], rollouts: [rollout(1, { state: 'rolled-back' })] },
        remove: { volumes: [first!.id, 'v_9'], attachments: ['a_1', 'a_9'] },
      })
      const { volumes, attachments, rollouts } = await (await bed.reopened()).volumes.all()
      expect(volumes.map(({ name }) => name)).toEqual(['renamed'])
      expect(attachments.map(({ id }) => id)).toEqual(['a_2'])
      expect(rollouts[0]).toMatchObject({ state: 'rolled-back' })
    })

    test('all of a change or nothing: names and targets are there once', async () => {
      await bed.store.volumes.write({ save: rows })
      const clashes = [
        { volumes: [volume(3, { name: 'volume-1' })] },
        { attachments: [attachment(3, { iqn: attachment(1).iqn })] },
      ]
      for (const save of clashes)
        await expect(
          bed.store.volumes.write({ save: { ...save, maintenances: [maintenance(3)] }, remove: { volumes: ['v_2'] } }),
        ).rejects.toThrow()
      expect(await (await bed.reopened()).volumes.all()).toEqual(rows)
    })
  })
}
