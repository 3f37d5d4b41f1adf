import type { Principal } from '../../../access/user.ts'
import { DEPLOYMENT_STATES, type Deployment, isAtRest } from '../../../deployments/deployment.ts'
import type { NewOrder } from '../../../deployments/order.ts'
import { workText } from '../../../deployments/planning.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { NewDeployment } from '../../contract/deployments.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { readCursor, writeCursor } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'
import { machineOf } from './machines.ts'

type WireDeployment = ResponseOf<Contract['getDeployment']>
type Page = { cursor?: string | undefined; limit: number }

const OPEN = DEPLOYMENT_STATES.filter((state) => !isAtRest({ state }))

export function deploymentHandlers({ deployments, machines }: ApiDependencies) {
  const toWire = (d: Deployment): WireDeployment => ({
    id: d.id,
    machine: machines.get(d.machine)?.name ?? d.machine,
    machineId: d.machine,
    action: d.action,
    profile: d.action.kind === 'install' ? d.action.profile : null,
    arm: [...d.armed],
    state: d.state,
    reason: d.reason,
    next: d.next,
    ahead: isAtRest(d) ? 0 : deployments.ahead(d),
    deadlineAt: timeOrNull(d.deadlineAt),
    // What a task works with may hold passwords and keys: only the sentence goes out.
    tasks: d.tasks.map(({ work, startedAt, endedAt, ...task }) => ({
      ...task,
      kind: work.kind,
      what: workText(work),
      startedAt: timeOrNull(startedAt),
      endedAt: timeOrNull(endedAt),
    })),
    progress: d.progress && { ...d.progress, at: time(d.progress.at) },
    attempts: d.attempts,
    dirty: d.dirty,
    reservedUntil: timeOrNull(d.reservedUntil),
    release: d.release,
    notify: d.notify,
    orderedBy: d.orderedBy,
    createdAt: time(d.createdAt),
    startedAt: timeOrNull(d.startedAt),
    endedAt: timeOrNull(d.endedAt),
    updatedAt: time(d.updatedAt),
  })
  /** Scripts may hold secrets of those who wrote them. */
  const shown = (d: Deployment, by: Principal): WireDeployment => {
    const wire = toWire(d)
    const mine = d.orderedBy === by.name || by.role === 'operator' || by.role === 'admin'
    const action = wire.action.kind === 'script' && !mine ? { ...wire.action, script: '# not shown' } : wire.action
    return { ...wire, action, notify: mine ? wire.notify : { webhook: null, email: null } }
  }
  /** One more than asked for tells whether there is another page. */
  const paged = async (
    { cursor, limit }: Page,
    by: Principal,
    list: (page: { limit: number; before: number | undefined }) => Promise<Deployment[]>,
  ) => {
    const before = cursor === undefined ? undefined : Number(readCursor(cursor))
    if (before !== undefined && !Number.isSafeInteger(before))
      throw new Refusal('validation-failed', 'the cursor is not one of this list', { next: 'begin without a cursor' })
    const found = await list({ limit: limit + 1, before })
    const items = found.slice(0, limit)
    const last = items.at(-1)
    const next = found.length > limit && last ? writeCursor(String(last.sequence)) : null
    return { items: items.map((d) => shown(d, by)), next }
  }
  const known = async (id: string): Promise<Deployment> => {
    const found = await deployments.get(id)
    if (!found)
      throw new Refusal('not-found', `there is no deployment ${id}`, { next: 'list them: reveille deploy list' })
    return found
  }

  return {
    async createDeployment({ params, body, by, about }) {
      const machine = machineOf(machines, params.machine)
      const order = orderOf(body)
      const disks = order.arm.map(({ disk }) => disk).join(', ') || 'none'
      about(machine.name, `${what(order)}; armed disks: ${disks}`)
      const made = await deployments.create(machine.id, order, by)
      about(machine.name, `${made.id}: ${what(order)}; armed disks: ${disks}`)
      return shown(made, by)
    },
    async planDeployment({ params, body, by }) {
      const plan = await deployments.plan(machineOf(machines, params.machine).id, orderOf(body), by)
      return {
        ...plan,
        inventoryAt: timeOrNull(plan.inventoryAt),
        problems: [...plan.problems],
        steps: [...plan.steps],
        overwrites: plan.overwrites.map((each) => ({ ...each, contents: [...each.contents] })),
      }
    },
    listMachineDeployments({ params, query, by }) {
      const { id } = machineOf(machines, params.machine)
      return paged(query, by, (page) => deployments.ofMachine(id, page))
    },
    listDeployments({ query, by }) {
      const { state, open, q } = query
      const states = state ? [state] : open ? OPEN : undefined
      const text = q?.toLowerCase() ?? ''
      const named = () =>
        machines
          .all()
          .filter(({ name }) => name.includes(text))
          .map(({ id }) => id)
      const search = text === '' ? undefined : { text, machines: named() }
      return paged(query, by, (page) => deployments.list({ ...page, states, search }))
    },
    async getDeployment({ params, by }) {
      return shown(await known(params.deployment), by)
    },
    async cancelDeployment({ params, by, about }) {
      const { machine } = toWire(await known(params.deployment))
      about(machine, params.deployment)
      const ended = await deployments.cancel(params.deployment, by)
      about(machine, `${params.deployment}: ${ended.reason}`)
      return shown(ended, by)
    },
    async releaseDeployment({ params, by, about }) {
      about(toWire(await known(params.deployment)).machine, params.deployment)
      return shown(await deployments.release(params.deployment, by), by)
    },
    async getDeploymentLog({ params, query }) {
      await known(params.deployment)
      const lines = await deployments.log(params.deployment, Number(query.after), Number(query.limit))
      const items = lines.map((line) => ({ ...line, at: time(line.at) }))
      return { items, after: items.at(-1)?.n ?? Number(query.after) }
    },
    async getInventory({ params }) {
      const machine = machineOf(machines, params.machine)
      const taken = await deployments.inventoryOf(machine.id)
      if (!taken)
        throw new Refusal('not-found', `nobody has looked into ${machine.name} yet`, {
          next: `look: reveille deploy ${machine.name} --inventory`,
        })
      return { takenAt: time(taken.takenAt), inventory: taken.inventory }
    },
  } satisfies HandlersOf<
    | 'createDeployment'
    | 'planDeployment'
    | 'listMachineDeployments'
    | 'listDeployments'
    | 'getDeployment'
    | 'cancelDeployment'
    | 'releaseDeployment'
    | 'getDeploymentLog'
    | 'getInventory'
  >
}

/** What is ordered: an action, or a profile as the short form of `install`. */
function orderOf({ profile, action, arm, reservedUntil, release, notify }: NewDeployment): NewOrder {
  if ((profile === undefined) === (action === undefined))
    throw new Refusal('validation-failed', 'an order names a profile or an action, and not both', {
      problems: [{ path: 'profile', message: 'give profile, or action' }],
    })
  const armed = arm === undefined ? [] : Array.isArray(arm) ? arm : [arm]
  const twice = armed.find(({ disk }, i) => armed.findIndex((other) => other.disk === disk) !== i)
  if (twice)
    throw new Refusal('validation-failed', `the disk ${twice.disk} is armed twice`, {
      problems: [{ path: 'arm', message: 'name each disk once' }],
    })
  return {
    action: action ?? { kind: 'install', profile: profile as string },
    arm: armed,
    reservedUntil: reservedUntil === null ? null : Date.parse(reservedUntil),
    release,
    notify,
  }
}

function what({ action }: NewOrder): string {
  return action.kind === 'install' ? `install ${action.profile}` : action.kind
}
