import type { Deployment, DeploymentPlan } from '../api/contract/deployments.ts'
import { printable } from '../kit/printable.ts'
import { facts, table } from './table.ts'
import { type Paint, paint, type Terminal } from './terminal.ts'
import { ago, bytes, duration } from './units.ts'

const STATE_PAINT: Partial<Readonly<Record<Deployment['state'], Paint>>> = {
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

export function isOver({ state }: Pick<Deployment, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled'
}

/** What was ordered, in a few words. */
export function orderText({ action }: Pick<Deployment, 'action'>): string {
  switch (action.kind) {
    case 'install':
      return `install ${action.profile}`
    case 'capture':
      return `capture into ${action.image}`
    case 'wipe':
      return `wipe (${action.method})`
    default:
      return action.kind
  }
}

/** Phase, share, rate and time left of the running task; empty when nothing is told. */
export function progressText(progress: Deployment['progress']): string {
  if (!progress) return ''
  const { phase, doneBytes, totalBytes, fetchedBytes, writtenBytes, bytesPerSecond, secondsLeft } = progress
  const share = totalBytes > 0 ? ` ${Math.floor((doneBytes / totalBytes) * 100)} %` : ''
  const of = totalBytes > 0 ? ` (${bytes(doneBytes)} of ${bytes(totalBytes)})` : ''
  const left = secondsLeft === null ? '' : `, ${duration(secondsLeft * 1000)} left`
  return `${printable(phase)}${share}${of} at ${bytes(bytesPerSecond)}/s${left}; fetched ${bytes(fetchedBytes)}, wrote ${bytes(writtenBytes)}`
}

export function stateText(terminal: Terminal, { state, reason }: Pick<Deployment, 'state' | 'reason'>): string {
  return `${paint(terminal, STATE_PAINT[state] ?? 'cyan', state)}: ${printable(reason)}`
}

export function deploymentText(terminal: Terminal, deployment: Deployment, now: number): string {
  const { tasks, progress } = deployment
  const head = facts([
    ['id', deployment.id],
    ['machine', deployment.machine],
    ['order', orderText(deployment)],
    ['state', stateText(terminal, deployment)],
    ['what to do', isOver(deployment) && deployment.state === 'succeeded' ? '' : printable(deployment.next)],
    ['progress', progressText(progress)],
    ['before it', deployment.ahead > 0 ? `${deployment.ahead} other deployments` : ''],
    ['armed', deployment.arm.map(({ disk }) => disk).join(', ')],
    ['deadline', ago(deployment.deadlineAt, now)],
    [
      'reserved',
      deployment.reservedUntil === null ? '' : `until ${deployment.reservedUntil}, then ${deployment.release}`,
    ],
    ['ordered', `${ago(deployment.createdAt, now)} by ${deployment.orderedBy}`],
    ['ended', ago(deployment.endedAt, now)],
  ])
  if (tasks.length === 0) return head
  const rows = tasks.map(({ what, state, summary }) => [state, what, summary])
  return `${head}\n${table(['state', 'task', 'what came of it'], rows, terminal.columns)}`
}

export function planText(terminal: Terminal, plan: DeploymentPlan): string {
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? ''
      : `${paint(terminal, 'bold', title)}\n${lines.map((line) => `  - ${printable(line)}\n`).join('')}`
  const overwrites = plan.overwrites.map(({ disk, model, bytes: size, partition, armed, contents, image }) => {
    const what = `${partition === null ? 'disk' : `partition ${partition} of disk`} ${disk} (${[model, bytes(size)].filter(Boolean).join(', ')})`
    const now = contents.length === 0 ? 'nothing is known to be on it' : `it holds ${contents.join('; ')}`
    return `${what}${image === null ? '' : ` gets ${image}`}; ${now}${armed ? '' : '; NOT ARMED'}`
  })
  const verdict = plan.possible
    ? paint(terminal, 'green', 'It can be done.')
    : paint(terminal, 'red', 'It cannot be done so.')
  return [
    list('What would be overwritten:', overwrites),
    list('Steps:', plan.steps),
    list('Problems:', plan.problems),
    `${verdict} Nothing was queued.\n`,
  ].join('')
}
