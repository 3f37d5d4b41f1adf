import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../../kit/clock.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import { AskedEngine, type FoundSession, FROM_ELSEWHERE } from '../../asked-engine.ts'
import type { LoginReport, Session, Target, TargetEngine } from '../../engine.ts'
import { Tgtd } from './daemon.ts'
import { type Call, FIRST_LUN, type LunPath, mayStay, planAccounts, planTarget } from './plan.ts'
import { parseTargets, type TgtNexus, type TgtTarget } from './show.ts'

const AGAIN_MS = [200, 500, 1000, 2000, 5000] as const
const TRIES = 20

export type TgtOptions = Readonly<{
  /** Its own directory, below the data directory. */
  directory: string
  listen: Readonly<{ host: string; port: number }>
  log: Log
  clock: Clock
  /** The file or block device with the content of a volume, or of one of its snapshots. */
  path(volume: string, snapshot: string | undefined): Promise<string>
  /** Who logged in and left. Refused logins tgt does not tell. */
  report?: (report: LoginReport) => void
}>

/**
 * Targets served by tgtd. What differs from the built-in engine: disks begin at LUN 1 (`firstLun`), because LUN 0 is tgt's own controller; a
 * target with names *and* addresses lets in by name, and a session from another address is ended within seconds; one CHAP user has
 * one secret in all targets; there are no counters; of a snapshot that is served the pool must have a path.
 */
export class TgtEngine implements TargetEngine {
  readonly name = 'tgt'
  readonly firstLun = FIRST_LUN
  readonly portal: Readonly<{ host: string; port: number }>
  readonly #options: TgtOptions
  readonly #targets = new Map<string, Target>()
  /** What tgtd has now: its users with their secrets, and the targets as they were told to it. */
  #secrets = new Map<string, string>()
  #told = new Map<string, Target>()
  #tgtd: Tgtd
  /** Counts the daemons, so that names of sessions do not come again. */
  #generation = 1
  readonly #asked: AskedEngine

  static async start(options: TgtOptions): Promise<TgtEngine> {
    return new TgtEngine(options, await Tgtd.start(options))
  }

  private constructor(options: TgtOptions, tgtd: Tgtd) {
    this.#options = options
    this.portal = options.listen
    this.#tgtd = tgtd
    const { clock, report } = options
    const hasTargets = () => this.#targets.size > 0
    this.#asked = new AskedEngine({ name: 'tgt', clock, report, hasTargets, look: () => this.#found() })
    this.#asked.watch()
    this.#watch(tgtd)
  }

  /** Process of the daemon that serves now. */
  get pid(): number {
    return this.#tgtd.pid
  }

