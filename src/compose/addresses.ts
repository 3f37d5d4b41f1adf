import type { Config } from '../config/schema.ts'
import { formatIpv4 } from '../kit/ip.ts'
import { listInterfaces } from '../sockets/interfaces.ts'

/** How long an address of this server is told without looking again, in milliseconds. */
const FRESH_MS = 1000

export function baseUrl(address: string, { http }: Config): string {
  return `http://${address}:${http.listen.port}`
}

/**
 * An address of this server for scripts that nobody asked for over the network. Looking asks the kernel of every interface, and
 * rendering the configs of a site asks thousands of times.
 */
export function addressTeller(
  now: () => number = () => performance.now(),
  list: () => readonly Readonly<{ address: Parameters<typeof formatIpv4>[0] }>[] = listInterfaces,
): () => string {
  let lookedAt = Number.NEGATIVE_INFINITY
  let address = ''
  return () => {
    if (now() - lookedAt < FRESH_MS) return address
    const [first] = list()
    address = first ? formatIpv4(first.address) : '127.0.0.1'
    lookedAt = now()
    return address
  }
}

export const ownAddress = addressTeller()
