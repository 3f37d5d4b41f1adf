import { Refusal } from '../kit/errors.ts'
import type { Bmc } from './bmc.ts'

/** UDP port of RMCP (IPMI 2.0 §13.1.2), for BMCs that have an address of their own. */
export const RMCP_PORT = 623

/** Where BMCs may listen. `taken`: ports of the gateway's address that something else of ours has. */
export type PlaceRules = Readonly<{ firstPort: number; lastPort: number; host: string; taken: readonly number[] }>

type Place = Pick<Bmc, 'machine' | 'address' | 'port'>
type Wanted = Readonly<{ address: string | null; port: number | undefined }>

/** Where a BMC is to listen. Refused (`conflict`) when another has that place, or when no port is free. */
export function placeFor(machine: string, wanted: Wanted, all: readonly Place[], rules: PlaceRules) {
  const others = all.filter((other) => other.machine !== machine)
  const { address } = wanted
  if (address !== null && wanted.port !== undefined && wanted.port !== RMCP_PORT)
    throw new Refusal('validation-failed', `a BMC with an address of its own has the UDP port ${RMCP_PORT} there`, {
      next: 'leave out the port, or the address',
    })
  const port = address === null ? (wanted.port ?? freePort(others, rules)) : RMCP_PORT
  const same = others.find((other) => other.port === port && shared(other.address, address, rules.host))
  if (same || (shared(null, address, rules.host) && rules.taken.includes(port)))
    throw new Refusal('conflict', `${address ?? rules.host}:${port} is another BMC's already`, {
      next: 'leave the port out to get the next free one',
    })
  return { address, port }
}

/** Whether sockets at two places would be in each other's way. */
function shared(a: string | null, b: string | null, host: string): boolean {
  const [first, second] = [a ?? host, b ?? host]
  return first === second || first === '0.0.0.0' || second === '0.0.0.0'
}

function freePort(others: readonly Place[], { firstPort, lastPort, host, taken }: PlaceRules): number {
  const used = new Set(taken)
  for (const { address, port } of others) if (shared(address, null, host)) used.add(port)
  for (let port = firstPort; port <= lastPort; port++) if (!used.has(port)) return port
  throw new Refusal('conflict', `all UDP ports of gateway.ports (${firstPort}-${lastPort}) are taken`, {
    next: 'give the setting gateway.ports a larger range, or this BMC an address of its own',
  })
}
