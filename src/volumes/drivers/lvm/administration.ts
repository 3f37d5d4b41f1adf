import { Refusal } from '../../../kit/errors.ts'
import { run, runOrFail } from '../../../processes/run.ts'
import {
  checkExtendedGroup,
  checkNewGroup,
  checkNewPhysicalVolume,
  checkNewVolume,
  checkReducedGroup,
  checkRemovedGroup,
  checkRemovedPhysicalVolume,
  checkRemovedVolume,
  checkRenamedVolume,
  checkResizedVolume,
  type PhysicalVolume,
  type StorageAdministration,
  type StorageDevice,
  type StorageState,
  type Wipe,
} from '../../storage.ts'
import { LvmPrograms, REPORT } from './commands.ts'
import {
  candidates,
  DEVICE_COLUMNS,
  devicesOf,
  LV_COLUMNS,
  type Own,
  PV_COLUMNS,
  parseDevices,
  parseGroups,
  parseLogicalVolumes,
  parsePhysicalVolumes,
  parseSignatures,
} from './server-state.ts'

const LANGUAGE = { LC_ALL: 'C' }
/** Questions of LVM are answered with no: what nobody agreed to lose stays. */
const CAREFUL = '-qq'

/** Manages LVM of this server with its own programs. Needs root. Works one after the other, each after a look at how things are now. */
export class LvmAdministration implements StorageAdministration {
  readonly #own: Own
  readonly #lvm = new LvmPrograms()
  #line: Promise<unknown> = Promise.resolve()

  /** `own`: where Reveille's own pool is, or would be. */
  constructor(own: Own) {
    this.#own = own
  }

  state(): Promise<StorageState> {
    return this.#inTurn(() => this.#look('all'))
  }

  createPhysicalVolume(path: string, wipe: Wipe | null): Promise<void> {
    return this.#inTurn(async () => {
      const toWipe = checkNewPhysicalVolume(await this.#look([path]), path, wipe)
      for (const each of toWipe) await wipeSignatures(each)
      await this.#lvm.run('pvcreate', [CAREFUL, path])
    })
  }

  removePhysicalVolume(path: string): Promise<void> {
    return this.#inTurn(async () => {
      checkRemovedPhysicalVolume(await this.#look(), path)
      await this.#lvm.run('pvremove', [CAREFUL, path])
    })
  }

  createGroup(name: string, devices: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      checkNewGroup(await this.#look(), name, devices)
      await this.#lvm.run('vgcreate', [CAREFUL, name, ...devices])
    })
  }

  extendGroup(name: string, devices: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      checkExtendedGroup(await this.#look(), name, devices)
      await this.#lvm.run('vgextend', [CAREFUL, name, ...devices])
    })
  }

  reduceGroup(name: string, device: string): Promise<void> {
    return this.#inTurn(async () => {
      checkReducedGroup(await this.#look(), name, device)
      await this.#lvm.run('vgreduce', [CAREFUL, name, device])
    })
  }

  removeGroup(name: string): Promise<void> {
    return this.#inTurn(async () => {
      checkRemovedGroup(await this.#look(), name)
      await this.#lvm.run('vgremove', [CAREFUL, name])
    })
  }

  createVolume(group: string, name: string, bytes: number): Promise<void> {
    return this.#inTurn(async () => {
      checkNewVolume(await this.#look(), { group, name }, bytes, this.#own.thinPool)
      // What is free may still begin with what was there once: it goes, for this is new.
      const clean = ['-y', '-Wy', '-Zy']
      await this.#lvm.run('lvcreate', [CAREFUL, ...clean, '-L', `${bytes}b`, '-n', name, group])
    })
  }

  resizeVolume(group: string, name: string, bytes: number, shrink: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const state = await this.#look()
      checkResizedVolume(state, { group, name }, bytes, shrink)
      const has = state.logicalVolumes.find((each) => each.group === group && each.name === name)!.bytes
      const { extentBytes } = state.volumeGroups.find((each) => each.name === group)!
      if (Math.ceil(bytes / extentBytes) * extentBytes === has) return
      const [program, ...more] = bytes > has ? ['lvextend'] : ['lvreduce', '-y', '-f']
      await this.#lvm.run(program!, [CAREFUL, ...more, '-L', `${bytes}b`, `${group}/${name}`])
    })
  }

  renameVolume(group: string, name: string, to: string): Promise<void> {
    return this.#inTurn(async () => {
      checkRenamedVolume(await this.#look(), { group, name }, to, this.#own.thinPool)
      await this.#lvm.run('lvrename', [CAREFUL, group, name, to])
    })
  }

  removeVolume(group: string, name: string): Promise<void> {
    return this.#inTurn(async () => {
      checkRemovedVolume(await this.#look(), { group, name })
      await this.#lvm.run('lvremove', [CAREFUL, '-y', `${group}/${name}`])
    })
  }

  /** How things are now: groups and logical volumes always, of devices those that are asked for. */
  async #look(devices: 'all' | 'none' | readonly string[] = 'none'): Promise<StorageState> {
    if (process.geteuid?.() !== 0)
      throw new Refusal('not-available', 'LVM can be managed by root alone, and this server runs as somebody else', {
        next: 'run the server as root, or use the programs of LVM as root on the server',
      })
    // Reports share LVM's locks: these two need not wait for each other.
    const [held, volumes] = await Promise.all([
      this.#lvm.run('pvs', [...REPORT, PV_COLUMNS]),
      new LvmPrograms().run('lvs', [...REPORT, LV_COLUMNS]),
    ])
    const physicalVolumes = parsePhysicalVolumes(held)
    const logicalVolumes = parseLogicalVolumes(volumes, this.#own)
    return {
      devices: devices === 'none' ? [] : await this.#devices(physicalVolumes, devices),
      physicalVolumes,
      volumeGroups: parseGroups(held, logicalVolumes, this.#own),
      logicalVolumes,
    }
  }

  async #devices(physical: readonly PhysicalVolume[], wanted: 'all' | readonly string[]): Promise<StorageDevice[]> {
    const tree = parseDevices(await runOrFail('lsblk', ['--json', '--bytes', '-o', DEVICE_COLUMNS], { env: LANGUAGE }))
    const found = candidates(tree).filter(
      ({ path, on }) => wanted === 'all' || wanted.some((each) => each === path || on.includes(each)),
    )
    const signatures = new Map<string, readonly string[] | null>()
    // udev tells of signatures as they were when it looked: read now, nothing is missed.
    for (const { path } of found) {
      const { code, stdout } = await run('wipefs', ['--no-act', '--json', path], { env: LANGUAGE })
      signatures.set(path, code === 0 ? parseSignatures(stdout) : null)
    }
    return devicesOf(tree, physical, signatures)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => {})
    return done
  }
}

/** udev looks at a device that was written to, and has it open for itself meanwhile: a few tries are part of it. */
const WIPE_TRIES = 5

async function wipeSignatures(path: string): Promise<void> {
  for (let left = WIPE_TRIES; left > 0; left--) {
    const { code, stderr } = await run('wipefs', ['--all', path], { env: LANGUAGE })
    await run('udevadm', ['settle', '--timeout=10'])
    if (code === 0) return
    const words = stderr.trim().slice(0, 800)
    const busy = /busy/i.test(words)
    if (!busy || left === 1)
      throw new Refusal(busy ? 'in-use' : 'not-available', `wipefs: ${words || `status ${code}`}`)
  }
}
