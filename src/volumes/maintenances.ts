import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import type { Profiles } from '../profiles/profiles.ts'
import { baseOf } from './bases.ts'
import type { VolumeJob, VolumeJobs } from './jobs.ts'
import type { Maintenance } from './maintenance.ts'
import { disklessProfile, type Rollouts, systemDisk } from './rollouts.ts'
import { Turns } from './turns.ts'
import type { Volumes } from './volumes.ts'

type Dependencies = Readonly<{
  volumes: Volumes
  jobs: VolumeJobs
  rollouts: Rollouts
  profiles: Profiles
  images: Images
  clock: Clock
  log: Log
}>

export type Finish = Readonly<{ note: string; rollout: 'none' | 'canary' | 'all'; canary: string | null }>

/** Masters that are edited on a machine and become the next version of their image. */
export class Maintenances {
  readonly #with: Dependencies
  /** By maintenance: of two that end it, one does. */
  readonly #turns = new Turns()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** After a start of the server: what was being published either has its version or is open again. */
  async resume(): Promise<void> {
    for (const each of this.#ledger.maintenances()) {
      if (each.state !== 'publishing') continue
      const made = this.#with.images.get(each.image)?.versions.find(({ source }) => source === sourceOf(each))
      if (made) await this.#published(each, made.number)
      else await this.#save({ ...each, state: 'open' })
    }
    for (const { state, volume } of this.#ledger.maintenances())
      if ((state === 'published' || state === 'discarded') && this.#ledger.get(volume))
        await this.#with.volumes.removeForced(volume)
  }

  all(): Maintenance[] {
    return this.#ledger.maintenances()
  }

  /** Gives a machine the newest version of the profile's OS image, writable, at its next boot of the profile. */
  async start(
    { profile: name, machine, others }: Readonly<{ profile: string; machine: Machine; others: 'keep' | 'refuse' }>,
    by: string,
  ): Promise<Maintenance> {
    const { volumes, profiles, images, clock } = this.#with
    const disk = systemDisk(disklessProfile(profiles, name))
    this.#refuseOpen(name)
    const base = baseOf(disk.image.split('@')[0] ?? '', (reference) => images.resolve(reference))
    const id = this.#ledger.newId('t')
    const volume = await volumes.create(
      {
        name: `${name.slice(0, 40)}.master-${id.slice(2, 8)}`,
        image: `${base.image}@${base.version}`,
        bytes: disk.bytes ?? base.bytes,
        use: { kind: 'maintenance', maintenance: id },
      },
      by,
    )
    try {
      this.#refuseOpen(name)
      const maintenance: Maintenance = {
        id,
        profile: name,
        machine: machine.id,
        image: base.image,
        from: base.version,
        published: null,
        volume: volume.id,
        others,
        state: 'open',
        startedBy: by,
        startedAt: clock.now(),
        endedAt: null,
      }
      await this.#save(maintenance)
      return maintenance
    } catch (error) {
      await volumes.removeForced(volume.id)
      throw error
    }
  }

  /** Publishes what the machine made of the master; it must be shut down, so that its filesystems are whole. */
  async publish(reference: string, finish: Finish, by: string): Promise<VolumeJob> {
    const { id } = this.#known(reference)
    return this.#turns.take(id, async () => {
      const maintenance = this.#known(id)
      refuseUnlessOpen(maintenance)
      if (finish.rollout === 'canary' && finish.canary === null)
        throw new Refusal('validation-failed', 'a canary rollout needs the tag of the machines that get it first', {
          problems: [{ path: 'canary', message: 'name a tag' }],
        })
      // From now on its machine is not given the master: what is read is what it was when it was found at rest.
      await this.#save({ ...maintenance, state: 'publishing' })
      try {
        return await this.#publish(maintenance, finish, by)
      } catch (error) {
        await this.#save(maintenance)
        throw error
      }
    })
  }

