import { Refusal } from '../../../kit/errors.ts'
import type { Batch } from '../../../rooms/batch.ts'
import { roomsOf } from '../../../rooms/rooms.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'
import { machineOf } from './machines.ts'

function toWire(batch: Batch): ResponseOf<Contract['getBatch']> {
  const count = (...states: Batch['machines'][number]['state'][]) =>
    batch.machines.filter(({ state }) => states.includes(state)).length
  return {
    id: batch.id,
    action: batch.action,
    profile: batch.profile,
    state: batch.state,
    done: count('succeeded', 'failed', 'skipped'),
    failed: count('failed'),
    total: batch.machines.length,
    machines: batch.machines.map(({ name, state, detail }) => ({ machine: name, state, detail })),
    orderedBy: batch.orderedBy,
    startedAt: time(batch.startedAt),
    endedAt: timeOrNull(batch.endedAt),
  }
}

export function roomHandlers({ disks, machines, profiles, traces, powers }: ApiDependencies) {
  const { batches } = disks
  return {
    listRooms({ query }) {
      const rooms = roomsOf(machines.all(), ({ id, macs }) => ({
        boot: traces.newest(macs)?.state,
        power: powers.reading(id)?.state,
      })).filter(({ tag }) => says(query.q, tag))
      return pageOf(
        rooms,
        query,
        ({ tag }) => tag,
        (room) => room,
      )
    },
    listBatches({ query }) {
      const all = batches
        .all()
        .map((batch) => ({ batch, key: `${String(8.64e15 - batch.startedAt).padStart(16, '0')} ${batch.id}` }))
      return pageOf(
        all,
        query,
        ({ key }) => key,
        ({ batch }) => toWire(batch),
      )
    },
    getBatch({ params }) {
      const batch = batches.get(params.batch)
      if (!batch)
        throw new Refusal('not-found', `there is no batch ${params.batch}`, { next: 'list them: reveille room list' })
      return toWire(batch)
    },
    async startBatch({ body, by, about }) {
      const { tag, profile, action, kick } = body
      about(tag ?? `${body.machines.length} machines`, `${action}${profile ? ` ${profile}` : ''}`)
      if (profile !== null && !profiles.get(profile))
        throw new Refusal('not-found', `there is no profile ${profile}`, { next: 'list them: reveille profile list' })
      const named = body.machines.map((reference) => machineOf(machines, reference))
      const tagged = tag === null ? [] : machines.all().filter(({ tags }) => tags.includes(tag))
      if (tag !== null && tagged.length === 0)
        throw new Refusal('validation-failed', `no machine has the tag ${tag}`, {
          next: 'list tags: reveille room tags; give one: reveille machine set MACHINE --tag TAG',
          problems: [{ path: 'tag', message: 'no machine has it' }],
        })
      const chosen = [...new Map([...tagged, ...named].map((machine) => [machine.id, machine])).values()]
      const staggerMs = Math.round(body.staggerSeconds * 1000)
      return toWire(await batches.start({ action, machines: chosen, profile, staggerMs, kick }, by.name))
    },
    async cancelBatch({ params, about }) {
      about(params.batch)
      return toWire(await batches.cancel(params.batch))
    },
  } satisfies HandlersOf<'listRooms' | 'listBatches' | 'getBatch' | 'startBatch' | 'cancelBatch'>
}
