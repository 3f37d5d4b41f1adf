import type { Machine } from '../machines/machine.ts'
import type { ProfileSpec } from '../profiles/profile.ts'

/** Profiles that name a config, the versions of it that they pin, and the machines that become those which pin none. */
export type ConfigUsers = Readonly<{
  profiles: readonly string[]
  pinned: readonly number[]
  machines: readonly Machine[]
}>

export function usersOf(config: string, profiles: readonly ProfileSpec[], machines: readonly Machine[]): ConfigUsers {
  const naming = profiles.flatMap((profile) => {
    const reference = 'config' in profile ? profile.config : null
    const [name, version] = reference?.split('@') ?? []
    return name === config ? [{ profile: profile.name, version: version === undefined ? null : Number(version) }] : []
  })
  // Who pins a version is not touched by a new one.
  const following = new Set(naming.flatMap(({ profile, version }) => (version === null ? [profile] : [])))
  return {
    profiles: naming.map(({ profile }) => profile),
    pinned: naming.flatMap(({ version }) => version ?? []),
    machines: machines.filter(
      ({ profile, nextBoot }) =>
        (profile !== null && following.has(profile)) || (nextBoot !== null && following.has(nextBoot.profile)),
    ),
  }
}
