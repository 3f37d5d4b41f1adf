import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Attachment } from './attachment.ts'
import type { Chap, LoginReport, Session, Target, TargetEngine } from './engine.ts'
import { clashing, purposeOf } from './holding.ts'
import type { VolumeLedger } from './ledger.ts'
import { LimitWatch } from './limit-watch.ts'
import { exportTargetOf, newChapSecret } from './naming.ts'
import { Turns } from './turns.ts'
import type { Volume } from './volume.ts'

type Dependencies = Readonly<{
  ledger: VolumeLedger
  /** `undefined`: this server runs without iSCSI. */
  engine: TargetEngine | undefined
  clock: Clock
  log: Log
  /** The setting `iscsi.name`. */
  prefix: string
  /** An address of this server, for URIs, where the engine listens on all of them. */
  host: () => string
  machineName: (id: string) => string
  /** Of a pool that cannot refuse what is written beyond a limit. */
  overLimit?: ((ids: readonly string[]) => Promise<readonly string[]>) | undefined
}>

/** A session and what it is of, when that is known. */
export type AttachedSession = Session & Readonly<{ attachment: Attachment | undefined }>

export type NewExport = Readonly<{
  initiator: string | null
  address: string | null
  readOnly: boolean
  snapshot: string | null
  chap: boolean
}>

const APPLIED_AT_ONCE = 16

