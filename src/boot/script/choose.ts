import type { StandingOrder } from '../../gateway/boot-orders.ts'
import type { Machine, NextBoot } from '../../machines/machine.ts'
import type { Profile } from '../../profiles/profile.ts'
import { OWN_DISK } from './disc.ts'
import type { ScriptRequest } from './request.ts'

/**
 * What the deployments of a machine want of its next boot; `undefined` when its profile decides. `agent`: an open one waits for
 * the management OS. `local`: everything is written, and it waits to see the machine boot its own disk. `park`: a disk is half
 * written, and nobody may boot it.
 */
export type DeploymentBoot =
  | Readonly<{ what: 'agent'; deployment: string; reason: string }>
  | Readonly<{ what: 'local'; deployment: string; profile: string; awaitsHome?: boolean; reason: string }>
  | Readonly<{ what: 'park'; reason: string; next: string }>

/** What is known where a script is decided. */
export type ScriptFacts = Readonly<{
  /** `undefined` when none is recorded; `notRecorded` then says why and what to do. */
  machine: Machine | undefined
  notRecorded?: Readonly<{ message: string; next?: string | undefined }> | undefined
  /** The setting: `park`, `ignore`, or the name of a profile. */
  unknownMachines: string
  profile: (name: string) => Profile | undefined
  /** By the id of the machine. */
  deployment: (machine: string) => DeploymentBoot | undefined
  /** What the BMC of the machine was told; by its id. */
  bootOrder?: ((machine: string) => StandingOrder | undefined) | undefined
  /** What boots the disc in its BMC; `undefined`: it is gone. */
  disc?: ((media: string) => Profile | undefined) | undefined
  /** Whether whoever sits there may choose this entry of a menu, which has a password. Asked at most once for each choice. */
  admits: (menu: string, entry: MenuEntry) => Admission
}>

export type MenuEntry = Extract<Profile, { kind: 'menu' }>['items'][number]

/** `missing`: no password came yet. `wrong`: not that one. `later`: too many were wrong; wait so many seconds. */
export type Admission = 'admitted' | 'missing' | 'wrong' | Readonly<{ laterSeconds: number }>

/** What a machine is to do now and why. `next` tells the operator what would change it. */
export type Choice =
  | Readonly<{ what: 'park'; reason: string; next: string; profile?: Profile | undefined; once?: NextBoot | undefined }>
  | Readonly<{ what: 'ignore'; reason: string }>
  /** The management OS, for this deployment. */
  | Readonly<{ what: 'agent'; reason: string; machine: Machine; deployment: string }>
  /** Its own disk, whatever its profile says; `profile` is the name to show, `once` the order that this boot uses up. */
  | Readonly<{ what: 'local'; reason: string; machine: Machine; profile: string; once?: string | undefined }>
  | Readonly<{
      what: 'boot'
      reason: string
      machine: Machine
      profile: Profile
      once: NextBoot | null
      /** The choices of menus that led here. */
      choices: readonly string[]
    }>
  /** An entry of this menu was chosen that needs a password. `choices` are those that led to the menu. */
  | Readonly<{
      what: 'password'
      reason: string
      machine: Machine
      menu: Profile
      entry: MenuEntry
      choices: readonly string[]
      admission: Exclude<Admission, 'admitted'>
    }>

/** Decides which profile a machine boots, if any. Never throws. */
export function chooseProfile(request: ScriptRequest, facts: ScriptFacts): Choice {
  const { machine } = facts
  if (!machine || machine.state === 'discovered') return chooseForUnknown(request, facts)
  const { name, state } = machine
  if (state === 'maintenance') return park(`${name} is in maintenance`, `set its state to ready to let it boot again`)
  if (state === 'retired') return park(`${name} is retired`, `set its state to ready to let it boot again`)
  const once = machine.nextBoot
  const wanted = facts.deployment(machine.id)
  if (wanted?.what === 'agent') return { ...wanted, machine }
  if (wanted?.what === 'local') return { what: 'local', reason: wanted.reason, machine, profile: wanted.profile }
  // A system in memory leaves the half-written disk alone: somebody may want to look at it.
  if (wanted?.what === 'park' && !(once && facts.profile(once.profile)?.kind === 'live'))
    return park(wanted.reason, wanted.next)
  if (state === 'deploying') return park(`${name} is being deployed`, 'wait for its deployment, or cancel it')
  // The newer of two orders counts.
  const standing = facts.bootOrder?.(machine.id)
  const order = standing && once && once.orderedAt > standing.at ? undefined : standing
  const ordered = order && chooseOrdered(order, facts, machine)
  if (ordered) return ordered
  const also = order ? `; ${order.reason}` : ''
  if (once) {
    const why = `${once.orderedBy} ordered ${once.profile} for its next boot${also}`
    return choose(request, facts, machine, once.profile, once, why)
  }
  if (machine.profile === null)
    return park(`${name} has no profile${also}`, `choose one: reveille machine boot ${name} --profile P`)
  return choose(request, facts, machine, machine.profile, null, `${machine.profile} is the profile of ${name}${also}`)
}

