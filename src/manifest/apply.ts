import type { Applied, Manifest } from '../api/contract/server.ts'
import type { Configs } from '../configs/configs.ts'
import { Refusal } from '../kit/errors.ts'
import type { MachineChange, Machines } from '../machines/machines.ts'
import { shown } from '../profiles/hidden.ts'
import type { ProfileChange, Profiles } from '../profiles/profiles.ts'
import type { ResolveImage } from '../volumes/bases.ts'
import { type ManifestRepository, planPruning } from './belongings.ts'
import { applyBmcs, applyRoutes, type BmcKeeper, planBmcs, planRules } from './bmcs.ts'
import { applyValues, comingValues, planValues, toldConfigs } from './configs.ts'
import { differencesOf, type Planned } from './differences.ts'
import { idsOf, secretNames, tryOnMachines } from './machine-configs.ts'
import { applyPower, type PowerKeeper, planPower } from './power.ts'
import { type Coming, existing, holding, removeThings } from './removing.ts'
import { applyVolumes, type PlannedVolume, planVolumes, type VolumeKeeper } from './volumes.ts'

type Services = Readonly<{
  machines: Machines
  profiles: Profiles
  /** Without them a manifest with volumes is refused. */
  volumes?: VolumeKeeper | undefined
  resolveImage?: ResolveImage | undefined
  /** Without it a manifest with power drivers is refused. */
  powers?: PowerKeeper | undefined
  /** Without it a manifest with configs or values is refused. */
  configs?: Configs | undefined
  /** Without it a manifest with BMCs or rules for them is refused. */
  gateway?: BmcKeeper | undefined
  /** Without it nothing can be pruned. */
  manifests?: ManifestRepository | undefined
}>
export type ApplyHow = Readonly<{
  dryRun: boolean
  by: string
  /** Remembers under this name what the manifest has, so that a later one can prune. */
  name?: string | undefined
  prune?: boolean | undefined
  /** Prune even more than half. */
  force?: boolean | undefined
}>

/**
 * Makes volumes, configs and their values, profiles, machines with their power drivers, and BMCs match a manifest. Everything is checked
 * before anything is written, so a wrong manifest changes nothing; one that is applied twice changes nothing the second time. What the
 * manifest does not name is left alone, but for what is pruned.
 */
export async function applyManifest(services: Services, manifest: Manifest, how: ApplyHow): Promise<Applied> {
  const { machines, profiles, powers } = services
  const configs = kept(services.configs, [manifest.configs, manifest.values], 'configs')
  const gateway = kept(services.gateway, [manifest.bmcs, manifest.bmcRules], 'BMCs')
  const bare = manifest.machines.map(({ power: _, ...machine }) => machine)
  const coming = new Set(manifest.profiles.map(({ name }) => name))
  const hasProfile = (name: string) => coming.has(name) || profiles.get(name) !== undefined
  const volumes = new Set(manifest.volumes.map(({ name }) => name))
  const configured = new Map(manifest.configs.map(({ name }) => [name, configs?.find(name)?.versions.length ?? 0]))
  const find = (name: string) => machines.find(name)
  const named = new Set(bare.map(({ name }) => name))
  const comes = (name: string) => find(name) === undefined && named.has(name)

  const isSecret = configs ? secretNames(configs, manifest.configs) : () => false
  const values = configs ? planValues(manifest.values, configs, { comes, isSecret }) : []
  const plan = {
    volumes: planned(services, manifest.volumes),
    values,
    configs: (await configs?.planApply(manifest.configs, comingValues(values))) ?? [],
    profiles: profiles.planApply(manifest.profiles, {
      volume: (name) => volumes.has(name),
      config: (reference) => {
        const [name = '', version] = reference.split('@')
        const versions = configured.get(name)
        return versions !== undefined && (version === undefined || Number(version) <= versions + 1)
      },
    }),
    machines: await inTurn(() => machines.planApply(bare, hasProfile)),
    rules: gateway ? planRules(manifest.bmcRules, gateway) : [],
    bmcs: gateway ? await inTurn(() => planBmcs(manifest, gateway, find, comes)) : [],
  }
  const driven = await planPower(manifest.machines, find, powers)
  const changes: readonly Planned[] = [
    ...plan.volumes.map(volumeTold),
    ...toldConfigs(plan.configs),
    ...plan.values.map((each) => each.planned),
    ...plan.profiles.map((each, i) => profileTold(each, profiles, manifest.profiles[i])),
    ...plan.machines.map((each) => machineTold(each, driven)),
    ...plan.rules,
    ...plan.bmcs,
  ]
  const known = (await services.manifests?.all()) ?? new Map<string, ReadonlySet<string>>()
  const after = comingOf(services, manifest, plan.machines)
  const lacking = configs
    ? await tryOnMachines({
        ...{ configs, coming: after, declared: manifest.configs },
        changed: new Set(plan.machines.flatMap((each) => (each.change === 'none' ? [] : [each.after.id]))),
        values: comingValues(values, idsOf(after.machines)),
      })
    : []
  const pruning = await inTurn(() =>
    planPruning({
      ...{ name: how.name, prune: how.prune ?? false, force: how.force ?? false, dryRun: how.dryRun, known },
      things: new Set(changes.map(({ thing }) => thing)),
      exists: existing(services),
      holder: holding(services, after),
    }),
  )
  const told = [
    ...changes.map((each) => ({ ...each, fields: [...each.fields], differences: [...each.differences] })),
    ...pruning.remove.map(({ thing }) => ({ thing, change: 'remove' as const, fields: [], differences: [] })),
  ]
  const answer = {
    dryRun: how.dryRun,
    changes: told,
    kept: [...pruning.kept],
    warnings: [...pruning.warnings, ...lacking],
  }
  if (how.dryRun) return answer

  // Remembered first: what is written and then cut off by a crash is known to be this manifest's.
  const { manifests } = services
  const remembered = new Set([...pruning.belongings, ...pruning.remove.map(({ thing }) => thing)])
  if (how.name !== undefined) await manifests?.save(how.name, remembered)
  // Nothing must ever name what is not there yet.
  if (services.volumes) await applyVolumes(plan.volumes, services.volumes, how.by)
  if (configs) {
    await applyValues(
      plan.values.filter(({ scope }) => scope !== undefined),
      configs,
    )
    const snippetsFirst = [...plan.configs].sort((a, b) => rank(a.declared.kind) - rank(b.declared.kind))
    await configs.applyAll(snippetsFirst, how.by)
  }
  await profiles.applyAll(manifest.profiles)
  await machines.applyAll(bare, how.by, hasProfile)
  await applyPower(manifest.machines, driven, find, powers, how.by)
  if (configs)
    await applyValues(
      plan.values.filter(({ scope }) => scope === undefined),
      configs,
    )
  if (gateway) {
    await applyBmcs(manifest.bmcs, plan.bmcs, gateway, find)
    for (const [i, rule] of manifest.bmcRules.entries())
      if (plan.rules[i]?.change !== 'none') await gateway.putRule(rule)
    await applyRoutes(manifest.bmcs, gateway, find)
  }
  const refused = await removeThings(services, pruning.remove, how.by)
  const stays = new Set(refused.map(({ thing }) => thing))
  if (how.name !== undefined && pruning.remove.length > 0)
    await manifests?.save(how.name, new Set([...pruning.belongings, ...stays]))
  return { ...answer, changes: told.filter(({ thing }) => !stays.has(thing)), kept: [...pruning.kept, ...refused] }
}

