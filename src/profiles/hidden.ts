import { Refusal } from '../kit/errors.ts'
import type { ProfileSpec } from './profile.ts'

/** What is told in place of a password, its hash, or a text that is not for whoever asks; sent back, it means the one that is there. */
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
  return { ...profile, identity: { ...identity, ...hiddenOf(identity, contents ? HASH : [...HASH, ...CONTENTS]) } }
}

/** The profile with the passwords that it had, where it says `KEPT`. */
export function unhidden(spec: ProfileSpec, before: ProfileSpec | undefined): ProfileSpec {
  if (spec.kind === 'menu') return { ...spec, items: spec.items.map((item) => withPassword(item, spec.name, before)) }
  const { identity } = spec.kind === 'install' ? spec : {}
  if (spec.kind !== 'install' || !identity) return spec
  const old = before?.kind === 'install' ? before.identity : null
  const back: Partial<Identity> = {}
  for (const field of [...HASH, ...CONTENTS]) {
    if (identity[field] !== KEPT) continue
    const value = old?.[field] ?? null
    if (value === null)
      throw new Refusal('validation-failed', `${spec.name} has no ${WORDS[field]} that could be kept`, {
        next:
          field === 'passwordHash' ? 'give a hash as openssl passwd -6 prints it, or null' : 'give the text, or null',
      })
    back[field] = value
  }
  return { ...spec, identity: { ...identity, ...back } }
}

type Identity = NonNullable<Extract<ProfileSpec, { kind: 'install' }>['identity']>
const HASH = ['passwordHash'] as const
/** Written into systems, and often with secrets in them. */
const CONTENTS = ['userData', 'metaData', 'ignition'] as const
const WORDS = {
  passwordHash: 'password hash',
  userData: 'cloud-init user-data',
  metaData: 'cloud-init meta-data',
  ignition: 'Ignition',
} as const

function hiddenOf(identity: Identity, fields: readonly (keyof typeof WORDS)[]): Partial<Identity> {
  return Object.fromEntries(fields.map((field) => [field, identity[field] === null ? null : KEPT]))
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
