import { mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events/event.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { formatSubnet } from '../kit/ip.ts'
import type { Log } from '../kit/log.ts'
import type { Mac } from '../kit/mac.ts'
import type { PowerState } from '../power/power.ts'
import { run } from '../processes/run.ts'
import { detectAcceleration } from './acceleration.ts'
import { BridgeNetwork } from './bridge.ts'
import type { LabConsole } from './console.ts'
import type { LabLinux } from './linux.ts'
import { type Ground, VirtualMachine } from './machine.ts'
import type { LabNetwork } from './network.ts'
import { end, findMachines } from './process.ts'
import { machineFiles, QEMU } from './qemu.ts'
import { type LabSpec, type LabWish, refuseWish, specify } from './spec.ts'
import { UserNetwork } from './usernet.ts'

export type LabStatus = Readonly<{
  state: 'up' | 'down' | 'impossible'
  mode: 'bridge' | 'user' | null
  subnet: string | null
  interface: string | null
  acceleration: 'kvm' | 'tcg' | null
  reason: string
  machines: number
}>

/** A lab machine as it is now. `createdAt`: milliseconds since 1970. */
export type LabMachine = LabWish & Readonly<{ mac: Mac; power: PowerState; createdAt: number }>

type Dependencies = Readonly<{
  config: Pick<Config, 'dataDir' | 'lab'> & Readonly<{ http: Pick<Config['http'], 'listen'> }>
  clock: Clock
  log: Log
  events: Pick<Events, 'publish'>
  /** Makes the lab's small Linux; slow the first time. */
  buildLinux: () => Promise<LabLinux>
  /** Takes it as image and profile `lab-linux`. */
  offerLinux: (bundle: LabLinux) => Promise<void>
}>

/** The longest path of a Unix socket (`sun_path` has 108 bytes with its NUL). */
const LONGEST_SOCKET_PATH = 107

type Prepared = { network: LabNetwork; acceleration: Ground['acceleration'] } | { impossible: string }

/**
 * Virtual machines wired like hardware. Each is a folder below `DATADIR/lab` and, while on, a QEMU process that outlives this
 * server: machines run on when it stops or is killed, and are found again.
 */
export class Lab {
  readonly #with: Dependencies
  readonly #directory: string
  readonly #machines = new Map<string, VirtualMachine>()
  #prepared: Promise<Prepared> | undefined
  #linux: Promise<void> | undefined
  /** Why there is no small Linux, once that is known. */
  #noLinux: string | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies) {
    this.#with = dependencies
    this.#directory = join(resolve(dependencies.config.dataDir), 'lab')
  }

  /** Finds the machines that are there, running or not, and clears away what a crash left half made. */
  static async open(dependencies: Dependencies): Promise<Lab> {
    const lab = new Lab(dependencies)
    await mkdir(lab.#directory, { recursive: true, mode: 0o700 })
    const running = await findMachines(lab.#directory)
    for (const entry of await readdir(lab.#directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue
      const directory = join(lab.#directory, entry.name)
      const machine = await VirtualMachine.load(directory)
      if (machine) {
        lab.#machines.set(machine.spec.name, machine)
        await machine.forget()
        running.delete(entry.name)
      } else await rm(directory, { recursive: true, force: true })
    }
    for (const pid of running.values())
      await end(pid, async () => [...(await findMachines(lab.#directory)).values()].includes(pid))
    return lab
  }

  async status(): Promise<LabStatus> {
    const { subnet } = this.#with.config.lab
    const machines = this.#machines.size
    const prepared = await this.#prepare()
    if ('impossible' in prepared) {
      const none = { mode: null, subnet: null, interface: null, acceleration: null }
      return { state: 'impossible', ...none, reason: prepared.impossible, machines }
    }
    const { network, acceleration } = prepared
    const bridge = network.mode === 'bridge'
    const common = {
      mode: network.mode,
      subnet: bridge ? formatSubnet(subnet) : null,
      interface: network.interface,
      acceleration,
      machines,
    }
    if (!(await network.isUp()))
      return { state: 'down', ...common, reason: 'The lab network is not there; reveille lab up builds it.' }
    const wiring = bridge
      ? `Machines are wired to ${network.interface} like hardware.`
      : 'Without root, QEMU answers DHCP itself: boots begin at the script stage, and machines cannot reach each other.'
    const speed =
      acceleration === 'kvm'
        ? ''
        : ' KVM does not work here, so QEMU computes every instruction itself: slower, but the same.'
    const linux = this.#noLinux === undefined ? '' : ` The lab's small Linux could not be made: ${this.#noLinux}`
    return { state: 'up', ...common, reason: `${wiring}${speed}${linux}` }
  }

  /** Builds the network that machines are wired to, so that its interface can be listened on. A `Refusal` says why it is impossible. */
  prepareNetwork(): Promise<void> {
    return this.#inTurn(async () => {
      const { network } = await this.#ground()
      await network.up([...(await findMachines(this.#directory)).values()])
    })
  }

  /** Builds the network and offers the lab's small Linux as image and profile. A missing Linux is told in the status, not refused. */
  async up(): Promise<LabStatus> {
    await this.prepareNetwork()
    this.#linux ??= this.#offerLinux()
    await this.#linux
    return this.status()
  }

  /** Ends every machine and deletes it with its disks, then takes the network away. */
  destroy(): Promise<void> {
    return this.#inTurn(async () => {
      for (const machine of [...this.#machines.values()]) await this.#removeNow(machine)
      const prepared = await this.#prepare()
      if ('network' in prepared) await prepared.network.down()
    })
  }

  /** Sorted by name. */
  list(): Promise<LabMachine[]> {
    const machines = [...this.#machines.values()].sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1))
    return Promise.all(machines.map(seen))
  }

  async get(name: string): Promise<LabMachine | undefined> {
    const machine = this.#machines.get(name)
    return machine && seen(machine)
  }

  /** The name of the lab machine with this MAC. */
  nameOf(mac: Mac): string | undefined {
    for (const { spec } of this.#machines.values()) if (spec.mac === mac) return spec.name
    return undefined
  }

  add({ start, ...wish }: LabWish & { start: boolean }): Promise<LabMachine> {
    return this.#inTurn(async () => {
      const { network, acceleration } = await this.#ground()
      const { maxMachines } = this.#with.config.lab
      if (this.#machines.has(wish.name))
        throw new Refusal('conflict', `there is a lab machine ${wish.name} already`, { next: 'choose another name' })
      if (this.#machines.size >= maxMachines)
        throw new Refusal('conflict', `the lab has ${maxMachines} machines, as many as it may`, {
          next: 'remove one (reveille lab rm NAME), or raise lab.maxMachines',
        })
      const holder = wish.mac === undefined ? undefined : this.nameOf(wish.mac)
      if (holder !== undefined)
        throw new Refusal('conflict', `the lab machine ${holder} has the MAC ${wish.mac} already`, {
          next: 'choose another, or none: then one is made from the name',
        })
      const refused = refuseWish(wish, network.mode)
      if (refused !== undefined) throw new Refusal('validation-failed', refused)
      const directory = join(this.#directory, wish.name)
      if (Buffer.byteLength(machineFiles(directory).consoleSocket) > LONGEST_SOCKET_PATH)
        throw new Refusal('validation-failed', `the path ${directory} is too long for the Unix sockets of a machine`, {
          next: 'choose a shorter name or a shorter dataDir',
        })
      const taken = new Set([...this.#machines.values()].map(({ spec }) => spec.mac))
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const machine = await VirtualMachine.make(directory, specify(wish, taken, this.#with.clock.now()))
      this.#machines.set(wish.name, machine)
      this.#tell(wish.name, 'saved')
      if (start) {
        try {
          await network.up([...(await findMachines(this.#directory)).values()])
          await machine.start({ network, acceleration })
        } catch (error) {
          await this.#removeNow(machine)
          throw error
        }
      }
      return seen(machine)
    })
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(() => this.#removeNow(this.#existing(name)))
  }

  change(name: string, patch: { bootOrder?: LabSpec['bootOrder']; attachDiskGiB?: number }): Promise<LabMachine> {
    return this.#inTurn(async () => {
      const machine = this.#existing(name)
      if (patch.bootOrder !== undefined) await machine.setBootOrder(patch.bootOrder)
      if (patch.attachDiskGiB !== undefined) await machine.attachDisk(patch.attachDiskGiB)
      this.#tell(name, 'saved')
      return seen(machine)
    })
  }

  /** What its screen shows now, as PNG. */
  async screen(name: string): Promise<Uint8Array> {
    return this.#existing(name).screen()
  }

  /** A new view of its serial console; `undefined` when there is no such machine. */
  console(name: string): LabConsole | undefined {
    return this.#machines.get(name)?.console()
  }

  /** Whether it is on, asked of its process. */
  async powerState(name: string): Promise<PowerState> {
    return this.#existing(name).powerState()
  }

  /** Switches it on, building the network first if it is not there. */
  switchOn(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const machine = this.#existing(name)
      const ground = await this.#ground()
      await ground.network.up([...(await findMachines(this.#directory)).values()])
      await machine.start(ground)
      this.#tell(name, 'saved')
    })
  }

  switchOff(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#existing(name).stop()
      this.#tell(name, 'saved')
    })
  }

  async reset(name: string): Promise<void> {
    await this.#existing(name).reset()
  }

  async pressPowerButton(name: string): Promise<void> {
    await this.#existing(name).pressPowerButton()
  }

  async interrupt(name: string): Promise<void> {
    await this.#existing(name).interrupt()
  }

  bootOrder(name: string): LabSpec['bootOrder'] | undefined {
    return this.#machines.get(name)?.spec.bootOrder
  }

  async setBootOrder(name: string, bootOrder: LabSpec['bootOrder']): Promise<void> {
    if (this.bootOrder(name) !== bootOrder) await this.change(name, { bootOrder })
  }

  firmware(name: string): LabSpec['firmware'] | undefined {
    return this.#machines.get(name)?.spec.firmware
  }

  /** Ends the views of consoles; machines run on. */
  async close(): Promise<void> {
    await this.#last
    for (const machine of this.#machines.values()) machine.letGo()
  }

  async #offerLinux(): Promise<void> {
    try {
      await this.#with.offerLinux(await this.#with.buildLinux())
      this.#noLinux = undefined
    } catch (error) {
      this.#with.log.warn({ error }, 'the small Linux of the lab could not be made')
      this.#noLinux = error instanceof Error ? error.message : String(error)
      this.#linux = undefined
    }
  }

  async #removeNow(machine: VirtualMachine): Promise<void> {
    const { name } = machine.spec
    await machine.stop()
    const prepared = await this.#prepare()
    if ('network' in prepared) await prepared.network.detach(name)
    await machine.remove()
    this.#machines.delete(name)
    this.#tell(name, 'removed')
  }

  async #ground(): Promise<Ground> {
    const prepared = await this.#prepare()
    if (!('impossible' in prepared)) return prepared
    // What is missing may be installed by the time somebody tries again.
    this.#prepared = undefined
    throw new Refusal('not-available', `the lab does not work here: ${prepared.impossible}`)
  }

  #prepare(): Promise<Prepared> {
    this.#prepared ??= this.#choose()
    return this.#prepared
  }

  async #choose(): Promise<Prepared> {
    if ((await run(QEMU, ['-version'])).code !== 0)
      return { impossible: 'QEMU is missing: apt-get install --no-install-recommends qemu-system-x86 ovmf ipxe-qemu' }
    const { dataDir, lab, http } = this.#with.config
    const candidates: LabNetwork[] = [
      ...(lab.mode === 'user' ? [] : [new BridgeNetwork(dataDir, lab.subnet)]),
      ...(lab.mode === 'bridge' ? [] : [new UserNetwork(http.listen)]),
    ]
    const reasons: string[] = []
    for (const network of candidates) {
      const reason = await network.impossible()
      if (reason === undefined) return { network, acceleration: await detectAcceleration() }
      reasons.push(reason)
    }
    return { impossible: reasons.join('; ') }
  }

  #existing(name: string): VirtualMachine {
    const machine = this.#machines.get(name)
    if (!machine)
      throw new Refusal('not-found', `there is no lab machine ${name}`, { next: 'reveille lab list shows all' })
    return machine
  }

  #tell(id: string, change: 'saved' | 'removed'): void {
    this.#with.events.publish({ topic: 'lab', id, change })
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change)
    this.#last = result.catch(() => undefined)
    return result
  }
}

async function seen(machine: VirtualMachine): Promise<LabMachine> {
  const { format: _, uuid: __, ...shown } = machine.spec
  return { ...shown, power: await machine.powerState() }
}
