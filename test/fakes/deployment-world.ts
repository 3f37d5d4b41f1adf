import { Deployments } from '../../src/deployments/deployments.ts'
import type { InstallConfigs } from '../../src/deployments/install-config.ts'
import type { Notice } from '../../src/deployments/notice.ts'
import type { NewOrder } from '../../src/deployments/order.ts'
import type { AgentBoot } from '../../src/deployments/repository.ts'
import type { Image } from '../../src/images/image.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { blankMachine } from '../../src/machines/edit.ts'
import type { DiskFacts, Inventory } from '../../src/machines/inventory.ts'
import type { Machine, MachineState } from '../../src/machines/machine.ts'
import type { PowerAction, PowerOrder, PowerState } from '../../src/power/power.ts'
import { type Profile, ProfileSpec } from '../../src/profiles/profile.ts'
import { MemoryDeployments } from './deployment-rows.ts'

export const GIB = 2 ** 30

export const diskOf = (serial: string, more: Partial<DiskFacts> = {}): DiskFacts => ({
  name: 'sda',
  serial,
  wwn: null,
  model: 'QEMU HARDDISK',
  firmware: null,
  bytes: 20 * GIB,
  logicalBlockBytes: 512,
  rotational: false,
  transport: 'sata',
  removable: false,
  readOnly: false,
  byPath: `pci-${serial}`,
  table: null,
  tableId: null,
  partitions: [],
  filesystem: null,
  fingerprint: null,
  health: null,
  problem: null,
  ...more,
})

export const inventoryOf = (...disks: DiskFacts[]): Inventory => ({
  firmware: 'uefi',
  secureBoot: null,
  smbios: {
    manufacturer: null,
    product: null,
    serial: null,
    uuid: null,
    biosVersion: null,
    biosDate: null,
    board: null,
  },
  cpu: { model: 'a cpu', sockets: 1, cores: 2, threads: 2, architecture: 'x86_64' },
  memoryBytes: GIB,
  nics: [],
  disks,
  ipmi: false,
  bootEntries: [],
})

/** SHA-256 of a chunk list, as far as anybody here looks at it. */
export const hashOf = (n: number) => n.toString(16).padStart(64, '0')

export const diskImage = (name: string, more: Partial<Image> = {}, bytes = 4 * GIB): Image => ({
  name,
  kind: 'disk',
  description: '',
  owner: 'ann',
  visibility: 'public',
  sharedWith: [],
  labels: {},
  prune: null,
  versions: [1, 2].map((number) => ({
    number,
    files: [{ role: 'chunks', name: 'disk.chunks', sha256: hashOf(number), bytes: 100 }],
    cmdline: '',
    note: '',
    disk: { bytes, allocatedBytes: 1, addedBytes: 1, sha256: null, table: 'gpt', filesystems: [] },
    pinned: false,
    source: 'upload',
    createdAt: 1,
    createdBy: 'ann',
  })),
  lastNumber: 2,
  createdAt: 1,
  updatedAt: 1,
  ...more,
})

export const installProfile = (name: string, more: object = {}): Profile => ({
  ...ProfileSpec.parse({ name, kind: 'install', targets: [{ image: 'debian' }], ...more }),
  createdAt: 1,
  updatedAt: 1,
})

export const ANN = { name: 'ann', role: 'user' }
export const BOB = { name: 'bob', role: 'user' }
export const OPERATOR = { name: 'olga', role: 'operator' }

export const orderOf = (more: Partial<NewOrder> = {}): NewOrder => ({
  action: { kind: 'install', profile: 'debian' },
  arm: [{ disk: 'SER1', bytes: null, fingerprint: null }],
  reservedUntil: null,
  release: 'leave',
  notify: { webhook: null, email: null },
  ...more,
})

/** Deployments over memory with two machines, that can be killed and opened again. */
export class DeploymentWorld {
  readonly clock = new ManualClock()
  readonly rows = new MemoryDeployments()
  readonly machines = new Map<string, Machine>()
  readonly images = new Map<string, Image>([['debian', diskImage('debian')]])
  readonly profiles = new Map<string, Profile>([
    ['debian', installProfile('debian')],
    ['kept', installProfile('kept', { targets: [{ image: 'debian', writeBack: true }] })],
  ])
  readonly told: Notice[] = []
  readonly saved: { image: string; chunks: string; by: string }[] = []
  /** What switches machines; without it a person has to. */
  /** `untold`: why its firmware could not be told what to boot; `null`: it was. `besides`: what each order took besides. */
  power:
    | {
        state: PowerState
        actions: (PowerAction | 'pxe' | 'off, seen off, on')[]
        fails?: string
        untold?: string | null
        besides?: string
      }
    | undefined
  failSaving: Error | undefined
  /** Renders what is written into installed systems. */
  configs: InstallConfigs | undefined
  /** What was seen last of a machine that has not phoned home. */
  lastSeen: string | undefined
  deployments!: Deployments
  #boots = 0

  static async open(): Promise<DeploymentWorld> {
    const world = new DeploymentWorld()
    for (const id of ['m_1', 'm_2'])
      world.machines.set(id, { ...blankMachine(id, `node-${id.slice(2)}`, 0), state: 'ready' })
    await world.restart()
    return world
  }

