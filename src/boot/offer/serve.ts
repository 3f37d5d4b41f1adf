import { hex } from '../../kit/bytes.ts'
import type { Clock } from '../../kit/clock.ts'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Log } from '../../kit/log.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Stop } from '../../kit/stop.ts'
import type { Machine, Sighting } from '../../machines/machine.ts'
import type { Leases } from '../../networks/leases.ts'
import type { Network } from '../../networks/network.ts'
import { type DhcpMessage, decodeDhcp } from '../../protocols/dhcp/message.ts'
import { MESSAGE_TYPE, OPTION } from '../../protocols/dhcp/options.ts'
import { listInterfaces } from '../../sockets/interfaces.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import { Conflicts } from './conflicts.ts'
import { decideOffer, decideOverheard } from './decide.ts'
import type { Arrival, OfferDecision, OfferFacts, OfferMode } from './facts.ts'
import { Load } from './load.ts'
import { RateLimit } from './rate-limit.ts'
import { Wire } from './wire.ts'

/** What `serveOffer` is built from. */
export type OfferParts = Readonly<{
  mode: OfferMode
  interfaces: readonly string[]
  networks: readonly Network[]
  leases: Leases
  machines: Readonly<{ byMac(mac: Mac): Machine | undefined; sight(sighting: Sighting): Promise<unknown> }>
  traces: TraceRecorder
  clock: Clock
  log: Log
  unknownMachines: string
  advertise: Ipv4 | null
  httpPort: number
  /** Packets per second and client. */
  rateLimit: number
  conflictProbe: boolean
  routerAdvertisement: boolean
}>

export type OfferStatus = Readonly<{
  service: string
  where: string
  state: 'listening' | 'waiting'
  reason: string | null
}>

/** Another DHCP server that was heard; `lastSeenAt` in ms since 1970. */
export type OtherServer = Readonly<{ address: Ipv4; interface: string; lastSeenAt: number }>

export type OfferService = Readonly<{
  status(): OfferStatus[]
  /** Totals since the start, by name: `received`, `sent`, `malformed`, `oversized`, `rate_limited`, `overloaded`, `discover`, ... */
  counters(): Readonly<Record<string, number>>
  otherServers(): OtherServer[]
  stop: Stop
}>

/** RFC 2131 over Ethernet never needs more; larger datagrams are not looked at. */
const LARGEST_DATAGRAM = 1500
/** How often raw sockets are looked at. It bounds how long iPXE waits for its router advertisement. */
const LISTEN_EVERY_MS = 50
const CHECK_EVERY_MS = 1000
const PRUNE_EVERY_MS = 3_600_000
/** How long after its last boot packet the DHCP packets of the booted system belong to that boot. */
const BOOT_LASTS_MS = 30 * 60_000
const MOST_BOOTS = 10_000

/** Answers DHCP on the named interfaces and on no others, until stopped. Missing privileges are a `Refusal` at once. */
export async function serveOffer(parts: OfferParts): Promise<OfferService> {
  const shell = new OfferShell(parts)
  await shell.start()
  return shell
}

class OfferShell implements OfferService {
  readonly #parts: OfferParts
  readonly #log: Log
  readonly #wires: readonly Wire[]
  readonly #facts: Omit<OfferFacts, 'now'>
  readonly #counts = new Map<string, number>()
  readonly #rate: RateLimit
  readonly #load = new Load()
  readonly #conflicts: Conflicts
  readonly #booting = new Map<Mac, number>()
  readonly #others = new Map<Ipv4, OtherServer>()
  readonly #timers: NodeJS.Timeout[] = []
  #own = new Set<Ipv4>()

