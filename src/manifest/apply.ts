import type { Manifest } from '../api/contract/server.ts'
import { Refusal } from '../kit/errors.ts'
import type { Machines } from '../machines/machines.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { ResolveImage } from '../volumes/bases.ts'
import { applyPower, type PowerKeeper, planPower } from './power.ts'
import { applyVolumes, planVolumes, type VolumeKeeper } from './volumes.ts'

type Change = Readonly<{ name: string; change: 'create' | 'update' | 'none'; fields: readonly string[] }>
export type Applied = { dryRun: boolean; changes: { thing: string; change: Change['change']; fields: string[] }[] }

type Services = Readonly<{
  machines: Machines
  profiles: Profiles
  /** Without them a manifest with volumes is refused. */
  volumes?: VolumeKeeper | undefined
  resolveImage?: ResolveImage | undefined
  /** Without it a manifest with power drivers is refused. */
  powers?: PowerKeeper | undefined
}>

/**
 * Makes volumes, profiles, machines and their power drivers match a manifest. Everything is checked before anything is written, so a wrong manifest changes
 * nothing; one that is applied twice changes nothing the second time. What the manifest does not name is left alone.
 */
export async function applyManifest(
  services: Services,
  manifest: Manifest,
  how: Readonly<{ dryRun: boolean; by: string }>,
): Promise<Applied> {
  const { machines, profiles, powers } = services
  const bare = manifest.machines.map(({ power: _, ...machine }) => machine)
  const coming = new Set(manifest.profiles.map(({ name }) => name))
  const hasProfile = (name: string) => coming.has(name) || profiles.get(name) !== undefined
  const comes = new Set(manifest.volumes.map(({ name }) => name))
  const plan = {
    volumes: planned(services, manifest.volumes),
    profiles: profiles.planApply(manifest.profiles, (name) => comes.has(name)),
    machines: machines.planApply(bare, hasProfile),
  }
  const find = (name: string) => machines.find(name)
  const driven = await planPower(manifest.machines, find, powers)
  if (!how.dryRun) {
    // Volumes, then profiles: nothing must ever name what is not there yet.
    if (services.volumes) await applyVolumes(plan.volumes, services.volumes, how.by)
    plan.profiles = await profiles.applyAll(manifest.profiles)
    plan.machines = await machines.applyAll(bare, how.by, hasProfile)
    await applyPower(manifest.machines, driven, find, powers, how.by)
  }
  const changes = [
    ...named('volume', plan.volumes),
    ...named('profile', plan.profiles),
    ...named(
      'machine',
      plan.machines.map((each) => withPower(each, driven)),
    ),
  ]
  return { dryRun: how.dryRun, changes }
}

function withPower({ name, change, fields }: Change, driven: ReadonlySet<string>): Change {
  if (!driven.has(name)) return { name, change, fields }
  return { name, change: change === 'none' ? 'update' : change, fields: [...fields, 'power'] }
}

function planned({ volumes, resolveImage = () => undefined }: Services, declared: Manifest['volumes']) {
  if (declared.length === 0) return []
  if (!volumes)
    throw new Refusal('not-available', 'this server keeps no volumes', { next: 'take them out of the manifest' })
  return planVolumes(declared, volumes, resolveImage)
}

function named(kind: string, changes: readonly Change[]): Applied['changes'] {
  return changes.map(({ name, change, fields }) => ({ thing: `${kind} ${name}`, change, fields: [...fields] }))
}
