import { ANY_ADDRESS, broadcastOf, formatIpv4, type Ipv4, maskOf } from '../../kit/ip.ts'
import { type Mac, macFromBytes } from '../../kit/mac.ts'
import type { Network } from '../../networks/network.ts'
import {
  BOOTREPLY,
  BROADCAST_FLAG,
  DEFAULT_MAX_LENGTH,
  type DhcpMessage,
  fitsDhcp,
} from '../../protocols/dhcp/message.ts'
import { asksFor, getOption, MESSAGE_TYPE, OPTION, OptionsBuilder } from '../../protocols/dhcp/options.ts'
import {
  type BootRequest,
  decodeEncapsulated,
  encodeEncapsulated,
  IPXE_TAG,
  PXE_TAG,
  USE_BOOT_FILE_OF_OFFER,
} from '../../protocols/dhcp/pxe.ts'
import type { BootAnswer } from './boot.ts'
import type { Arrival, Destination, Reply } from './facts.ts'

const CLIENT_PORT = 68
const SERVER_PORT = 67

/** An Ethernet payload of 1500 bytes without IP and UDP headers. */
const LARGEST_MESSAGE = 1472

/** Options that may be left out, the first one first, when a client takes short messages only. */
const DISPENSABLE = [
  OPTION.broadcast,
  OPTION.ntp,
  OPTION.hostname,
  OPTION.domain,
  OPTION.serverName,
  OPTION.renewalTime,
  OPTION.rebindingTime,
  OPTION.bootFileName,
  OPTION.message,
]

/** What a reply is made of besides what it answers. */
export type ReplyParts = Readonly<{
  type: 'offer' | 'ack' | 'nak'
  serverId: Ipv4
  yiaddr?: Ipv4
  ciaddr?: Ipv4
  /** `leased`: the client gets an address for the time of the network, and not just its options. */
  lease?: Readonly<{ network: Network; leased: boolean; hostname: string | null }>
  boot?: Readonly<{ answer: BootAnswer; server: Ipv4; proxy: boolean; request: BootRequest }> | null
  message?: string
}>

/** Builds a reply to `question` and says where it goes. */
export function buildReply(question: DhcpMessage, arrival: Arrival, parts: ReplyParts): Reply {
  const built = new OptionsBuilder()
    .set(OPTION.messageType, MESSAGE_TYPE[parts.type])
    .set(OPTION.serverIdentifier, parts.serverId)
    .build()
  const add = (options: Options) => {
    for (const [code, value] of options) built.set(code, value)
  }
  if (parts.lease) {
    const { times, common } = networkOptions(parts.lease.network)
    if (parts.lease.leased) add(times)
    add(common)
    add(askedFor(question, parts.lease))
  }
  const file = parts.boot?.answer.file ?? null
  if (parts.boot && file !== null) add(bootOptions(question, parts.boot, file))
  add(new OptionsBuilder().setIfAny(OPTION.message, parts.message).build())
  const relay = question.options.get(OPTION.relayAgentInformation.code)
  // RFC 6842 §3: the client identifier comes back in every reply.
  const clientIdentifier = question.options.get(OPTION.clientIdentifier.code)
  if (clientIdentifier) built.set(OPTION.clientIdentifier.code, clientIdentifier)
  if (relay) built.set(OPTION.relayAgentInformation.code, relay)
  const nakByRelay = parts.type === 'nak' && question.giaddr !== 0
  const reply: DhcpMessage = {
    op: BOOTREPLY,
    htype: question.htype,
    hops: 0,
    xid: question.xid,
    secs: 0,
    // RFC 2131 §4.3.2: the relay shall broadcast a NAK, because the client's address may be wrong on its link.
    flags: nakByRelay ? question.flags | BROADCAST_FLAG : question.flags,
    ciaddr: parts.ciaddr ?? ANY_ADDRESS,
    yiaddr: parts.yiaddr ?? ANY_ADDRESS,
    siaddr: parts.boot && file !== null ? parts.boot.server : ANY_ADDRESS,
    giaddr: question.giaddr,
    chaddr: question.chaddr,
    // RFC 2132 §9.4, §9.5 name options for these, but shim and some firmware read the header fields alone.
    sname: parts.boot && file !== null ? formatIpv4(parts.boot.server) : '',
    file: file ?? '',
    options: built,
  }
  const maxLength = maxLengthOf(question)
  for (const option of DISPENSABLE) {
    if (fitsDhcp(reply, maxLength)) break
    built.delete(option.code)
  }
  return { message: reply, destination: destinationOf(question, arrival, parts), maxLength }
}

type Options = ReadonlyMap<number, Uint8Array>

/** What the replies of a network have in common, encoded once. */
const encoded = new WeakMap<Network, Readonly<{ times: Options; common: Options }>>()

