import { BlockList, isIPv6 } from 'node:net'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { IpmiCryptography } from '../../protocols/ipmi/cryptography.ts'
import { IPMI_PORT } from '../../protocols/ipmi/rmcp.ts'
import type { BmcBackEnd, BmcDirectory, BmcFace, BmcSession } from '../back-end.ts'
import { type Bmc, type CipherSuite, PRIVILEGES } from '../bmc.ts'
import type { CommandSet } from './command.ts'
import { COMMANDS } from './commands/all.ts'
import { Door, localAddresses } from './door.ts'
import type { LiveSession } from './live-session.ts'
import { ServedBmc } from './served-bmc.ts'
import { IpmiServer } from './server.ts'
import type { SolClock } from './sol-holder.ts'

export type GatewayOptions = Readonly<{
  directory: BmcDirectory
  /** The part of `gateway` in the settings that is about IPMI. */
  gateway: Readonly<{
    host: string
    shared?: Readonly<{ host: string; port: number }> | undefined
    clients: readonly string[]
    cipherSuite3: boolean
    sessions: number
  }>
  cryptography: IpmiCryptography
  clock: Clock
  log: Log
  /** By default all that we know. */
  commands?: CommandSet
  /** By which addresses others reach this computer, asked now and then; for tests. */
  locals?: () => readonly string[]
}>

/** The IPMI server as the rest sees it. */
export interface IpmiGateway extends BmcFace {
  /** Follows the directory: opens and closes sockets, ends sessions of what is gone. Ends when each socket is open or has failed. */
  sync(): Promise<void>
  sessionsOf(machine: string): readonly BmcSession[]
  /** Where a machine's BMC is reached: for tests, and where its port was 0. */
  portOf(machine: string): number | undefined
  readonly sharedPort: number | undefined
}

const SWEEP_MS = 1000
/** A port that was taken, or an address that the computer did not have, may be there later. */
const RETRY_SWEEPS = 5

/** Answers IPMI for every BMC of the directory. Nothing is open before the first `sync`. */
export function serveGateway(options: GatewayOptions): IpmiGateway {
  return new Gateway(options)
}

class Gateway implements IpmiGateway {
  readonly #options: GatewayOptions
  readonly #clock: SolClock
  readonly #server: IpmiServer
  readonly #bmcs = new Map<string, ServedBmc>()
  readonly #doors = new Map<string, Door>()
  readonly #timer: NodeJS.Timeout
  #sharedDoor: Door | undefined
  #sweeps = 0
  #locals: readonly string[] = []
  #stopped = false
  readonly #everybody: BlockList | undefined

