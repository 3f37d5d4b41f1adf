import type { Config } from '../config/schema.ts'
import { formatIpv4 } from '../kit/ip.ts'
import { listInterfaces } from '../sockets/interfaces.ts'

export function baseUrl(address: string, { http }: Config): string {
  return `http://${address}:${http.listen.port}`
}

/** An address of this server for scripts that nobody asked for over the network. */
export function ownAddress(): string {
  const first = listInterfaces()[0]
  return first ? formatIpv4(first.address) : '127.0.0.1'
}
