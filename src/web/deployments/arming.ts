import type { DeploymentPlan, NewDeployment } from '../../api/contract/deployments.ts'
import type { Inventory } from '../machines/inventory.ts'
import { bytes } from '../parts/words.ts'
import type { DiskHints } from './words.ts'

/** A disk that somebody may arm: what it is and what would be gone. */
export type Candidate = Readonly<{
  serial: string
  model: string | null
  bytes: number | null
  fingerprint: string | null
  partition: number | null
  contents: readonly string[]
  /** What it gets. */
  image: string | null
}>

/** How many of the last characters of a serial number are typed. */
const TYPED = 4

/** What is to be typed to arm a disk: the end of its serial number, all of one that is shorter. */
export function wordOf(serial: string): string {
  return serial.trim().slice(-TYPED)
}

/** Whether what was typed is the end of the serial number; upper and lower case alike, as labels on disks are read. */
export function isArmed(serial: string, typed: string): boolean {
  const said = typed.trim().toLowerCase()
  return said !== '' && (said === wordOf(serial).toLowerCase() || said === serial.trim().toLowerCase())
}

/** The disks that a plan would overwrite; one of which two partitions are written is armed once. */
export function candidatesOf(plan: DeploymentPlan): Candidate[] {
  const bySerial = new Map<string, Candidate>()
  for (const { disk, model, bytes, fingerprint, partition, contents, image } of plan.overwrites) {
    const before = bySerial.get(disk)
    bySerial.set(disk, {
      serial: disk,
      model,
      bytes,
      fingerprint,
      partition: before ? null : partition,
      contents: [...new Set([...(before?.contents ?? []), ...contents])],
      image: [before?.image, image].filter(Boolean).join(', ') || null,
    })
  }
  return [...bySerial.values()]
}

/** The disks of a machine that can be armed: those that can be written and have a serial number. */
export function candidatesIn(inventory: Inventory): Candidate[] {
  return inventory.disks.flatMap((disk) =>
    disk.serial && !disk.readOnly
      ? [
          {
            serial: disk.serial,
            model: disk.model,
            bytes: disk.bytes,
            fingerprint: disk.fingerprint,
            partition: null,
            contents: contentsOf(disk),
            image: null,
          },
        ]
      : [],
  )
}

function contentsOf(disk: Inventory['disks'][number]): string[] {
  const said = (facts: { type: string; label: string | null }) =>
    `${facts.type}${facts.label ? ` “${facts.label}”` : ''}`
  if (disk.partitions.length === 0) return disk.filesystem ? [said(disk.filesystem)] : []
  return disk.partitions.map(
    ({ number, name, bytes: size, filesystem }) =>
      `partition ${number}${name ? ` “${name}”` : ''}: ${filesystem ? said(filesystem) : 'nothing that is known'}, ${bytes(size)}`,
  )
}

type Arm = Extract<NonNullable<NewDeployment['arm']>, readonly unknown[]>

/** What the order says of the disks that may be overwritten. */
export function armOf(candidates: readonly Candidate[], armed: ReadonlySet<string>): Arm {
  return candidates
    .filter(({ serial }) => armed.has(serial))
    .map(({ serial, bytes, fingerprint }) => ({ disk: serial, bytes, fingerprint }))
}

/**
 * The disks to choose from for a profile: those that the plan names, and all of the machine where a target says nothing of its
 * disk, because then the armed one is meant.
 */
export function offered(
  plan: DeploymentPlan,
  inventory: Inventory | undefined,
  targets: readonly { disk: DiskHints }[],
): Candidate[] {
  const named = candidatesOf(plan)
  const anyDisk = targets.some(({ disk }) => Object.values(disk).every((hint) => hint === undefined))
  if (!anyDisk || !inventory) return named
  const rest = candidatesIn(inventory).filter(({ serial }) => !named.some((each) => each.serial === serial))
  return [...named, ...rest].toSorted((a, b) => a.serial.localeCompare(b.serial))
}
