import { expect, test } from 'vitest'
import type { Volume } from '../../../volumes/volume.ts'
import { volumesWire } from './volumes-wire.ts'

const volume = (n: number) =>
  ({
    ...{ id: `v_${n}`, name: `disk-${n}`, use: { kind: 'own' }, base: null, labels: {}, scsi: {}, snapshots: [] },
    ...{ createdAt: 0, updatedAt: 0, lastAttachedAt: null },
  }) as unknown as Volume

test('a list of a thousand volumes reads few of them at a time', async () => {
  let [reading, most] = [0, 0]
  const facts = async () => {
    reading += 1
    most = Math.max(most, reading)
    await new Promise((resolve) => setImmediate(resolve))
    reading -= 1
    return { ownBytes: 4096, dirtyBytes: 0 }
  }
  const volumes = { facts, pool: { kind: 'file' }, ledger: { holding: () => [] } }
  const around = { disks: { volumes, targets: {}, rates: {} }, machines: {} } as unknown as Parameters<
    typeof volumesWire
  >[0]
  const { toVolume } = volumesWire(around)
  const told = await Promise.all(Array.from({ length: 1000 }, (_, n) => toVolume(volume(n), [])))
  expect(told.every(({ ownBytes }) => ownBytes === 4096)).toBe(true)
  expect(most).toBeLessThanOrEqual(32)
})
