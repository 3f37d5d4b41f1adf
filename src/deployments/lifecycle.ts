import type { MachineState } from '../machines/machine.ts'
import { type Deployment, type DeploymentState, isAtRest, type Task } from './deployment.ts'

/** Pure steps from state to state. Each returns the whole deployment; whoever calls saves it before acting on it. */

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** How long each wait may take, in milliseconds. */
export const PATIENCE = {
  armed: MINUTE_MS,
  /** From being switched on to the first request for a boot. */
  powering: 15 * MINUTE_MS,
  /** For a person to switch the machine. */
  person: 24 * HOUR_MS,
  /** From the request for a boot to the first word of the management OS. */
  booting: 10 * MINUTE_MS,
  /** Without a word of the management OS, which speaks every second. */
  silence: 10 * MINUTE_MS,
  rebooting: 15 * MINUTE_MS,
  /** From the start to the last byte. */
  whole: 48 * HOUR_MS,
} as const

/** After this long without a word the reason says so, in milliseconds. */
export const SILENT_MS = 90_000
/** How often a deployment that was not heard of any more is begun anew. */
export const MOST_ATTEMPTS = 2

/** States in which the management OS is expected to speak. */
export const TALKING: readonly DeploymentState[] = ['running', 'writing', 'verifying']

type Told = Readonly<{ reason: string; next: string }>

function into(d: Deployment, state: DeploymentState, told: Told, now: number, patience: number | null): Deployment {
  const end = (d.startedAt ?? now) + PATIENCE.whole
  const deadlineAt = patience === null ? null : Math.max(now, Math.min(now + patience, end))
  return { ...d, state, reason: told.reason, next: told.next, deadlineAt, updatedAt: now }
}

/** Waits in the queue, for this reason. The same deployment when nothing is new. */
export function waiting(d: Deployment, told: Told, now: number): Deployment {
  return d.reason === told.reason && d.next === told.next ? d : into(d, 'queued', told, now, null)
}

/** Its turn has come. `before`: the machine's state, to go back to. */
export function armed(d: Deployment, before: MachineState, now: number): Deployment {
  const disks = d.armed.map(({ disk }) => disk).join(', ')
  const reason = disks === '' ? 'it is next; no disk may be overwritten' : `it is next and may overwrite ${disks}`
  const begun = { ...d, startedAt: now, machineBefore: before === 'deploying' ? 'ready' : before }
  return into(
    begun,
    'armed',
    { reason, next: 'nothing: the machine is switched on or restarted now' },
    now,
    PATIENCE.armed,
  )
}

/** Whether all its tasks are done: what is left is to see the machine boot its own disk. */
export function isWritten({ tasks }: Pick<Deployment, 'tasks'>): boolean {
  return tasks.length > 0 && tasks.every(({ state }) => state === 'done')
}

/** Whether a disk holds what was ordered, whatever became of the deployment. */
export function isInstalled({ action, tasks }: Deployment): boolean {
  return action.kind === 'install' && isWritten({ tasks })
}

const switching = (d: Deployment): DeploymentState => (isWritten(d) ? 'rebooting' : 'powering')

export function beingSwitched(d: Deployment, driver: string, now: number): Deployment {
  const reason = `the machine is being switched on or restarted (${driver})`
  return into(d, switching(d), { reason, next: 'nothing: this takes a minute' }, now, PATIENCE.powering)
}

/** The management OS of the deployment before restarts the machine. */
export function restarting(d: Deployment, now: number): Deployment {
  const reason = 'the machine restarts by itself after the deployment before'
  return into(d, 'powering', { reason, next: 'nothing: this takes some minutes' }, now, PATIENCE.powering)
}

/** Power was switched and read back. */
export function switched(d: Deployment, driver: string, now: number): Deployment {
  const reason = `${driver} says the power is on; the machine has not asked for its boot yet`
  const next = 'it must boot from the network first: reveille why tells how far it got'
  return into(d, switching(d), { reason, next }, now, PATIENCE.powering)
}

/** Nothing can switch the machine, or it did not work: somebody has to. */
export function forPerson(d: Deployment, why: string, now: number): Deployment {
  const next = 'switch the machine on, or restart it, and let it boot from the network'
  return into(d, switching(d), { reason: why, next }, now, PATIENCE.person)
}

