import type { DiskFacts, Inventory } from '../machines/inventory.ts'
import type { Deployment, Identity, PinnedTarget, Task, TaskDisk, TaskWork } from './deployment.ts'
import type { DiskRecord } from './disk-records.ts'
import type { DiskHints } from './hints.ts'
import { diskText, listed, matchDisk, refuseUnarmed, sizeText, strayArms } from './match.ts'

type Planned = Pick<Deployment, 'id' | 'action' | 'order' | 'armed' | 'follows'>

/** What the machine is known to have. */
export type PlanFacts = Readonly<{ machine: string; inventory: Inventory; records: readonly DiskRecord[] }>

/** One write of a plan, for showing. */
export type Overwrite = Readonly<{ disk: DiskFacts; partition: number | null; armed: boolean; image: string | null }>

/**
 * What a deployment does on this hardware, in order: first what was promised to be saved, then what writes. With problems nothing
 * is done at all.
 */
export type TaskPlan = Readonly<{
  works: readonly TaskWork[]
  overwrites: readonly Overwrite[]
  problems: readonly string[]
  /** What is good to know and stops nothing. */
  notes: readonly string[]
}>

export function planTasks(deployment: Planned, facts: PlanFacts): TaskPlan {
  const { action } = deployment
  switch (action.kind) {
    case 'install':
      return planInstall(deployment, facts)
    case 'wipe':
      return planWipe(deployment, facts, action.method)
    case 'capture':
      return planCapture(action, facts)
    case 'inventory': {
      const saves = deployment.follows === null ? { works: [], notes: [] } : savesFirst(facts)
      const works: TaskWork[] = [{ kind: 'inventory' }, ...saves.works, REBOOT]
      return { works, overwrites: [], problems: [], notes: saves.notes }
    }
    case 'script': {
      const run: TaskWork = { kind: 'script', script: action.script, timeoutSeconds: action.timeoutSeconds }
      return { works: [run, REBOOT], overwrites: [], problems: [], notes: [] }
    }
  }
}

/** Nothing but what a config says. */
const NOBODY: Identity = {
  ...{ hostname: null, sshKeys: [], passwordHash: null },
  ...{ userData: null, metaData: null, ignition: null },
}
const REBOOT: TaskWork = { kind: 'finish', how: 'reboot' }

/** Tasks as they begin. */
export function tasksOf(deployment: Pick<Deployment, 'id'>, works: readonly TaskWork[]): Task[] {
  return works.map((work, i) => ({
    id: `${deployment.id}.${i + 1}`,
    work,
    state: 'waiting',
    summary: '',
    result: null,
    startedAt: null,
    endedAt: null,
  }))
}

function planInstall({ order, armed }: Planned, facts: PlanFacts): TaskPlan {
  const { machine, inventory } = facts
  const saves = savesFirst(facts)
  const problems = strayArms(armed, inventory)
  const overwrites: Overwrite[] = []
  const flashes: TaskWork[] = []
  for (const target of order?.targets ?? []) {
    const hints = hintsOf(target, armed)
    if (typeof hints === 'string') {
      problems.push(hints)
      continue
    }
    const match = matchDisk(hints, inventory.disks)
    if (match.problem !== undefined) {
      if (!problems.some((known) => known.endsWith(match.problem)))
        problems.push(`for ${target.image} ${match.problem}`)
      continue
    }
    const { disk } = match
    const unarmed = refuseUnarmed(disk, armed, machine)
    if (unarmed !== undefined && !problems.includes(unarmed)) problems.push(unarmed)
    const wholeBefore = overwrites.some((other) => other.disk === disk && other.partition === null)
    problems.push(...misfits(target, disk, overwrites, wholeBefore))
    overwrites.push({ disk, partition: target.partition, armed: unarmed === undefined, image: target.image })
    const to = taskDisk(disk, target.partition, armed.find((arm) => arm.disk === disk.serial)?.fingerprint ?? null)
    const { holes, verify, grow } = order as NonNullable<typeof order>
    flashes.push({ kind: 'flash', image: target.image, chunks: target.chunks, to, holes, verify, grow })
  }
  const first = flashes[0]
  const works: TaskWork[] = [...saves.works, ...flashes]
  if (first?.kind === 'flash' && order) {
    const on = { ...first.to, fingerprint: null }
    const { identity, config = null } = order
    if (identity || config !== null) works.push({ kind: 'identity', on, identity: identity ?? NOBODY, config })
    // BIOS machines have no boot entries: stage 3 starts their disk.
    if (inventory.firmware === 'uefi' && on.partition === null) works.push({ kind: 'boot-entry', on })
    works.push({ kind: 'finish', how: order.finish })
  }
  return { works, overwrites, problems, notes: saves.notes }
}

/** Without hints the one armed disk is meant. */
function hintsOf(target: PinnedTarget, armed: Planned['armed']): DiskHints | string {
  if (Object.values(target.disk).some((hint) => hint !== undefined)) return target.disk
  const [only] = armed
  if (only && armed.length === 1) return { serial: only.disk }
  return armed.length === 0
    ? `no disk is armed, and ${target.image} names none`
    : `${armed.length} disks are armed and ${target.image} does not say which of them it is for: give its target hints`
}

