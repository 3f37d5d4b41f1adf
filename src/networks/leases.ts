import type { Clock } from '../kit/clock.ts'
import { broadcastOf, contains, type Ipv4 } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import { ManyBy } from '../kit/many-by.ts'
import { ExpiryQueue } from './expiry.ts'
import type { Lease, LeaseRepository } from './lease.ts'
import type { Network } from './network.ts'
import { Pool } from './pool.ts'
import { Reservations } from './reservations.ts'

/** How long an offered address waits for its request, in ms. */
export const OFFER_HOLD_MS = 30_000

/** How long a declined address is kept from everyone, in ms. */
export const QUARANTINE_MS = 3_600_000

/** How long an ended lease is remembered, so that its client gets the same address again, in ms. */
const REMEMBER_MS = 30 * 86_400_000

/** Commits begin so far apart, in ms: one costs much however few leases it holds. A lease that comes after a pause does not wait. */
const BETWEEN_COMMITS_MS = 4

/** Who asks for an address where. `client` is the key of `Lease.client`. */
export type Asker = Readonly<{ network: Network; client: string; mac: Mac }>

/** Why an address was chosen, or why none could be. */
export type Choice =
  | Readonly<{ ip: Ipv4; why: 'reserved' | 'current' | 'former' | 'requested' | 'free' }>
  | Readonly<{ ip: null; why: string }>

/** Whether a client may have an address; `reason` ends the sentence "10.0.0.7 ...". */
export type Permission =
  | Readonly<{ granted: true; reason: string }>
  | Readonly<{ granted: false; reason: string; conflict: boolean }>

/** A change of leases that a decision asks for. `hold` and `drop` concern offers, which are kept in memory only. */
export type LeaseChange =
  | Readonly<{ kind: 'hold'; asker: Asker; ip: Ipv4 }>
  | Readonly<{ kind: 'drop'; asker: Asker }>
  | Readonly<{ kind: 'bind'; lease: Lease }>
  | Readonly<{ kind: 'release'; ip: Ipv4 }>
  | Readonly<{ kind: 'decline'; ip: Ipv4; network: string; client: string; mac: Mac }>

/** What a decision may ask about leases. Asking changes nothing. */
export interface LeaseView {
  /** The address for a client that has none yet (RFC 2131 §4.3.1). */
  choose(asker: Asker, requested: Ipv4 | undefined): Choice
  /** Whether the client may be bound to this very address. */
  permit(asker: Asker, ip: Ipv4): Permission
  /** What is on record for a client, ended or not. */
  recordOf(asker: Pick<Asker, 'network' | 'client'>): Lease | undefined
  at(ip: Ipv4): Lease | undefined
  /** The fixed address of the machine with this MAC. */
  reservedFor(mac: Mac): Ipv4 | undefined
}

/** `mac` is `null` where the address is kept from everyone. */
type Hold = Readonly<{ ip: Ipv4; key: string; mac: Mac | null; until: number }>
type Waiting = Readonly<{ leases: readonly Lease[]; resolve: () => void; reject: (error: unknown) => void }>

/** What `Leases.open` is built from. */
export type LeasesParts = Readonly<{
  repository: LeaseRepository
  clock: Clock
  networks: readonly Network[]
  reservations?: Reservations | undefined
  /** Told what was made durable, after each commit. Must not throw. */
  committed?: ((leases: readonly Lease[]) => void) | undefined
}>

/**
 * Who has which address. Everything is in memory; what is bound, released or declined is durable before a promise resolves, many
 * leases in one commit. An address that is being committed counts as taken.
 */
export class Leases implements LeaseView {
  readonly #repository: LeaseRepository
  readonly #clock: Clock
  readonly #reservations: Reservations
  readonly #committed: LeasesParts['committed']
  readonly #networks: readonly Network[]
  readonly #pools = new Map<string, Pool>()
  readonly #leases = new Map<Ipv4, Lease>()
  readonly #byClient = new Map<string, Lease>()
  readonly #byMac = new ManyBy<Mac, Ipv4>()
  readonly #holds = new Map<Ipv4, Hold>()
  readonly #holdByClient = new Map<string, Hold>()
  readonly #expiry = new ExpiryQueue()
  readonly #excluded = new Set<Ipv4>()
  #queue: Waiting[] = []
  #lastCommitAt = Number.NEGATIVE_INFINITY
  #flushing: Promise<void> | undefined

