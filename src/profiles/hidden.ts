import { Refusal } from '../kit/errors.ts'
import type { ProfileSpec } from './profile.ts'

/** What is told in place of a password hash; sent back, it means the one that is there. */
export const KEPT = '$kept$unchanged'

/** The profile as it may be shown: without its password hash, and without what is written into systems unless `contents`. */
export function shown<P extends ProfileSpec>(profile: P, contents: boolean): P {
  if (profile.kind !== 'install' || !profile.identity) return profile
  const { identity } = profile
  const passwordHash = identity.passwordHash === null ? null : KEPT
  const secrets = contents ? {} : { userData: null, metaData: null, ignition: null }
  return { ...profile, identity: { ...identity, passwordHash, ...secrets } }
}

/** The profile with the password hash that it had, where it says `KEPT`. */
export function unhidden(spec: ProfileSpec, before: ProfileSpec | undefined): ProfileSpec {
  if (spec.kind !== 'install' || spec.identity?.passwordHash !== KEPT) return spec
  const passwordHash = before?.kind === 'install' ? (before.identity?.passwordHash ?? null) : null
  if (passwordHash === null)
    throw new Refusal('validation-failed', `${spec.name} has no password hash that could be kept`, {
      next: 'give a hash as openssl passwd -6 prints it, or null',
    })
  return { ...spec, identity: { ...spec.identity, passwordHash } }
}
