import { randomBytes } from 'node:crypto'
import type { Deployment } from './deployment.ts'

/** One that waits and asks for nothing yet, under a new id; times in milliseconds since 1970. */
export function blankDeployment(machine: string, orderedBy: string, now: number): Deployment {
  return {
    id: `d_${randomBytes(8).toString('hex')}`,
    sequence: 0,
    machine,
    action: { kind: 'inventory' },
    order: null,
    armed: [],
    follows: null,
    state: 'queued',
    reason: 'it waits for its turn',
    next: 'nothing: those before it end first',
    deadlineAt: null,
    tasks: [],
    progress: null,
    attempts: 0,
    dirty: false,
    reservedUntil: null,
    release: 'leave',
    releasedAt: null,
    machineBefore: null,
    noticeDue: false,
    notify: { webhook: null, email: null },
    orderedBy,
    createdAt: now,
    startedAt: null,
    endedAt: null,
    updatedAt: now,
  }
}
