import { type Asker, mayChange, maySee } from '../images/access.ts'
import type { Image, ImageVersion } from '../images/image.ts'
import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import type { Profile } from '../profiles/profile.ts'
import type {
  ArmedDisk,
  Deployment,
  DeploymentAction,
  Identity,
  InstallOrder,
  PinnedTarget,
  Release,
} from './deployment.ts'
import type { DiskRecord } from './disk-records.ts'
import { type InstallConfigs, pinnedConfig } from './install-config.ts'
import { contentsOf, diskText, listed } from './match.ts'
import { planTasks, type TaskPlan, workText } from './planning.ts'
import type { TakenInventory } from './repository.ts'

/** What somebody wants of a machine. `reservedUntil`: milliseconds since 1970. */
export type NewOrder = Readonly<{
  action: DeploymentAction
  arm: readonly ArmedDisk[]
  reservedUntil: number | null
  release: Release
  notify: Deployment['notify']
}>

/** Where orders look things up. */
export type Library = Readonly<{
  profile: (name: string) => Profile | undefined
  /** `NAME@N`, or the newest version of `NAME`. */
  resolve: (reference: string) => { image: Image; version: ImageVersion } | undefined
  image: (name: string) => Image | undefined
  /** Without them a profile with a config is refused. */
  configs?: InstallConfigs | undefined
}>

const LONGEST_RESERVATION_MS = 366 * 86_400_000
const COMMAND_TO_LOOK = (machine: string) => `find out first: reveille deploy ${machine} --inventory`

/** What a deployment would do, said before anything is done. */
export type Preview = Readonly<{
  possible: boolean
  problems: readonly string[]
  /** `null`: the machine's disks are not known yet. */
  inventoryAt: number | null
  steps: readonly string[]
  overwrites: readonly Readonly<{
    disk: string
    model: string | null
    bytes: number
    partition: number | null
    armed: boolean
    fingerprint: string | null
    contents: readonly string[]
    image: string | null
  }>[]
}>

/** Refuses (`wrong-state`) a machine that nothing may be deployed on. */
export function assertDeployable({ name, state }: Machine): void {
  if (state === 'discovered')
    throw new Refusal('wrong-state', `${name} is not approved yet, so nothing is deployed on it`, {
      next: `approve it first: reveille machine approve ${name}`,
    })
  if (state === 'maintenance' || state === 'retired')
    throw new Refusal('wrong-state', `${name} is in state ${state}, so nothing is deployed on it`, {
      next: 'set its state to ready first',
    })
}

/** What an action needs of who orders it. Scripts run as root on the machine: they are for operators. */
export function assertMayOrder(order: NewOrder, by: Asker, library: Library, now: number): void {
  const { action, reservedUntil, release } = order
  if (action.kind === 'script' && by.role !== 'operator' && by.role !== 'admin')
    throw new Refusal('forbidden', 'a script may do anything to a machine, so only operators run one', {
      next: 'ask an operator',
    })
  if (action.kind === 'capture') {
    const image = library.image(action.image)
    if (image) assertDiskImage(image)
    if (image && !mayChange(image, by)) throw notYours(image.name, `make new versions of ${image.name}`)
  }
  if (reservedUntil === null && release !== 'leave')
    throw new Refusal('validation-failed', `release ${release} says what happens when the reserved time ends`, {
      next: 'say until when the machine is reserved, or leave release out',
      problems: [{ path: 'reservedUntil', message: `must be given with release ${release}` }],
    })
  if (reservedUntil !== null && (reservedUntil <= now || reservedUntil > now + LONGEST_RESERVATION_MS))
    throw new Refusal('validation-failed', 'a machine is reserved until some time in the future, for a year at most', {
      problems: [{ path: 'reservedUntil', message: 'must lie within the next 366 days' }],
    })
}

/** Profile and images of an `install` as they are now. Refused when they do not exist, are of no use, or are not for `by`. */
export function pinned(name: string, machine: Machine, by: Asker, library: Library): InstallOrder {
  const profile = library.profile(name)
  if (!profile)
    throw new Refusal('not-found', `there is no profile ${name}`, { next: 'list them: reveille profile list' })
  if (profile.kind !== 'install')
    throw new Refusal('wrong-state', `the profile ${name} is of kind ${profile.kind} and writes no disk`, {
      next: `deploy a profile of kind install, or let the machine boot it: reveille machine boot ${machine.name} --profile ${name}`,
    })
  const targets = profile.targets.map((target): PinnedTarget => {
    const found = library.resolve(target.image)
    // Who may not see an image is not told that it exists.
    if (!found || !maySee(found.image, by))
      throw new Refusal('not-found', `there is no image ${target.image}, which ${name} names`, {
        next: 'list those that you may use: reveille image list',
      })
    const { image, version } = found
    const kind = assertDiskImage(image)
    if (target.writeBack && !mayChange(image, by)) throw notYours(image.name, `let ${name} write back to ${image.name}`)
    const chunks = version.files.find(({ role }) => role === 'chunks')
    if (!chunks || !version.disk)
      throw new Refusal('wrong-state', `${image.name}@${version.number} has no content that could be written`, {
        next: `push it again: reveille image push ${image.name} FILE`,
      })
    return {
      image: `${image.name}@${version.number}`,
      kind,
      chunks: chunks.sha256,
      bytes: version.disk.bytes,
      disk: target.disk,
      partition: target.partition,
      writeBack: target.writeBack,
    }
  })
  const { holes, verify, grow, finish } = profile
  const config = pinnedConfig(profile.config, machine, library.configs)
  const { pinned = null, phonesHome = false } = config ?? {}
  return { targets, holes, verify, grow, finish, identity: identityOf(profile, machine), config: pinned, phonesHome }
}