function misfits(
  { image, bytes, partition, kind }: PinnedTarget,
  disk: DiskFacts,
  earlier: readonly Overwrite[],
  wholeBefore: boolean,
): string[] {
  const where = `the disk ${diskText(disk)}`
  if (partition === null) {
    const again = earlier.some((other) => other.disk === disk)
    const twice = again ? [`${image} would overwrite ${where}, which an earlier target writes`] : []
    if (kind === 'partition') twice.push(`${image} is the image of a partition: say which partition of ${where}`)
    return bytes > disk.bytes ? [...twice, `${image} has ${sizeText(bytes)}, more than ${where} holds`] : twice
  }
  if (earlier.some((other) => other.disk === disk && other.partition === partition))
    return [`${image} would overwrite partition ${partition} of ${where}, which an earlier target writes`]
  // What an earlier target makes of the disk is not known yet; the management OS looks again before it writes.
  if (wholeBefore) return []
  const there = disk.partitions.find(({ number }) => number === partition)
  if (!there) return [`${where} has no partition ${partition}`]
  return bytes > there.bytes
    ? [`${image} has ${sizeText(bytes)}, more than partition ${partition} of ${where} holds`]
    : []
}

function planWipe(
  { armed }: Planned,
  facts: PlanFacts,
  method: Extract<TaskWork, { kind: 'wipe' }>['method'],
): TaskPlan {
  const saves = savesFirst(facts)
  const problems = strayArms(armed, facts.inventory)
  const overwrites: Overwrite[] = []
  const wipes: TaskWork[] = []
  for (const arm of armed) {
    const { disk } = matchDisk({ serial: arm.disk }, facts.inventory.disks)
    if (!disk) continue
    const unarmed = refuseUnarmed(disk, armed, facts.machine)
    if (unarmed !== undefined) problems.push(unarmed)
    overwrites.push({ disk, partition: null, armed: unarmed === undefined, image: null })
    wipes.push({ kind: 'wipe', disk: taskDisk(disk, null, arm.fingerprint), method })
  }
  return { works: [...saves.works, ...wipes, REBOOT], overwrites, problems, notes: saves.notes }
}

function planCapture(
  { disk: hints, partition, image }: Extract<Deployment['action'], { kind: 'capture' }>,
  { inventory: { disks } }: PlanFacts,
): TaskPlan {
  const { disk, problem } = matchDisk(hints, disks)
  const problems: string[] = problem === undefined ? [] : [problem]
  if (disk?.serial === null) problems.push(`the disk ${diskText(disk)} has no serial number, so it cannot be named`)
  if (disk && partition !== null && !disk.partitions.some(({ number }) => number === partition))
    problems.push(`the disk ${diskText(disk)} has no partition ${partition}`)
  const works: TaskWork[] = disk
    ? [{ kind: 'capture', from: taskDisk(disk, partition, null), image, onlyIfChangedFrom: null }, REBOOT]
    : []
  return { works, overwrites: [], problems, notes: [] }
}

/** What earlier deployments promised to save, before this one writes. A disk that is gone cannot be overwritten either. */
function savesFirst({ inventory: { disks }, records }: PlanFacts): { works: TaskWork[]; notes: string[] } {
  const works: TaskWork[] = []
  const notes: string[] = []
  for (const { serial, partition, writeBack, halfWrittenBy } of records) {
    if (!writeBack || halfWrittenBy !== null) continue
    const { disk } = matchDisk({ serial }, disks)
    if (!disk) notes.push(`${serial} was to be saved to ${writeBack.image}, but there ${listed(disks)}`)
    else {
      const from = taskDisk(disk, partition === 0 ? null : partition, null)
      works.push({ kind: 'capture', from, image: writeBack.image, onlyIfChangedFrom: writeBack.chunks })
    }
  }
  return { works, notes }
}

function taskDisk(disk: DiskFacts, partition: number | null, fingerprint: string | null): TaskDisk {
  return { serial: disk.serial ?? '', bytes: disk.bytes, fingerprint, partition }
}

/** What a task does, in one sentence. Holds no identity. */
export function workText(work: TaskWork): string {
  switch (work.kind) {
    case 'inventory':
      return 'look at the hardware'
    case 'capture': {
      const unless = work.onlyIfChangedFrom === null ? '' : ', unless nothing has changed there'
      return `save ${placeText(work.from)} as a new version of ${work.image}${unless}`
    }
    case 'flash':
      return `write ${work.image} to ${placeText(work.to)}`
    case 'identity':
      return `give the system on ${placeText(work.on)} its identity${work.config ? ` and the config ${work.config}` : ''}`
    case 'boot-entry':
      return `make the firmware boot ${placeText(work.on)}`
    case 'wipe':
      return `wipe ${placeText(work.disk)} (${work.method})`
    case 'script':
      return `run a script for at most ${work.timeoutSeconds} seconds`
    case 'finish':
      return work.how === 'reboot' ? 'restart' : work.how === 'power-off' ? 'switch off' : 'start the system by kexec'
  }
}

function placeText({ serial, partition }: TaskDisk): string {
  return partition === null ? `the disk ${serial}` : `partition ${partition} of the disk ${serial}`
}