  apply(target: Target): Promise<void> {
    return this.#asked.next(async () => {
      // When it fails nothing of it is there, also not as it was before.
      this.#targets.delete(target.iqn)
      await this.#make(target)
      this.#targets.set(target.iqn, target)
    })
  }

  withdraw(iqn: string): Promise<void> {
    return this.#asked.next(async () => {
      this.#targets.delete(iqn)
      const present = (await this.#show()).find((target) => target.iqn === iqn)
      if (present) await this.#unmake(present)
      this.#told.delete(iqn)
      await this.#asked.look()
    })
  }

  sessions(): Promise<readonly Session[]> {
    return this.#asked.sessions()
  }

  kick(session: string): Promise<void> {
    return this.#asked.next(async () => {
      const [generation, tid, sid] = session.split('.').map(Number)
      const present = await this.#show()
      const target = present.find((each) => each.tid === tid)
      const nexus = target?.nexuses.find((each) => each.id === sid)
      if (generation !== this.#generation || !target || !nexus)
        throw new Refusal('not-found', `there is no iSCSI session ${session}`)
      await this.#end(target.tid, nexus)
      await this.#asked.look()
    })
  }

  async stop(): Promise<void> {
    await this.#asked.stop()
    for (const target of await this.#show().catch(() => [])) await this.#unmake(target).catch(() => {})
    await this.#tgtd.stop()
  }

  async #make(target: Target): Promise<void> {
    const disks: LunPath[] = []
    for (const lun of target.luns) disks.push({ lun, path: await this.#options.path(lun.volume, lun.snapshot) })
    const all = await this.#show()
    const present = all.find((each) => each.iqn === target.iqn)
    const tid = present?.tid ?? freeTid(all)
    const before = this.#told.get(target.iqn)
    const plan = planTarget(present, tid, target, disks, before)
    const others = [...this.#told.values()].filter((each) => each.iqn !== target.iqn)
    const accounts = planAccounts(tid, target, present?.accounts ?? [], others, this.#secrets)
    // Until it is done, nobody knows what tgtd has.
    this.#told.delete(target.iqn)
    try {
      await this.#call(plan.close)
      // Who came before the door was shut must go too.
      const now = plan.close.length > 0 ? (await this.#show()).find((each) => each.iqn === target.iqn) : present
      const { ended } = planTarget(now, tid, target, disks, before)
      for (const nexus of now?.nexuses ?? []) if (ended.includes(nexus.id)) await this.#end(tid, nexus)
      const [create, rest] = present ? [[], plan.luns] : [plan.luns.slice(0, 1), plan.luns.slice(1)]
      await this.#call(create)
      await this.#call(accounts)
      await this.#call(rest)
      await this.#call(plan.open)
    } catch (error) {
      // Half a target is worse than none: who asked will ask again.
      const all = await this.#show().catch(() => [])
      const rest = all.find((each) => each.iqn === target.iqn)
      if (rest) await this.#unmake(rest).catch(() => {})
      throw error
    }
    this.#told.set(target.iqn, target)
  }

  /** Shuts the door, ends the sessions, then removes it, so that tgtd never removes what is in use. */
  async #unmake(target: TgtTarget): Promise<void> {
    const tid = String(target.tid)
    await this.#call(planTarget(target, target.tid, { ...NOBODY, iqn: target.iqn }, [], undefined).close)
    const others = [...this.#told.values()].filter((each) => each.iqn !== target.iqn)
    await this.#call(planAccounts(target.tid, NOBODY, target.accounts, others, this.#secrets))
    for (let left = target.nexuses, i = 0; left.length > 0 && i < TRIES; i++) {
      for (const nexus of left) await this.#end(target.tid, nexus)
      left = (await this.#show()).find((each) => each.tid === target.tid)?.nexuses ?? []
      if (left.length > 0) await pause(100)
    }
    const remove = ['--op', 'delete', '--mode', 'target', '--tid', tid]
    for (let i = 0; i < TRIES; i++) {
      if ((await this.#tgtd.try(remove)).code === 0) return
      await pause(50)
    }
    await this.#tgtd.admin([...remove, '--force'])
  }

  async #call(calls: readonly Call[]): Promise<void> {
    for (const call of calls) {
      if (call[1] === 'delete' && call[3] === 'logicalunit') await this.#removeLun(call)
      else await this.#tgtd.admin(call)
      const user = call[call.indexOf('--user') + 1]!
      if (call[3] === 'account' && call[1] === 'new') this.#secrets.set(user, call[call.indexOf('--password') + 1]!)
      if (call[3] === 'account' && call[1] === 'delete') this.#secrets.delete(user)
    }
  }

  /** Refused while commands are on their way to it: the sessions are ended then. */
  async #removeLun(call: Call): Promise<void> {
    const tid = Number(call[call.indexOf('--tid') + 1])
    for (let i = 0; i < TRIES; i++) {
      if ((await this.#tgtd.try(call)).code === 0) return
      for (const nexus of (await this.#show()).find((each) => each.tid === tid)?.nexuses ?? [])
        await this.#end(tid, nexus)
      await pause(50)
    }
    await this.#tgtd.admin(call)
  }

  async #end(tid: number, nexus: TgtNexus): Promise<void> {
    // It may have left in the meantime.
    for (const cid of nexus.connections)
      await this.#tgtd.try([
        ...['--op', 'delete', '--mode', 'conn', '--tid', String(tid)],
        ...['--sid', String(nexus.id), '--cid', String(cid)],
      ])
  }

  async #show(): Promise<TgtTarget[]> {
    return parseTargets(await this.#tgtd.admin(['--op', 'show', '--mode', 'target']))
  }

  /** Who is there; ends who came from elsewhere. */
  async #found(): Promise<FoundSession[]> {
    const found: FoundSession[] = []
    for (const { tid, iqn, nexuses } of await this.#show()) {
      const target = this.#told.get(iqn)
      for (const nexus of nexuses) {
        const session = { target: iqn, initiator: nexus.initiator, address: nexus.address }
        if (target && !mayStay(target, nexus.initiator, nexus.address)) {
          await this.#end(tid, nexus)
          this.#asked.tell(session, 'refused', FROM_ELSEWHERE)
        } else found.push({ id: `${this.#generation}.${tid}.${nexus.id}`, ...session })
      }
    }
    return found
  }

  /** When the daemon dies: says so, starts another and tells it everything. Initiators come back by themselves. */
  #watch(tgtd: Tgtd): void {
    tgtd.ended.then((reason) => {
      if (this.#asked.stopped) return
      this.#options.log.error({ pid: tgtd.pid, reason }, 'tgtd has died; starting another')
      this.#asked.next(() => this.#revive()).catch(() => {})
    })
  }

  async #revive(attempt = 0): Promise<void> {
    this.#secrets = new Map()
    this.#told = new Map()
    this.#asked.forget('tgtd died')
    await pause(AGAIN_MS[Math.min(attempt, AGAIN_MS.length - 1)])
    if (this.#asked.stopped) return
    try {
      this.#tgtd = await Tgtd.start(this.#options)
    } catch (error) {
      this.#options.log.error({ error }, 'tgtd does not start')
      // Others have their turn in between, and are told that it is not there.
      this.#asked.next(() => this.#revive(attempt + 1)).catch(() => {})
      return
    }
    this.#generation++
    this.#watch(this.#tgtd)
    await this.#tellAgain(this.#tgtd)
  }

  /** Tells a new daemon what it does not have yet; what fails is tried again, and others have their turn in between. */
  async #tellAgain(tgtd: Tgtd, attempt = 0): Promise<void> {
    const missing = () => [...this.#targets.values()].filter(({ iqn }) => !this.#told.has(iqn))
    if (tgtd !== this.#tgtd) return
    for (const target of missing())
      await this.#make(target).catch((error) =>
        this.#options.log.error({ error, target: target.iqn }, 'a target cannot be served again; it is tried again'),
      )
    if (missing().length === 0) return
    const again = () => this.#asked.next(() => this.#tellAgain(tgtd, attempt + 1)).catch(() => {})
    setTimeout(again, AGAIN_MS[Math.min(attempt, AGAIN_MS.length - 1)]).unref()
  }
}

const NOBODY: Target = { iqn: '', initiators: [], addresses: [], chap: null, luns: [] }

function freeTid(present: readonly TgtTarget[]): number {
  const used = new Set(present.map(({ tid }) => tid))
  let tid = 1
  while (used.has(tid)) tid++
  return tid
}
