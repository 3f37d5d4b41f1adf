import type { Access } from '../access/access.ts'
import type { Listener } from '../boot/status.ts'
import type { Config } from '../config/schema.ts'
import type { Consoles } from '../consoles/consoles.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { GatewayAround, GatewayMachine, GatewayPowers } from '../gateway/around.ts'
import type { BmcFace } from '../gateway/back-end.ts'
import { Gateway } from '../gateway/gateway.ts'
import { type IpmiGateway, serveGateway } from '../gateway/ipmi/serve.ts'
import { type RedfishFace, serveRedfish } from '../gateway/redfish/serve.ts'
import { Refusal } from '../kit/errors.ts'
import { formatSubnet } from '../kit/ip.ts'
import type { Machine } from '../machines/machine.ts'
import type { Leases } from '../networks/leases.ts'
import type { Powers } from '../power/powers.ts'
import { aesGcmSealer } from '../secrets/drivers/aes-gcm.ts'
import { IPMI_CRYPTOGRAPHY } from '../sockets/ipmi-cryptography.ts'
import { keyFile } from '../store/key-file.ts'
import type { Store } from '../store/store.ts'
import type { Traces } from '../traces/traces.ts'
import type { Domain, Surroundings } from './domain.ts'
import { addressOf } from './guests.ts'

/** How often a Redfish service is tried again whose port was taken, in milliseconds. */
const AGAIN_MS = 30_000

type Parts = Omit<Surroundings, 'config'> &
  Pick<Domain, 'machines' | 'profiles' | 'images'> &
  Readonly<{
    config: Pick<Config, 'gateway'>
    store: Pick<Store, 'gateway'>
    access: Pick<Access, 'audit'>
    traces: Pick<Traces, 'newest' | 'record'>
    leases: Pick<Leases, 'ofMac'>
    deployments: Pick<Deployments, 'get' | 'inventoryOf'>
    powers: Powers
    /** They are open a moment later than this. */
    consoles: () => Pick<Consoles, 'sourceOf' | 'attach'>
    /** An address of this server, for people. */
    ownAddress: () => string
  }>

/** The BMCs of machines. Nobody can reach them before `serve`. */
export async function openGateway(parts: Parts) {
  const { config, events, log } = parts
  const gateway = await Gateway.open(await aroundOf(parts))
  events.listen(({ topic, id, change }) => {
    if (topic === 'machine')
      (change === 'removed' ? gateway.forget(id) : gateway.machineChanged(id)).catch((error) =>
        log.error({ machine: id, error }, 'the BMC of a machine does not follow it'),
      )
    if (topic === 'deployment')
      gateway.deploymentChanged(id).catch((error) => log.error({ id, error }, 'the log of a BMC could not be written'))
  })
  const faces = new Faces(parts, gateway)
  return {
    gateway,
    serve: () => faces.serve(),
    stop: () => faces.stop(),
    listeners: () => faces.listeners(),
    /** As the API shows them. */
    told: {
      follow: () => faces.follow(),
      statusOf: (machine: string) => faces.statusOf(machine),
      hostOf: (address: string | null) => hostOf(address, config, parts.ownAddress),
      redfishOf: (machine: string) => faces.redfishOf(machine),
      sessions: () => faces.all().flatMap((face) => face.sessions()),
      endSessions: (machine: string, user?: string) => {
        for (const face of faces.all()) face.endSessions(machine, user)
      },
    },
    counters: () => ({
      ...gateway.counters(),
      bmc_sessions: faces.all().reduce((count, face) => count + face.sessions().length, 0),
    }),
  }
}

/** IPMI and Redfish. A port that is taken keeps nobody from starting: it is a problem of that BMC or that service. */
class Faces {
  readonly #parts: Parts
  readonly #gateway: Gateway
  readonly #timers: NodeJS.Timeout[] = []
  #ipmi: IpmiGateway | undefined
  #redfish: RedfishFace | undefined
  #redfishProblem: string | undefined

  constructor(parts: Parts, gateway: Gateway) {
    this.#parts = parts
    this.#gateway = gateway
  }

