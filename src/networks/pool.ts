import { type Ipv4, ipv4 } from '../kit/ip.ts'
import type { AddressRange, Network } from './network.ts'

/** How often an exhausted pool may be walked again from its start, in ms. */
const RESCAN_EVERY_MS = 10_000

/**
 * Finds a free address of a network without walking the whole range each time: first addresses that were never given, in order,
 * then those given back, the longest unused first. What is free is asked of the caller; this only remembers where to look.
 */
export class Pool {
  readonly #ranges: readonly AddressRange[]
  readonly #returned = new Set<Ipv4>()
  #range = 0
  #next: number
  #rescanAt = 0

  constructor(network: Network) {
    this.#ranges = network.ranges
    this.#next = network.ranges[0]?.first ?? 0
  }

  get size(): number {
    return this.#ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0)
  }

  contains(ip: Ipv4): boolean {
    return this.#ranges.some((range) => ip >= range.first && ip <= range.last)
  }

  /** An address is free again. */
  giveBack(ip: Ipv4): void {
    if (this.contains(ip)) this.#returned.add(ip)
  }

  /**
   * The next free address, or `undefined`. It stays the next one until `isFree` says otherwise. Addresses that somebody had
   * before wait as long as there are others, because their clients may come back.
   */
  find(isFree: (ip: Ipv4) => boolean, wasNeverGiven: (ip: Ipv4) => boolean, now: number): Ipv4 | undefined {
    return (
      this.#walk((ip) => wasNeverGiven(ip) && isFree(ip)) ?? this.#oldestReturned(isFree) ?? this.#rescan(isFree, now)
    )
  }

  #walk(isFree: (ip: Ipv4) => boolean): Ipv4 | undefined {
    for (; this.#range < this.#ranges.length; this.#range += 1, this.#next = this.#ranges[this.#range]?.first ?? 0) {
      const { last } = this.#ranges[this.#range]!
      for (; this.#next <= last; this.#next += 1) if (isFree(ipv4(this.#next))) return ipv4(this.#next)
    }
    return undefined
  }

  #oldestReturned(isFree: (ip: Ipv4) => boolean): Ipv4 | undefined {
    for (const ip of this.#returned) {
      if (isFree(ip)) return ip
      this.#returned.delete(ip)
    }
    return undefined
  }

  /** Finds what nobody told of, such as an address whose reservation was lifted; seldom, because it walks everything. */
  #rescan(isFree: (ip: Ipv4) => boolean, now: number): Ipv4 | undefined {
    if (now < this.#rescanAt) return undefined
    this.#rescanAt = now + RESCAN_EVERY_MS
    this.#range = 0
    this.#next = this.#ranges[0]?.first ?? 0
    return this.#walk(isFree)
  }
}
