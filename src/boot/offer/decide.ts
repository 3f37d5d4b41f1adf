import { formatIpv4 } from '../../kit/ip.ts'
import { BOOTREQUEST, type DhcpMessage } from '../../protocols/dhcp/message.ts'
import { getOption, messageType, OPTION } from '../../protocols/dhcp/options.ts'
import type { Arrival, OfferDecision, OfferFacts } from './facts.ts'
import { decideProxy } from './proxy.ts'
import { hexWord, readQuestion } from './question.ts'
import { clientMac } from './reply.ts'
import { decideServer } from './server.ts'

/**
 * What to do about one packet that arrived on port 67 or 4011, and why. Pure: nothing is sent, remembered or changed.
 * Throws `DecodeError` when an option that matters is malformed.
 */
export function decideOffer(message: DhcpMessage, arrival: Arrival, facts: OfferFacts): OfferDecision {
  const mac = clientMac(message)
  if (!mac) return dropped(message, arrival, 'it does not come from an Ethernet client')
  if (message.op !== BOOTREQUEST) return dropped(message, arrival, 'it is a reply, not a request')
  const type = messageType(message)
  if (!type) return dropped(message, arrival, 'it is plain BOOTP without a DHCP message type')
  if (type === 'offer' || type === 'ack' || type === 'nak')
    return dropped(message, arrival, `${type.toUpperCase()} is for servers to send`)
  const question = readQuestion(message, type, mac, arrival, facts)
  return facts.mode === 'proxy' || arrival.port === 4011 ? decideProxy(question) : decideServer(question)
}

/**
 * What a reply says that we overheard on the client port: that another DHCP server is on the wire. `undefined` when it is our own
 * or says nothing.
 */
export function decideOverheard(message: DhcpMessage, arrival: Arrival, facts: OfferFacts): OfferDecision | undefined {
  const mac = clientMac(message)
  const server = getOption(message, OPTION.serverIdentifier)
  const type = message.op === BOOTREQUEST ? undefined : messageType(message)
  if (!mac || server === undefined || !type || facts.isOurs(server)) return undefined
  const offered = message.yiaddr === 0 ? 'no address' : `the address ${formatIpv4(message.yiaddr)}`
  return {
    ...dropped(message, arrival, ''),
    mac,
    event: {
      stage: 'offer',
      kind: 'dhcp.foreign',
      outcome: 'ok',
      summary: `another DHCP server ${formatIpv4(server)} answered too: ${type.toUpperCase()} with ${offered}`,
      reason:
        facts.mode === 'proxy'
          ? 'in proxy mode the other DHCP server gives the addresses'
          : 'two servers that give addresses on one network compete; the client takes the offer it likes better',
      detail: {
        interface: arrival.on.name,
        server: formatIpv4(server),
        message: type,
        address: formatIpv4(message.yiaddr),
        file: message.file || (getOption(message, OPTION.bootFileName) ?? ''),
        xid: hexWord(message.xid),
      },
    },
    otherServer: server,
  }
}

function dropped(message: DhcpMessage, arrival: Arrival, why: string): OfferDecision {
  return {
    mac: clientMac(message) ?? null,
    event: {
      stage: 'offer',
      kind: 'dhcp.dropped',
      outcome: 'ignored',
      summary: `a packet on ${arrival.on.name} was ignored`,
      reason: why,
    },
    boot: false,
    reply: null,
    change: null,
    probe: null,
    learn: null,
    sighting: null,
    otherServer: null,
  }
}