function identityOf({ identity }: Extract<Profile, { kind: 'install' }>, machine: Machine): Identity | null {
  if (!identity) return null
  const hostname = identity.hostname ? (machine.hostname ?? machine.name) : null
  return { ...identity, hostname }
}

function assertDiskImage({ name, kind }: Image): 'disk' | 'partition' {
  if (kind === 'disk' || kind === 'partition') return kind
  throw new Refusal('wrong-state', `the image ${name} is of kind ${kind}, not the content of a disk`, {
    next: `push a disk image: reveille image push NAME FILE --kind disk`,
  })
}

function notYours(image: string, what: string): Refusal {
  return new Refusal('forbidden', `only the owner of ${image} and operators may ${what}`, {
    next: 'use an image of your own, or ask its owner',
  })
}

/** Refuses an order that overwrites and names no disk, and one that cannot work on what the machine is known to have. */
export function assertPossible(
  order: Pick<Deployment, 'id' | 'action' | 'order' | 'armed' | 'follows'>,
  machine: Machine,
  known: TakenInventory | undefined,
  records: readonly DiskRecord[],
): void {
  const { kind } = order.action
  if ((kind === 'install' || kind === 'wipe') && order.armed.length === 0) throw unarmed(order, machine, known)
  if (!known) return
  const { problems } = planTasks(order, { machine: machine.name, inventory: known.inventory, records })
  if (problems.length > 0)
    throw new Refusal('conflict', problems.join('; '), {
      next: `if its disks are others now, ${COMMAND_TO_LOOK(machine.name)}`,
    })
}

function unarmed({ action }: Pick<Deployment, 'action'>, machine: Machine, known: TakenInventory | undefined): Refusal {
  const detail = `no disk of ${machine.name} is armed, and only an armed disk is ever overwritten`
  if (!known)
    return new Refusal('wrong-state', `${detail}; its disks are not known yet`, { next: COMMAND_TO_LOOK(machine.name) })
  const { disks } = known.inventory
  const serial = disks.find((disk) => disk.serial !== null)?.serial ?? 'SERIAL'
  const what = action.kind === 'install' ? action.profile : '--wipe'
  return new Refusal('wrong-state', `${detail}; there ${listed(disks)}`, {
    next: `name the disk that may be overwritten: reveille deploy ${machine.name} ${what} --arm disk=${serial}`,
  })
}

/** The dry run: the same rules as the deployment itself, on what is known of the machine. */
export function previewOf(
  order: Pick<Deployment, 'id' | 'action' | 'order' | 'armed' | 'follows'>,
  machine: Machine,
  known: TakenInventory | undefined,
  records: readonly DiskRecord[],
): Preview {
  const { kind } = order.action
  const overwriting = kind === 'install' || kind === 'wipe'
  const unarmedOne = overwriting && order.armed.length === 0 ? unarmed(order, machine, known) : undefined
  const first = unarmedOne ? [`${unarmedOne.message}; ${unarmedOne.next}`] : []
  if (!known) {
    const note = `the disks of ${machine.name} are not known yet: everything is checked when its inventory is there`
    const steps = order.order?.targets.map(({ image }) => `write ${image}`) ?? []
    return { possible: !unarmedOne, problems: [...first, note], inventoryAt: null, steps, overwrites: [] }
  }
  const plan: TaskPlan = planTasks(order, { machine: machine.name, inventory: known.inventory, records })
  return {
    possible: !unarmedOne && plan.problems.length === 0,
    problems: [...first, ...plan.problems, ...plan.notes],
    inventoryAt: known.takenAt,
    steps: plan.works.map(workText),
    overwrites: plan.overwrites.map(({ disk, partition, armed, image }) => ({
      disk: disk.serial ?? diskText(disk),
      model: disk.model,
      bytes: disk.partitions.find(({ number }) => number === partition)?.bytes ?? disk.bytes,
      partition,
      armed,
      fingerprint: disk.fingerprint,
      contents: contentsOf(disk, partition),
      image,
    })),
  }
}