/** It asked for its boot and was given the management OS. */
export function booting(d: Deployment, now: number): Deployment {
  const again = TALKING.includes(d.state) ? 'started again and ' : ''
  const reason = `the machine ${again}loads the management OS`
  const next = 'nothing: it speaks within a few minutes; its console and reveille why tell more'
  return into(stoppedTask(d), 'booting', { reason, next }, now, PATIENCE.booting)
}

/** The management OS speaks and does what `what` says. */
export function talking(
  d: Deployment,
  state: 'running' | 'writing' | 'verifying',
  what: string,
  now: number,
): Deployment {
  const next = d.dirty
    ? 'leave it switched on; if the power fails it goes on where it was'
    : 'nothing: wait until it is done'
  return into(d, state, { reason: what, next }, now, PATIENCE.silence)
}

export function silent(d: Deployment, heardAt: number, now: number): Deployment {
  const reason = `the management OS was last heard ${Math.round((now - heardAt) / 1000)} seconds ago`
  const next = 'see its console: it has lost the network, or it stands still; it is begun anew after ten minutes'
  return { ...d, reason, next, deadlineAt: heardAt + PATIENCE.silence, updatedAt: now }
}

/** Everything is written; it waits to be seen booting its own disk. */
export function rebooting(d: Deployment, now: number): Deployment {
  const reason = 'everything is written and verified; the machine restarts and is to boot its own disk'
  return into(
    { ...d, progress: null },
    'rebooting',
    { reason, next: 'nothing: this takes some minutes' },
    now,
    PATIENCE.rebooting,
  )
}

/** What was written was started; it counts when it phones home. */
export function awaitingHome(d: Deployment, now: number, patienceMs: number): Deployment {
  const reason = 'everything is written and verified, and its system was started; it is to phone home'
  const next = 'nothing: its first start may take a while; its console and reveille why tell more'
  return into({ ...d, homeAwaitedAt: now }, 'rebooting', { reason, next }, now, patienceMs)
}

/** One more attempt after silence. */
export function anew(d: Deployment, now: number): Deployment {
  return { ...stoppedTask(d), attempts: d.attempts + 1, updatedAt: now }
}

function atRest(d: Deployment, state: DeploymentState, told: Told, now: number): Deployment {
  const tasks = d.tasks.map((task) =>
    task.state === 'waiting' || task.state === 'running' ? { ...task, state: 'skipped' as const, endedAt: now } : task,
  )
  const noticeDue = d.notify.webhook !== null || d.notify.email !== null
  return { ...into(d, state, told, now, null), tasks, progress: null, noticeDue, endedAt: now }
}

export function succeeded(d: Deployment, reason: string, now: number): Deployment {
  const next = d.reservedUntil === null ? '' : `it is kept until then; end it earlier: reveille deploy release ${d.id}`
  return atRest(d, 'succeeded', { reason, next }, now)
}

/** `why` ends without a full stop. What became of the machine is added. */
export function failed(d: Deployment, why: string, next: string, now: number): Deployment {
  return atRest(d, 'failed', { reason: `${why}; ${leftAs(d)}`, next }, now)
}

export function cancelled(d: Deployment, by: string, now: number): Deployment {
  const next = d.dirty ? 'deploy it again, or wipe it' : ''
  return atRest(d, 'cancelled', { reason: `${by} cancelled it; ${leftAs(d)}`, next }, now)
}

function leftAs(d: Deployment): string {
  if (d.dirty) return 'a disk is half-written, so the machine is parked and boots no disk'
  const wrote = d.tasks.some(({ work, state }) => (work.kind === 'flash' || work.kind === 'wipe') && state === 'done')
  if (d.state === 'rebooting') return 'what was written is whole, and the machine boots what its profile says'
  if (wrote) return 'what was written is whole, but not all was done'
  return 'no byte of a disk was changed'
}

/** A task that ran when the machine went away is done again from its start. */
function stoppedTask(d: Deployment): Deployment {
  const tasks = d.tasks.map((task) => (task.state === 'running' ? { ...task, state: 'waiting' as const } : task))
  return { ...d, tasks, progress: null }
}

/** The task to do now: the first that is neither done nor skipped. None after the end of the deployment, whatever happens. */
export function currentTask(d: Deployment): Task | undefined {
  if (isAtRest(d) || d.state === 'queued') return undefined
  return d.tasks.find(({ state }) => state === 'waiting' || state === 'running')
}

export function withTask(d: Deployment, id: string, change: Partial<Task>): Deployment {
  return { ...d, tasks: d.tasks.map((task) => (task.id === id ? { ...task, ...change } : task)) }
}
