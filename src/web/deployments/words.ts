import type { Deployment } from '../../api/contract/deployments.ts'
import { bytes, count } from '../parts/words.ts'

type State = Deployment['state']
/** Which disk is meant. */
export type DiskHints = Extract<Deployment['action'], { kind: 'capture' }>['disk']

/** What the list is filtered for. `show`: those not at rest unless said otherwise, all, or those of one state. */
export type DeploymentFilter = { q?: string; show?: 'all' | State }

/** Pure answers about deployments, in words for people. */
export function isOpen({ state }: Pick<Deployment, 'state'>): boolean {
  return state !== 'succeeded' && state !== 'failed' && state !== 'cancelled'
}

/** What is ordered, in a few words. */
export function orderOf({ action }: Pick<Deployment, 'action'>): string {
  switch (action.kind) {
    case 'install':
      return `install ${action.profile}`
    case 'capture':
      return `capture as ${action.image}`
    case 'wipe':
      return 'wipe'
    case 'inventory':
      return 'take inventory'
    case 'script':
      return 'run a script'
  }
}

/** A disk that is meant, by its hints. */
export function hintsText(hints: DiskHints): string {
  const size =
    hints.leastBytes !== undefined && hints.mostBytes !== undefined
      ? `${bytes(hints.leastBytes)} to ${bytes(hints.mostBytes)}`
      : hints.leastBytes !== undefined
        ? `at least ${bytes(hints.leastBytes)}`
        : hints.mostBytes !== undefined
          ? `at most ${bytes(hints.mostBytes)}`
          : null
  const parts = [
    hints.serial && `serial ${hints.serial}`,
    hints.wwn && `WWN ${hints.wwn}`,
    hints.model && `model ${hints.model}`,
    hints.byPath && `at ${hints.byPath}`,
    hints.transport,
    hints.rotational === undefined ? null : hints.rotational ? 'rotating' : 'solid state',
    size,
  ].filter(Boolean)
  return parts.length > 0 ? parts.join(', ') : 'the armed disk'
}

/** What cancelling would mean, said before it is done. */
export function cancelMeans({ state, dirty, action, machine }: Deployment): string {
  if (state === 'queued' || state === 'armed') return `Nothing was begun. ${machine} is not touched.`
  if (action.kind === 'inventory' || action.kind === 'capture')
    return `It only reads: the disks of ${machine} stay as they are. It boots its usual profile the next time.`
  if (!dirty)
    return `No byte of a disk was written: ${machine} stays what it was and boots its usual profile the next time.`
  if (state === 'rebooting')
    return `Everything was written already. ${machine} is left as it is, but nobody waits to see whether it boots.`
  return `A disk of ${machine} is half written. The machine is parked and never booted from that disk, until another deployment has written it whole.`
}

/** What ending the reserved time now would mean. */
export function releaseMeans({ release, machine, action }: Deployment): string {
  switch (release) {
    case 'leave':
      return `${machine} is left as it is; others may be deployed on it.`
    case 'save':
      return `The disks of ${machine} whose images are written back (by profile ${
        action.kind === 'install' ? action.profile : ''
      }) are saved as new versions, by the management OS.`
    case 'wipe':
      return `The disks that were armed are wiped, by the management OS. What is on them is gone.`
  }
}

export const RELEASE_WORDS: Readonly<Record<Deployment['release'], string>> = {
  leave: 'leave the machine as it is',
  save: 'save its write-back images, then leave it',
  wipe: 'wipe the armed disks',
}

/** Where a deployment stands among the steps that every one goes through. */
const WAY: readonly State[] = [
  'queued',
  'armed',
  'powering',
  'booting',
  'running',
  'writing',
  'verifying',
  'rebooting',
  'succeeded',
]
export type WayStep = { state: State; at: 'done' | 'now' | 'ahead' }

/** The way of a deployment. One that only reads has no writing, verifying and rebooting to expect. */
export function wayOf({ state, action }: Pick<Deployment, 'state' | 'action'>): WayStep[] {
  const reads = action.kind === 'inventory' || action.kind === 'capture' || action.kind === 'script'
  const steps = WAY.filter(
    (each) => each === state || !reads || !(each === 'writing' || each === 'verifying' || each === 'rebooting'),
  )
  const at = steps.indexOf(state)
  return steps.map((each, index) => ({
    state: each,
    at: at < 0 ? 'ahead' : index < at || state === 'succeeded' ? 'done' : index === at ? 'now' : 'ahead',
  }))
}

/** How much of what a flash or capture had to look at really had to be fetched and written. */
export function savedText({ doneBytes, fetchedBytes, writtenBytes }: NonNullable<Deployment['progress']>): string {
  return `${bytes(fetchedBytes)} fetched, ${bytes(writtenBytes)} written${
    doneBytes > writtenBytes && writtenBytes > 0 ? `; ${bytes(doneBytes - writtenBytes)} were right already` : ''
  }`
}

/** `next in line`, `2 before it`. */
export function aheadText(ahead: number): string {
  return ahead === 0 ? 'next in line' : `${count(ahead, 'deployment')} before it`
}