  constructor(options: GatewayOptions) {
    const { directory, gateway, cryptography, clock, log } = options
    this.#options = options
    this.#clock = { now: () => clock.now(), after }
    this.#everybody = blockListOf(gateway.clients)
    const allowed = (suites: readonly CipherSuite[]) =>
      suites.filter((suite) => suite === 17 || (suite === 3 && gateway.cipherSuite3)).sort((a, b) => b - a)
    this.#server = new IpmiServer({
      crypto: cryptography,
      clock: this.#clock,
      log,
      commands: options.commands ?? COMMANDS,
      sessions: gateway.sessions,
      suites: (bmc) => allowed(bmc ? bmc.backEnd.bmc.cipherSuites : [17, 3]),
      ofUser: (name) => {
        const found = directory.ofUser(name)
        return found && this.#bmcs.get(found.bmc.machine)
      },
      anyBmc: () => this.#bmcs.values().next().value,
    })
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  async sync(): Promise<void> {
    if (this.#stopped) return
    const { directory, gateway } = this.#options
    const wanted = new Map(directory.all().map((backEnd) => [backEnd.bmc.machine, backEnd]))
    for (const machine of [...this.#bmcs.keys()]) if (!wanted.has(machine)) this.#remove(machine)
    this.#lookAround()
    const opening: Promise<void>[] = []
    for (const [machine, backEnd] of wanted) {
      this.#keep(machine, backEnd)
      opening.push(this.#follow(machine, backEnd.bmc))
    }
    const { shared } = gateway
    if (shared) {
      this.#sharedDoor ??= this.#door(shared.host, shared.port, undefined)
      opening.push(this.#open(this.#sharedDoor))
    }
    await Promise.all(opening)
  }

  statusOf(machine: string): Readonly<{ listening: boolean; problem: string }> {
    const door = this.#doors.get(machine)
    if (!door) return { listening: false, problem: '' }
    return { listening: door.listening, problem: door.problem }
  }

  sessions(): readonly BmcSession[] {
    return [...this.#server.table.all()].map((session) => described(session.bmc, session))
  }

  sessionsOf(machine: string): readonly BmcSession[] {
    const bmc = this.#bmcs.get(machine)
    return bmc ? [...bmc.sessions.values()].map((session) => described(bmc, session)) : []
  }

  endSessions(machine: string, user?: string): void {
    for (const session of [...(this.#bmcs.get(machine)?.sessions.values() ?? [])])
      if (user === undefined || session.user.name === user) this.#server.end(session)
  }

  portOf(machine: string): number | undefined {
    return this.#doors.get(machine)?.endpoint.port
  }

  get sharedPort(): number | undefined {
    return this.#sharedDoor?.endpoint.port
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    for (const machine of [...this.#bmcs.keys()]) this.#remove(machine)
    this.#sharedDoor?.close()
  }

  #keep(machine: string, backEnd: BmcBackEnd): void {
    const bmc = this.#bmcs.get(machine)
    if (!bmc) this.#bmcs.set(machine, new ServedBmc(backEnd, this.#clock))
    else {
      bmc.backEnd = backEnd
      this.#endOfOldAccounts(bmc)
    }
  }

  /** An account that is gone, switched off or may do less than before is logged out. */
  #endOfOldAccounts(bmc: ServedBmc): void {
    for (const session of [...bmc.sessions.values()]) if (!bmc.hasAccount(session.user)) this.#server.end(session)
  }

  #remove(machine: string): void {
    this.endSessions(machine)
    this.#bmcs.get(machine)?.remove()
    const door = this.#doors.get(machine)
    door?.close()
    this.#doors.delete(machine)
    this.#bmcs.delete(machine)
  }

  /** Opens the socket of a BMC, or another one where its address or port changed. */
  async #follow(machine: string, bmc: Bmc): Promise<void> {
    const host = bmc.address ?? this.#options.gateway.host
    const port = bmc.address === null ? bmc.port : IPMI_PORT
    let door = this.#doors.get(machine)
    if (door && (door.host !== host || door.wantedPort !== port)) {
      this.endSessions(machine)
      door.close()
      door = undefined
    }
    if (!door) {
      door = this.#door(host, port, this.#bmcs.get(machine)!)
      this.#doors.set(machine, door)
    }
    door.clients = blockListOf(bmc.clients)
    await this.#open(door)
  }

  #door(host: string, port: number, bmc: ServedBmc | undefined): Door {
    const door: Door = new Door(host, port, bmc, (endpoint, bytes, peer) => {
      if (this.#mayUse(door, peer.address)) this.#server.receive(endpoint, bytes, peer)
    })
    return door
  }

  /** Never fails: what went wrong stands in `problem`, and is tried again. */
  async #open(door: Door): Promise<void> {
    const { shared } = this.#options.gateway
    const before = door.problem
    // A shared endpoint on all addresses leaves each BMC its own one: the kernel picks the socket that is bound most closely.
    const shares = shared?.host === '0.0.0.0' && door.wantedPort === shared.port
    await door.open({ locals: this.#locals, shares })
    if (door.problem !== '' && door.problem !== before)
      this.#options.log.warn({ endpoint: door.endpoint.name, problem: door.problem }, 'A BMC cannot be reached')
  }

  /** Notes by which addresses we are reached, without those that are a BMC's own. */
  #lookAround(): void {
    const own = new Set(this.#options.directory.all().map(({ bmc }) => bmc.address))
    this.#locals = (this.#options.locals ?? localAddresses)().filter((address) => !own.has(address))
  }

  #mayUse(door: Door, address: string): boolean {
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    const list = door.clients ?? this.#everybody
    return list === undefined || list.check(address, family)
  }

  #sweep(): void {
    this.#server.sweep()
    this.#sweeps++
    if (this.#sweeps % RETRY_SWEEPS !== 0) return
    const before = this.#locals.join()
    this.#lookAround()
    const moved = this.#locals.join() !== before
    for (const door of [...this.#doors.values(), this.#sharedDoor])
      if (door && (moved || !door.listening)) void this.#open(door)
  }
}

function described(bmc: ServedBmc, session: LiveSession): BmcSession {
  return {
    id: session.id.toString(16).padStart(8, '0'),
    machine: bmc.machine,
    user: session.user.name,
    privilege: PRIVILEGES[Math.max(1, session.privilege) - 1]!,
    address: session.address,
    cipherSuite: session.suite,
    console: bmc.sol.holder === session.handle,
    since: session.since,
    lastAt: session.lastAt,
  }
}

/** `undefined`: all are let in. */
function blockListOf(clients: readonly string[]): BlockList | undefined {
  if (clients.length === 0) return undefined
  const list = new BlockList()
  for (const client of clients) {
    const [address, prefix] = client.split('/')
    const family = isIPv6(address!) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address!, family)
    else list.addSubnet(address!, Number(prefix), family)
  }
  return list
}

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  timer.unref()
  return () => clearTimeout(timer)
}
