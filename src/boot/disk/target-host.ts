import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { LOGIN_STATUS, type LoginStatus } from '../../protocols/iscsi/login-status.ts'
import { TASK_FUNCTION, TASK_RESPONSE } from '../../protocols/iscsi/opcodes.ts'
import type { LogicalUnit } from '../../protocols/scsi/logical-unit.ts'
import { SENSE } from '../../protocols/scsi/sense.ts'
import type { Session, Target } from '../../volumes/engine.ts'
import type { Connection } from './connection.ts'
import type { DiskServerOptions } from './contract.ts'
import { DiskLun } from './disk-lun.ts'
import type { LoggedIn } from './login-phase.ts'
import type { DiskSession } from './session.ts'
import type { SessionLun } from './session-lun.ts'

const IDLE_MS = 5000

/** A session as the target knows it. */
type Member = {
  readonly id: string
  readonly nexus: string
  readonly login: LoggedIn
  readonly address: string
  readonly since: number
  readonly connection: Connection
  session: DiskSession | undefined
  /** Resolves when the connection has come to its end. */
  readonly over: Promise<void>
  readonly isOver: () => void
}

/** One target: its disks while they are in use, and its sessions. */
export class TargetHost {
  target: Target
  readonly #options: DiskServerOptions
  readonly #log: Log
  readonly #members = new Map<Connection, Member>()
  /** What SCSI knows of the disks, by their LUNs: kept while nobody is logged in, for persistent reservations are. */
  readonly #units = new Map<number, LogicalUnit>()
  #luns: Promise<readonly DiskLun[]> | undefined
  #open: readonly DiskLun[] = []
  /** Logins that are under way hold the disks too. */
  #logins = 0
  #idle: NodeJS.Timeout | undefined
  #sessions = 0
  #isGone = false

  constructor(target: Target, options: DiskServerOptions) {
    this.target = target
    this.#options = options
    this.#log = options.log.child({ target: target.iqn })
  }

  get members(): Iterable<Member> {
    return this.#members.values()
  }

