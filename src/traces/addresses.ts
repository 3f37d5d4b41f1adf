import type { Mac } from '../kit/mac.ts'

const MOST_ADDRESSES = 100_000

/** Which MAC uses which address: what stages told, else what the injected neighbour table of the host says. Bounded. */
export class Addresses {
  readonly #macs = new Map<string, Mac>()
  readonly #neighbour: (address: string) => Mac | undefined

  constructor(neighbour: (address: string) => Mac | undefined) {
    this.#neighbour = neighbour
  }

  learn(mac: Mac, address: string): void {
    // Deleting first makes the map's order the order of learning, so that the first one is the oldest.
    this.#macs.delete(address)
    this.#macs.set(address, mac)
    if (this.#macs.size > MOST_ADDRESSES) this.#macs.delete(this.#macs.keys().next().value!)
  }

  macAt(address: string): Mac | undefined {
    return this.#macs.get(address) ?? this.#neighbour(address)
  }
}
