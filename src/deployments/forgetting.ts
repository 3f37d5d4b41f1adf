import { Refusal } from '../kit/errors.ts'
import type { Deployment } from './deployment.ts'
import type { DiskRecord } from './disk-records.ts'

/** Why a machine (by name) cannot be forgotten, as a `Refusal`: what is open on it, or a disk that only it is known to have half-written. */
export function refuseForgetting(
  name: string,
  open: readonly Pick<Deployment, 'id'>[],
  records: readonly DiskRecord[],
): void {
  const ids = open.map(({ id }) => id)
  if (ids.length > 0)
    throw new Refusal(
      'in-use',
      `${name} has ${ids.length > 1 ? 'open deployments' : 'an open deployment'}: ${ids.join(', ')}`,
      {
        next: `cancel ${ids.length > 1 ? 'them' : 'it'}: ${ids.map((each) => `reveille deploy cancel ${each}`).join('; ')}`,
      },
    )
  const half = records.find(({ halfWrittenBy }) => halfWrittenBy !== null)
  if (half)
    throw new Refusal(
      'wrong-state',
      `the disk ${half.serial} of ${name} is half-written (${half.halfWrittenBy}), and only ${name} knows`,
      {
        next: `deploy it again or wipe that disk; if the hardware is gone: reveille machine set ${name} --state retired`,
      },
    )
}
