import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../../kit/clock.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import { run } from '../../../processes/run.ts'
import { AskedEngine, type FoundSession, FROM_ELSEWHERE } from '../../asked-engine.ts'
import type { LoginReport, Session, Target, TargetEngine, TargetLun } from '../../engine.ts'
import { parseDynamicSessions, parseInfo } from './info.ts'
import {
  type Backstore,
  changeTarget,
  endSessions,
  type Found,
  type LunStore,
  type Made,
  makeStore,
  makeTarget,
  mustBeAnew,
  type Place,
  removeStore,
  removeTarget,
  type Step,
  storeName,
} from './plan.ts'

/** The kernel lets go of a backstore a moment after its last LUN. */
const BUSY_TRIES = 50

export type LioOptions = Readonly<{
  listen: Readonly<{ host: string; port: number }>
  /** `iscsi.name`: only targets whose names begin with it are ours. */
  prefix: string
  log: Log
  clock: Clock
  /** The file or block device with the content of a volume, or of one of its snapshots. */
  path(volume: string, snapshot: string | undefined): Promise<string>
  /** Who logged in and left. Refused logins the kernel tells in its own log only. */
  report?: (report: LoginReport) => void
  /** Another place than /sys/kernel/config/target. */
  root?: string
}>

/**
 * Targets served by the kernel (LIO), through configfs alone. Needs root and the modules target_core_mod, target_core_file,
 * target_core_iblock and iscsi_target_mod. What differs from the built-in engine: the kernel does not look at addresses, so a
 * target with names and addresses lets in by name and ends a session from elsewhere within seconds, and one with addresses alone is
 * refused; an initiator of a target without names is listed without its address, and kicking it ends all sessions of that target;
 * there are no counters. Targets of others are never touched, and ours are removed at the start: what is to be served is applied again.
 */
export class LioEngine implements TargetEngine {
  readonly name = 'lio'
  readonly portal: Readonly<{ host: string; port: number }>
  readonly #options: LioOptions
  readonly #root: string
  readonly #place: Place
  /** `isWhole`: the kernel has it so. It has not, after one could not be taken away. */
  readonly #targets = new Map<string, Made & { isWhole: boolean }>()
  readonly #asked: AskedEngine

  /** Refused as `not-available` when this kernel, or this user, cannot. */
  static async start(options: LioOptions): Promise<LioEngine> {
    const engine = new LioEngine(options)
    await engine.#detect()
    await engine.#keepReservations()
    await engine.#clear()
    engine.#asked.watch()
    return engine
  }

  private constructor(options: LioOptions) {
    this.#options = options
    this.#root = options.root ?? '/sys/kernel/config/target'
    this.portal = options.listen
    // A number for what is ours, so that two servers with different names do not meet.
    const hba = 1000 + (createHash('sha256').update(options.prefix).digest().readUInt32BE(0) % 1_000_000)
    this.#place = { hba, portal: `${options.listen.host}:${options.listen.port}` }
    const { clock, report } = options
    const hasTargets = () => this.#targets.size > 0
    this.#asked = new AskedEngine({ name: 'LIO', clock, report, hasTargets, look: () => this.#found() })
  }

