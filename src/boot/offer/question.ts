import { hex } from '../../kit/bytes.ts'
import type { Ipv4 } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Machine } from '../../machines/machine.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import { getOption, type MessageTypeName, OPTION } from '../../protocols/dhcp/options.ts'
import { type BootRequest, bootRequest } from '../../protocols/dhcp/pxe.ts'
import { type RelayInformation, relayInformation } from '../../protocols/dhcp/relay.ts'
import type { Outcome } from '../../traces/trace.ts'
import { type BootAnswer, decideBoot, describeClient } from './boot.ts'
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

/** The client in words, at the start of a sentence. */
export function whoAsks({ request }: Question): string {
  return request ? describeClient(request) : 'A client'
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
  const { mac, type, arrival, message, request, facts } = question
  const detail: Record<string, string | number | boolean> = { interface: arrival.on.name, xid: hexWord(message.xid) }
  if (request) {
    if (request.architectures.length > 0) detail.architectures = request.architectures.join(', ')
    if (!request.uuid) detail.uuid = 'not told'
  }
  return {
    mac,
    event: {
      stage: request ? 'offer' : 'system',
      kind: `${facts.mode === 'proxy' || arrival.port === 4011 ? 'proxy' : 'dhcp'}.${type}`,
      outcome: event.outcome,
      summary: event.summary,
      reason: event.reason,
      detail: { ...detail, ...event.detail },
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

function hexWord(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
