import { Refusal } from '../kit/errors.ts'
import type { Bmc } from './bmc.ts'

/** UDP port of RMCP (IPMI 2.0 §13.1.2), for BMCs that have an address of their own. */
export const RMCP_PORT = 623

/** Where BMCs may listen. `taken`: ports of the gateway's address that something else of ours has. */
export type PlaceRules = Readonly<{ firstPort: number; lastPort: number; host: string; taken: readonly number[] }>

type Place = Pick<Bmc, 'machine' | 'address' | 'port'>
type Wanted = Readonly<{ address: string | null; port: number | undefined }>

/** Where all BMCs listen. There may be thousands, and each that is made or checked asks. */
export class Places {
  readonly #rules: PlaceRules
  readonly #taken: ReadonlySet<number>
  readonly #ofMachine = new Map<string, Place>()
  readonly #atPort = new Map<number, Map<string, Place>>()
  /** No port of the range below this one is free. */
  #lowest: number

  constructor(rules: PlaceRules, places: Iterable<Place> = []) {
    this.#rules = rules
    this.#taken = new Set(rules.taken)
    this.#lowest = rules.firstPort
    for (const place of places) this.put(place)
  }

  /** A BMC listens there, and no more where it did. */
  put({ machine, address, port }: Place): void {
    this.remove(machine)
    const place = { machine, address, port }
    this.#ofMachine.set(machine, place)
    this.#atPort.set(port, (this.#atPort.get(port) ?? new Map<string, Place>()).set(machine, place))
  }

  remove(machine: string): void {
    const place = this.#ofMachine.get(machine)
    if (!place) return
    this.#ofMachine.delete(machine)
    this.#atPort.get(place.port)?.delete(machine)
    this.#lowest = Math.max(this.#rules.firstPort, Math.min(this.#lowest, place.port))
  }

  /** Where the BMC of a machine is to listen. Refused (`conflict`) when another has that place, or when no port is free. */
  find(machine: string, wanted: Wanted): { address: string | null; port: number } {
    const { address } = wanted
    const { host } = this.#rules
    if (address !== null && wanted.port !== undefined && wanted.port !== RMCP_PORT)
      throw new Refusal('validation-failed', `a BMC with an address of its own has the UDP port ${RMCP_PORT} there`, {
        next: 'leave out the port, or the address',
      })
    const port = address === null ? (wanted.port ?? this.#freePort(machine)) : RMCP_PORT
    if (this.#isUsed(port, address, machine) || (shared(null, address, host) && this.#taken.has(port)))
      throw new Refusal('conflict', `${address ?? host}:${port} is another BMC's already`, {
        next: 'leave the port out to get the next free one',
      })
    return { address, port }
  }

  #isUsed(port: number, address: string | null, besides: string): boolean {
    for (const other of this.#atPort.get(port)?.values() ?? [])
      if (other.machine !== besides && shared(other.address, address, this.#rules.host)) return true
    return false
  }

  #freePort(machine: string): number {
    const { firstPort, lastPort } = this.#rules
    const own = this.#ofMachine.get(machine)?.port ?? lastPort
    let port = Math.max(firstPort, Math.min(this.#lowest, own))
    const isFree = () => !this.#taken.has(port) && !this.#isUsed(port, null, machine)
    while (port <= lastPort && !isFree()) port += 1
    // Its own port is free for this machine alone.
    if (port <= own) this.#lowest = port
    if (port <= lastPort) return port
    throw new Refusal('conflict', `all UDP ports of gateway.ports (${firstPort}-${lastPort}) are taken`, {
      next: 'give the setting gateway.ports a larger range, or this BMC an address of its own',
    })
  }
}

/** Whether sockets at two places would be in each other's way. */
function shared(a: string | null, b: string | null, host: string): boolean {
  const [first, second] = [a ?? host, b ?? host]
  return first === second || first === '0.0.0.0' || second === '0.0.0.0'
}