  apply(target: Target): Promise<void> {
    return this.#asked.next(async () => {
      if (!this.#isOurs(target.iqn))
        throw new Refusal('validation-failed', `the target ${target.iqn} does not begin with ${this.#options.prefix}`)
      const disks: LunStore[] = []
      for (const lun of target.luns) disks.push({ lun, store: await this.#store(lun) })
      const before = this.#targets.get(target.iqn)
      const stays = before?.isWhole && !mustBeAnew(before, target, disks)
      const steps = stays ? changeTarget(this.#place, before, target, disks) : makeTarget(this.#place, target, disks)
      try {
        // What could not be taken away the last time goes too.
        if (!stays) await this.#remove(target.iqn, before?.disks ?? [])
        for (const disk of disks)
          if (!this.#isServed(disk))
            await this.#do([...removeStore(this.#place, disk), ...makeStore(this.#place, disk)])
        await this.#do(steps)
        this.#targets.set(target.iqn, { target, disks, isWhole: true })
      } catch (error) {
        // Half a target is worse than none: who asked will ask again.
        await this.#remove(target.iqn, [...disks, ...(before?.disks ?? [])]).catch(() => {})
        throw error
      }
      await this.#letGo(before?.disks ?? [])
    })
  }

  withdraw(iqn: string): Promise<void> {
    return this.#asked.next(async () => {
      if (this.#isOurs(iqn)) await this.#remove(iqn, this.#targets.get(iqn)?.disks ?? [])
      await this.#asked.look()
    })
  }

  sessions(): Promise<readonly Session[]> {
    return this.#asked.sessions()
  }

  kick(id: string): Promise<void> {
    return this.#asked.next(async () => {
      const session = (await this.#asked.look()).find((each) => each.id === id)
      const kept = session && this.#targets.get(session.target)
      if (!kept) throw new Refusal('not-found', `there is no iSCSI session ${id}`)
      await this.#do(endSessions(kept.target, session.initiator))
      await this.#asked.look()
    })
  }

  async stop(): Promise<void> {
    await this.#asked.stop()
    for (const [iqn, { disks }] of this.#targets)
      await this.#remove(iqn, disks).catch((error: unknown) =>
        this.#options.log.warn({ error, target: iqn }, 'LIO keeps a target, until the next start'),
      )
  }

  #isOurs(iqn: string): boolean {
    return iqn.startsWith(`${this.#options.prefix}:`) || iqn.startsWith(`${this.#options.prefix}.`)
  }

