import type { Maintenance, Rollout } from '../../../volumes/maintenance.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'
import { machineOf } from './machines.ts'
import { jobToWire } from './volumes-wire.ts'

export function maintenanceHandlers({ disks, machines }: ApiDependencies) {
  const { maintenances, rollouts, volumes } = disks
  const toMaintenance = (each: Maintenance): ResponseOf<Contract['startMaintenance']> => ({
    ...each,
    machine: machines.get(each.machine)?.name ?? each.machine,
    volume: volumes.ledger.get(each.volume)?.name ?? each.volume,
    startedAt: time(each.startedAt),
    endedAt: timeOrNull(each.endedAt),
  })
  const toRollout = (each: Rollout): ResponseOf<Contract['startRollout']> => ({
    ...each,
    startedAt: time(each.startedAt),
    updatedAt: time(each.updatedAt),
  })

  return {
    listMaintenances: ({ query }) =>
      pageOf(numbered(maintenances.all()), query, keyOf, ({ item }) => toMaintenance(item)),
    async startMaintenance({ body, by, about }) {
      const machine = machineOf(machines, body.machine)
      about(body.profile, `on ${machine.name}`)
      return toMaintenance(await maintenances.start({ ...body, machine }, by.name))
    },
    async publishMaintenance({ params, body, by, about }) {
      about(params.maintenance, `rollout ${body.rollout}${body.canary ? ` to ${body.canary}` : ''}`)
      return jobToWire(await maintenances.publish(params.maintenance, body, by.name))
    },
    async discardMaintenance({ params, about }) {
      const { profile } = await maintenances.discard(params.maintenance)
      about(params.maintenance, profile)
    },
    listRollouts: ({ query }) => pageOf(numbered(rollouts.all()), query, keyOf, ({ item }) => toRollout(item)),
    async startRollout({ body, by, about }) {
      about(body.profile, `to version ${body.to}${body.canary ? ` for ${body.canary}` : ''}`)
      return toRollout(await rollouts.start(body, by.name))
    },
    async changeRollout({ params, body, about }) {
      about(params.rollout, body.state)
      return toRollout(await rollouts.change(params.rollout, body.state))
    },
  } satisfies HandlersOf<
    | 'listMaintenances'
    | 'startMaintenance'
    | 'publishMaintenance'
    | 'discardMaintenance'
    | 'listRollouts'
    | 'startRollout'
    | 'changeRollout'
  >
}

/** The newest first is no order of keys; the time it began makes one that stays as new ones come. */
function numbered<T extends { id: string; startedAt: number }>(items: readonly T[]) {
  return items.map((item) => ({ item, key: `${String(8.64e15 - item.startedAt).padStart(16, '0')} ${item.id}` }))
}

function keyOf({ key }: { key: string }): string {
  return key
}
