import { Refusal } from '../kit/errors.ts'
import type { AttachedDisk, Attachment } from './attachment.ts'

/** How a volume is to be used: writable, read-only as it is now, or in a frozen state. */
export type Use = Readonly<{ volume: string; readOnly: boolean; snapshot: string | null }>

/**
 * Whether two uses of one volume cannot be side by side: what is written has one user. Frozen states bother nobody, and many may read what
 * nobody writes.
 */
export function clashes(one: Use, other: Use): boolean {
  if (one.volume !== other.volume || one.snapshot !== null || other.snapshot !== null) return false
  return !one.readOnly || !other.readOnly
}

/** Those of `attachments` that a use cannot be beside. */
export function clashing(use: Use, attachments: readonly Attachment[]): Attachment[] {
  return attachments.filter(({ disks }) => disks.some((disk) => clashes(use, disk)))
}

/** For people: what an attachment is for. */
export function purposeOf({ for: purpose }: Attachment, machineName: (id: string) => string): string {
  if (purpose.kind === 'boot') return `machine ${machineName(purpose.machine)}`
  if (purpose.kind === 'export') return `an export by ${purpose.by}`
  return `examination by machine ${machineName(purpose.machine)}`
}

/** What somebody looks at, because it was set aside, stays as it is meanwhile. */
export function refuseExamined({ name }: Readonly<{ name: string }>, holding: readonly Attachment[]): void {
  if (holding.some((each) => each.for.kind === 'examination'))
    throw new Refusal('in-use', `the volume ${name} is being examined`, {
      next: `end that first: reveille volume unexport ${name}`,
    })
}

/** What is set aside is written by nobody, and what is out of service is read by nobody either. Frozen states may go on being read. */
export function refuseExported(
  { id, name }: Readonly<{ id: string; name: string }>,
  holding: readonly Attachment[],
  condition: 'modified' | 'offline' | 'mounted' | 'damaged',
): void {
  const uses = (disk: AttachedDisk) =>
    disk.volume === id && disk.snapshot === null && (condition === 'offline' || !disk.readOnly)
  const served = holding.find((each) => each.for.kind === 'export' && each.disks.some(uses))
  if (served)
    throw new Refusal('in-use', `the volume ${name} is exported`, {
      next: `end that first: reveille volume unexport ${name} ${served.id}`,
    })
}
