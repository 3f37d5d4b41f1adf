import { open } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../../../kit/errors.ts'
import { run } from '../../../processes/run.ts'
import { Lvm } from './commands.ts'
import { PathDevice } from './device.ts'
import { type Place, placeOf, TAG, tagsOf } from './names.ts'
import { type Held, recovery } from './recovery.ts'
import type { LogicalVolume } from './report.ts'

/** Metadata of a thin pool is kept twice: it needs some of the group. */
const POOL_SIZE = '90%FREE'
const OPEN_LOOKS = 5
const OPEN_PAUSE_MS = 200

/** The logical volumes of one thin pool: what is done with them, one command of LVM each. Names are without their group. */
export class ThinVolumes {
  readonly #lvm: Lvm
  readonly #pool: string
  /** What a thin volume is made of. */
  blockBytes = 65_536

  constructor(group: string, pool: string) {
    this.#lvm = new Lvm(group)
    this.#pool = pool
  }

  /** Makes the thin pool if there is none, and ends what a killed server left half done. */
  async prepare(): Promise<void> {
    const [group, thinPool] = [this.#lvm.group, this.#pool]
    await this.#lvm.run('vgs', [group])
    const all = await this.#lvm.volumes()
    if (!all.some(({ name }) => name === thinPool)) {
      const wishes = ['--type', 'thin-pool', '-l', POOL_SIZE, '--addtag', TAG]
      await this.#lvm.run('lvcreate', ['-y', '-qq', ...wishes, '-n', thinPool, group])
      // Else writes to a full pool wait for a minute before they fail.
      await this.#lvm.try('lvchange', ['-qq', '--errorwhenfull', 'y', `${group}/${thinPool}`])
    }
    const [pool] = await this.#lvm.volumes(thinPool)
    this.blockBytes = pool?.chunkBytes || this.blockBytes
    for (const { args } of recovery(all))
      await this.#lvm.run(args[0]!, this.#withGroup(args.slice(1))).catch((error: unknown) => {
        // What a program of the killed server still has open can wait for the next start; all else of ours cannot wait for it.
        if (!(args[0] === 'lvremove' && error instanceof Refusal && error.code === 'in-use')) throw error
      })
  }

  /** All of ours in the pool. */
  async held(): Promise<Held[]> {
    const held: Held[] = []
    for (const volume of await this.#lvm.volumes()) {
      const place = placeOf(volume)
      if (place && volume.pool === this.#pool) held.push({ volume, place })
    }
    return held
  }

  async volume(name: string): Promise<LogicalVolume | undefined> {
    const [found] = await this.#lvm.volumes(name)
    return found
  }

  /** Whether somebody has it open. udev opens whatever was written to, to see what it is now: that is over in a moment. */
  async isHeld({ name, open }: LogicalVolume): Promise<boolean> {
    for (let left = OPEN_LOOKS; open && left > 0; left--) {
      await run('udevadm', ['settle', '--timeout=10'])
      if (!(await this.volume(name))?.open) return false
      await pause(OPEN_PAUSE_MS)
    }
    return open
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#lvm.run('lvrename', ['-y', '-qq', this.#lvm.group, from, to])
  }

  /** A snapshot of `origin` that comes up by itself like any other volume (`-kn`), or an empty volume. */
  async create(name: string, tags: readonly string[], origin: string | undefined, bytes?: number): Promise<void> {
    const marks = tags.flatMap((tag) => ['--addtag', tag])
    if (origin !== undefined)
      await this.#lvm.run('lvcreate', ['-y', '-qq', '-s', '-kn', '-ay', ...marks, '-n', name, this.#of(origin)])
    else
      await this.#lvm.run('lvcreate', [
        ...['-y', '-qq', '-V', `${bytes}b`, '-T', this.#of(this.#pool), ...marks, '-n', name],
      ])
  }

  async remove(...names: string[]): Promise<void> {
    await this.#lvm.run('lvremove', ['-y', '-qq', ...names.map((name) => this.#of(name))])
  }

  /** To this size, or a little more. */
  async extend(name: string, bytes: number): Promise<void> {
    await this.#lvm.run('lvextend', ['-y', '-qq', '-L', `${bytes}b`, this.#of(name)])
  }

  async retag(name: string, from: Place, to: Place): Promise<void> {
    const [had, has] = [tagsOf(from), tagsOf(to)]
    const marks = [
      ...had.filter((tag) => !has.includes(tag)).flatMap((tag) => ['--deltag', tag]),
      ...has.filter((tag) => !had.includes(tag)).flatMap((tag) => ['--addtag', tag]),
    ]
    if (marks.length > 0) await this.#lvm.run('lvchange', ['-qq', ...marks, this.#of(name)])
  }

  /** Node of a logical volume, which is switched on if it was not. */
  async device(name: string): Promise<string> {
    const path = this.#lvm.device(name)
    const there = await open(path, 'r').catch(() => undefined)
    await there?.close()
    if (!there) await this.#lvm.run('lvchange', ['-ay', '-K', '-qq', this.#of(name)])
    return path
  }

  /** From `at` to the end of the logical volume. */
  async zero(volume: LogicalVolume, at: number): Promise<void> {
    const device = await PathDevice.open(await this.device(volume.name), {
      ...{ bytes: volume.bytes, readOnly: false, blockBytes: this.blockBytes },
    })
    try {
      await device.zero(at, volume.bytes - at)
    } finally {
      await device.close()
    }
  }

  /** What was answered must be in a snapshot: the page cache of the device is written first, whoever wrote into it. */
  async settle(name: string): Promise<void> {
    const file = await open(await this.device(name), 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }

  #of(name: string): string {
    return `${this.#lvm.group}/${name}`
  }

  /** Programs of the recovery name volumes without their group. */
  #withGroup(args: readonly string[]): string[] {
    return args.map((word) => (word.startsWith('rv') ? this.#of(word) : word))
  }
}
