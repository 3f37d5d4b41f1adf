import { expect, test } from 'vitest'
import { Watched } from '../../test/fakes/watched.ts'
import { ManualClock } from '../kit/clock.ts'
import { SILENT } from '../kit/log.ts'
import { blankDeployment } from './blank.ts'
import type { Deployment } from './deployment.ts'
import { Ledger } from './ledger.ts'
import type { DeploymentRepository } from './repository.ts'

const deployment = (machine: string, sequence: number, more: Partial<Deployment> = {}): Deployment => ({
  ...blankDeployment(machine, 'op', 0),
  action: { kind: 'inventory' },
  id: `d_${sequence}`,
  sequence,
  ...more,
})

async function open(unsettled: readonly Deployment[]) {
  const repository = {
    lastSequence: async () => unsettled.length,
    unsettled: async () => unsettled,
    disks: async () => [],
    boots: async () => [],
    lastLine: async () => 0,
    commit: async () => undefined,
  } as unknown as DeploymentRepository
  return Ledger.open({ repository, events: { publish: () => undefined }, clock: new ManualClock(), log: SILENT })
}

test('answers for one machine without looking at the deployments of all others', async () => {
  const watched = new Watched()
  const all = Array.from({ length: 1000 }, (_, n) => watched.watch(deployment(`m_${n}`, n, { state: 'booting' })))
  const ledger = await open(all)
  const looks = watched.during(() => {
    expect(ledger.current('m_500')?.sequence).toBe(500)
    expect(ledger.open('m_500')).toHaveLength(1)
    expect(ledger.current('m_none')).toBeUndefined()
  })
  expect(looks).toBeLessThan(30)
})

test('forgets what is settled and keeps the turns of a machine', async () => {
  const ledger = await open([deployment('m_1', 1, { state: 'booting' }), deployment('m_1', 2)])
  await ledger.save(deployment('m_1', 3))
  expect(ledger.open('m_1').map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  await ledger.save(deployment('m_1', 1, { state: 'failed' }))
  expect(ledger.open('m_1').map(({ sequence }) => sequence)).toEqual([2, 3])
  expect(ledger.current('m_1')).toBeUndefined()
})