  private constructor(parts: LeasesParts, known: readonly Lease[]) {
    this.#repository = parts.repository
    this.#clock = parts.clock
    this.#reservations = parts.reservations ?? new Reservations()
    this.#committed = parts.committed
    this.#networks = parts.networks
    for (const network of parts.networks) this.serve(network)
    // The oldest first, so that of two records of one client the newest is the one that counts.
    for (const lease of [...known].sort((a, b) => a.expiresAt - b.expiresAt)) this.#remember(this.#rehomed(lease))
  }

  static async open(parts: LeasesParts): Promise<Leases> {
    return new Leases(parts, await parts.repository.all())
  }

  /** Gives addresses of this network too: one that was not there at the start. What is recorded of it counts. */
  serve(network: Network): void {
    this.#pools.set(network.name, new Pool(network))
    if (network.router !== null) this.#excluded.add(network.router)
  }

  /** Keeps an address, such as one of our own, from ever being given. */
  exclude(ip: Ipv4): void {
    this.#excluded.add(ip)
  }

  all(): Lease[] {
    return [...this.#leases.values()]
  }

  at(ip: Ipv4): Lease | undefined {
    return this.#leases.get(ip)
  }

  /** All that is on record for a MAC, ended or not. */
  ofMac(mac: Mac): Lease[] {
    return [...this.#byMac.of(mac)].flatMap((ip) => this.#leases.get(ip) ?? [])
  }

  recordOf({ network, client }: Pick<Asker, 'network' | 'client'>): Lease | undefined {
    return this.#byClient.get(keyOf(network.name, client))
  }

  reservedFor(mac: Mac): Ipv4 | undefined {
    return this.#reservations.addressOf(mac)
  }

  /** Leases bound now, and addresses in the ranges. */
  usage(network: string): { used: number; size: number } {
    const now = this.#clock.now()
    let used = 0
    for (const lease of this.#leases.values()) if (lease.network === network && isBound(lease, now)) used += 1
    return { used, size: this.#pools.get(network)?.size ?? 0 }
  }

  choose(asker: Asker, requested: Ipv4 | undefined): Choice {
    const { network } = asker
    this.#sweep()
    const pool = this.#pools.get(network.name)
    const allowed = (ip: Ipv4 | undefined): ip is Ipv4 => ip !== undefined && this.permit(asker, ip).granted
    const reserved = this.#reservations.addressOf(asker.mac)
    if (reserved !== undefined && contains(network.subnet, reserved) && allowed(reserved))
      return { ip: reserved, why: 'reserved' }
    // A second DISCOVER gets the same offer.
    const held = this.#holdByClient.get(keyOf(network.name, asker.client))
    const record = this.recordOf(asker)
    const bound = record !== undefined && isBound(record, this.#clock.now())
    if (bound && allowed(record.ip)) return { ip: record.ip, why: 'current' }
    if (held && allowed(held.ip)) return { ip: held.ip, why: 'free' }
    if (allowed(record?.ip)) return { ip: record!.ip, why: 'former' }
    if (allowed(requested)) return { ip: requested, why: 'requested' }
    const isFree = (ip: Ipv4) => this.permit(asker, ip).granted
    const wasNeverGiven = (ip: Ipv4) => !this.#leases.has(ip)
    const found = pool?.find(isFree, wasNeverGiven, this.#clock.now())
    if (found !== undefined) return { ip: found, why: 'free' }
    if (!pool || pool.size === 0)
      return { ip: null, why: `network ${network.name} has reserved addresses only and none for ${asker.mac}` }
    return { ip: null, why: `all ${pool.size} addresses of network ${network.name} are in use` }
  }

  permit(asker: Asker, ip: Ipv4): Permission {
    const now = this.#clock.now()
    const refused = (reason: string, conflict = true): Permission => ({ granted: false, reason, conflict })
    const { subnet } = asker.network
    if (!contains(subnet, ip)) return refused('is not in its network')
    if (this.#excluded.has(ip)) return refused('belongs to a server or router')
    if (subnet.prefix < 31 && (ip === subnet.base || ip === broadcastOf(subnet)))
      return refused('is no address for a client')
    const owners = this.#reservations.ownersOf(ip)
    const own = owners?.includes(asker.mac) ?? false
    if (owners && !own) return refused('is reserved for another machine')
    const key = keyOf(asker.network.name, asker.client)
    const hold = this.#holds.get(ip)
    // All client identifiers of one MAC are one machine where an address is reserved for it: firmware and system differ.
    if (hold && hold.until > now && hold.key !== key && !(own && hold.mac === asker.mac))
      return refused('is offered to another client')
    const lease = this.#leases.get(ip)
    if (lease?.state === 'declined' && lease.expiresAt > now)
      return refused('was declined because something else uses it')
    const mine = lease !== undefined && (lease.client === asker.client || (own && lease.mac === asker.mac))
    if (lease && isBound(lease, now) && !mine) return refused('is leased to another client')
    if (mine && isBound(lease, now)) return { granted: true, reason: 'is leased to this client' }
    if (own) return { granted: true, reason: 'is reserved for this machine' }
    if (!this.#pools.get(asker.network.name)?.contains(ip))
      return refused(`is not in a range of network ${asker.network.name}`, false)
    return { granted: true, reason: 'is free' }
  }

  /** Keeps an address for a client that it was offered to; replaces the client's earlier offer. */
  hold(asker: Asker, ip: Ipv4): void {
    this.#setHold(keyOf(asker.network.name, asker.client), asker.mac, ip, this.#clock.now() + OFFER_HOLD_MS)
  }

  /** Forgets what was offered to a client, because it took another server's offer. */
  drop(asker: Pick<Asker, 'network' | 'client'>): void {
    const hold = this.#holdByClient.get(keyOf(asker.network.name, asker.client))
    if (hold && hold.until !== Number.POSITIVE_INFINITY) this.#endHold(hold)
  }

  /** Carries a change out; resolves when it is durable. A rejection means that nothing was changed. */
  apply(change: LeaseChange): Promise<void> | undefined {
    switch (change.kind) {
      case 'hold':
        this.hold(change.asker, change.ip)
        return undefined
      case 'drop':
        this.drop(change.asker)
        return undefined
      case 'bind':
        return this.#bind(change.lease)
      case 'release':
        return this.#release(change.ip)
      case 'decline': {
        const { ip, network, client, mac } = change
        const now = this.#clock.now()
        const times = { startedAt: now, expiresAt: now + QUARANTINE_MS }
        const hold = this.#setHold(`declined|${ip}`, null, ip, Number.POSITIVE_INFINITY)
        return this.#commitHeld(hold, [{ ip, network, client, mac, hostname: null, state: 'declined', ...times }])
      }
    }
  }

  /** Forgets leases that ended long ago. */
  async prune(): Promise<void> {
    const limit = this.#clock.now() - REMEMBER_MS
    const old = this.all().filter((lease) => lease.expiresAt < limit && !this.#holds.has(lease.ip))
    if (old.length === 0) return
    await this.#repository.removeAll(old.map((lease) => lease.ip))
    for (const lease of old) {
      if (this.#leases.get(lease.ip) !== lease) continue
      this.#leases.delete(lease.ip)
      this.#byMac.remove(lease.mac, lease.ip)
      const key = keyOf(lease.network, lease.client)
      if (this.#byClient.get(key) === lease) this.#byClient.delete(key)
    }
  }

  /** Resolves when everything asked for so far is durable. */
  async settled(): Promise<void> {
    while (this.#flushing) await this.#flushing
  }

  async #bind(lease: Lease): Promise<void> {
    const key = keyOf(lease.network, lease.client)
    const now = this.#clock.now()
    const before = this.#byClient.get(key)
    const hold = this.#setHold(key, lease.mac, lease.ip, Number.POSITIVE_INFINITY)
    // A client has one address in a network: the one it leaves is free for others in the same commit.
    const left = before && before.ip !== lease.ip && isBound(before, now) ? [released(before, now)] : []
    await this.#commitHeld(hold, [...left, lease])
  }

  /** Saves what concerns an address that is kept from others until that is done. */
  async #commitHeld(hold: Hold, leases: readonly Lease[]): Promise<void> {
    try {
      await this.#commit(leases)
    } finally {
      this.#endHold(hold)
    }
  }

  async #release(ip: Ipv4): Promise<void> {
    const lease = this.#leases.get(ip)
    if (lease) await this.#commit([released(lease, this.#clock.now())])
  }

  #commit(leases: readonly Lease[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ leases, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Saves in rounds: all that came in while a round was written goes out with the next one. */
  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#pause()
      const round = this.#queue
      this.#queue = []
      const byAddress = new Map(round.flatMap((each) => each.leases).map((lease) => [lease.ip, lease]))
      try {
        await this.#repository.saveAll([...byAddress.values()])
      } catch (error) {
        for (const each of round) each.reject(error)
        continue
      }
      for (const lease of byAddress.values()) this.#remember(lease)
      for (const each of round) each.resolve()
      this.#committed?.([...byAddress.values()])
    }
    this.#flushing = undefined
  }

  /** Waits until a commit may begin; at least for the turn of the event loop, which takes in what lies in the sockets. */
  async #pause(): Promise<void> {
    const wait = this.#lastCommitAt + BETWEEN_COMMITS_MS - performance.now()
    await new Promise((resolve) => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)))
    this.#lastCommitAt = performance.now()
  }

  #remember(lease: Lease): void {
    const before = this.#leases.get(lease.ip)
    if (before) {
      const key = keyOf(before.network, before.client)
      if (this.#byClient.get(key) === before) this.#byClient.delete(key)
      if (before.mac !== lease.mac) this.#byMac.remove(before.mac, before.ip)
    }
    this.#leases.set(lease.ip, lease)
    this.#byMac.add(lease.mac, lease.ip)
    if (lease.state !== 'declined') this.#byClient.set(keyOf(lease.network, lease.client), lease)
    if (lease.state === 'released') this.#pools.get(lease.network)?.giveBack(lease.ip)
    else this.#expiry.set(lease.ip, lease.expiresAt)
  }

  /** Networks may have been renamed since a lease was saved: what counts is the subnet. */
  #rehomed(lease: Lease): Lease {
    const home = this.#networks.find((network) => contains(network.subnet, lease.ip))
    return !home || home.name === lease.network ? lease : { ...lease, network: home.name }
  }

  #setHold(key: string, mac: Mac | null, ip: Ipv4, until: number): Hold {
    const earlier = this.#holdByClient.get(key)
    if (earlier && earlier.ip !== ip && earlier.until !== Number.POSITIVE_INFINITY) this.#endHold(earlier)
    const hold = { ip, key, mac, until }
    this.#holds.set(ip, hold)
    this.#holdByClient.set(key, hold)
    if (until !== Number.POSITIVE_INFINITY) this.#expiry.set(ip, until)
    return hold
  }

  #endHold(hold: Hold): void {
    if (this.#holds.get(hold.ip) === hold) this.#holds.delete(hold.ip)
    if (this.#holdByClient.get(hold.key) === hold) this.#holdByClient.delete(hold.key)
    this.#giveBackIfFree(hold.ip)
  }

  /** Looks at every address whose time has come. */
  #sweep(): void {
    const now = this.#clock.now()
    for (let ip = this.#expiry.take(now); ip !== undefined; ip = this.#expiry.take(now)) {
      const hold = this.#holds.get(ip)
      if (hold && hold.until <= now) this.#endHold(hold)
      else this.#giveBackIfFree(ip)
    }
  }

  #giveBackIfFree(ip: Ipv4): void {
    const now = this.#clock.now()
    const hold = this.#holds.get(ip)
    const lease = this.#leases.get(ip)
    if (hold && hold.until > now) {
      if (hold.until !== Number.POSITIVE_INFINITY) this.#expiry.set(ip, hold.until)
      return
    }
    if (lease && lease.state !== 'released' && lease.expiresAt > now) {
      this.#expiry.set(ip, lease.expiresAt)
      return
    }
    const network = lease?.network ?? this.#networks.find((each) => contains(each.subnet, ip))?.name
    if (network !== undefined) this.#pools.get(network)?.giveBack(ip)
  }
}

function isBound(lease: Lease, now: number): boolean {
  return lease.state === 'bound' && lease.expiresAt > now
}

function released(lease: Lease, now: number): Lease {
  return { ...lease, state: 'released', expiresAt: Math.min(lease.expiresAt, now) }
}

function keyOf(network: string, client: string): string {
  return `${network}|${client}`
}
