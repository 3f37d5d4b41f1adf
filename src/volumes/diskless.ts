import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import type { Profile } from '../profiles/profile.ts'
import type { Attachment } from './attachment.ts'
import { baseOf, nameOfBase, type ResolveImage } from './bases.ts'
import type { BootDisks, DiskAnswer, DiskDesk, DiskRequest } from './boot-disks.ts'
import { type DiskFacts, type DiskPlan, decideDisks, disksOf, type PlannedDisk } from './decide.ts'
import { bootTargetOf, initiatorOf, newChapSecret } from './naming.ts'
import type { AttachedSession } from './targets.ts'
import { Turns } from './turns.ts'
import type { Volume } from './volume.ts'
import type { Volumes } from './volumes.ts'

/** How long disks that were made ready and not yet used are given again as they are, in milliseconds. */
const FRESH_MS = 120_000
/** A session that did something within this time belongs to a system that runs, in milliseconds. */
const BUSY_MS = 4000
/** Disks on volumes that several machines may ask for are chosen one machine after another. */
const SHARED = 'shared volumes'

type Dependencies = Readonly<{
  volumes: Volumes
  machine: (id: string) => Machine | undefined
  profile: (name: string) => Profile | undefined
  resolveImage: ResolveImage
  /** The setting `iscsi.chap`. */
  chap: boolean
  clock: Clock
  log: Log
  /** Milliseconds since 1970 of the last I/O of a session that somebody saw. */
  lastActive: (session: string) => number | undefined
  /** Tells what was decided, for the boot trace. */
  trace: (machine: string, told: DiskNote) => void
}>

export type DiskNote = Readonly<{ outcome: 'ok' | 'refused'; profile: string; summary: string; reason: string }>

type Ready = { at: number; profileUpdatedAt: number }

