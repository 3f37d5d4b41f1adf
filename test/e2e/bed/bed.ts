import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { onTestFailed } from 'vitest'
import type { Machine } from '../../../src/api/contract/machines.ts'
import type { Trace, Why } from '../../../src/api/contract/traces.ts'
import type { SettingsInput } from '../../../src/config/schema.ts'
import { ARRIVED } from '../../../src/lab/linux-init.ts'
import type { LabNetwork } from '../../../src/lab/network.ts'
import { LAB_LINUX } from '../../../src/lab/offer.ts'
import { type Decide, Gate } from './gate.ts'
import { offerLinux } from './linux.ts'
import { Server } from './server.ts'
import { Vm } from './vm.ts'
import { Bridge, Host } from './wire.ts'

/** The address of the server on the wire of every test bed. */
export const SERVER = '10.77.0.1'
/** What a machine prints when the small Linux has an address of the wire. */
export const ARRIVAL = new RegExp(`${ARRIVED} 10\\.77\\.0\\.`)

/**
 * Everything of one test file: hosts, wires, the real server, machines. Whatever is made here is ended by `remove`, also after a
 * failure; a failed test prints what its machines showed and how the server explains it.
 */
export class Bed {
  readonly host: Host
  readonly bridge: Bridge
  #server: Server | undefined
  readonly #vms: Vm[] = []
  readonly #gates: Gate[] = []
  readonly #hosts: Host[] = []
  readonly #children: ChildProcess[] = []

  private constructor(host: Host, bridge: Bridge) {
    this.host = host
    this.bridge = bridge
    this.#hosts.push(host)
  }

  /** `own`: the address of the host on its wire; the server's, unless that is a virtual machine. */
  static async make(own = SERVER): Promise<Bed> {
    const host = await Host.make()
    try {
      return new Bed(host, await Bridge.make(host, 'br0', `${own}/24`))
    } catch (error) {
      await host.remove()
      throw error
    }
  }

  get server(): Server {
    if (!this.#server) throw new Error('the bed has no server yet')
    return this.#server
  }

  /** Starts the server on the wire, with the small Linux as image and profile. `how`: other than as a program of the host. */
  async serve(settings: SettingsInput, how?: Parameters<typeof Server.make>[1]): Promise<Server> {
    this.#server = await Server.make(settings, how ?? { start: (...given) => this.host.start(...given) })
    await offerLinux(this.#server)
    return this.#server
  }

  /** Another computer; plug it into a bridge. */
  async another(): Promise<Host> {
    const host = await Host.make()
    this.#hosts.push(host)
    return host
  }

  /** Starts a program there that runs until the end of the tests, or until it is stopped. */
  run(host: Host, command: string, args: readonly string[]): ChildProcess {
    const child = host.start(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    this.#children.push(child)
    return child
  }

  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /**
   * A machine, off. It is switched off at the end of the test file at the latest. One of the same name, which the first try of a test has left,
   * is taken away before.
   */
  async machine(wish: Parameters<typeof Vm.make>[1], network: LabNetwork = this.bridge): Promise<Vm> {
    const left = this.#vms.findIndex(({ name }) => name === wish.name)
    if (left >= 0) {
      const [old] = this.#vms.splice(left, 1)
      await old?.remove()
      await this.#server?.call('DELETE', `/api/v1/machines/${old?.mac}`)
    }
    const vm = await Vm.make(network, wish)
    this.#vms.push(vm)
    onTestFailed(() => this.explain(vm))
    return vm
  }

  /** A machine that the server knows already, off. */
  async known(
    wish: Parameters<typeof Vm.make>[1],
    profile = LAB_LINUX,
    network: LabNetwork = this.bridge,
  ): Promise<Vm> {
    const vm = await this.machine(wish, network)
    await this.server.api('POST', '/machines', { name: vm.name, macs: [vm.mac], profile })
    return vm
  }

  /** Switches a machine on with a gate before it. */
  async onBehindGate(vm: Vm, decide: Decide): Promise<void> {
    await vm.on()
    this.#gates.push(await Gate.before(vm, decide))
  }

  machineOf(vm: Vm): Promise<Machine> {
    return this.server.api('GET', `/machines/${vm.mac}`)
  }

  async trace(vm: Vm): Promise<Trace | undefined> {
    const { items } = await this.server.api<{ items: Trace[] }>('GET', `/machines/${vm.mac}/traces?limit=1`)
    return items[0]
  }

  async explain(vm: Vm): Promise<void> {
    const why = await this.server.api<Why>('GET', `/machines/${vm.mac}/why`).catch((error: unknown) => ({ error }))
    console.error(`--- ${vm.name} showed:\n${vm.printed.slice(-3000)}\n--- why:\n${JSON.stringify(why, null, 1)}`)
    console.error(`--- the server logged:\n${this.#server?.output.slice(-3000)}`)
  }

  async remove(): Promise<void> {
    for (const vm of this.#vms) await vm.remove()
    for (const gate of this.#gates) await gate.remove()
    for (const child of this.#children) await this.stop(child)
    await this.#server?.remove()
    for (const host of this.#hosts) await host.remove()
  }
}
