import { Refusal } from '../../../kit/errors.ts'
import type { Volume } from '../../../volumes/volume.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { machineOf } from './machines.ts'
import { jobToWire, volumesWire } from './volumes-wire.ts'

type Filter = {
  [Key in 'use' | 'condition' | 'machine' | 'label' | 'q']?: string | undefined
}

function matches({ use, condition, labels, name, notes, base }: Volume, filter: Filter, machine: string | undefined) {
  if (filter.use !== undefined && use.kind !== filter.use) return false
  if (filter.condition !== undefined && condition !== filter.condition) return false
  if (filter.machine !== undefined && (use.kind !== 'overlay' || use.machine !== machine)) return false
  if (filter.label !== undefined) {
    const at = filter.label.indexOf('=')
    const key = at < 0 ? filter.label : filter.label.slice(0, at)
    if (!Object.hasOwn(labels, key) || (at >= 0 && labels[key] !== filter.label.slice(at + 1))) return false
  }
  return says(filter.q, name, notes, base?.image ?? null)
}

export function volumeHandlers(api: ApiDependencies) {
  const { disks, machines } = api
  const { volumes, targets, jobs, diskless } = disks
  const { toVolume, toExport, toSession } = volumesWire(api)
  const known = (reference: string) => volumes.ledger.known(reference)
  const shown = async (volume: Volume) => toVolume(volume, await targets.sessions())

  return {
    async listVolumes({ query }) {
      const machine = query.machine === undefined ? undefined : machines.find(query.machine)?.id
      const found = volumes.ledger.volumes().filter((volume) => matches(volume, query, machine))
      const page = pageOf(
        found,
        query,
        ({ name }) => name,
        (volume) => volume,
      )
      const sessions = await targets.sessions()
      return { ...page, items: await Promise.all(page.items.map((volume) => toVolume(volume, sessions))) }
    },
    async createVolume({ body, by, about }) {
      about(body.name, body.image ?? (body.clone ? `clone of ${body.clone.volume}` : 'empty'))
      return shown(await volumes.create(body, by.name))
    },
    getVolume: ({ params }) => shown(known(params.volume)),
    async updateVolume({ params, body, about }) {
      const { id, name } = known(params.volume)
      about(name, `changes ${Object.keys(body).join(', ')}`)
      return shown(await volumes.update(id, body))
    },
    async deleteVolume({ params, about }) {
      const { id, name } = known(params.volume)
      about(name)
      await volumes.remove(id)
    },
    async createSnapshot({ params, body, by, about }) {
      const { id, name } = known(params.volume)
      about(name, body.name)
      return shown(await volumes.snapshot(id, body.name, body.note, by.name))
    },
    async deleteSnapshot({ params, about }) {
      const { id, name } = known(params.volume)
      about(name, params.snapshot)
      await volumes.removeSnapshot(id, params.snapshot)
    },
    async revertVolume({ params, body, about }) {
      const { id, name } = known(params.volume)
      about(name, `to ${body.snapshot ?? 'its base'}${body.kick ? ', sessions are ended' : ''}`)
      return shown(await volumes.revert(id, body.snapshot, body))
    },
    async recreateVolume({ params, body, about }) {
      const { id, name } = known(params.volume)
      about(name, body.kick ? 'sessions are ended' : '')
      return shown(await volumes.recreate(id, body))
    },
    async resizeVolume({ params, body, about }) {
      const { id, name, bytes } = known(params.volume)
      about(name, `${bytes} to ${body.bytes} bytes`)
      return shown(await volumes.resize(id, body.bytes, body))
    },
    publishVolume({ params, body, by, about }) {
      const volume = known(params.volume)
      about(volume.name, `as a version of ${body.image}`)
      return jobToWire(jobs.publish(volume, body.snapshot, { image: body.image, note: body.note, by: by.name }))
    },
    dumpVolume({ params, body, about }) {
      const volume = known(params.volume)
      about(volume.name, body.file)
      return jobToWire(jobs.dump(volume, body.file, body))
    },
    restoreVolume({ params, body, about }) {
      const volume = known(params.volume)
      about(volume.name, body.file)
      return jobToWire(jobs.restore(volume, body.file))
    },
    listVolumeJobs({ query }) {
      const all = jobs.all().map((job, index) => ({ job, key: `${1_000_000 + index}` }))
      return pageOf(
        all,
        query,
        ({ key }) => key,
        ({ job }) => jobToWire(job),
      )
    },
    getVolumeJob({ params }) {
      const job = jobs.get(params.job)
      if (!job)
        throw new Refusal('not-found', `there is no job ${params.job}: a restart of the server ends and forgets them`, {
          next: 'look at the volume, and start it again if it is not done',
        })
      return jobToWire(job)
    },
    async exportVolume({ params, body, by, about }) {
      const volume = known(params.volume)
      const to = [body.initiator ?? 'any initiator', body.address ?? 'any address'].join(' at ')
      about(volume.name, `${body.readOnly ? 'read-only ' : ''}to ${to}${body.chap ? ' with CHAP' : ''}`)
      const made = await targets.export(volume, body, by.name)
      return { ...toExport(made, volume.id, []), chapSecret: made.chap?.secret ?? null }
    },
    async endExport({ params, about }) {
      const volume = known(params.volume)
      about(volume.name, params.export)
      await targets.end(volume, params.export)
    },
    async examineVolume({ params, body, about }) {
      const volume = known(params.volume)
      const machine = machineOf(machines, body.machine)
      about(volume.name, `by ${machine.name}`)
      const made = await targets.examine(volume, machine.id)
      return { ...toExport(made, volume.id, []), chapSecret: made.chap?.secret ?? null }
    },
    async listSessions({ query }) {
      const sessions = (await targets.sessions()).sort((a, b) => (a.id < b.id ? -1 : 1))
      const page = pageOf(
        sessions,
        query,
        ({ id }) => id,
        (session) => session,
      )
      return { ...page, items: await Promise.all(page.items.map(toSession)) }
    },
    async endSession({ params, about }) {
      const { initiator, target, address } = await targets.kick(params.session)
      about(initiator, `${target} from ${address}`)
    },
    async listPools({ query }) {
      const { totalBytes, freeBytes, usedBytes, state, detail } = await volumes.room()
      const { kind } = volumes.pool
      const pools = [{ name: kind, kind, totalBytes, freeBytes, usedBytes, state, detail }]
      return pageOf(
        pools,
        query,
        ({ name }) => name,
        (pool) => pool,
      )
    },
    async resetMachine({ params, body, about }) {
      const machine = machineOf(machines, params.machine)
      about(machine.name, `${body.profile ?? 'all profiles'}${body.kick ? ', sessions are ended' : ''}`)
      return diskless.resetMachine(machine, body)
    },
  } satisfies HandlersOf<
    | 'listVolumes'
    | 'createVolume'
    | 'getVolume'
    | 'updateVolume'
    | 'deleteVolume'
    | 'createSnapshot'
    | 'deleteSnapshot'
    | 'revertVolume'
    | 'recreateVolume'
    | 'resizeVolume'
    | 'publishVolume'
    | 'dumpVolume'
    | 'restoreVolume'
    | 'listVolumeJobs'
    | 'getVolumeJob'
    | 'exportVolume'
    | 'endExport'
    | 'examineVolume'
    | 'listSessions'
    | 'endSession'
    | 'listPools'
    | 'resetMachine'
  >
}
