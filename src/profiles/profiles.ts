import type { ImageKind } from '../images/image.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { refuseSpec } from './check.ts'
import { unhidden } from './hidden.ts'
import { type Profile, ProfileSpec } from './profile.ts'
import type { ProfileRepository } from './repository.ts'

type Dependencies = Readonly<{
  repository: ProfileRepository
  events: { publish(event: { topic: 'profile'; id: string; change: 'saved' | 'removed' }): void }
  clock: Clock
  /** The kind of the image that `NAME` or `NAME@N` names; `undefined` when there is no such version. */
  imageKind: (reference: string) => ImageKind | undefined
  /** Whether there is a volume of this name. Without it any name is taken. */
  hasVolume?: ((name: string) => boolean) | undefined
  /** By `NAME` or `NAME@VERSION`. */
  hasConfig?: ((reference: string) => boolean) | undefined
  /** Names of the machines that boot a profile, by default or the next time. */
  usage: (profile: string) => readonly string[]
  /** What else needs a profile, in words such as `deployment d_12`. */
  heldBy?: ((profile: string) => readonly string[]) | undefined
}>

/** Whether a volume or a config will be there by then. */
type Comes = Readonly<{ volume?: (name: string) => boolean; config?: (reference: string) => boolean }>

/** What an `apply` does or would do to one profile. */
export type ProfileChange = Readonly<{ name: string; change: 'create' | 'update' | 'none'; fields: readonly string[] }>