/** Attachments as targets of the engine: those in the store are always applied, also after a restart, and nothing else is. */
export class Targets {
  readonly #with: Dependencies
  readonly #turns = new Turns()
  /** Attachments that could not be applied; tried again by `tick`. */
  readonly #failed = new Map<string, string>()
  /** Volumes whose bytes are being changed: nothing that has one of them is served. */
  readonly #resting = new Set<string>()
  readonly #limits: LimitWatch
  readonly #loginListeners: ((report: LoginReport, attachment: Attachment | undefined) => void)[] = []

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
    this.#limits = new LimitWatch(dependencies)
  }

  get enabled(): boolean {
    return this.#with.engine !== undefined
  }

  get prefix(): string {
    return this.#with.prefix
  }

  /** The port of the engine. */
  get port(): number {
    return this.#engine().portal.port
  }

  /** What the engine adds to the numbers of LUNs. */
  get firstLun(): number {
    return this.#with.engine?.firstLun ?? 0
  }

  /** Serves what is in the store, at the start of the server. What fails is logged and tried again. */
  async open(): Promise<void> {
    if (!this.#with.engine) return
    const waiting = this.#with.ledger.attachments()
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#tryApply(next)
    }
    await Promise.all(Array.from({ length: APPLIED_AT_ONCE }, worker))
  }

  /** Tries again what could not be applied. */
  async tick(): Promise<void> {
    for (const id of [...this.#failed.keys()]) {
      const attachment = this.#with.ledger.attachment(id)
      if (attachment) await this.#tryApply(attachment)
      else this.#failed.delete(id)
    }
    await this.#keepLimits()
  }

  async #keepLimits(): Promise<void> {
    const { ledger, log } = this.#with
    for (const { id, name, limitBytes } of await this.#limits.changed()) {
      const isOver = this.#limits.isOver(id)
      const why = `the disk ${name} took more than its limit of ${limitBytes} bytes: it is for reading until it is reset or may take more`
      if (isOver) log.warn({ volume: name, limitBytes }, why)
      for (const each of ledger.holding(id)) {
        if (!each.disks.some(({ volume, readOnly }) => volume === id && !readOnly)) continue
        await this.#tryApply(each)
        const initiator = each.initiator ?? ''
        if (isOver) this.reported({ target: each.iqn, initiator, address: '', outcome: 'ended', detail: why })
      }
    }
  }

  /** Why attachments are not served now, by id. */
  failures(): ReadonlyMap<string, string> {
    return this.#failed
  }

  async sessions(): Promise<AttachedSession[]> {
    const sessions = (await this.#with.engine?.sessions()) ?? []
    return sessions.map((session) => ({ ...session, attachment: this.#with.ledger.byIqn(session.target) }))
  }

  async sessionsOf(volume: string): Promise<AttachedSession[]> {
    const held = new Set(this.#with.ledger.holding(volume).map(({ iqn }) => iqn))
    return held.size === 0 ? [] : (await this.sessions()).filter(({ target }) => held.has(target))
  }

  async kick(session: string): Promise<AttachedSession> {
    const found = (await this.sessions()).find(({ id }) => id === session)
    if (!found)
      throw new Refusal('not-found', `there is no session ${session} any more`, {
        next: 'list them: reveille volume sessions',
      })
    await this.#engine().kick(session)
    return found
  }

  /** The engine calls this for each login; `listener`s get it with what it was for. */
  reported(report: LoginReport): void {
    const attachment = this.#with.ledger.byIqn(report.target)
    for (const listener of this.#loginListeners) listener(report, attachment)
  }

  onLogin(listener: (report: LoginReport, attachment: Attachment | undefined) => void): void {
    this.#loginListeners.push(listener)
  }

  /** Stores it and serves it; with the id of one that is there, changes that one. What changes of its volumes goes along. */
  async attach(attachment: Attachment, changes: ReadonlyMap<string, Partial<Volume>> = new Map()): Promise<void> {
    await this.#turns.take(attachment.iqn, async () => {
      const engine = this.#engine()
      const { ledger } = this.#with
      await ledger.write(() => {
        this.#refuseTaken(attachment)
        return {
          save: {
            volumes: [...changes].map(([id, patch]) => ledger.changed(id, patch)),
            attachments: [attachment],
          },
        }
      })
      try {
        await this.#limits.settle(attachment.disks.map(({ volume }) => volume))
        await engine.apply(this.#targetOf(attachment))
        this.#failed.delete(attachment.id)
      } catch (error) {
        await engine.withdraw(attachment.iqn).catch(() => undefined)
        await ledger.write({ remove: { attachments: [attachment.id] } })
        throw error
      }
    })
  }

  /** Ends its sessions and forgets it; its volumes are closed when this is done. */
  async detach(attachment: Attachment): Promise<void> {
    await this.#turns.take(attachment.iqn, async () => {
      await this.#with.engine?.withdraw(attachment.iqn)
      await this.#with.ledger.write({ remove: { attachments: [attachment.id] } })
      this.#failed.delete(attachment.id)
    })
  }

  /** Forgets what a volume is given to for boots that nobody is logged in for; exports and examinations stay. */
  async detachIdleBoots(volume: string): Promise<void> {
    const busy = new Set((await this.sessionsOf(volume)).map(({ target }) => target))
    for (const each of this.#with.ledger.holding(volume))
      if (each.for.kind === 'boot' && !busy.has(each.iqn)) await this.detach(each)
  }

  /**
   * Does work while nobody has the volume open, then serves it again. Refused (`in-use`) when somebody is logged in, unless those
   * sessions are to be ended.
   */
  async paused<T>(volume: Volume, { kick }: Readonly<{ kick: boolean }>, work: () => Promise<T>): Promise<T> {
    const { ledger, engine } = this.#with
    this.#resting.add(volume.id)
    let held: readonly Attachment[] = []
    try {
      // Whoever was given it just before is among those whom it is taken from.
      await ledger.settled()
      if (!kick) await this.refuseInSession(volume)
      held = ledger.holding(volume.id)
      for (const { iqn } of held) await this.#turns.take(iqn, async () => engine?.withdraw(iqn))
      return await work()
    } finally {
      this.#resting.delete(volume.id)
      for (const { id } of held) {
        const attachment = ledger.attachment(id)
        if (attachment) await this.#tryApply(attachment)
      }
    }
  }

  async refuseInSession(volume: Volume, next = 'shut that system down, or end its session'): Promise<void> {
    const [session] = await this.sessionsOf(volume.id)
    if (!session) return
    const { attachment, address } = session
    const who = attachment ? purposeOf(attachment, this.#with.machineName) : session.initiator
    throw new Refusal('in-use', `the volume ${volume.name} is in use by ${who} at ${address}`, { next })
  }

  /** Serves a volume to an initiator. */
  async export(volume: Volume, wanted: NewExport, by: string): Promise<Attachment> {
    if (volume.condition !== 'ready' && !(wanted.readOnly || wanted.snapshot !== null))
      throw new Refusal('wrong-state', `the volume ${volume.name} is ${volume.condition}`, {
        next: 'export it read-only, or revert it first',
      })
    this.#refuseDamaged(volume)
    const readOnly = wanted.readOnly || wanted.snapshot !== null
    return this.#give(volume, { ...wanted, readOnly, for: { kind: 'export', by } })
  }

  /** Hands a volume to a machine, read-only, with a secret. */
  async examine(volume: Volume, machine: string): Promise<Attachment> {
    const usedUp = volume.bootsLeft === 0
    if (volume.condition !== 'modified' && volume.condition !== 'mounted' && !usedUp)
      throw new Refusal('wrong-state', `the volume ${volume.name} is ${volume.condition}, not set aside`, {
        next: `set it aside first: reveille volume set ${volume.name} --condition modified`,
      })
    return this.#give(
      volume,
      {
        initiator: null,
        address: null,
        readOnly: true,
        snapshot: null,
        chap: true,
        for: { kind: 'examination', machine },
      },
      { condition: 'mounted' },
    )
  }

  /** Ends an export or an examination; a volume that nobody examines any more is `modified` again. */
  async end(volume: Volume, id: string): Promise<Attachment> {
    const attachment = this.#with.ledger.holding(volume.id).find((each) => each.id === id)
    if (!attachment)
      throw new Refusal('not-found', `the volume ${volume.name} has no export ${id}`, {
        next: `see its exports: reveille volume show ${volume.name}`,
      })
    await this.detach(attachment)
    const now = this.#with.ledger.get(volume.id)
    const examined = this.#with.ledger.holding(volume.id).some((each) => each.for.kind === 'examination')
    if (now?.condition === 'mounted' && !examined) await this.#with.ledger.change(volume.id, { condition: 'modified' })
    return attachment
  }

  uri(attachment: Attachment, lun: number): string {
    const { portal, firstLun = 0 } = this.#engine()
    const { host, port } = portal
    const named = host === '0.0.0.0' || host === '::' ? this.#with.host() : host
    return `iscsi://${named}:${port}/${attachment.iqn}/${firstLun + lun}`
  }

  async #give(
    volume: Volume,
    wanted: NewExport & Pick<Attachment, 'for'>,
    patch: Partial<Volume> = {},
  ): Promise<Attachment> {
    this.#engine()
    if (wanted.snapshot !== null && !volume.snapshots.some(({ name }) => name === wanted.snapshot))
      throw new Refusal('not-found', `the volume ${volume.name} has no snapshot ${wanted.snapshot}`, {
        next: `see its snapshots: reveille volume show ${volume.name}`,
      })
    if (!wanted.readOnly || wanted.snapshot === null) {
      const disk = { volume: volume.id, readOnly: wanted.readOnly, snapshot: wanted.snapshot }
      const busy = new Set((await this.sessionsOf(volume.id)).map(({ target }) => target))
      this.#refuseChanging(volume.id)
      for (const other of clashing(disk, this.#with.ledger.attachments())) {
        if (other.for.kind === 'boot' && !busy.has(other.iqn)) await this.detach(other)
        else
          throw new Refusal(
            'in-use',
            `the volume ${volume.name} is given to ${purposeOf(other, this.#with.machineName)}`,
            { next: 'end that first, or export a snapshot' },
          )
      }
    }
    const id = this.#with.ledger.newId('a')
    const chap: Chap | null = wanted.chap ? { user: id.replace('_', '-'), secret: newChapSecret() } : null
    const attachment: Attachment = {
      id,
      iqn: exportTargetOf(this.#with.prefix, volume.name, id),
      for: wanted.for,
      initiator: wanted.initiator,
      address: wanted.address,
      chap,
      disks: [{ lun: 0, volume: volume.id, readOnly: wanted.readOnly, snapshot: wanted.snapshot }],
      createdAt: this.#with.clock.now(),
    }
    const change = { ...patch, ...(wanted.readOnly ? {} : { untouched: false }) }
    await this.attach(attachment, new Map([[volume.id, change]]))
    return attachment
  }

  /** Asked in the turn of the write: between a look before and now, others may have been given the same volume. */
  #refuseTaken({ id, disks }: Attachment): void {
    const { ledger, machineName } = this.#with
    const others = ledger.attachments().filter((each) => each.id !== id)
    for (const disk of disks) {
      const { name } = this.#refuseChanging(disk.volume)
      const [other] = clashing(disk, others)
      if (other)
        throw new Refusal('in-use', `the volume ${name} is given to ${purposeOf(other, machineName)}`, {
          next: 'end that first, or take a snapshot of it',
        })
    }
  }

  #refuseChanging(id: string): Volume {
    const volume = this.#with.ledger.known(id)
    const { name, pending } = volume
    if (pending || this.#resting.has(id))
      throw new Refusal('in-use', `the volume ${name} is being changed${pending ? ` (${pending.kind})` : ''}`, {
        next: 'try again in a moment; see what is under way: reveille volume jobs',
      })
    return volume
  }

  #refuseDamaged(volume: Volume): void {
    if (volume.condition === 'damaged')
      throw new Refusal('corrupt', `the volume ${volume.name} is damaged: its base or its content is missing`, {
        next: `begin anew: reveille volume recreate ${volume.name}`,
      })
  }

  #targetOf({ iqn, initiator, address, chap, disks }: Attachment): Target {
    return {
      iqn,
      initiators: initiator === null ? null : [initiator],
      addresses: address === null ? null : [address],
      chap,
      luns: disks.map(({ lun, volume: id, snapshot, ...disk }) => {
        const volume = this.#with.ledger.known(id)
        const readOnly = disk.readOnly || this.#limits.isOver(id)
        return { lun, volume: id, readOnly, serial: id, scsi: volume.scsi, ...(snapshot === null ? {} : { snapshot }) }
      }),
    }
  }

  async #tryApply(attachment: Attachment): Promise<void> {
    await this.#turns.take(attachment.iqn, async () => {
      const current = this.#with.ledger.attachment(attachment.id)
      // What rests is served when its change is done.
      if (!current || current.disks.some(({ volume }) => this.#resting.has(volume))) return
      try {
        await this.#limits.settle(current.disks.map(({ volume }) => volume))
        await this.#with.engine?.apply(this.#targetOf(current))
        this.#failed.delete(current.id)
      } catch (error) {
        const reason = error instanceof Refusal ? error.message : 'the log says more'
        if (!this.#failed.has(current.id))
          this.#with.log.error({ target: current.iqn, error }, 'a target cannot be served; it is tried again')
        this.#failed.set(current.id, reason)
      }
    })
  }

  #engine(): TargetEngine {
    if (!this.#with.engine)
      throw new Refusal('not-available', 'volumes are not served: this server runs without iSCSI', {
        next: 'reveille status says why; mend that and restart the server',
      })
    return this.#with.engine
  }
}
