import { copyFile, open, readFile, rename, rm, truncate } from 'node:fs/promises'
import { Refusal } from '../kit/errors.ts'
import type { PowerState } from '../power/power.ts'
import { run } from '../processes/run.ts'
import { type LabConsole, SerialLine } from './console.ts'
import type { LabNetwork } from './network.ts'
import { end, findMachine, goneWithin } from './process.ts'
import {
  type Acceleration,
  diskBootIndex,
  diskDevice,
  diskNode,
  firmwareVariables,
  HOT_PLUG_PORTS,
  machineFiles,
  QEMU,
  qemuArguments,
} from './qemu.ts'
import { type Qmp, QmpError, withQmp } from './qmp.ts'
import { pngFromPpm } from './screen.ts'
import { LabSpec, MOST_DISKS } from './spec.ts'

const GIB = 1024 ** 3
/** How long QEMU may take to end by itself before it is killed. */
const QUIT_MS = 3_000

/** What a machine stands on, the same for all. */
export type Ground = Readonly<{ network: LabNetwork; acceleration: Acceleration }>

/** One lab machine: a folder, and a QEMU process while it is on. The process outlives us and is found again by its folder. */
export class VirtualMachine {
  readonly #line: SerialLine
  readonly #directory: string
  readonly #files: ReturnType<typeof machineFiles>
  #spec: LabSpec

  constructor(directory: string, spec: LabSpec) {
    this.#directory = directory
    this.#files = machineFiles(directory)
    this.#spec = spec
    this.#line = new SerialLine(this.#files.console, this.#files.consoleSocket)
  }

  /** Reads a machine from its folder; `undefined` when the folder holds none (its making or its deletion was cut short). */
  static async load(directory: string): Promise<VirtualMachine | undefined> {
    try {
      const spec = LabSpec.parse(JSON.parse(await readFile(machineFiles(directory).spec, 'utf8')))
      return new VirtualMachine(directory, spec)
    } catch {
      return undefined
    }
  }