function networkOptions(network: Network): Readonly<{ times: Options; common: Options }> {
  const known = encoded.get(network)
  if (known) return known
  const seconds = network.leaseSeconds
  const times = new OptionsBuilder()
    .set(OPTION.leaseTime, seconds)
    // RFC 2131 §4.4.5: a half and seven eighths.
    .set(OPTION.renewalTime, Math.floor(seconds / 2))
    .set(OPTION.rebindingTime, Math.floor((seconds * 7) / 8))
    .build()
  const common = new OptionsBuilder()
    .set(OPTION.subnetMask, maskOf(network.subnet.prefix))
    .setIfAny(OPTION.router, network.router === null ? null : [network.router])
    .setIfAny(OPTION.dns, network.dns)
    .setIfAny(OPTION.domain, network.domain)
    .build()
  encoded.set(network, { times, common })
  return { times, common }
}

function askedFor(question: DhcpMessage, { network, hostname }: NonNullable<ReplyParts['lease']>): Options {
  const options = new OptionsBuilder()
  if (asksFor(question, OPTION.broadcast)) options.set(OPTION.broadcast, broadcastOf(network.subnet))
  if (asksFor(question, OPTION.ntp)) options.setIfAny(OPTION.ntp, network.ntp)
  if (asksFor(question, OPTION.hostname)) options.setIfAny(OPTION.hostname, hostname)
  return options.build()
}

function bootOptions(question: DhcpMessage, boot: NonNullable<ReplyParts['boot']>, file: string): Options {
  const options = new OptionsBuilder()
  // UEFI specification §24.7: an HTTP boot client takes only offers with this class.
  if (boot.request.vendorClass === 'HTTPClient') options.set(OPTION.vendorClass, 'HTTPClient')
  else if (boot.proxy) {
    // PXE specification 2.1: this class marks an offer as one about booting. The control value spares the client a search for
    // boot servers.
    options.set(OPTION.vendorClass, 'PXEClient')
    options.set(OPTION.vendorSpecific, pxeOptions(question))
  }
  // Else iPXE waits seconds for the offer of a proxy, although it has ours.
  if (boot.request.ipxe && !boot.proxy)
    options.set(OPTION.ipxe, encodeEncapsulated(new Map([[IPXE_TAG.noProxyDhcp, Uint8Array.of(1)]])))
  options.set(OPTION.serverName, formatIpv4(boot.server)).set(OPTION.bootFileName, file)
  const uuid = question.options.get(OPTION.clientMachine.code)
  if (uuid && boot.proxy) options.set(OPTION.clientMachine, uuid)
  return options.build()
}

function pxeOptions(question: DhcpMessage): Uint8Array {
  const tags = new Map<number, Uint8Array>([[PXE_TAG.discoveryControl, Uint8Array.of(USE_BOOT_FILE_OF_OFFER)]])
  const asked = question.options.get(OPTION.vendorSpecific.code)
  const item = asked && decodeEncapsulated(asked).get(PXE_TAG.bootItem)
  // PXE specification 2.1, §2.2.5: a client that chose a boot item wants to hear it back.
  if (item) tags.set(PXE_TAG.bootItem, item)
  return encodeEncapsulated(tags)
}

/** RFC 2131 §4.1: where replies go. */
export function destinationOf(
  question: DhcpMessage,
  { source, port }: Arrival,
  parts: Pick<ReplyParts, 'type' | 'yiaddr'>,
): Destination {
  // PXE clients ask port 4011 from an address of their own and from a port of their choice.
  if (port !== SERVER_PORT && source.address !== 0) return { to: 'address', ...source }
  if (question.giaddr !== 0) return { to: 'address', address: question.giaddr, port: SERVER_PORT }
  if (parts.type === 'nak') return { to: 'broadcast', port: CLIENT_PORT }
  if (question.ciaddr !== 0) return { to: 'address', address: question.ciaddr, port: CLIENT_PORT }
  const mac = clientMac(question)
  if ((question.flags & BROADCAST_FLAG) !== 0 || !parts.yiaddr || !mac) return { to: 'broadcast', port: CLIENT_PORT }
  return { to: 'hardware', mac, address: parts.yiaddr, port: CLIENT_PORT }
}

/** The client's Ethernet address; `undefined` for other hardware. */
export function clientMac(message: DhcpMessage): Mac | undefined {
  return message.htype === 1 && message.chaddr.length === 6 ? macFromBytes(message.chaddr) : undefined
}

function maxLengthOf(question: DhcpMessage): number {
  // RFC 2132 §9.10: the value counts the IP and UDP headers, and the least legal one is 576.
  const told = (getOption(question, OPTION.maxMessageSize) ?? 0) - 28
  return Math.min(LARGEST_MESSAGE, Math.max(DEFAULT_MAX_LENGTH, told))
}