/** The profiles: all in memory, every change durable before it is seen. Changes happen one after another. */
export class Profiles {
  readonly #with: Dependencies
  readonly #profiles: Map<string, Profile>
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies, profiles: readonly Profile[]) {
    this.#with = dependencies
    this.#profiles = new Map(profiles.map((profile) => [profile.name, profile]))
  }

  static async open(dependencies: Dependencies): Promise<Profiles> {
    return new Profiles(dependencies, (await dependencies.repository.all()).map(completed))
  }

  /** Sorted by name. */
  all(): Profile[] {
    return [...this.#profiles.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): Profile | undefined {
    return this.#profiles.get(name)
  }

  /** Names of the profiles that name an image; with `version`, of those that pin just that one. */
  naming(image: string, version?: number): string[] {
    const names = (reference: string) =>
      version === undefined ? reference.split('@')[0] === image : reference === `${image}@${version}`
    return this.all()
      .filter((profile) => imagesOf(profile).some(names))
      .map((profile) => profile.name)
  }

  /** Names of the profiles whose disks name a volume. */
  usingVolume(volume: string): string[] {
    const uses = (profile: Profile) =>
      'disks' in profile && profile.disks.some((disk) => disk.use === 'volume' && disk.volume === volume)
    return this.all()
      .filter(uses)
      .map(({ name }) => name)
  }

  /** Machines and menus that name a profile. */
  users(name: string): { machines: readonly string[]; menus: readonly string[] } {
    const menus = this.all().filter(
      (profile) => profile.kind === 'menu' && profile.items.some((item) => item.profile === name),
    )
    return { machines: this.#with.usage(name), menus: menus.map((profile) => profile.name) }
  }

  create(spec: ProfileSpec): Promise<Profile> {
    return this.#alone(async () => {
      if (this.#profiles.has(spec.name))
        throw new Refusal('conflict', `there is a profile ${spec.name} already`, {
          next: 'choose another name, or replace it',
        })
      this.#check([spec])
      return this.#save(spec)
    })
  }

  /** Replaces a profile, or creates it. Machines that boot it get the new one at their next boot. */
  replace(spec: ProfileSpec): Promise<Profile> {
    return this.#alone(async () => {
      this.#check([spec])
      return this.#save(spec)
    })
  }

  remove(name: string): Promise<void> {
    return this.#alone(async () => {
      if (!this.#profiles.has(name))
        throw new Refusal('not-found', `there is no profile ${name}`, { next: 'list them: reveille profile list' })
      const { machines, menus } = this.users(name)
      const held = this.#with.heldBy?.(name) ?? []
      const users = [listed('machine', machines), listed('menu', menus), ...held.slice(0, 5)].filter(
        (text) => text !== '',
      )
      if (users.length > 0)
        throw new Refusal('in-use', `the profile ${name} is used by ${users.join(' and ')}`, {
          next: held.length > 0 ? 'wait until those have ended, or cancel them' : 'give those another profile first',
        })
      await this.#with.repository.remove(name)
      this.#profiles.delete(name)
      this.#with.events.publish({ topic: 'profile', id: name, change: 'removed' })
    })
  }

  /** What `applyAll` would do; the whole set is checked together, so menus may name profiles that come with them. */
  planApply(specs: readonly ProfileSpec[], comes: Comes = {}): ProfileChange[] {
    const twice = specs.find((spec, i) => specs.findIndex((other) => other.name === spec.name) !== i)
    if (twice) throw new Refusal('conflict', `the manifest names the profile ${twice.name} twice`)
    this.#check(specs, comes)
    return specs.map((spec) => {
      const before = this.#profiles.get(spec.name)
      if (!before) return { name: spec.name, change: 'create', fields: Object.keys(spec) }
      const fields = changedFields(before, unhidden(spec, before))
      return { name: spec.name, change: fields.length > 0 ? 'update' : 'none', fields }
    })
  }

  /** Makes profiles match a manifest. Nothing is changed unless all are right. */
  applyAll(specs: readonly ProfileSpec[]): Promise<ProfileChange[]> {
    return this.#alone(async () => {
      const plan = this.planApply(specs)
      for (const [i, spec] of specs.entries()) if (plan[i]?.change !== 'none') await this.#save(spec)
      return plan
    })
  }

  #check(specs: readonly ProfileSpec[], comes: Comes = {}): void {
    const coming = new Map(specs.map((spec) => [spec.name, spec]))
    const lookUp = (name: string) => coming.get(name) ?? this.#profiles.get(name)
    const { imageKind, hasVolume = () => true, hasConfig = () => true } = this.#with
    const known = {
      ...{ profile: lookUp, imageKind },
      hasVolume: (name: string) => hasVolume(name) || comes.volume?.(name) === true,
      hasConfig: (reference: string) => hasConfig(reference) || comes.config?.(reference) === true,
    }
    for (const spec of specs) refuseSpec(spec, known)
  }

  async #save(given: ProfileSpec): Promise<Profile> {
    const spec = unhidden(given, this.#profiles.get(given.name))
    const now = this.#with.clock.now()
    const profile: Profile = { ...spec, createdAt: this.#profiles.get(spec.name)?.createdAt ?? now, updatedAt: now }
    await this.#with.repository.save(profile)
    this.#profiles.set(spec.name, profile)
    this.#with.events.publish({ topic: 'profile', id: spec.name, change: 'saved' })
    return profile
  }

  /** One change after another: what was checked still holds when it is written. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function changedFields(before: Profile, after: ProfileSpec): string[] {
  const { createdAt: _c, updatedAt: _u, ...spec } = before
  const old = spec as Readonly<Record<string, unknown>>
  const next = after as Readonly<Record<string, unknown>>
  const fields = new Set([...Object.keys(old), ...Object.keys(next)])
  return [...fields].filter((field) => JSON.stringify(old[field]) !== JSON.stringify(next[field]))
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  const shown = names.slice(0, 5).join(', ')
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  return `${what}${names.length > 1 ? 's' : ''} ${shown}${more}`
}

/** The images that a profile names, each as `NAME` or `NAME@3`. */
export function imagesOf(profile: Profile): readonly string[] {
  if (profile.kind === 'install') return profile.targets.map(({ image }) => image)
  const disks = 'disks' in profile ? profile.disks : []
  return [
    ...('image' in profile ? [profile.image] : []),
    ...(profile.kind === 'wim' && profile.wim !== null ? [profile.wim] : []),
    ...disks.flatMap((disk) => (disk.use === 'overlay' ? disk.image : [])),
  ]
}

/** A profile that an earlier release saved, with the defaults of the fields it did not have. */
function completed(saved: Profile): Profile {
  const { createdAt, updatedAt, ...spec } = saved
  const whole = ProfileSpec.safeParse(spec)
  return whole.success ? { ...whole.data, createdAt, updatedAt } : saved
}
