import { expect, test } from 'vitest'
import { Watched } from '../../test/fakes/watched.ts'
import { ManualClock } from '../kit/clock.ts'
import type { Attachment } from './attachment.ts'
import { VolumeLedger } from './ledger.ts'
import type { VolumeRepository } from './repository.ts'
import type { Volume } from './volume.ts'

const attachment = (n: number, more: Partial<Attachment> = {}): Attachment => ({
  id: `a_${n}`,
  iqn: `iqn.2026-11.org.reveille:${n}`,
  for: { kind: 'boot', machine: `m_${n}`, profile: 'desktop' },
  ...{ initiator: null, address: null, chap: null, createdAt: 0 },
  disks: [{ lun: 0, volume: `v_${n}`, readOnly: false, snapshot: null }],
  ...more,
})
const overlay = (n: number) =>
  ({
    id: `v_${n}`,
    name: `disk-${n}`,
    use: { kind: 'overlay', machine: `m_${n}`, profile: 'desktop', lun: 0 },
  }) as Volume

function open(volumes: readonly Volume[], attachments: readonly Attachment[]) {
  const repository = {
    all: async () => ({ volumes, attachments, maintenances: [], rollouts: [] }),
    write: async () => undefined,
  } as unknown as VolumeRepository
  return VolumeLedger.open({ repository, clock: new ManualClock(), events: { publish: () => undefined } })
}

test('finds what is of one machine or of one volume without looking at all others', async () => {
  const watched = new Watched()
  const numbers = Array.from({ length: 1000 }, (_, n) => n)
  const ledger = await open(
    numbers.map((n) => watched.watch(overlay(n))),
    numbers.map((n) => watched.watch(attachment(n))),
  )
  const looks = watched.during(() => {
    expect(ledger.holding('v_500')).toHaveLength(1)
    expect(ledger.bootsOf('m_500')).toHaveLength(1)
    expect(ledger.overlaysOf('m_500')).toHaveLength(1)
  })
  expect(looks).toBeLessThan(30)
})

test('follows attachments that get other disks, and that end', async () => {
  const ledger = await open([overlay(1), overlay(2)], [attachment(1)])
  const moved = attachment(1, { disks: [{ lun: 0, volume: 'v_2', readOnly: true, snapshot: null }] })
  await ledger.write({ save: { attachments: [moved] } })
  expect([ledger.holding('v_1'), ledger.holding('v_2')]).toEqual([[], [moved]])
  await ledger.write({ remove: { attachments: ['a_1'], volumes: ['v_2'] } })
  expect([ledger.holding('v_2'), ledger.bootsOf('m_1'), ledger.overlaysOf('m_2')]).toEqual([[], [], []])
})
