import { Refusal } from '../kit/errors.ts'
import type { ProfileSpec } from './profile.ts'

/** What is told in place of a password or its hash; sent back, it means the one that is there. */
export const KEPT = '$kept$unchanged'

/** The profile as it may be shown: without passwords, and without what is written into systems unless `contents`. */
export function shown<P extends ProfileSpec>(profile: P, contents: boolean): P {
  if (profile.kind === 'menu')
    return {
      ...profile,
      items: profile.items.map((item) => ({ ...item, password: item.password === null ? null : KEPT })),
    }
  if (profile.kind !== 'install' || !profile.identity) return profile
  const { identity } = profile
  const passwordHash = identity.passwordHash === null ? null : KEPT
  const secrets = contents ? {} : { userData: null, metaData: null, ignition: null }
  return { ...profile, identity: { ...identity, passwordHash, ...secrets } }
}

/** The profile with the passwords that it had, where it says `KEPT`. */
export function unhidden(spec: ProfileSpec, before: ProfileSpec | undefined): ProfileSpec {
  if (spec.kind === 'menu') return { ...spec, items: spec.items.map((item) => withPassword(item, spec.name, before)) }
  if (spec.kind !== 'install' || spec.identity?.passwordHash !== KEPT) return spec
  const passwordHash = before?.kind === 'install' ? (before.identity?.passwordHash ?? null) : null
  if (passwordHash === null)
    throw new Refusal('validation-failed', `${spec.name} has no password hash that could be kept`, {
      next: 'give a hash as openssl passwd -6 prints it, or null',
    })
  return { ...spec, identity: { ...spec.identity, passwordHash } }
}

type Item = Extract<ProfileSpec, { kind: 'menu' }>['items'][number]

function withPassword(item: Item, menu: string, before: ProfileSpec | undefined): Item {
  if (item.password !== KEPT) return item
  const old = before?.kind === 'menu' ? before.items.find(({ profile }) => profile === item.profile) : undefined
  if (!old || old.password === null)
    throw new Refusal('validation-failed', `${item.profile} has no password in ${menu} that could be kept`, {
      next: 'give the password, or null',
    })
  return { ...item, password: old.password }
}
