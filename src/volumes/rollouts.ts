import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { DisklessDisk, Profile } from '../profiles/profile.ts'
import type { Profiles } from '../profiles/profiles.ts'
import { baseOf } from './bases.ts'
import type { VolumeLedger } from './ledger.ts'
import type { Rollout } from './maintenance.ts'

type Dependencies = Readonly<{ ledger: VolumeLedger; profiles: Profiles; images: Images; clock: Clock }>
type DisklessProfile = Extract<Profile, { kind: 'diskless' }>

/** Moves diskless profiles from one version of their OS image to another. */
export class Rollouts {
  readonly #with: Dependencies

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** After a start of the server: a profile that was not changed yet is. What somebody changed since stays. */
  async resume(): Promise<void> {
    const seen = new Set<string>()
    for (const rollout of this.all()) {
      if (seen.has(rollout.profile)) continue
      seen.add(rollout.profile)
      const profile = this.#with.profiles.get(rollout.profile)
      if (profile && profile.updatedAt < rollout.updatedAt) await this.#follow(rollout)
    }
  }

  all(): Rollout[] {
    return this.#with.ledger.rollouts()
  }

  /** Machines with the tag `canary` get the version `to` at once, or all do without one. `from`: what the others keep, by default what they have. */
  async start(
    {
      profile: name,
      to,
      canary,
      from,
    }: Readonly<{ profile: string; to: number; canary: string | null; from?: number | undefined }>,
    by: string,
  ): Promise<Rollout> {
    const { ledger, profiles, images, clock } = this.#with
    const disk = systemDisk(disklessProfile(profiles, name))
    const [image = disk.image] = disk.image.split('@')
    const resolve = (reference: string) => images.resolve(reference)
    baseOf(`${image}@${to}`, resolve)
    const before = this.all().find((each) => each.profile === name && each.state === 'canary')
    const now = clock.now()
    const rollout: Rollout = {
      id: ledger.newId('r'),
      profile: name,
      image,
      from: from ?? baseOf(disk.image, resolve).version,
      to,
      canary,
      state: canary === null ? 'all' : 'canary',
      startedBy: by,
      // The newest one counts, so that two in one millisecond need an order.
      startedAt: Math.max(
        now,
        ...this.all()
          .filter((each) => each.profile === name)
          .map((each) => each.startedAt + 1),
      ),
      updatedAt: now,
    }
    const replaced = before ? [{ ...before, state: 'rolled-back' as const, updatedAt: now }] : []
    await ledger.write({ save: { rollouts: [...replaced, rollout] } })
    await this.#follow(rollout)
    return rollout
  }

  /** On to all machines, or back to the version before. `reference`: its id, or a profile: the newest of that. */
  async change(reference: string, state: 'all' | 'rolled-back'): Promise<Rollout> {
    const { ledger, clock } = this.#with
    const found = ledger.rollout(reference) ?? this.all().find((each) => each.profile === reference)
    if (!found)
      throw new Refusal('not-found', `there is no rollout ${reference}, and none of a profile with that name`, {
        next: 'list them: reveille rollout list',
      })
    const { id } = found
    const newest = this.all().find((each) => each.profile === found.profile)
    if (newest && newest.id !== id)
      throw new Refusal('wrong-state', `a later rollout of ${found.profile} took its place: ${newest.id}`, {
        next: 'change that one, or start another',
      })
    if (found.state === 'rolled-back' && state === 'all')
      throw new Refusal('wrong-state', `the rollout ${id} was rolled back`, { next: 'start another' })
    const changed = { ...found, state, updatedAt: clock.now() }
    await ledger.write({ save: { rollouts: [changed] } })
    await this.#follow(changed)
    return changed
  }

  /** Lets the profile's OS disk name one version. Tells whether that changed it. */
  async pin(name: string, image: string, version: number, only: Readonly<{ onlyUnpinned: boolean }>): Promise<boolean> {
    const { profiles } = this.#with
    const profile = disklessProfile(profiles, name)
    const [system, ...others] = profile.disks
    const disk = systemDisk(profile)
    const [named, pinned] = disk.image.split('@')
    const wanted = `${image}@${version}`
    if (named !== image || disk.image === wanted || !system || (only.onlyUnpinned && pinned !== undefined)) return false
    const { createdAt: _c, updatedAt: _u, ...spec } = profile
    await profiles.replace({ ...spec, disks: [{ ...disk, image: wanted }, ...others] })
    return true
  }

  /** Versions that machines may be moved back to: in use, as `image` and `version`. */
  needs(): { image: string; version: number; profile: string }[] {
    const newest = new Map<string, Rollout>()
    for (const each of this.all()) if (!newest.has(each.profile)) newest.set(each.profile, each)
    return [...newest.values()].flatMap(({ image, from, to, profile, state }) =>
      this.#with.profiles.get(profile) === undefined
        ? []
        : (state === 'canary' ? [from, to] : [from]).map((version) => ({ image, version, profile })),
    )
  }

  #follow({ profile, image, from, to, state }: Rollout): Promise<boolean> {
    return this.pin(profile, image, state === 'all' ? to : from, { onlyUnpinned: false })
  }
}

/** The profile, refused unless it is diskless. */
export function disklessProfile(profiles: Profiles, name: string): DisklessProfile {
  const profile = profiles.get(name)
  if (!profile)
    throw new Refusal('not-found', `there is no profile ${name}`, { next: 'list them: reveille profile list' })
  if (profile.kind !== 'diskless')
    throw new Refusal('wrong-state', `the profile ${name} is of kind ${profile.kind}, not diskless`, {
      next: 'name a diskless one: reveille profile list',
    })
  return profile
}

/** The disk that a machine boots, which must be an overlay over an image here. */
export function systemDisk({ name, disks }: DisklessProfile): Extract<DisklessDisk, { use: 'overlay' }> {
  const [disk] = disks
  if (disk?.use === 'overlay') return disk
  throw new Refusal('wrong-state', `the first disk of ${name} is no overlay over an image`, {
    next: 'only an image has versions to be maintained and rolled out',
  })
}