  sessions(): Session[] {
    return [...this.#members.values()]
      .filter((one) => one.session)
      .map((one) => ({
        id: one.id,
        target: this.target.iqn,
        initiator: one.login.initiator,
        address: one.address,
        since: one.since,
        counters: one.connection.counters.snapshot(one.connection.inFlight, this.#cacheUse()),
      }))
  }

  #cacheUse(): { hitBytes: number; missBytes: number } {
    const sum = { hitBytes: 0, missBytes: 0 }
    for (const lun of this.#open) {
      const use = lun.device.cacheUse?.()
      if (!use) continue
      sum.hitBytes += use.hitBytes
      sum.missBytes += use.missBytes
    }
    return sum
  }

  #openLuns(): Promise<readonly DiskLun[]> {
    clearTimeout(this.#idle)
    this.#luns ??= this.#openAll().catch((error) => {
      this.#luns = undefined
      throw error
    })
    return this.#luns
  }

  async #openAll(): Promise<readonly DiskLun[]> {
    const opened: DiskLun[] = []
    const target = this.target
    try {
      for (const lun of target.luns) {
        const device = await this.#options.openLun(lun, target)
        const number = lun.lun
        const surroundings = {
          luns: () => target.luns.map((one) => one.lun).sort((a, b) => a - b),
          abort: async (nexuses: readonly string[]) => {
            const members = [...this.#members.values()].filter((one) => nexuses.includes(one.nexus))
            const aborted = members.map((one) => one.session?.tasks.abortAll(number))
            // Copies that were asked for at other LUNs write here too; their next step is refused.
            await Promise.all([...aborted, this.#open.find((one) => one.number === number)?.settled()])
          },
        }
        const disk = new DiskLun(lun, target.iqn, device, surroundings, this.#units.get(number))
        this.#units.set(number, disk.unit)
        opened.push(disk)
      }
    } catch (error) {
      for (const one of opened) await this.#closeDevice(one)
      throw error
    }
    this.#open = opened
    return opened
  }

  async #closeDevice(lun: DiskLun): Promise<void> {
    try {
      await lun.device.close()
    } catch (error) {
      this.#log.error({ lun: lun.number, error: String(error) }, 'a disk could not be closed')
    }
  }

  /** Prepares a session: takes the place of an older one of the same initiator port (RFC 7143, 6.3.5), and opens the disks. */
  async admit(
    connection: Connection,
    login: LoggedIn,
    address: string,
  ): Promise<
    Readonly<{ session: number; luns: readonly SessionLun[] }> | Readonly<{ status: LoginStatus; reason: string }>
  > {
    const nexus = `${login.initiator},i,0x${login.isid}`
    this.#logins++
    try {
      await this.#endOlder(nexus)
      if (this.#isGone) return { status: LOGIN_STATUS.notFound, reason: 'the target was removed' }
      const luns = await this.#openLuns()
      // It may have come twice while they were opened.
      await this.#endOlder(nexus)
      if (this.#isGone) return { status: LOGIN_STATUS.notFound, reason: 'the target was removed' }
      // Of one that went, no end will be told any more.
      if (connection.isEnding) return { status: LOGIN_STATUS.initiatorError, reason: 'it did not wait for its disks' }
      this.#sessions = (this.#sessions % 0xffff) + 1
      let isOver = () => {}
      const over = new Promise<void>((resolve) => {
        isOver = resolve
      })
      const id = `${this.#options.idPrefix ?? ''}${this.target.iqn}#${this.#sessions}`
      const member: Member = {
        id,
        nexus,
        login,
        address,
        since: Date.now(),
        connection,
        session: undefined,
        over,
        isOver,
      }
      this.#members.set(connection, member)
      return { session: this.#sessions, luns: luns.map((lun) => ({ lun, nexus: lun.unit.attach(nexus) })) }
    } catch (error) {
      const reason = error instanceof Refusal ? error.message : 'a disk of the target could not be opened'
      this.#log.error({ error: error instanceof Error ? error.message : String(error) }, 'a disk could not be opened')
      return { status: LOGIN_STATUS.serviceUnavailable, reason }
    } finally {
      this.#logins--
      this.#rest()
    }
  }

  async #endOlder(nexus: string): Promise<void> {
    const older = () => [...this.#members.values()].find((one) => one.nexus === nexus)
    for (let other = older(); other; other = older()) {
      void other.connection.end('the initiator logged in again')
      await other.over
    }
  }

  begun(connection: Connection, session: DiskSession): void {
    const member = this.#members.get(connection)
    if (!member) return
    member.session = session
    const { initiator } = member.login
    this.#options.report({
      target: this.target.iqn,
      initiator,
      address: member.address,
      outcome: 'accepted',
      detail: `session ${member.id}`,
    })
  }

  ended(connection: Connection, reason: string): void {
    const member = this.#members.get(connection)
    if (!member) return
    this.#members.delete(connection)
    member.isOver()
    if (member.session)
      this.#options.report({
        target: this.target.iqn,
        initiator: member.login.initiator,
        address: member.address,
        outcome: 'ended',
        detail: reason,
      })
    this.#rest()
  }

  /** Without sessions the disks are let go of after a while. */
  #rest(): void {
    clearTimeout(this.#idle)
    if (this.#members.size > 0 || this.#logins > 0 || !this.#luns) return
    this.#idle = setTimeout(() => void this.#closeLuns(), this.#options.idleMs ?? IDLE_MS)
    this.#idle.unref()
  }

  async #closeLuns(): Promise<void> {
    const luns = this.#luns
    if (!luns) return
    // A login that comes meanwhile waits until they are closed, then opens them anew.
    this.#luns = luns.then(
      async (open) => {
        for (const one of open) await this.#closeDevice(one)
        this.#open = []
        this.#luns = undefined
        return this.#logins > 0 && !this.#isGone ? this.#openLuns() : []
      },
      () => [],
    )
    await this.#luns
  }

  /** Task management (RFC 7143, 11.5 and 11.6). Resolves with the response when what was aborted has come to rest. */
  async manage(session: DiskSession, lun: number, func: number, tag: number, cmdSN: number): Promise<number> {
    const disk = this.#open.find((one) => one.number === lun)
    const own = [...this.#members.values()].find((one) => one.session === session)
    const sessions = () => [...this.#members.values()].map((one) => one.session).filter((one) => one !== undefined)
    if (func === TASK_FUNCTION.taskReassign) return TASK_RESPONSE.reassignNotSupported
    if (func === TASK_FUNCTION.clearAca) return TASK_RESPONSE.notSupported
    if (func === TASK_FUNCTION.targetWarmReset || func === TASK_FUNCTION.targetColdReset) {
      const aborted = sessions().map((one) => one.tasks.abortAll())
      // Whoever asked for it learns of it by the response.
      for (const one of this.#open) one.unit.reset(own?.nexus)
      await Promise.all(aborted)
      if (func === TASK_FUNCTION.targetColdReset) setImmediate(() => this.#endAll('the target was reset'))
      return TASK_RESPONSE.complete
    }
    if (!disk) return TASK_RESPONSE.noSuchLun
    switch (func) {
      case TASK_FUNCTION.abortTask: {
        const aborted = session.tasks.abortTag(tag)
        if (!aborted) return session.isExpected(cmdSN) ? TASK_RESPONSE.complete : TASK_RESPONSE.noSuchTask
        await aborted
        return TASK_RESPONSE.complete
      }
      case TASK_FUNCTION.abortTaskSet:
        await session.tasks.abortAll(lun)
        return TASK_RESPONSE.complete
      case TASK_FUNCTION.clearTaskSet: {
        const aborted = sessions().map((one) => one.tasks.abortAll(lun))
        disk.unit.attendOthers(own?.nexus, SENSE.commandsCleared)
        await Promise.all(aborted)
        return TASK_RESPONSE.complete
      }
      case TASK_FUNCTION.logicalUnitReset: {
        const aborted = sessions().map((one) => one.tasks.abortAll(lun))
        disk.unit.reset()
        await Promise.all(aborted)
        return TASK_RESPONSE.complete
      }
      default:
        return TASK_RESPONSE.notSupported
    }
  }

  #end(member: Member, reason: string): Promise<void> {
    member.session?.announceEnd()
    void member.connection.end(reason)
    return member.over
  }

  async #endAll(reason: string): Promise<void> {
    await Promise.all([...this.#members.values()].map((one) => this.#end(one, reason)))
  }

  /** Ends one session. @returns false when it is none of ours. */
  async kick(id: string, reason: string): Promise<boolean> {
    const member = [...this.#members.values()].find((one) => one.id === id)
    if (!member) return false
    await this.#end(member, reason)
    return true
  }

  /** The target is to be this now. Sessions that `may` not go on are ended; other disks end all. */
  async change(
    target: Target,
    may: (session: Readonly<{ initiator: string; address: string }>) => boolean,
  ): Promise<void> {
    const before = this.target
    this.target = target
    const isOther = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b)
    if (isOther(before.luns, target.luns)) {
      await this.#endAll('the disks of the target changed')
      clearTimeout(this.#idle)
      await this.#closeLuns()
      this.#units.clear()
      return
    }
    const everybody = isOther(before.chap, target.chap)
    const ended = [...this.#members.values()]
      .filter((one) => everybody || !may({ initiator: one.login.initiator, address: one.address }))
      .map((one) => this.#end(one, 'who may use the target changed'))
    await Promise.all(ended)
  }

  /** Ends everything and lets go of the disks. */
  async close(reason: string): Promise<void> {
    this.#isGone = true
    await this.#endAll(reason)
    clearTimeout(this.#idle)
    await this.#closeLuns()
  }
}