/** Gives machines their disks when they boot: overlays are made and reset, shared volumes chosen, and the target is put up. */
export class Diskless implements DiskDesk {
  readonly #with: Dependencies
  readonly #turns = new Turns()
  /** Attachments that nobody logged in to since they were made ready. */
  readonly #unused = new Map<string, Ready>()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
    dependencies.volumes.targets.onLogin((report, attachment) => {
      if (attachment && report.outcome === 'accepted') this.#unused.delete(attachment.id)
    })
  }

  /** Tells of targets that somebody was seen on, for engines that report no logins. */
  seen(iqns: Iterable<string>): void {
    for (const iqn of iqns) {
      const attachment = this.#ledger.byIqn(iqn)
      if (attachment) this.#unused.delete(attachment.id)
    }
  }

  async prepare(request: DiskRequest): Promise<DiskAnswer> {
    const { machine, profile } = request
    const answer = await this.#turns.take(machine, () => this.#answer(request))
    const note =
      answer.outcome === 'refused'
        ? { outcome: 'refused' as const, summary: 'it gets no disks', reason: `${answer.reason}; ${answer.next}` }
        : {
            outcome: 'ok' as const,
            summary: `its disks for ${profile.name} are ready`,
            reason: answer.disks.remarks.join('; ') || 'they are as they were',
          }
    this.#with.trace(machine, { ...note, profile: profile.name })
    return answer
  }

  given(request: DiskRequest): BootDisks | undefined {
    const given = this.#given(request)
    return given && this.#disks(request, given.disks.length, given.chap, [])
  }

  #given({ machine, profile }: DiskRequest): Attachment | undefined {
    return this.#ledger.bootsOf(machine).find((each) => each.for.kind === 'boot' && each.for.profile === profile.name)
  }

  preview(request: DiskRequest): DiskAnswer {
    const machine = this.#with.machine(request.machine)
    if (!machine) return refused('this machine is not known', 'boot it again')
    if (!this.#targets.enabled) return OFF
    const given = this.#given(request)
    const plan = given ? undefined : decideDisks(this.#facts(machine, request, new Set()))
    if (plan?.outcome === 'refused') return plan
    const chap = this.#with.chap ? { user: machine.id.replaceAll('_', '-'), secret: 'preview' } : null
    return {
      outcome: 'disks',
      disks: this.#disks(request, (given ?? plan)?.disks.length ?? 0, chap, plan?.remarks ?? []),
    }
  }

  /**
   * Resets the machine's overlays: now, or at its next boot while it is on, unless its sessions are to be ended. Overlays with the policy
   * `keep` only when their profile is named.
   */
  resetMachine(machine: Machine, { profile, kick }: Readonly<{ profile?: string | undefined; kick: boolean }>) {
    return this.#turns.take(machine.id, async () => {
      const all = this.#ledger
        .overlaysOf(machine.id)
        .filter(({ use }) => use.kind === 'overlay' && (profile === undefined || use.profile === profile))
      const kept = (volume: Volume) => profile === undefined && this.policyOf(volume) === 'keep'
      const overlays = all.filter((volume) => !kept(volume))
      if (overlays.length === 0 && all.length > 0)
        throw new Refusal('wrong-state', `the disks of ${machine.name} are kept: their policy is keep`, {
          next: `name the profile to reset them all the same: reveille machine reset ${machine.name} --profile NAME`,
        })
      const done = { reset: [] as string[], atNextBoot: [] as string[] }
      for (const { id, name } of overlays) {
        const live = !kick && (await this.#targets.sessionsOf(id)).length > 0
        if (!live) await this.#with.volumes.revert(id, null, { kick })
        // Also of what is empty by now: the version that the profile names when it boots is the one it begins anew with.
        await this.#ledger.change(id, { resetAtBoot: true })
        done[live ? 'atNextBoot' : 'reset'].push(name)
      }
      return done
    })
  }

  /** The policy that the profile now has for an overlay; `undefined` when it has no such disk any more. */
  policyOf({ use }: Volume): string | undefined {
    if (use.kind !== 'overlay') return undefined
    const disk = this.#profileDisks(use.profile)[use.lun]
    return disk?.use === 'overlay' ? disk.policy : undefined
  }

  /** A machine that is forgotten takes its overlays and attachments along. */
  async forget(machine: string): Promise<void> {
    await this.#turns.take(machine, async () => {
      for (const each of this.#ledger.attachments())
        if (each.for.kind !== 'export' && each.for.machine === machine) await this.#targets.detach(each)
      for (const { id } of this.#ledger.overlaysOf(machine)) await this.#with.volumes.removeForced(id)
    })
  }

  /** Housekeeping: what stayed of machines that were forgotten while the server was stopped or one of their disks was read. */
  async forgetOrphans(): Promise<void> {
    const known = (machine: string) => this.#with.machine(machine) !== undefined
    const named = [
      ...this.#ledger.volumes().flatMap(({ use }) => (use.kind === 'overlay' ? [use.machine] : [])),
      ...this.#ledger.attachments().flatMap((each) => (each.for.kind === 'export' ? [] : [each.for.machine])),
    ]
    for (const machine of new Set(named))
      if (!known(machine))
        await this.forget(machine).catch((error) =>
          this.#with.log.warn({ machine, error }, 'the disks of a machine that is gone stay for now'),
        )
  }

  get #ledger() {
    return this.#with.volumes.ledger
  }

  get #targets() {
    return this.#with.volumes.targets
  }

  #profileDisks(name: string) {
    const profile = this.#with.profile(name)
    return profile ? disksOf(profile) : []
  }

  async #answer(request: DiskRequest): Promise<DiskAnswer> {
    const machine = this.#with.machine(request.machine)
    if (!machine) return refused('this machine is not known', 'boot it again')
    if (!this.#targets.enabled) return OFF
    try {
      const sessions = await this.#targets.sessions()
      const own = this.#ledger.bootsOf(machine.id)
      const mine = sessions.filter(({ attachment }) => attachment && own.some(({ id }) => id === attachment.id))
      const again = this.#again(request, own, mine)
      if (again) return again
      const running = mine.find((session) => this.#runs(session, request.address))
      if (running)
        return refused(
          `a system at ${running.address} is using the disks of ${machine.name}`,
          'shut it down first, or end its session',
        )
      for (const each of own) await this.#targets.detach(each)
      await this.#setAside(own)
      const shared = disksOf(request.profile).some(({ use }) => use !== 'overlay')
      const make = () => this.#make(machine, request, new Set(sessions.map(({ target }) => target)))
      return shared ? await this.#turns.take(SHARED, make) : await make()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#with.log.warn({ machine: machine.id, profile: request.profile.name, reason: error.message }, 'no disks')
      return refused(error.message, error.next ?? 'the log of the server says more')
    }
  }

  /** The same answer as before, when nobody has used it and nothing has changed. */
  #again(
    request: DiskRequest,
    own: readonly Attachment[],
    sessions: readonly AttachedSession[],
  ): DiskAnswer | undefined {
    const last = own.find((each) => each.for.kind === 'boot' && each.for.profile === request.profile.name)
    const ready = last && this.#unused.get(last.id)
    const { clock } = this.#with
    if (!last || own.length > 1 || sessions.length > 0 || !ready) return undefined
    if (clock.now() - ready.at > FRESH_MS || ready.profileUpdatedAt !== request.profile.updatedAt) return undefined
    const usable = last.disks.every(({ volume }) => {
      const now = this.#ledger.get(volume)
      return now?.condition === 'ready' && !now.pending && !now.resetAtBoot
    })
    if (!usable || this.#targets.failures().has(last.id)) return undefined
    const remarks = ['it asked again before it used them: they are the same']
    return { outcome: 'disks', disks: this.#disks(request, last.disks.length, last.chap, remarks) }
  }

  /** Who asks for a script proves nothing: a system that works at another address is not cut off for it. */
  #runs({ id, address }: AttachedSession, asking: string): boolean {
    const active = this.#with.lastActive(id)
    return active !== undefined && this.#with.clock.now() - active < BUSY_MS && !sameHost(address, asking)
  }

  /** Volumes whose boots were used up by the boot that is over. */
  async #setAside(over: readonly Attachment[]): Promise<void> {
    for (const { disks } of over)
      for (const { volume: id, readOnly } of disks) {
        const volume = this.#ledger.get(id)
        if (!readOnly && volume?.bootsLeft === 0 && volume.condition === 'ready')
          await this.#ledger.change(id, { condition: 'modified' })
      }
  }

  async #make(machine: Machine, request: DiskRequest, live: ReadonlySet<string>): Promise<DiskAnswer> {
    const plan = decideDisks(this.#facts(machine, request, live))
    if (plan.outcome === 'refused') return plan
    await this.#displace(plan)
    const now = this.#with.clock.now()
    const changes = new Map<string, Partial<Volume>>()
    const disks: Attachment['disks'][number][] = []
    for (const planned of plan.disks) {
      const volume = await this.#ready(machine, request.profile.name, planned)
      const { lun, readOnly } = planned
      disks.push({ lun, volume: volume.id, readOnly, snapshot: null })
      const boots = volume.bootsLeft === null ? {} : { bootsLeft: Math.max(0, volume.bootsLeft - 1) }
      changes.set(volume.id, readOnly ? { lastAttachedAt: now } : { lastAttachedAt: now, untouched: false, ...boots })
    }
    const chap = this.#with.chap ? { user: machine.id.replaceAll('_', '-'), secret: newChapSecret() } : null
    const { prefix } = this.#targets
    const attachment: Attachment = {
      id: this.#ledger.newId('a'),
      iqn: bootTargetOf(prefix, machine.id, request.profile.name),
      for: { kind: 'boot', machine: machine.id, profile: request.profile.name },
      initiator: initiatorOf(prefix, machine.id),
      address: null,
      chap,
      disks,
      createdAt: now,
    }
    await this.#targets.attach(attachment, changes)
    this.#unused.set(attachment.id, { at: now, profileUpdatedAt: request.profile.updatedAt })
    return { outcome: 'disks', disks: this.#disks(request, disks.length, chap, plan.remarks) }
  }

  async #displace({ displaced }: Extract<DiskPlan, { outcome: 'disks' }>): Promise<void> {
    for (const id of displaced) {
      const attachment = this.#ledger.attachment(id)
      if (!attachment) continue
      await this.#targets.detach(attachment)
      await this.#setAside([attachment])
    }
  }

  /** Makes one disk so. */
  async #ready(machine: Machine, profile: string, planned: PlannedDisk): Promise<Volume> {
    const { volumes } = this.#with
    const { lun, limitBytes } = planned
    const made = (base: { image: string; version: number }, bytes: number) =>
      volumes.create(
        {
          name: this.#freeName(machine.name, profile, lun),
          image: nameOfBase(base),
          bytes,
          limitBytes: limitBytes ?? null,
          use: { kind: 'overlay', machine: machine.id, profile, lun },
        },
        'reveille',
      )
    if (planned.does === 'create') return made(planned.base, planned.bytes)
    const { volume, base, bytes } = planned
    if (planned.does === 'rebase' && base) {
      if (volume.snapshots.length === 0)
        return volumes.recreate(volume.id, { kick: true, base, bytes: bytes ?? base.bytes })
      // Somebody froze states of it on purpose: they are not dropped with a reset.
      await this.#ledger.change(volume.id, {
        use: { kind: 'own' },
        resetAtBoot: false,
        notes: `${volume.notes}${volume.notes ? '\n' : ''}was the disk of ${machine.name} for ${profile} until it was reset`,
      })
      return made(base, bytes ?? base.bytes)
    }
    let now = volume
    if (planned.does === 'revert') now = await volumes.revert(volume.id, null, { kick: true })
    if (bytes !== null && bytes > now.bytes) now = await volumes.resize(volume.id, bytes, { shrink: false })
    if (limitBytes !== undefined && limitBytes !== now.limitBytes) now = await volumes.update(volume.id, { limitBytes })
    return now
  }

  #freeName(machine: string, profile: string, lun: number): string {
    const wanted = `${machine.slice(0, 28)}.${profile.slice(0, 28)}.${lun}`.replace(/[._-]+(?=\.)/g, '')
    for (let n = 1; ; n++) {
      const name = n === 1 ? wanted : `${wanted.slice(0, 56)}-${n}`
      if (!this.#ledger.taken(name)) return name
    }
  }

  #facts(machine: Machine, { profile }: DiskRequest, live: ReadonlySet<string>): DiskFacts {
    const ledger = this.#ledger
    return {
      machine,
      profile,
      overlay: (lun) => ledger.overlay(machine.id, profile.name, lun),
      volume: (name) => ledger.find(name),
      rotation: (name) => ledger.volumes().filter(({ labels, use }) => use.kind === 'own' && labels.rotation === name),
      attachments: ledger.attachments(),
      live,
      maintenance: ledger
        .maintenances()
        .find((each) => each.profile === profile.name && (each.state === 'open' || each.state === 'publishing')),
      rollout: ledger.rollouts().find((each) => each.profile === profile.name),
      base: (reference) => {
        try {
          return baseOf(reference, this.#with.resolveImage)
        } catch (error) {
          if (error instanceof Refusal) return error.message
          throw error
        }
      },
      machineName: (id) => this.#with.machine(id)?.name ?? id,
    }
  }

  #disks(request: DiskRequest, luns: number, chap: BootDisks['chap'], remarks: readonly string[]): BootDisks {
    const { prefix, port, firstLun } = this.#targets
    return {
      host: request.host,
      port,
      initiator: initiatorOf(prefix, request.machine),
      target: bootTargetOf(prefix, request.machine, request.profile.name),
      firstLun,
      luns,
      chap: chap && { user: chap.user, secret: chap.secret },
      remarks,
    }
  }
}

const OFF: DiskAnswer = refused(
  'the server runs without iSCSI',
  'reveille status says why; mend that and restart the server',
)

function refused(reason: string, next: string): Extract<DiskAnswer, { outcome: 'refused' }> {
  return { outcome: 'refused', reason, next }
}

/** IPv4 addresses may be written as IPv6 ones. */
function sameHost(a: string, b: string): boolean {
  return a.replace(/^::ffff:/, '') === b.replace(/^::ffff:/, '')
}
