import { DecodeError } from '../kit/errors.ts'
import { formatIpv4, type Ipv4, ipv4, maskOf, type Subnet } from '../kit/ip.ts'
import { type Mac, macFromBytes } from '../kit/mac.ts'
import { BOOTREPLY, type DhcpMessage, decodeDhcp } from '../protocols/dhcp/message.ts'
import { getOption, messageType, OPTION } from '../protocols/dhcp/options.ts'
import { type CapturedDatagram, udpOf } from '../protocols/pcap/datagram.ts'
import type { CapturedPacket } from '../protocols/pcap/packet.ts'
import { decodeTftp, type TftpRequest } from '../protocols/tftp/packet.ts'

/** A packet of a capture that concerns booting. `at` is milliseconds since 1970. */
export type Recorded = Readonly<{ at: number; datagram: CapturedDatagram }> &
  (
    | Readonly<{ kind: 'question' | 'answer'; message: DhcpMessage }>
    | Readonly<{ kind: 'tftp'; request: TftpRequest }>
    | Readonly<{ kind: 'malformed'; error: string }>
  )

const DHCP_PORTS = new Set([67, 68, 4011])
const TFTP_PORT = 69

export function readPacket(packet: CapturedPacket): Recorded | undefined {
  const datagram = udpOf(packet)
  if (!datagram) return undefined
  const { at } = packet
  try {
    if (DHCP_PORTS.has(datagram.destinationPort)) {
      const message = decodeDhcp(datagram.payload)
      messageType(message)
      return { at, datagram, kind: message.op === BOOTREPLY ? 'answer' : 'question', message }
    }
    if (datagram.destinationPort !== TFTP_PORT) return undefined
    const request = decodeTftp(datagram.payload)
    return request.op === 'read' || request.op === 'write' ? { at, datagram, kind: 'tftp', request } : undefined
  } catch (error) {
    if (error instanceof DecodeError) return { at, datagram, kind: 'malformed', error: error.message }
    throw error
  }
}

/** What a capture gives away of the network it was taken on. */
export type Surroundings = Readonly<{
  /** DHCP servers that were asked or answered, the busiest first. */
  servers: readonly Ipv4[]
  /** The subnet that answers spoke of. */
  subnet: Subnet | undefined
  /** Who was given which address, from ACKs. */
  given: ReadonlyMap<Mac, Ipv4>
}>

export function readSurroundings(recorded: readonly Recorded[]): Surroundings {
  const seen = new Map<Ipv4, number>()
  const given = new Map<Mac, Ipv4>()
  let subnet: Subnet | undefined
  for (const each of recorded) {
    if (each.kind !== 'question' && each.kind !== 'answer') continue
    const { message } = each
    const server = optional(() => getOption(message, OPTION.serverIdentifier))
    if (server) seen.set(server, (seen.get(server) ?? 0) + 1)
    if (each.kind !== 'answer' || message.yiaddr === 0) continue
    const mask = optional(() => getOption(message, OPTION.subnetMask))
    if (mask !== undefined) subnet ??= subnetOf(message.yiaddr, mask)
    if (messageType(message) === 'ack' && message.chaddr.length === 6)
      given.set(macFromBytes(message.chaddr), message.yiaddr)
  }
  const servers = [...seen].sort((a, b) => b[1] - a[1]).map(([server]) => server)
  return { servers, subnet, given }
}

function subnetOf(address: Ipv4, mask: Ipv4): Subnet | undefined {
  const prefix = Array.from({ length: 33 }, (_, i) => i).find((bits) => maskOf(bits) === mask)
  return prefix === undefined ? undefined : { base: ipv4(address & mask), prefix }
}

function optional<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** A recorded answer in words: `OFFER of 10.0.0.50 with snponly.efi from 10.0.0.1`. */
export function describeAnswer(message: DhcpMessage): string {
  const type = messageType(message)?.toUpperCase() ?? 'BOOTP reply'
  const file = message.file || optional(() => getOption(message, OPTION.bootFileName))
  const parts = [
    message.yiaddr === 0 ? '' : ` of ${formatIpv4(message.yiaddr)}`,
    file ? ` with ${file}` : ' without a boot file',
    message.siaddr === 0 ? '' : ` at ${formatIpv4(message.siaddr)}`,
  ]
  return `${type}${parts.join('')}`
}
