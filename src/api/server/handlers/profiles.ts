import { allowsRole } from '../../../access/scopes.ts'
import type { Principal } from '../../../access/user.ts'
import { Refusal } from '../../../kit/errors.ts'
import { orMeant } from '../../../kit/nearest.ts'
import { shown } from '../../../profiles/hidden.ts'
import type { Profile } from '../../../profiles/profile.ts'
import { imagesOf } from '../../../profiles/profiles.ts'
import type { QueryOf, ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { time } from '../wire.ts'

type WireProfile = ResponseOf<Contract['getProfile']>

export function profileHandlers({ profiles, machines, deployments }: ApiDependencies) {
  /** How many machines, menus and open deployments name each profile, counted once for a whole list. */
  const uses = (): Map<string, number> => {
    const counts = new Map<string, number>()
    const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
    for (const { profile, nextBoot } of machines.all())
      for (const name of new Set([profile, nextBoot?.profile])) if (name) count(name)
    for (const profile of profiles.all())
      if (profile.kind === 'menu') for (const name of new Set(profile.items.map((item) => item.profile))) count(name)
    for (const { name } of profiles.all()) for (const _each of deployments.ordering(name)) count(name)
    return counts
  }
  const toWire = (profile: Profile, by: Principal, counts = uses()): WireProfile => ({
    ...shown(profile, allowsRole(by.role, 'operator')),
    createdAt: time(profile.createdAt),
    updatedAt: time(profile.updatedAt),
    usedBy: counts.get(profile.name) ?? 0,
  })

  const isWanted = (profile: Profile, { kind, q }: QueryOf<Contract['listProfiles']>): boolean => {
    const config = 'config' in profile ? profile.config : null
    return (
      (kind === undefined || profile.kind === kind) &&
      says(q, profile.name, profile.description, config, ...imagesOf(profile))
    )
  }

  return {
    listProfiles({ query, by }) {
      const counts = uses()
      return pageOf(
        profiles.all().filter((profile) => isWanted(profile, query)),
        query,
        (profile) => profile.name,
        (profile) => toWire(profile, by, counts),
      )
    },
    async createProfile({ body, by, about }) {
      about(body.name, body.kind)
      return toWire(await profiles.create(body), by)
    },
    getProfile({ params, by }) {
      const profile = profiles.get(params.profile)
      if (!profile) {
        const names = profiles.all().map(({ name }) => name)
        throw new Refusal('not-found', `there is no profile ${params.profile}`, {
          next: orMeant(params.profile, names, 'list them: reveille profile list'),
        })
      }
      return toWire(profile, by)
    },
    async replaceProfile({ params, body, by, about }) {
      about(params.profile, body.kind)
      if (body.name !== params.profile)
        throw new Refusal('validation-failed', `the path names ${params.profile}, the body ${body.name}`, {
          next: 'use one name in both; a profile cannot be renamed',
          problems: [{ path: 'name', message: `must be ${params.profile}` }],
        })
      return toWire(await profiles.replace(body), by)
    },
    deleteProfile: ({ params }) => profiles.remove(params.profile),
  } satisfies HandlersOf<'listProfiles' | 'createProfile' | 'getProfile' | 'replaceProfile' | 'deleteProfile'>
}
