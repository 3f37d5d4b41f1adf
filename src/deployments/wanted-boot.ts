import type { Deployment } from './deployment.ts'
import type { DiskRecord } from './disk-records.ts'
import { isWritten } from './lifecycle.ts'

/** What the deployments of a machine want of its next boot. */
export type WantedBoot =
  | Readonly<{ what: 'agent'; deployment: string; reason: string }>
  /** `awaitsHome`: what is on the disk is told to phone home. */
  | Readonly<{ what: 'local'; deployment: string; profile: string; awaitsHome: boolean; reason: string }>
  | Readonly<{ what: 'park'; reason: string; next: string }>

/** `d`: the one whose turn it is. `undefined`: what the profile of the machine says. */
export function wantedBoot(d: Deployment | undefined, records: readonly DiskRecord[]): WantedBoot | undefined {
  if (d && (d.state === 'rebooting' || isWritten(d))) {
    const profile = d.action.kind === 'install' ? d.action.profile : 'local'
    const awaitsHome = d.order?.phonesHome === true
    return { what: 'local', deployment: d.id, profile, awaitsHome, reason: `${d.id} has written its disk` }
  }
  if (d) return { what: 'agent', deployment: d.id, reason: `${d.id} of ${d.orderedBy} is ${d.state}` }
  const half = records.find(({ halfWrittenBy }) => halfWrittenBy !== null)
  if (!half) return undefined
  const reason = `the disk ${half.serial} is half-written: ${half.halfWrittenBy} did not end well`
  return { what: 'park', reason, next: 'deploy it again, or wipe the disk' }
}