/** Does a step that takes a while with thousands of machines in a turn of its own: between steps others are answered. */
async function inTurn<T>(work: () => T): Promise<T> {
  await new Promise((resolve) => setImmediate(resolve))
  return work()
}

const rank = (kind: string) => (kind === 'snippet' ? 0 : 1)

function kept<T>(keeper: T | undefined, declared: readonly (readonly unknown[])[], what: string): T | undefined {
  if (!keeper && declared.some((each) => each.length > 0))
    throw new Refusal('not-available', `this server keeps no ${what}`, { next: 'take them out of the manifest' })
  return keeper
}

function planned({ volumes, resolveImage = () => undefined }: Services, declared: Manifest['volumes']) {
  return planVolumes(
    declared,
    kept(volumes, [declared], 'volumes') ?? { ledger: { find: () => undefined } },
    resolveImage,
  )
}

function volumeTold({ name, change, fields, before, declared }: PlannedVolume): Planned {
  const differences = change === 'update' && before ? differencesOf(fields, before, declared) : []
  return { thing: `volume ${name}`, change, fields, differences }
}

function profileTold(
  { name, change, fields }: ProfileChange,
  profiles: Profiles,
  declared: Manifest['profiles'][number] | undefined,
): Planned {
  const before = change === 'update' ? profiles.get(name) : undefined
  const differences = before && declared ? differencesOf(fields, shown(before, true), shown(declared, true)) : []
  return { thing: `profile ${name}`, change, fields, differences }
}

function machineTold({ name, change, fields, before, after }: MachineChange, driven: ReadonlySet<string>): Planned {
  const differences = change === 'update' && before ? differencesOf(fields, before, after) : []
  const told = { thing: `machine ${name}`, change, fields, differences }
  if (!driven.has(name)) return told
  const power = { field: 'power', before: 'other drivers', after: 'those of the manifest', unified: null }
  return {
    ...told,
    change: change === 'none' ? 'update' : change,
    fields: [...fields, 'power'],
    differences: change === 'create' ? [] : [...differences, power],
  }
}

function comingOf(
  { machines, profiles, configs }: Services,
  manifest: Manifest,
  plan: readonly MachineChange[],
): Coming {
  const changed = new Map(plan.map(({ after }) => [after.id, after]))
  const declared = new Set(manifest.profiles.map(({ name }) => name))
  const texts = new Map((configs?.all() ?? []).map(({ name, versions }) => [name, versions.at(-1)?.parts ?? []]))
  for (const { name, parts } of manifest.configs) texts.set(name, parts)
  return {
    machines: [...machines.all().filter(({ id }) => !changed.has(id)), ...changed.values()],
    profiles: [...profiles.all().filter(({ name }) => !declared.has(name)), ...manifest.profiles],
    texts: new Map([...texts].map(([name, parts]) => [name, parts.map(({ content }) => content)])),
  }
}
