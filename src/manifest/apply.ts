import type { Manifest } from '../api/contract/server.ts'
import type { Machines } from '../machines/machines.ts'
import type { Profiles } from '../profiles/profiles.ts'

type Change = Readonly<{ name: string; change: 'create' | 'update' | 'none'; fields: readonly string[] }>
export type Applied = { dryRun: boolean; changes: { thing: string; change: Change['change']; fields: string[] }[] }

/**
 * Makes profiles and machines match a manifest. Everything is checked before anything is written, so a wrong manifest changes
 * nothing; one that is applied twice changes nothing the second time. What the manifest does not name is left alone.
 */
export async function applyManifest(
  services: Readonly<{ machines: Machines; profiles: Profiles }>,
  manifest: Manifest,
  how: Readonly<{ dryRun: boolean; by: string }>,
): Promise<Applied> {
  const { machines, profiles } = services
  const coming = new Set(manifest.profiles.map(({ name }) => name))
  const hasProfile = (name: string) => coming.has(name) || profiles.get(name) !== undefined
  const plan = {
    profiles: profiles.planApply(manifest.profiles),
    machines: machines.planApply(manifest.machines, hasProfile),
  }
  if (!how.dryRun) {
    // Profiles first: a machine must never name one that is not there yet.
    plan.profiles = await profiles.applyAll(manifest.profiles)
    plan.machines = await machines.applyAll(manifest.machines, how.by, hasProfile)
  }
  return { dryRun: how.dryRun, changes: [...named('profile', plan.profiles), ...named('machine', plan.machines)] }
}

function named(kind: string, changes: readonly Change[]): Applied['changes'] {
  return changes.map(({ name, change, fields }) => ({ thing: `${kind} ${name}`, change, fields: [...fields] }))
}
