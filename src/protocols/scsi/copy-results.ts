import { u32 } from './cdb.ts'
import { operatingParameters } from './copy-limits.ts'
import { CopyOperation } from './copy-plan.ts'
import { encodeCopyStatus, encodeFailureDetails } from './copy-sense.ts'
import type { Plan } from './plan.ts'
import { SENSE } from './sense.ts'

/** Copies that are done and whose results one nexus has not asked for; older ones are forgotten. */
const MOST_RESULTS = 16

/** The copies of one nexus at one unit, by their list identifiers (SPC-4, 5.17.4.2). They go with the session. */
export class CopyResults {
  readonly #operations = new Map<number, CopyOperation>()

  /** A copy begins; `undefined` when its identifier is in use. A result with that identifier is forgotten. */
  begin(id: number | undefined): CopyOperation | undefined {
    const operation = new CopyOperation()
    if (id === undefined) return operation
    if (this.#operations.get(id)?.state === 'running') return undefined
    this.#operations.delete(id)
    this.#operations.set(id, operation)
    const done = [...this.#operations].filter(([, one]) => one.state !== 'running')
    for (const [old] of done.slice(0, Math.max(0, done.length - MOST_RESULTS))) this.#operations.delete(old)
    return operation
  }

  /** The unit was reset. Copies under way are aborted by whoever does them. */
  reset(): undefined {
    this.#operations.clear()
  }

  /** RECEIVE COPY STATUS(LID1), OPERATING PARAMETERS and FAILURE DETAILS(LID1) (SPC-4, 6.25, 6.22, 6.23). */
  plan(cdb: Uint8Array, plan: Plan): undefined {
    const room = u32(cdb, 10)
    const action = cdb[1]! & 0x1f
    if (action === 3) return plan.answer(operatingParameters(), room)
    const id = cdb[2]!
    const one = this.#operations.get(id)
    if (!one || (action === 0 ? !one.hasStatus : one.state === 'running')) return plan.fail(SENSE.invalidField)
    if (action === 0) {
      plan.answer(encodeCopyStatus(STATES.indexOf(one.state), one.segments, one.bytes), room)
      if (one.state !== 'running') one.hasStatus = false
    } else if (one.hasDetails) {
      const details = encodeFailureDetails(one.status, one.sense)
      plan.answer(details, room)
      // Kept until all of it was taken, or nothing of it is wanted.
      if (room === 0 || room >= details.length) one.hasDetails = false
    } else plan.answer(new Uint8Array(4), room)
    if (one.state !== 'running' && !one.hasStatus && !one.hasDetails) this.#operations.delete(id)
  }
}

/** In the order of their codes (SPC-4, table 254). */
const STATES = ['running', 'done', 'failed']
