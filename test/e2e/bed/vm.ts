import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LabConsole } from '../../../src/lab/console.ts'
import { VirtualMachine } from '../../../src/lab/machine.ts'
import type { LabNetwork } from '../../../src/lab/network.ts'
import { machineFiles } from '../../../src/lab/qemu.ts'
import { withQmp } from '../../../src/lab/qmp.ts'
import { type LabWish, specify } from '../../../src/lab/spec.ts'
import { until } from './until.ts'

/** A machine of the lab's making, plugged into a test's wire. */
export class Vm {
  readonly name: string
  readonly mac: string
  readonly #machine: VirtualMachine
  readonly #directory: string
  readonly #console: LabConsole
  readonly #network: LabNetwork
  #printed = ''
  #from = 0

  private constructor(machine: VirtualMachine, directory: string, network: LabNetwork) {
    this.#machine = machine
    this.#directory = directory
    this.#network = network
    this.name = machine.spec.name
    this.mac = machine.spec.mac
    this.#console = machine.console()
    this.#console.follow(
      (bytes) => {
        this.#printed += Buffer.from(bytes).toString('latin1')
      },
      () => undefined,
    )
  }

  static async make(network: LabNetwork, wish: Partial<LabWish> & { name: string }): Promise<Vm> {
    const directory = await mkdtemp(join(tmpdir(), 'rv-vm-'))
    const whole: LabWish = {
      firmware: 'bios',
      memoryMiB: 512,
      disksGiB: [],
      diskModel: 'virtio-blk-pci',
      nic: 'virtio-net-pci',
      rom: 'ipxe',
      secureBoot: false,
      bootOrder: 'network',
      ...wish,
    }
    const machine = await VirtualMachine.make(directory, specify(whole, new Set(), Date.now()))
    return new Vm(machine, directory, network)
  }

  /** Writes into its first disk while it is off. */
  async writeDisk(content: Uint8Array): Promise<void> {
    const disk = await open(machineFiles(this.#directory).disk(0), 'r+')
    await disk.write(content, 0, content.length, 0)
    await disk.close()
  }

  /** Where its frames can be let through a gate: see gate.ts. */
  get qmpSocket(): string {
    return machineFiles(this.#directory).qmpSocket
  }

  async on(): Promise<void> {
    await this.#machine.start({ network: this.#network, acceleration: 'tcg' })
  }

  async off(): Promise<void> {
    await this.#machine.stop()
  }

  /** Presses reset; what was printed before is not looked at any more. */
  async reset(): Promise<void> {
    this.forget()
    await this.#machine.reset()
  }

  /** From now on only what is printed later counts. */
  forget(): void {
    this.#from = this.#printed.length
  }

  type(text: string): void {
    this.#console.type(Buffer.from(text))
  }

  qmp(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return withQmp(this.qmpSocket, (qmp) => qmp.execute(command, args))
  }

  /** What its serial console printed, without cursor movements. */
  get printed(): string {
    return this.#printed.slice(this.#from).replace(/\x1b\[[0-9;?=]*[A-Za-z]/g, '')
  }

  /** Waits until its serial console shows this. */
  async shows(pattern: RegExp, ms: number, pauseMs = 100): Promise<RegExpExecArray> {
    return until(`${this.name} shows ${pattern}`, ms, () => pattern.exec(this.printed) ?? undefined, pauseMs)
  }

  async remove(): Promise<void> {
    await this.#machine.stop()
    await this.#machine.remove()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