  /** As after `kill -9`: only what was written is left. */
  async restart(): Promise<void> {
    const { clock, rows, machines, images, profiles } = this
    this.deployments = await Deployments.open({
      repository: rows,
      machines: {
        get: (id) => machines.get(id),
        all: () => [...machines.values()],
        deploy: async (id, state, profile) => {
          const machine = machines.get(id)
          if (!machine || machine.state === 'maintenance' || machine.state === 'retired') return
          machines.set(id, { ...machine, state, profile: profile === undefined ? machine.profile : profile })
        },
      },
      profiles: { get: (name) => profiles.get(name) },
      images: {
        get: (name) => images.get(name),
        resolve: (reference) => {
          const [name = '', number] = reference.split('@')
          const image = images.get(name)
          const version = number
            ? image?.versions.find((each) => each.number === Number(number))
            : image?.versions.at(-1)
          return image && version && { image, version }
        },
      },
      versionFromCapture: async (image, { chunks, by }) => {
        if (this.failSaving) throw this.failSaving
        if (!this.saved.some((each) => each.image === image && each.chunks === chunks))
          this.saved.push({ image, chunks, by })
        return { number: 2 + this.saved.length }
      },
      configs: {
        look: (reference, machine) => this.configs?.look(reference, machine),
        render: (reference, machine, deployment) => this.configs!.render(reference, machine, deployment),
      },
      power: () => this.power && this.#driver(this.power),
      notifier: {
        tell: async (notice) => {
          this.told.push(notice)
          return [{ level: 'info', text: 'somebody was told' }]
        },
      },
      events: { publish: () => undefined },
      clock,
      sleep: async () => undefined,
      home: { patienceMs: 20 * 60_000, lastSeen: () => this.lastSeen },
    })
  }

  #driver(power: NonNullable<DeploymentWorld['power']>) {
    return {
      driver: 'fake',
      state: async () => power.state,
      perform: async (action: PowerAction, { apart, told }: PowerOrder = {}) => {
        if (power.fails) throw new Error(power.fails)
        power.actions.push(apart && action === 'cycle' ? 'off, seen off, on' : action)
        if (power.besides !== undefined) told?.(power.besides)
        power.state = action === 'off' || action === 'soft' ? 'off' : 'on'
        return power.state
      },
      prepareNetworkBoot: async () => {
        if (power.untold === undefined) return null
        power.actions.push('pxe')
        return power.untold
      },
    }
  }

  stateOf(machine: string): MachineState | undefined {
    return this.machines.get(machine)?.state
  }

  /** The machine boots the management OS, which says hello. */
  async boot(machine = 'm_1'): Promise<AgentBoot> {
    const wanted = this.deployments.bootFor(machine)
    if (wanted?.what !== 'agent') throw new Error(`the machine is not given the management OS but ${wanted?.what}`)
    await this.deployments.bootSeen(machine)
    const id = `b_${++this.#boots}_${this.clock.now()}`
    const expiresAt = this.clock.now() + 3_600_000
    await this.deployments.agents.takeBoot({ id, machine, deployment: wanted.deployment, expiresAt })
    const boot = await this.deployments.agents.greet(id, { nonce: 'a'.repeat(32), version: '1' }, 'b'.repeat(32))
    if (!boot) throw new Error('the boot is over')
    return boot
  }

  async next(boot: AgentBoot) {
    const next = await this.deployments.agents.next(boot)
    return next.do === 'task' ? next : undefined
  }

  report(boot: AgentBoot, task: string, dirty: boolean, more: { phase?: string; doneBytes?: number } = {}) {
    const { phase = 'writing', doneBytes = 1 } = more
    const report = { phase, doneBytes, totalBytes: 100, fetchedBytes: 1, writtenBytes: 1, dirty }
    return this.deployments.agents.progress(boot, task, report)
  }

  async done(boot: AgentBoot, task: string, detail: Record<string, unknown> = {}): Promise<void> {
    await this.deployments.agents.result(boot, task, { ok: true, summary: `${task} went well`, clean: true, detail })
  }

  /** Does all tasks as they come, until the machine is told to leave; returns their kinds. */
  async work(boot: AgentBoot, detail: (kind: string) => Record<string, unknown> = () => ({})): Promise<string[]> {
    const kinds: string[] = []
    for (let i = 0; i < 30; i++) {
      const next = await this.next(boot)
      if (!next) break
      const { kind } = next.task
      kinds.push(kind)
      if (kind === 'flash' || kind === 'wipe') await this.report(boot, next.id, true)
      await this.done(boot, next.id, detail(kind))
      if (kind === 'finish') break
    }
    return kinds
  }

  /** Boots, is looked into, and does everything. */
  async through(machine = 'm_1', disks: readonly DiskFacts[] = [diskOf('SER1')]): Promise<string[]> {
    const boot = await this.boot(machine)
    await this.deployments.agents.inventory(boot, inventoryOf(...disks))
    const kinds = await this.work(boot, (kind) => (kind === 'capture' ? { chunks: hashOf(77) } : {}))
    if (this.deployments.bootFor(machine)?.what === 'local') await this.deployments.launchedLocal(machine)
    return kinds
  }

  /** Lets time go by, a second for each look, as the server does. */
  async pass(ms: number, step = 10_000): Promise<void> {
    for (let gone = 0; gone < ms; gone += step) {
      this.clock.advance(Math.min(step, ms - gone))
      await this.deployments.tick()
    }
  }
}
