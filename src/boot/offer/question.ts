import { hex } from '../../kit/bytes.ts'
import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Machine } from '../../machines/machine.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import { getOption, MESSAGE_TYPE, type MessageTypeName, OPTION } from '../../protocols/dhcp/options.ts'
import { type BootRequest, bootRequest } from '../../protocols/dhcp/pxe.ts'
import { type RelayInformation, relayInformation } from '../../protocols/dhcp/relay.ts'
import type { TraceClient, TraceReply } from '../../traces/kinds.ts'
import type { Outcome } from '../../traces/trace.ts'
import { type BootAnswer, decideBoot, describeClient, knownArchitecture } from './boot.ts'
import type { Arrival, OfferDecision, OfferFacts } from './facts.ts'

/** A packet with what can be said of it at once; read by every rule. */
export type Question = Readonly<{
  message: DhcpMessage
  type: MessageTypeName
  mac: Mac
  /** The key of its leases (RFC 2131 §4.2). */
  client: string
  arrival: Arrival
  facts: OfferFacts
  machine: Machine | undefined
  /** What it says about booting; `undefined`: an ordinary client. */
  request: BootRequest | undefined
  relay: RelayInformation | undefined
  /** By which the client shall know us. */
  serverId: Ipv4
  /** The address for TFTP and HTTP. */
  server: Ipv4
}>

export function readQuestion(
  message: DhcpMessage,
  type: MessageTypeName,
  mac: Mac,
  arrival: Arrival,
  facts: OfferFacts,
): Question {
  const relay = relayInformation(message)
  return {
    message,
    type,
    mac,
    client: clientKey(message, mac),
    arrival,
    facts,
    machine: facts.machine(mac),
    request: bootRequest(message),
    relay,
    serverId: relay?.serverIdOverride ?? arrival.on.address,
    server: facts.advertise ?? arrival.on.address,
  }
}

/**
 * RFC 2131 §4.2: the client identifier, else the hardware address. An identifier that is the hardware address with its type
 * counts as none: firmware sends none, iPXE and many systems send this one, and all are the same machine.
 */
function clientKey(message: DhcpMessage, mac: Mac): string {
  const id = getOption(message, OPTION.clientIdentifier)
  if (!id || id.length < 2) return mac
  const text = hex(id)
  return text === `01${mac.replaceAll(':', '')}` ? mac : `id:${text}`
}

/** What the client is told to boot; `undefined` when it does not ask. */
export function bootAnswer(question: Question): BootAnswer | undefined {
  const { request, message, machine, facts, server } = question
  return request && decideBoot(request, message, machine, facts, server)
}

/** The client in words. */
export function whoAsks({ request }: Question): string {
  return request ? describeClient(request) : 'a client'
}

/** A decision with everything that was left out set to "nothing". */
export function decision(
  question: Question,
  event: Readonly<{
    outcome: Outcome
    summary: string
    reason: string
    detail?: Readonly<Record<string, string | number | boolean>>
  }>,
  more: Partial<Omit<OfferDecision, 'mac' | 'event' | 'boot'>> = {},
): OfferDecision {
  const { mac, type, arrival, request } = question
  const reply = more.reply ? getOption(more.reply.message, OPTION.messageType) : undefined
  return {
    mac,
    event: {
      stage: request ? 'offer' : 'system',
      kind: arrival.port === 4011 ? 'dhcp.proxy' : `dhcp.${type}`,
      outcome: event.outcome,
      summary: event.summary,
      reason: event.reason,
      detail: { ...detailOf(question), reply: REPLY_WORDS.get(reply) ?? 'none', ...event.detail },
    },
    boot: request !== undefined,
    reply: null,
    change: null,
    probe: null,
    learn: null,
    sighting: null,
    otherServer: null,
    ...more,
  }
}

const REPLY_WORDS = new Map<number | undefined, TraceReply>([
  [MESSAGE_TYPE.offer, 'offer'],
  [MESSAGE_TYPE.ack, 'ack'],
  [MESSAGE_TYPE.nak, 'nak'],
])

function detailOf({ arrival, message, request }: Question): Record<string, string | number | boolean> {
  const detail: Record<string, string | number | boolean> = { client: clientKind(request), interface: arrival.on.name }
  if (request) {
    const known = knownArchitecture(request)
    if (known) detail.architecture = known.name
    if (request.architectures.length > 0) detail.arch = request.architectures.join(', ')
  }
  if (message.giaddr !== 0) detail.relay = formatIpv4(message.giaddr)
  detail.xid = hexWord(message.xid)
  return detail
}

function clientKind(request: BootRequest | undefined): TraceClient {
  if (!request) return 'system'
  if (request.ipxe) return 'ipxe'
  return request.vendorClass === 'HTTPClient' ? 'http' : 'firmware'
}

/** As traces write transaction ids. */
export function hexWord(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