  async serve(): Promise<void> {
    const { config, clock, log, events } = this.#parts
    const { clients, ...settings } = config.gateway
    const ipmi = serveGateway({
      directory: this.#gateway,
      gateway: { ...settings, clients: clients.map(formatSubnet) },
      cryptography: IPMI_CRYPTOGRAPHY,
      clock,
      log,
    })
    this.#ipmi = ipmi
    await ipmi.sync()
    let due = false
    events.listen(({ topic }) => {
      if (topic !== 'bmc' || due) return
      due = true
      // Many that change at once are followed once.
      setImmediate(() => {
        due = false
        ipmi.sync().catch((error) => log.error({ error }, 'IPMI does not follow what changed'))
      })
    })
    if (settings.redfish.enabled) {
      await this.#tryRedfish()
      this.#timers.push(setInterval(() => void this.#tryRedfish(), AGAIN_MS).unref())
    }
  }

  async #tryRedfish(): Promise<void> {
    if (this.#redfish) return
    const { config, dataDir, clock, log, deployments } = this.#parts
    const { clients, redfish, events } = config.gateway
    try {
      this.#redfish = await serveRedfish({
        directory: this.#gateway,
        settings: redfish,
        dataDir,
        clients,
        events,
        inventory: async (machine) => (await deployments.inventoryOf(machine))?.inventory,
        clock,
        log,
      })
      this.#redfishProblem = undefined
    } catch (error) {
      const problem = error instanceof Refusal ? error.message : String(error)
      if (problem !== this.#redfishProblem) log.warn({ problem }, 'Redfish cannot be answered; it is tried again')
      this.#redfishProblem = problem
    }
  }

  /** Resolves when sockets are as BMCs are now: open, or with a problem. */
  async follow(): Promise<void> {
    await this.#ipmi?.sync()
  }

  all(): readonly BmcFace[] {
    return [this.#ipmi, this.#redfish].filter((face) => face !== undefined)
  }

  statusOf(machine: string): Readonly<{ listening: boolean; problem: string }> {
    return this.#ipmi?.statusOf(machine) ?? { listening: false, problem: 'the server is starting' }
  }

  redfishOf(machine: string): string | null {
    const { config, ownAddress } = this.#parts
    if (!this.#redfish) return null
    const { host } = config.gateway.redfish.listen
    return `https://${host === '0.0.0.0' ? ownAddress() : host}:${this.#redfish.port}${this.#redfish.pathOf(machine)}`
  }

  listeners(): Listener[] {
    const { host, ports, shared, redfish } = this.#parts.config.gateway
    const bmcs = this.#gateway.all()
    const problems = bmcs.flatMap(({ bmc }) => {
      const { problem } = this.statusOf(bmc.machine)
      return problem === '' ? [] : [problem]
    })
    const listeners: Listener[] = [
      {
        service: 'IPMI',
        where: `${host}:${ports.firstPort}-${ports.lastPort}`,
        state: bmcs.length === 0 ? 'off' : problems.length === bmcs.length ? 'waiting' : 'listening',
        reason: bmcs.length === 0 ? 'no machine has a BMC here' : (problems[0] ?? null),
      },
    ]
    if (shared) {
      const bound = this.#ipmi?.sharedPort !== undefined
      const reason = bound ? null : 'its port cannot be opened'
      listeners.push({
        service: 'IPMI (shared)',
        where: `${shared.host}:${shared.port}`,
        state: bound ? 'listening' : 'waiting',
        reason,
      })
    }
    if (redfish.enabled)
      listeners.push({
        service: 'Redfish',
        where: `${redfish.listen.host}:${redfish.listen.port}`,
        state: this.#redfish ? 'listening' : 'waiting',
        reason: this.#redfish ? null : (this.#redfishProblem ?? 'it is starting'),
      })
    return listeners
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.all().map((face) => face.stop()))
  }
}

function hostOf(address: string | null, { gateway }: Pick<Config, 'gateway'>, ownAddress: () => string): string {
  return address ?? (gateway.host === '0.0.0.0' ? ownAddress() : gateway.host)
}

