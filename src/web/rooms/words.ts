import type { Batch } from '../../api/contract/rooms.ts'
import { count } from '../parts/words.ts'

export type BatchAction = Batch['action']

/** What each action is called, what it does, and whether something is lost by it. `reset` is of the disks, not of the power. */
export const ACTIONS: Readonly<
  Record<BatchAction, { word: string; title: string; does: string; danger: boolean; profile: boolean }>
> = {
  on: {
    word: 'Switch on',
    title: 'Switch on',
    does: 'They boot what they are to boot.',
    danger: false,
    profile: false,
  },
  soft: {
    word: 'Shut down',
    title: 'Shut down',
    does: 'Their systems are asked to shut down, as with a press on the power button. Who works there is asked nothing.',
    danger: false,
    profile: false,
  },
  off: {
    word: 'Switch off hard',
    title: 'Switch off',
    does: 'Their power is cut now. What was not saved is lost, and files that are being written may be damaged.',
    danger: true,
    profile: false,
  },
  cycle: {
    word: 'Off and on again',
    title: 'Switch off and on',
    does: 'Their power is cut and comes back. What was not saved is lost, and files that are being written may be damaged.',
    danger: true,
    profile: false,
  },
  reset: {
    word: 'Reset disks',
    title: 'Reset the disks of',
    does: 'Their own writes to their diskless disks are dropped: files, settings, installed programs. Machines that are logged in are reset at their next boot. Images, shared volumes and local disks stay.',
    danger: true,
    profile: false,
  },
  boot: {
    word: 'Set profile',
    title: 'Set the profile of',
    does: 'What they boot from now on. Nothing is restarted now.',
    danger: false,
    profile: true,
  },
  'boot-once': {
    word: 'Boot once',
    title: 'Order the next boot of',
    does: 'Used up by one boot; after that they boot their own profile again. Nothing is restarted now.',
    danger: false,
    profile: true,
  },
  switch: {
    word: 'Switch to…',
    title: 'Switch',
    does: 'They boot another profile just once, at once: their power is cut and comes back. What was not saved is lost.',
    danger: true,
    profile: true,
  },
}

/** `Switch 12 machines to windows`. */
export function batchTitle(batch: Pick<Batch, 'action' | 'profile' | 'total'>): string {
  const { title } = ACTIONS[batch.action]
  return `${title} ${count(batch.total, 'machine')}${batch.profile ? ` to ${batch.profile}` : ''}`
}

/** Those that failed, together where they failed for the same reason; the most frequent reason first. */
export function failures(batch: Pick<Batch, 'machines'>): readonly { detail: string; machines: readonly string[] }[] {
  const by = new Map<string, string[]>()
  for (const { machine, state, detail } of batch.machines) {
    if (state !== 'failed') continue
    const reason = withoutName(detail, machine)
    by.set(reason, [...(by.get(reason) ?? []), machine])
  }
  return [...by]
    .map(([detail, machines]) => ({ detail, machines }))
    .toSorted((a, b) => b.machines.length - a.machines.length)
}

/** The name of the machine itself in a sentence would make each reason another one. */
function withoutName(detail: string, machine: string): string {
  const rest = detail.startsWith(machine) ? detail.slice(machine.length) : ''
  return (/^[,:] /.test(rest) ? rest.slice(2) : detail).replaceAll(machine, 'it')
}

type States = Record<Batch['machines'][number]['state'], number>

/** How many machines of a batch are in each state. */
export function tally(batch: Pick<Batch, 'machines'>): States {
  const states: States = { waiting: 0, running: 0, succeeded: 0, failed: 0, skipped: 0 }
  for (const { state } of batch.machines) states[state]++
  return states
}

/** How it stands or ended, in one sentence. */
export function batchSentence(batch: Pick<Batch, 'machines'>): string {
  const { waiting, running, succeeded, failed, skipped } = tally(batch)
  const parts = [`${succeeded} of ${count(batch.machines.length, 'machine')} done`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (waiting + running > 0) parts.push(`${waiting + running} to come`)
  if (skipped > 0) parts.push(`${skipped} left out`)
  return `${parts.join(', ')}.`
}

/** How long a staggered batch takes to start them all. */
export function startsIn(machines: number, staggerSeconds: number): string {
  const seconds = Math.round(Math.max(0, machines - 1) * staggerSeconds)
  if (seconds === 0) return 'All at once.'
  return seconds < 90
    ? `The last one starts after ${seconds} s.`
    : `The last one starts after ${Math.round(seconds / 60)} min.`
}