/** What a machine boots because its BMC was told so; `undefined`: what it boots anyway. */
function chooseOrdered(order: StandingOrder, facts: ScriptFacts, machine: Machine): Choice | undefined {
  const { id, reason, once, at } = order
  if (order.obeyed === 'disk')
    return { what: 'local', reason, machine, profile: OWN_DISK, ...(once ? { once: id } : {}) }
  const disc = order.media === null ? undefined : facts.disc?.(order.media)
  if (!disc) return undefined
  const used = once ? { id, profile: disc.name, orderedAt: at, orderedBy: 'its BMC' } : null
  return { what: 'boot', reason, machine, profile: disc, once: used, choices: [] }
}

function chooseForUnknown(request: ScriptRequest, facts: ScriptFacts): Choice {
  const { machine, unknownMachines } = facts
  if (unknownMachines === 'ignore' && !machine)
    return { what: 'ignore', reason: 'it is unknown, and unknownMachines says to ignore those' }
  if (!machine) {
    const { message = 'this machine is not known', next = 'register it: reveille machine add' } =
      facts.notRecorded ?? {}
    return park(message, next)
  }
  if (unknownMachines !== 'park' && unknownMachines !== 'ignore')
    return choose(
      request,
      facts,
      machine,
      unknownMachines,
      null,
      `it is unknown, and unknownMachines names ${unknownMachines}`,
    )
  return park(`${machine.name} is not approved yet`, `approve it: reveille machine approve ${machine.name}`)
}

function choose(
  request: ScriptRequest,
  facts: ScriptFacts,
  machine: Machine,
  name: string,
  once: NextBoot | null,
  why: string,
): Choice {
  let profile = facts.profile(name)
  if (!profile) return park(`there is no profile ${name}, though ${why}`, 'create that profile or choose another')
  let reason = why
  const choices: string[] = []
  for (const wanted of request.choices) {
    if (profile.kind !== 'menu') break
    const menu: Profile = profile
    const entry: MenuEntry | undefined = profile.items.find((item) => item.profile === wanted)
    if (!entry) {
      reason = `${reason}; what was chosen is none of its items`
      break
    }
    const chosen = facts.profile(wanted)
    if (!chosen) return park(`the menu ${profile.name} names ${wanted}, which does not exist`, 'create that profile')
    const admission = entry.password === null ? 'admitted' : facts.admits(menu.name, entry)
    if (admission !== 'admitted')
      return { what: 'password', reason: whyNot(admission, wanted), machine, menu, entry, choices, admission }
    reason = `${wanted} was chosen in the menu ${profile.name}`
    choices.push(wanted)
    profile = chosen
  }
  if (profile.kind === 'park')
    return {
      what: 'park',
      reason: profile.message || why,
      next: 'choose another profile for it',
      profile,
      once: once ?? undefined,
    }
  return { what: 'boot', reason, machine, profile, once, choices }
}

function whyNot(admission: Exclude<Admission, 'admitted'>, wanted: string): string {
  if (admission === 'missing') return `${wanted} was chosen, which has a password`
  if (admission === 'wrong') return `${wanted} was chosen, and the password that was typed is not right`
  return `${wanted} was chosen, after too many wrong passwords`
}

function park(reason: string, next: string): Choice {
  return { what: 'park', reason, next }
}