async function aroundOf(parts: Parts): Promise<GatewayAround> {
  const { config, store, dataDir, machines, images, deployments, powers, access, traces, events, clock, log } = parts
  const { host, ports, shared } = config.gateway
  // Clients' names are looked for among all machines, with every request.
  const made = new WeakMap<Machine, GatewayMachine>()
  const known = (machine: Machine): GatewayMachine => {
    const before = made.get(machine)
    if (before) return before
    const now = machineOf(machine, parts)
    made.set(machine, now)
    return now
  }
  return {
    repository: store.gateway,
    sealer: aesGcmSealer(await keyFile(dataDir, 'credential-key'), 'credential-key'),
    machine: (id) => {
      const machine = machines.get(id)
      return machine && known(machine)
    },
    machines: () =>
      machines
        .all()
        .filter(({ state }) => state !== 'discovered')
        .map(known),
    powers: powersOf(powers, machines),
    smbios: async (id) => (await deployments.inventoryOf(id))?.inventory.smbios,
    consoles: {
      attach(machine, viewer) {
        const source = parts.consoles().sourceOf(machine)
        if ('own' in source && source.own.audited !== undefined)
          throw new Refusal('not-available', `only a shell of the management OS of ${machine.name} can be reached`, {
            next: `operators open it: reveille console ${machine.name} --shell`,
          })
        return parts.consoles().attach(machine, viewer)
      },
    },
    mediaProblem: (media) => {
      if (/^https?:\/\//.test(media)) return undefined
      const found = images.resolve(media)
      // Accounts of BMCs are nobody's: what is not for everybody is not for them.
      if (found?.image.visibility !== 'public') return 'there is no image of that name that everybody may use'
      const { kind } = found.image
      return kind === 'iso' || kind === 'bundle' ? undefined : `it is of kind ${kind}, and iso and bundle can be booted`
    },
    audit: (deed) => access.audit.record(deed),
    trace: (id, summary, reason) => {
      const mac = traces.newest(machines.get(id)?.macs ?? [])?.mac
      if (mac) traces.record({ mac }, { kind: 'bmc.order', stage: 'offer', outcome: 'ok', summary, reason })
    },
    endedDeployment: async (id) => {
      const deployment = await deployments.get(id)
      if (!deployment || (deployment.state !== 'succeeded' && deployment.state !== 'failed')) return undefined
      const { machine, state, reason, action } = deployment
      const what = action.kind === 'install' ? action.profile : action.kind
      return { machine, succeeded: state === 'succeeded', what, reason }
    },
    places: {
      ...ports,
      host,
      taken: shared && (shared.host === host || host === '0.0.0.0' || shared.host === '0.0.0.0') ? [shared.port] : [],
    },
    mostEvents: config.gateway.events,
    suite3: config.gateway.cipherSuite3,
    events,
    clock,
    log,
  }
}

function machineOf(machine: Machine, { leases, profiles }: Pick<Parts, 'leases' | 'profiles'>): GatewayMachine {
  return {
    ...machine,
    // They change while the machine stays as it is.
    get profileKind() {
      return machine.profile === null ? null : (profiles.get(machine.profile)?.kind ?? null)
    },
    get address() {
      return addressOf(machine, leases) ?? null
    },
  }
}

/** The drivers of machines as the gateway asks them. */
function powersOf(powers: Powers, machines: Domain['machines']): GatewayPowers {
  const find = (id: string): Machine => {
    const machine = machines.get(id)
    if (!machine) throw new Refusal('not-found', `there is no machine ${id}`)
    return machine
  }
  return {
    driversOf(id) {
      const machine = machines.get(id)
      const drivers = machine ? powers.drivers(machine) : []
      return drivers.map(({ name, kind, capabilities, health }) => ({
        name,
        kind,
        capabilities: new Set(capabilities),
        score: health.score,
        resting: health.circuit === 'open',
        lastFailure: health.lastFailure,
      }))
    },
    state: async (id, driver) => (await powers.status(find(id), { driver })).state,
    async perform(id, action, driver) {
      const report = await powers.perform(find(id), action, { driver })
      const problems = report.problems.map(({ driver: name, cause }) => `${name}: ${cause}`).join('; ')
      return { driver: report.driver, confirmed: report.confirmed, problems }
    },
    bootOrder: async (id, driver) => (await powers.bootOrder(find(id), { driver })).value,
    async setBootOrder(id, order, driver) {
      const { confirmed, problems } = await powers.setBootOrder(find(id), order, { driver })
      if (confirmed !== false) return
      const why = problems.map((problem) => `${problem.driver}: ${problem.cause}`).join('; ')
      throw new Refusal('wrong-state', `the firmware did not keep the order: ${why}`)
    },
    identify: async (id, seconds, driver) => void (await powers.identify(find(id), seconds, { driver })),
    sensors: async (id, driver) => (await powers.sensors(find(id), { driver })).value,
    events: async (id, driver) => (await powers.hardwareEvents(find(id), { driver })).value,
    clearEvents: async (id, driver) => void (await powers.clearHardwareEvents(find(id), { driver })),
    fru: async (id, driver) => (await powers.fru(find(id), { driver })).value,
    setMedia: async (id, media, driver) => void (await powers.setMedia(find(id), media, { driver })),
    raw: async (id, request, driver) => (await powers.raw(find(id), request, { driver })).value,
  }
}