  /** Makes what a new machine needs; its `machine.json` comes last, so that a half-made one is known as such. */
  static async make(directory: string, spec: LabSpec): Promise<VirtualMachine> {
    const machine = new VirtualMachine(directory, spec)
    for (const [index, gib] of spec.disksGiB.entries()) await makeDisk(machine.#files.disk(index), gib)
    if (spec.firmware === 'uefi') await copyFile(firmwareVariables(spec), machine.#files.variables)
    await (await open(machine.#files.console, 'a', 0o600)).close()
    await machine.#save(spec)
    return machine
  }

  get spec(): LabSpec {
    return this.#spec
  }

  /** A new view of its serial console. */
  console(): LabConsole {
    return this.#line.console()
  }

  /** Ends all views of its console; the machine runs on. */
  letGo(): void {
    this.#line.close()
  }

  /** Gives back the space of what its console printed long ago. */
  forget(): Promise<void> {
    return this.#line.forget()
  }

  process(): Promise<number | undefined> {
    return findMachine(this.#files.pid)
  }

  /** `unknown`: its process lives but does not answer. */
  async powerState(): Promise<PowerState> {
    if ((await this.process()) === undefined) return 'off'
    try {
      await this.#ask((qmp) => qmp.execute('query-status'))
      return 'on'
    } catch {
      return (await this.process()) === undefined ? 'off' : 'unknown'
    }
  }

  /** Switches it on; nothing happens when it is. */
  async start({ network, acceleration }: Ground): Promise<void> {
    if ((await this.process()) !== undefined) return
    const { netdev, within } = await network.attach(this.#spec.name)
    const args = qemuArguments(this.#spec, { directory: this.#directory, netdev, acceleration })
    await this.#line.forget()
    const [command, ...rest] = [...within, QEMU, ...args]
    const { code, stderr } = await run(command ?? QEMU, rest)
    if (code !== 0)
      throw new Refusal(
        'not-available',
        `QEMU did not start ${this.#spec.name}: ${stderr.trim() || `status ${code}`}`,
        {
          next:
            code === 127
              ? 'apt-get install qemu-system-x86 ovmf ipxe-qemu'
              : 'reveille doctor checks what the lab needs',
        },
      )
  }

  /** Pulls the plug; nothing happens when it is off. */
  async stop(): Promise<void> {
    const pid = await this.process()
    if (pid === undefined) return
    const there = async () => (await this.process()) !== undefined
    // It may hang, or end before it has answered; both are seen below.
    await this.#ask((qmp) => qmp.execute('quit')).catch(() => undefined)
    if (!(await goneWithin(QUIT_MS, there)) && !(await end(pid, there)))
      throw new Refusal('internal', `the process ${pid} of lab machine ${this.#spec.name} does not end`)
    this.#line.disconnect()
  }

  /** Like the reset button. Refused (`wrong-state`) while it is off. */
  async reset(): Promise<void> {
    await this.#whileOn((qmp) => qmp.execute('system_reset'))
  }

  /** Presses the power button: what then happens is up to the running system. Refused (`wrong-state`) while it is off. */
  async pressPowerButton(): Promise<void> {
    await this.#whileOn((qmp) => qmp.execute('system_powerdown'))
  }

  /** A non-maskable interrupt, as the diagnostic button of servers gives. Refused (`wrong-state`) while it is off. */
  async interrupt(): Promise<void> {
    await this.#whileOn((qmp) => qmp.execute('inject-nmi'))
  }

  /** Holds from the next start or reset on. */
  async setBootOrder(bootOrder: LabSpec['bootOrder']): Promise<void> {
    await this.#save({ ...this.#spec, bootOrder })
    if ((await this.process()) === undefined) return
    await this.#ask(async (qmp) => {
      for (const index of this.#spec.disksGiB.keys()) {
        const value = diskBootIndex(this.#spec, index)
        await qmp.execute('qom-set', { path: `/machine/peripheral/drive${index}`, property: 'bootindex', value })
      }
    })
  }

  /** Adds an empty disk, at once if it is on. */
  async attachDisk(gib: number): Promise<void> {
    const index = this.#spec.disksGiB.length
    if (index >= MOST_DISKS)
      throw new Refusal('conflict', `lab machine ${this.#spec.name} has ${MOST_DISKS} disks, and no more fit`)
    const path = this.#files.disk(index)
    await makeDisk(path, gib)
    if ((await this.process()) !== undefined) {
      try {
        await this.#ask((qmp) => this.#plug(qmp, index, path))
      } catch (error) {
        await rm(path, { force: true })
        if (!(error instanceof QmpError)) throw error
        throw new Refusal(
          'conflict',
          `the disk could not be attached while ${this.#spec.name} runs: ${error.message}`,
          {
            next: 'switch the machine off and attach it then',
          },
        )
      }
    }
    await this.#save({ ...this.#spec, disksGiB: [...this.#spec.disksGiB, gib] })
  }

  /** What its screen shows, as PNG. Refused (`wrong-state`) while it is off. */
  async screen(): Promise<Uint8Array> {
    const filename = this.#files.screen
    return this.#whileOn(async (qmp) => {
      try {
        // A QEMU built without libpng knows PPM only.
        const png = await qmp.execute('screendump', { filename, format: 'png' }).catch((error: unknown) => {
          if (error instanceof QmpError) return undefined
          throw error
        })
        if (png !== undefined) return await readFile(filename)
        await qmp.execute('screendump', { filename })
        return pngFromPpm(await readFile(filename))
      } finally {
        await rm(filename, { force: true })
      }
    })
  }

  /** Deletes its folder; it was stopped before. */
  async remove(): Promise<void> {
    this.#line.close()
    // First what makes it a machine, so that a deletion cut short is completed at the next start.
    await rm(this.#files.spec, { force: true })
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #plug(qmp: Qmp, index: number, path: string): Promise<void> {
    await qmp.execute('blockdev-add', diskNode(index, path))
    try {
      const device = { ...diskDevice(this.#spec, index), bootindex: diskBootIndex(this.#spec, index) }
      if (this.#spec.firmware === 'bios') return void (await qmp.execute('device_add', device))
      let refusal = new QmpError('no port is free')
      for (let port = 0; port < HOT_PLUG_PORTS; port++) {
        try {
          return void (await qmp.execute('device_add', { ...device, bus: `port${port}` }))
        } catch (error) {
          if (!(error instanceof QmpError)) throw error
          refusal = error
        }
      }
      throw refusal
    } catch (error) {
      await qmp.execute('blockdev-del', { 'node-name': `disk${index}` }).catch(() => undefined)
      throw error
    }
  }

  async #whileOn<T>(talk: (qmp: Qmp) => Promise<T>): Promise<T> {
    if ((await this.process()) === undefined)
      throw new Refusal('wrong-state', `lab machine ${this.#spec.name} is off`, { next: 'switch it on first' })
    try {
      return await this.#ask(talk)
    } catch (error) {
      if (!(error instanceof QmpError)) throw error
      throw new Refusal('not-available', `lab machine ${this.#spec.name} does not do it: ${error.message}`, {
        next: 'try again, or switch it off and on',
      })
    }
  }

  #ask<T>(talk: (qmp: Qmp) => Promise<T>): Promise<T> {
    return withQmp(this.#files.qmpSocket, talk)
  }

  async #save(spec: LabSpec): Promise<void> {
    const next = `${this.#files.spec}.new`
    const file = await open(next, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(spec, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, this.#files.spec)
    this.#spec = spec
  }
}

/** An empty disk: a sparse file that takes no space until something is written. */
async function makeDisk(path: string, gib: number): Promise<void> {
  await (await open(path, 'wx', 0o600)).close()
  await truncate(path, gib * GIB)
}
