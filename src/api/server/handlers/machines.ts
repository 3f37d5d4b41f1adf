import { Refusal } from '../../../kit/errors.ts'
import { orMeant } from '../../../kit/nearest.ts'
import type { Machine } from '../../../machines/machine.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { inOrder, machineKey } from '../machine-order.ts'
import { pageOf } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'

type WireMachine = ResponseOf<Contract['getMachine']>
type Filter = { [Key in 'state' | 'tag' | 'profile' | 'boot' | 'power' | 'q']?: string | undefined }
type Around = Pick<ApiDependencies, 'traces' | 'lab' | 'powers'>

/** The machine that an id, a name or a MAC names; refused (`not-found`) when none does. */
export function machineOf(machines: ApiDependencies['machines'], reference: string): Machine {
  const machine = machines.find(reference)
  if (!machine) {
    const names = machines.all().map(({ name }) => name)
    throw new Refusal('not-found', `there is no machine ${reference}`, {
      next: orMeant(reference, names, 'name one by id, name or MAC; list them: reveille machine list'),
    })
  }
  return machine
}

function machineToWire(machine: Machine, { traces, lab, powers }: Around): WireMachine {
  const trace = traces.newest(machine.macs)
  return {
    ...machine,
    macs: [...machine.macs],
    tags: [...machine.tags],
    nextBoot: orderToWire(machine.nextBoot),
    lab: machine.macs.map((mac) => lab?.nameOf(mac)).find((name) => name !== undefined) ?? null,
    createdAt: time(machine.createdAt),
    updatedAt: time(machine.updatedAt),
    lastSeenAt: timeOrNull(machine.lastSeenAt),
    power: powers.reading(machine.id)?.state ?? null,
    boot: trace
      ? {
          trace: trace.id,
          state: trace.state,
          stage: trace.stage,
          headline: trace.headline,
          updatedAt: time(trace.updatedAt),
        }
      : null,
  }
}

function orderToWire(order: Machine['nextBoot']): WireMachine['nextBoot'] {
  return order && { profile: order.profile, orderedAt: time(order.orderedAt), orderedBy: order.orderedBy }
}

function matches(machine: Machine, { state, tag, profile, boot, power, q }: Filter, around: Around): boolean {
  if (state !== undefined && machine.state !== state) return false
  if (tag !== undefined && !machine.tags.includes(tag)) return false
  if (profile !== undefined && machine.profile !== profile && machine.nextBoot?.profile !== profile) return false
  if (power !== undefined && around.powers.reading(machine.id)?.state !== power) return false
  if (boot !== undefined && around.traces.newest(machine.macs)?.state !== boot) return false
  if (q === undefined || q === '') return true
  const { name, ip, lastAddress, serial, hostname, notes, macs, tags } = machine
  const has = (text: string | null) => text?.toLowerCase().includes(q) === true
  return [name, ip, lastAddress, serial, hostname, notes].some(has) || macs.some(has) || tags.some(has)
}

export function machineHandlers({ machines, previewScript, ...around }: ApiDependencies) {
  const { traces, powers } = around
  const find = (reference: string) => machineOf(machines, reference)
  const toWire = (machine: Machine) => machineToWire(machine, around)
  const choiceOf = (machine: Machine) => ({ profile: machine.profile, once: orderToWire(machine.nextBoot) })
  return {
    listMachines({ query }) {
      const filter = { ...query, q: query.q?.toLowerCase() }
      const found = machines.all().filter((machine) => matches(machine, filter, around))
      const known = ({ id, macs }: Machine) => ({
        power: powers.reading(id)?.state ?? null,
        bootAt: traces.newest(macs)?.updatedAt ?? null,
      })
      const { sort, order } = query
      const keyed = inOrder(found, order, (machine) => machineKey(machine, sort, order, () => known(machine)), sort)
      return pageOf(
        keyed,
        query,
        ({ key }) => key,
        ({ machine }) => toWire(machine),
      )
    },
    async createMachine({ body, by, about }) {
      about(body.name ?? body.macs[0] ?? '')
      const machine = await machines.create(body, by.name)
      about(machine.name, `macs ${machine.macs.join(', ')}`)
      return toWire(machine)
    },
    getMachine: ({ params }) => toWire(find(params.machine)),
    async updateMachine({ params, body, by, about }) {
      const machine = find(params.machine)
      about(machine.name, `changes ${Object.keys(body).join(', ')}`)
      return toWire(await machines.update(machine.id, body, by.name))
    },
    async deleteMachine({ params, by, about }) {
      const machine = find(params.machine)
      about(machine.name)
      await machines.remove(machine.id, by.name)
    },
    async approveMachine({ params, body, by, about }) {
      const machine = find(params.machine)
      about(machine.name)
      const approved = await machines.approve(machine.id, body, by.name)
      about(approved.name, `was ${machine.name}; profile ${approved.profile ?? 'none'}`)
      return toWire(approved)
    },
    getBoot: ({ params }) => choiceOf(find(params.machine)),
    async setBoot({ params, body, by, about }) {
      const machine = find(params.machine)
      const chosen = Object.entries(body).map(([what, profile]) => `${what} ${profile ?? 'none'}`)
      about(machine.name, chosen.join(', '))
      return choiceOf(await machines.setBoot(machine.id, body, by.name))
    },
    previewScript: ({ params }) => previewScript(find(params.machine)),
  } satisfies HandlersOf<
    | 'listMachines'
    | 'createMachine'
    | 'getMachine'
    | 'updateMachine'
    | 'deleteMachine'
    | 'approveMachine'
    | 'getBoot'
    | 'setBoot'
    | 'previewScript'
  >
}