  constructor(parts: OfferParts) {
    this.#parts = parts
    this.#log = parts.log.child({ stage: 'offer' })
    this.#rate = new RateLimit(parts.rateLimit)
    this.#conflicts = new Conflicts(parts.leases, parts.traces, parts.clock)
    this.#wires = parts.interfaces.map((name) => this.#wire(name))
    this.#facts = {
      mode: parts.mode,
      networks: parts.networks,
      leases: parts.leases,
      machine: (mac) => parts.machines.byMac(mac),
      unknownMachines: parts.unknownMachines,
      isOurs: (address) => this.#own.has(address),
      advertise: parts.advertise,
      httpPort: parts.httpPort,
    }
  }

  async start(): Promise<void> {
    this.#learnOwnAddresses()
    for (const wire of this.#wires) {
      try {
        await wire.open()
        this.#log.info({ interface: wire.name, mode: this.#parts.mode }, 'answering DHCP on the interface')
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (/privileges/.test(error.message)) {
          await this.stop()
          throw error
        }
        this.#log.warn({ interface: wire.name, reason: error.message, next: error.next }, 'waiting for the interface')
      }
    }
    this.#every(LISTEN_EVERY_MS, () => {
      for (const wire of this.#wires) wire.listen()
    })
    this.#every(CHECK_EVERY_MS, () => {
      const interfaces = this.#learnOwnAddresses()
      for (const wire of this.#wires) void wire.check(interfaces)
    })
    this.#every(PRUNE_EVERY_MS, () => {
      this.#parts.leases
        .prune()
        .catch((error) => this.#log.error({ error: String(error) }, 'old leases stay on record'))
    })
  }

  status(): OfferStatus[] {
    const service = this.#parts.mode === 'proxy' ? 'proxyDHCP' : 'DHCP'
    return this.#wires.map(({ name, on, reason }) => ({
      service,
      where: on ? `${name} (${formatIpv4(on.address)}) ports 67 and 4011` : name,
      state: on ? 'listening' : 'waiting',
      reason,
    }))
  }

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  otherServers(): OtherServer[] {
    return [...this.#others.values()]
  }

  readonly stop = async (): Promise<void> => {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await Promise.all(this.#wires.map((wire) => wire.stop()))
    await this.#parts.leases.settled()
  }

  #wire(name: string): Wire {
    const here = this.#parts.networks.filter((network) => (network.interface ?? name) === name)
    const wire: Wire = new Wire(
      name,
      here.map(({ subnet }) => subnet),
      {
        request: (datagram, arrival) => this.#receive(datagram, arrival, wire, decideOffer),
        overheard: (datagram, arrival) => this.#receive(datagram, arrival, wire, decideOverheard),
        arpReply: (address, mac) => this.#conflicts.heard(address as Ipv4, mac),
        count: (what) => this.#count(what),
      },
      this.#log,
      this.#parts.routerAdvertisement,
    )
    return wire
  }

  #receive(datagram: Uint8Array, arrival: Arrival, wire: Wire, decide: Decide): void {
    this.#count('received')
    this.#load.arrived()
    const problem = this.#handle(datagram, arrival, wire, decide)
    if (problem) this.#count(problem)
  }

  /** Returns the name of the counter for what went wrong. Never throws: the next packet must find a server. */
  #handle(datagram: Uint8Array, arrival: Arrival, wire: Wire, decide: Decide): string | undefined {
    if (datagram.length > LARGEST_DATAGRAM) return 'oversized'
    const now = this.#parts.clock.now()
    try {
      const message = decodeDhcp(datagram)
      if (this.#load.tooMuch && isDiscover(message)) return 'overloaded'
      if (!this.#rate.admits(hex(message.chaddr), now)) return 'rate_limited'
      const decision = decide(message, arrival, { ...this.#facts, now })
      if (decision) this.#carryOut(decision, wire, now)
      return undefined
    } catch (error) {
      if (error instanceof DecodeError) {
        this.#log.debug({ interface: wire.name, error: error.message }, 'a malformed packet was dropped')
        return 'malformed'
      }
      this.#log.error({ interface: wire.name, error: stackOf(error) }, 'a packet could not be handled')
      return 'failed'
    }
  }

  #carryOut(decision: OfferDecision, wire: Wire, now: number): void {
    const { change, reply, probe } = decision
    const durable = change ? this.#parts.leases.apply(change) : undefined
    if (!durable) this.#answer(decision, wire, now)
    else
      durable.then(
        () => this.#answer(decision, wire, now),
        (error) => this.#leaseLost(decision, error),
      )
    if (probe && reply && this.#parts.conflictProbe && this.#conflicts.expect(probe.asker, probe.ip))
      wire.probe(probe.ip)
  }

  #answer(decision: OfferDecision, wire: Wire, now: number): void {
    const { reply, event, mac } = decision
    if (reply) wire.send(reply)
    this.#count(event.kind.slice(event.kind.indexOf('.') + 1))
    this.#count(event.outcome)
    if (decision.otherServer !== null) this.#noteServer(decision.otherServer, wire.name, now)
    if (!mac) return
    if (decision.boot) this.#remember(mac, now)
    else if (!this.#isBooting(mac, now)) return
    this.#parts.traces.record({ mac }, event)
    if (decision.learn !== null) this.#parts.traces.learn(mac, formatIpv4(decision.learn))
    if (decision.sighting)
      this.#parts.machines
        .sight(decision.sighting)
        .catch((error) => this.#log.error({ mac, error: String(error) }, 'a machine that was seen is not on record'))
    const fields = { mac, kind: event.kind, summary: event.summary, reason: event.reason }
    if (event.outcome === 'ok') this.#log.debug(fields, 'a packet was answered')
    else this.#log.info(fields, 'a packet of a booting machine was not answered as asked')
  }

  #leaseLost(decision: OfferDecision, error: unknown): void {
    this.#count('lease_not_saved')
    this.#log.error({ mac: decision.mac, error: String(error) }, 'a lease could not be saved, so it was not given')
    if (decision.mac && decision.boot)
      this.#parts.traces.record(
        { mac: decision.mac },
        {
          ...decision.event,
          outcome: 'failed',
          summary: 'the address was not given',
          reason: 'the lease could not be saved; the log of the server says why',
        },
      )
  }

  #noteServer(address: Ipv4, name: string, now: number): void {
    if (!this.#others.has(address) && this.#parts.mode === 'server')
      this.#log.warn({ server: formatIpv4(address), interface: name }, 'another DHCP server answers on this network')
    if (this.#others.size < 1000 || this.#others.has(address))
      this.#others.set(address, { address, interface: name, lastSeenAt: now })
  }

  #isBooting(mac: Mac, now: number): boolean {
    const since = this.#booting.get(mac)
    return since !== undefined && now - since < BOOT_LASTS_MS
  }

  #remember(mac: Mac, now: number): void {
    this.#booting.delete(mac)
    this.#booting.set(mac, now)
    if (this.#booting.size > MOST_BOOTS) this.#booting.delete(this.#booting.keys().next().value!)
  }

  #learnOwnAddresses(): ReturnType<typeof listInterfaces> {
    const interfaces = listInterfaces()
    this.#own = new Set(interfaces.flatMap((each) => each.addresses))
    for (const address of this.#own) this.#parts.leases.exclude(address)
    return interfaces
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  #every(ms: number, task: () => void): void {
    this.#timers.push(setInterval(task, ms))
  }
}

type Decide = (message: DhcpMessage, arrival: Arrival, facts: OfferFacts) => OfferDecision | undefined

function isDiscover(message: DhcpMessage): boolean {
  return message.options.get(OPTION.messageType.code)?.[0] === MESSAGE_TYPE.discover
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
