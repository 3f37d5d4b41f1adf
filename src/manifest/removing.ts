import type { Configs } from '../configs/configs.ts'
import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import type { Machines } from '../machines/machines.ts'
import type { Profile, ProfileSpec } from '../profiles/profile.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { PrunedKind, Pruning } from './belongings.ts'
import type { BmcKeeper } from './bmcs.ts'
import type { VolumeKeeper } from './volumes.ts'

type Keepers = Readonly<{
  machines: Machines
  profiles: Profiles
  configs?: Configs | undefined
  gateway?: BmcKeeper | undefined
  volumes?: VolumeKeeper | undefined
}>
/** As things will be when the manifest is applied. */
export type Coming = Readonly<{
  machines: readonly Machine[]
  profiles: readonly (Profile | ProfileSpec)[]
  /** Newest texts by config. */
  texts: ReadonlyMap<string, readonly string[]>
}>

export function existing({ machines, profiles, configs, gateway }: Keepers) {
  return (kind: PrunedKind, name: string): boolean => {
    const machine = machines.find(name)
    switch (kind) {
      case 'machine':
        return machine?.name === name
      case 'bmc':
        return machine !== undefined && gateway?.get(machine.id) !== undefined
      case 'bmc-rule':
        return gateway?.rules().some((rule) => rule.name === name) === true
      case 'profile':
        return profiles.get(name) !== undefined
      case 'config':
        return configs?.find(name) !== undefined
      case 'value':
        return configs !== undefined && keptValue(configs, name) !== undefined
    }
  }
}

/** Says why something must stay. */
export function holding({ machines, configs, gateway, volumes }: Keepers, coming: Coming) {
  let index: ReturnType<typeof indexOf> | undefined
  // Most manifests prune nothing.
  const indexed = () => {
    index ??= indexOf(machines, coming)
    return index
  }
  return (kind: PrunedKind, name: string, going: ReadonlySet<string>): string | undefined => {
    const stays = (thing: string) => !going.has(thing)
    const names = (all: readonly { name: string }[], of: string) => all.filter((each) => stays(`${of} ${each.name}`))
    switch (kind) {
      case 'machine':
        return machineHolder(machines, volumes, name)
      case 'bmc': {
        const tags = indexed().machines.get(name)?.tags ?? []
        const rule = gateway?.rules().find((each) => tags.includes(each.tag) && stays(`bmc-rule ${each.name}`))
        return rule && `the rule ${rule.name} would make it again`
      }
      case 'profile': {
        const boots = names(indexed().booting.get(name) ?? [], 'machine')[0]
        const menu = names(coming.profiles, 'profile').find((each) => menuNames(each as ProfileSpec).includes(name))
        return boots ? `the machine ${boots.name} boots it` : menu && `the menu ${menu.name} names it`
      }
      case 'config': {
        const profile = names(coming.profiles, 'profile').find((each) =>
          configNames(each as ProfileSpec).includes(name),
        )
        if (profile) return `the profile ${profile.name} names it`
        const including = [...coming.texts].find(
          ([other, texts]) =>
            other !== name &&
            stays(`config ${other}`) &&
            texts.some((text) => text.includes(`'${name}'`) || text.includes(`"${name}"`)),
        )
        return including && `the config ${including[0]} includes it`
      }
      case 'value': {
        const value = configs && keptValue(configs, name)
        return value && value.sealed !== null ? 'it is a secret now, which a manifest never had' : undefined
      }
      case 'bmc-rule':
        return undefined
    }
  }
}

/** Removes them; what is refused nevertheless, for something happened meanwhile, stays and is told. */
export async function removeThings(
  { machines, profiles, configs, gateway }: Keepers,
  remove: Pruning['remove'],
  by: string,
): Promise<{ thing: string; reason: string }[]> {
  const kept: { thing: string; reason: string }[] = []
  let left = [...remove]
  // A menu may name another profile, a config a snippet: what is held at first may go when that is gone.
  for (let before = -1; left.length > 0 && before !== left.length; ) {
    before = left.length
    kept.length = 0
    const again: typeof left = []
    for (const each of left) {
      const { kind, name, thing } = each
      const machine = machines.find(name)
      try {
        if (kind === 'machine' && machine) await machines.remove(machine.id, by)
        else if (kind === 'bmc' && machine) await gateway?.remove(machine.id)
        else if (kind === 'bmc-rule') await gateway?.removeRule(name, false)
        else if (kind === 'profile') await profiles.remove(name)
        else if (kind === 'config') await configs?.remove(name)
        else if (kind === 'value' && configs) {
          const value = keptValue(configs, name)
          if (value) await configs.values.remove(value.scope, value.name)
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        kept.push({ thing, reason: error.message })
        again.push(each)
      }
    }
    left = again
  }
  return kept
}

/** States in which somebody works with it. */
function machineHolder(machines: Machines, volumes: VolumeKeeper | undefined, name: string): string | undefined {
  const machine = machines.find(name)
  if (!machine) return undefined
  if (machine.state === 'active')
    return 'it is active; if it shall go, retire it first: reveille machine set --state retired'
  // They go with their machine, and volumes hold content.
  const [overlay] = volumes?.ledger.overlaysOf(machine.id) ?? []
  if (overlay)
    return `its volume ${overlay.name} has what it has written; if that may go: reveille machine rm ${machine.name}`
  try {
    machines.assertRemovable(machine.id)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

function keptValue(configs: Configs, name: string) {
  const [scope = '', variable = ''] = name.split(' ')
  try {
    return configs.values.find(configs.values.scopeOf(scope), variable)
  } catch {
    // The machine it was for is gone, and its values with it.
    return undefined
  }
}

/** The machines that come by name, and those that boot each profile, also just once. */
function indexOf(known: Machines, { machines }: Coming) {
  const booting = new Map<string, Machine[]>()
  for (const machine of machines)
    for (const profile of new Set([machine.profile, known.find(machine.name)?.nextBoot?.profile])) {
      if (profile == null) continue
      const others = booting.get(profile)
      if (others) others.push(machine)
      else booting.set(profile, [machine])
    }
  return { machines: new Map(machines.map((machine) => [machine.name, machine])), booting }
}

function menuNames(profile: ProfileSpec): readonly string[] {
  return profile.kind === 'menu' ? profile.items.map((item) => item.profile) : []
}

/** Configs that a profile names, without their versions. */
function configNames(profile: ProfileSpec): readonly string[] {
  return 'config' in profile && profile.config !== null ? [profile.config.split('@')[0] ?? ''] : []
}