  async #publish(maintenance: Maintenance, { note, rollout, canary }: Finish, by: string): Promise<VolumeJob> {
    const { volumes, jobs } = this.#with
    const { id, image } = maintenance
    const volume = this.#ledger.known(maintenance.volume)
    await volumes.targets.refuseInSession(volume, 'shut that machine down first: its filesystems are whole then')
    for (const each of this.#ledger.holding(volume.id)) await volumes.targets.detach(each)
    const job = jobs.publish(volume, null, { image, note, by, source: sourceOf(maintenance) }, async (version) => {
      const told = await this.#rollOut(maintenance, version, { rollout, canary }, by)
      await this.#published(maintenance, version)
      return told
    })
    void jobs.ended(job.id).then(async (ended) => {
      const now = this.#ledger.maintenance(id)
      if (ended.state === 'failed' && now?.state === 'publishing') await this.#save({ ...now, state: 'open' })
    })
    return job
  }

  async discard(reference: string): Promise<Maintenance> {
    const { id } = this.#known(reference)
    return this.#turns.take(id, async () => {
      const maintenance = this.#known(id)
      refuseUnlessOpen(maintenance)
      const { volumes, clock } = this.#with
      await volumes.targets.refuseInSession(
        this.#ledger.known(maintenance.volume),
        'shut that machine down first, or end its session',
      )
      const discarded: Maintenance = { ...maintenance, state: 'discarded', endedAt: clock.now() }
      await this.#save(discarded)
      await volumes.removeForced(maintenance.volume)
      return discarded
    })
  }

  /** What holds a profile, in words. */
  ordering(profile: string): string[] {
    const open = this.#openOf(profile)
    return open ? [`maintenance ${open.id}`] : []
  }

  /** The maintenance that a machine has open. */
  ofMachine(machine: string): Maintenance | undefined {
    return this.all().find((each) => each.machine === machine && (each.state === 'open' || each.state === 'publishing'))
  }

  get #ledger() {
    return this.#with.volumes.ledger
  }

  #refuseOpen(profile: string): void {
    const open = this.#openOf(profile)
    if (open)
      throw new Refusal('in-use', `${profile} is being maintained already (${open.id})`, {
        next: 'publish or discard that first',
      })
  }

  #openOf(profile: string): Maintenance | undefined {
    return this.all().find((each) => each.profile === profile && (each.state === 'open' || each.state === 'publishing'))
  }

  /** By its id, or by the profile that it is open for. */
  #known(id: string): Maintenance {
    const found = this.#ledger.maintenance(id) ?? this.#openOf(id)
    if (!found)
      throw new Refusal('not-found', `there is no maintenance ${id}, and none open of a profile with that name`, {
        next: 'list them: reveille maintenance list',
      })
    return found
  }

  /** Without a rollout, machines stay on the version they have, also where the profile names just the newest one. */
  async #rollOut(
    { profile, from, image }: Maintenance,
    to: number,
    how: Pick<Finish, 'rollout' | 'canary'>,
    by: string,
  ) {
    const { rollouts, log } = this.#with
    try {
      if (how.rollout === 'none') {
        const pinned = await rollouts.pin(profile, image, from, { onlyUnpinned: true })
        return pinned ? `the profile ${profile} stays at ${image}@${from}` : undefined
      }
      const canary = how.rollout === 'canary' ? how.canary : null
      await rollouts.start({ profile, to, canary, from }, by)
      return canary === null ? `the profile ${profile} boots it from now on` : `machines with the tag ${canary} boot it`
    } catch (error) {
      // The version is there: what could not be rolled out can be at any time.
      log.warn({ profile, error }, 'a version that was published could not be rolled out')
      return `it was not rolled out: ${error instanceof Refusal ? error.message : 'the log says more'}`
    }
  }

  async #published(maintenance: Maintenance, version: number): Promise<void> {
    await this.#save({ ...maintenance, state: 'published', published: version, endedAt: this.#with.clock.now() })
    await this.#with.volumes.removeForced(maintenance.volume)
  }

  #save(maintenance: Maintenance): Promise<void> {
    return this.#ledger.write({ save: { maintenances: [maintenance] } })
  }
}

function sourceOf({ id }: Maintenance): string {
  return `maintenance ${id}`
}

function refuseUnlessOpen({ id, state }: Maintenance): void {
  if (state !== 'open')
    throw new Refusal('wrong-state', `the maintenance ${id} is ${state}`, { next: 'see: reveille maintenance list' })
}
