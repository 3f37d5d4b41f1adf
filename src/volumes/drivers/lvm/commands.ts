import { Refusal } from '../../../kit/errors.ts'
import { type Outcome, run } from '../../../processes/run.ts'
import { COLUMNS, type LogicalVolume, parseVolumes } from './report.ts'

/** LVM's programs speak the language of the user, and complain about descriptors that Node has open. */
const ENVIRONMENT = { LC_ALL: 'C', LVM_SUPPRESS_FD_WARNINGS: '1' }
/** Waiting for the lock of a group that somebody else works on is part of it. */
const COMMAND_MS = 300_000
/** Before the columns of a report: sizes as plain numbers of bytes. */
export const REPORT = ['--reportformat', 'json', '--units', 'b', '--nosuffix', '-o'] as const

/** Calls LVM, one command after the other: they would wait for each other's lock anyhow. Arguments are never put through a shell. */
export class LvmPrograms {
  #line: Promise<unknown> = Promise.resolve()

  try(program: string, args: readonly string[]): Promise<Outcome> {
    const done = this.#line.then(() => run(program, args, { env: ENVIRONMENT, timeoutMs: COMMAND_MS }))
    this.#line = done.catch(() => {})
    return done
  }

  /** Failure is a `Refusal`: `no-space` where the pool or the group is full, else `not-available` with LVM's own words. */
  async run(program: string, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(program, args)
    if (code === 0) return stdout
    const words = stderr.trim().split('\n').slice(-5).join(' ').slice(0, 800)
    if (/insufficient (free|suitable)|not enough free|No space left|above threshold|out of data space/i.test(words))
      throw new Refusal('no-space', `LVM has no space left: ${words}`, {
        next: 'add a disk to the volume group, extend the thin pool, or delete volumes and snapshots',
      })
    if (/in use|is used by another|contains a filesystem in use/i.test(words))
      throw new Refusal('in-use', `LVM says that it is in use: ${words}`)
    throw new Refusal('not-available', `${program}: ${words || `status ${code}`}`, {
      next: code === 127 ? 'on the server: apt-get install lvm2' : 'see vgs and lvs as root',
    })
  }
}

/** The logical volumes of one group. */
export class Lvm extends LvmPrograms {
  readonly group: string

  constructor(group: string) {
    super()
    this.group = group
  }

  /** Logical volumes of the group; with `only`, one of them. */
  async volumes(only?: string): Promise<LogicalVolume[]> {
    const what = only === undefined ? this.group : `${this.group}/${only}`
    return parseVolumes(await this.run('lvs', [...REPORT, COLUMNS, what]))
  }

  device(name: string): string {
    return `/dev/${this.group}/${name}`
  }
}