  async #detect(): Promise<void> {
    const root = this.#root
    if (!this.#options.root) for (const module of ['configfs', 'target_core_mod']) await run('modprobe', ['-q', module])
    await mkdir(join(root, 'iscsi')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return
      const why = error.code === 'EACCES' || error.code === 'EPERM' ? 'only root may' : 'this kernel has it not'
      throw new Refusal('not-available', `LIO cannot serve volumes: ${why} (${root}: ${error.code})`, {
        next: 'load target_core_mod and iscsi_target_mod as root, with configfs mounted, or set iscsi.engine builtin',
      })
    })
  }

  /**
   * The kernel writes every persistent reservation to a file and refuses the command (LOGICAL UNIT COMMUNICATION FAILURE) where there is no
   * folder for it; on other computers targetcli makes that.
   */
  async #keepReservations(): Promise<void> {
    const root = (await this.#read('dbroot')).trim()
    if (root === '') return
    const folder = join(root, 'pr')
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) =>
      this.#options.log.warn({ error, folder }, 'LIO cannot keep persistent reservations: it refuses them'),
    )
  }

  /** Removes what an earlier server left: those of others stay. */
  async #clear(): Promise<void> {
    for (const iqn of await this.#list('iscsi'))
      if (this.#isOurs(iqn)) await this.#do(removeTarget(await this.#find(iqn)))
    for (const kind of ['fileio', 'iblock']) {
      const hba = `core/${kind}_${this.#place.hba}`
      for (const name of await this.#list(hba)) await this.#do([{ do: 'rmdir', path: `${hba}/${name}` }])
    }
  }

  async #store(lun: TargetLun): Promise<Backstore> {
    const path = await this.#options.path(lun.volume, lun.snapshot)
    const found = await stat(path).catch(() => {
      throw new Refusal('not-available', `there is no ${path} to serve volume ${lun.volume} from`)
    })
    return found.isBlockDevice() ? { kind: 'iblock', path, bytes: 0 } : { kind: 'fileio', path, bytes: found.size }
  }

  #isServed(disk: LunStore): boolean {
    return [...this.#targets.values()].some(({ disks }) =>
      disks.some((each) => each.store.kind === disk.store.kind && storeName(each.lun) === storeName(disk.lun)),
    )
  }

  /** Removes backstores that no target has any more. */
  async #letGo(disks: readonly LunStore[]): Promise<void> {
    const free = new Map(disks.filter((disk) => !this.#isServed(disk)).map((disk) => [storeName(disk.lun), disk]))
    for (const disk of free.values()) await this.#do(removeStore(this.#place, disk))
  }

  /** Removes what there is of a target. */
  async #remove(iqn: string, disks: readonly LunStore[]): Promise<void> {
    const kept = this.#targets.get(iqn)
    if (kept) this.#targets.set(iqn, { ...kept, isWhole: false })
    await this.#do(removeTarget(await this.#find(iqn)))
    this.#targets.delete(iqn)
    await this.#letGo(disks)
  }

  async #find(iqn: string): Promise<Found> {
    const at = `iscsi/${iqn}/tpgt_1`
    const group = (await this.#list(`iscsi/${iqn}`)).includes('tpgt_1')
    const luns = async (path: string) => {
      const found: { name: string; links: string[] }[] = []
      for (const name of await this.#list(path))
        if (/^lun_\d+$/.test(name)) found.push({ name, links: await this.#list(`${path}/${name}`, 'links') })
      return found
    }
    const acls: { initiator: string; luns: { name: string; links: string[] }[] }[] = []
    for (const initiator of await this.#list(`${at}/acls`))
      acls.push({ initiator, luns: await luns(`${at}/acls/${initiator}`) })
    return { iqn, group, portals: await this.#list(`${at}/np`), luns: await luns(`${at}/lun`), acls }
  }

  async #list(path: string, what: 'folders' | 'links' = 'folders'): Promise<string[]> {
    const entries = await readdir(join(this.#root, path), { withFileTypes: true }).catch(() => [])
    return entries
      .filter((entry) => (what === 'links' ? entry.isSymbolicLink() : entry.isDirectory()))
      .map(({ name }) => name)
  }

  async #do(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      for (let tries = 1; ; tries++) {
        try {
          await this.#step(step)
          break
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException
          if (code === 'ENOENT' && (step.do === 'rmdir' || step.do === 'unlink')) break
          if (code === 'EEXIST' && step.do === 'mkdir') break
          // Before Linux 5.16 it is refused to switch off what is off: a target that was not finished.
          if (code === 'EINVAL' && step.do === 'write' && step.value === '0' && basename(step.path) === 'enable') break
          if (code === 'EBUSY' && tries < BUSY_TRIES) {
            await pause(50)
            continue
          }
          // Older kernels do not know these names of the disk, and not every disk gives blocks back.
          if (step.do === 'write' && OPTIONAL.has(basename(step.path))) break
          const value = step.do === 'write' && !step.secret ? ` ${step.value}` : ''
          throw new Refusal('not-available', `LIO refused: ${step.do} ${step.path}${value}: ${code}`, {
            next: 'the log of the kernel (dmesg) says more',
          })
        }
      }
    }
  }

  async #step(step: Step): Promise<void> {
    const path = join(this.#root, step.path)
    if (step.do === 'mkdir') await mkdir(path)
    else if (step.do === 'rmdir') await rmdir(path)
    else if (step.do === 'unlink') await unlink(path)
    else if (step.do === 'link') await symlink(join(this.#root, step.to), path)
    // In one call, and without a new line: secrets are taken as they come.
    else if (step.do === 'write') await writeFile(path, step.value, { flag: constants.O_WRONLY })
  }

  async #read(path: string): Promise<string> {
    return readFile(join(this.#root, path), 'utf8').catch(() => '')
  }

  async #found(): Promise<FoundSession[]> {
    const found: FoundSession[] = []
    for (const [iqn, { target }] of this.#targets) {
      const at = `iscsi/${iqn}/tpgt_1`
      for (const initiator of target.initiators ?? []) {
        const session = parseInfo(await this.#read(`${at}/acls/${initiator}/info`))
        if (!session) continue
        const { id, address } = session
        if (target.addresses === null || target.addresses.includes(address)) {
          found.push({ id: `s${id}`, target: iqn, initiator, address })
          continue
        }
        await this.#do(endSessions(target, initiator))
        this.#asked.tell({ target: iqn, ...session }, 'refused', FROM_ELSEWHERE)
      }
      if (target.initiators === null)
        for (const initiator of parseDynamicSessions(await this.#read(`${at}/dynamic_sessions`)))
          found.push({ id: `d.${iqn}.${initiator}`, target: iqn, initiator, address: '' })
    }
    return found
  }
}

const OPTIONAL = new Set(['vendor_id', 'product_id', 'revision', 'emulate_tpu', 'emulate_write_cache', 'udev_path'])
