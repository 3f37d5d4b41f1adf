import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { DecodeError } from '../kit/errors.ts'
import { ANY_ADDRESS } from '../kit/ip.ts'
import {
  BOOTREPLY,
  BOOTREQUEST,
  BROADCAST_FLAG,
  type DhcpMessage,
  decodeDhcp,
  encodeDhcp,
} from '../protocols/dhcp/message.ts'
import { getOption, MESSAGE_TYPE, messageType, OPTION, OptionsBuilder } from '../protocols/dhcp/options.ts'
import { openUdpSocket } from '../sockets/udp.ts'
import type { HeardOffer } from './probes.ts'

const CLIENT_PORT = 68
const SERVER_PORT = 67

/** A DISCOVER of a client that exists nowhere: a random, locally administered address. Replies come as broadcasts. */
export function inquiry(chaddr: Uint8Array, xid: number): DhcpMessage {
  return {
    op: BOOTREQUEST,
    htype: 1,
    hops: 0,
    xid,
    secs: 0,
    flags: BROADCAST_FLAG,
    ciaddr: ANY_ADDRESS,
    yiaddr: ANY_ADDRESS,
    siaddr: ANY_ADDRESS,
    giaddr: ANY_ADDRESS,
    chaddr,
    sname: '',
    file: '',
    options: new OptionsBuilder()
      .set(OPTION.messageType, MESSAGE_TYPE.discover)
      .set(OPTION.parameterRequestList, Uint8Array.of(OPTION.subnetMask.code, OPTION.router.code))
      .build(),
  }
}

/** The server behind a datagram, if that is an offer for our inquiry; `undefined` for anything else. */
export function readOffer(datagram: Uint8Array, xid: number): HeardOffer | undefined {
  try {
    const message = decodeDhcp(datagram)
    if (message.op !== BOOTREPLY || message.xid !== xid || messageType(message) !== 'offer') return undefined
    const server = getOption(message, OPTION.serverIdentifier)
    return server === undefined ? undefined : { server, address: message.yiaddr }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** dnsmasq pings an address for three seconds before it offers it for the first time. */
const PATIENCE_MS = 5000
const REPEAT_MS = 2500
/** After one server has answered, others get this long. */
const GRACE_MS = 1000

/**
 * Which DHCP servers offer an address on an interface: a DISCOVER, once more for a datagram that got lost, and at most five
 * seconds of listening. No offer is ever accepted, so no lease is taken. Needs port 68; a `Refusal` says so when it cannot be had.
 */
export async function listenForOffers(interfaceName: string): Promise<HeardOffer[]> {
  const random = randomBytes(10)
  const chaddr = Uint8Array.from(random.subarray(0, 6))
  // Unicast and locally administered (IEEE 802): nobody's own address.
  chaddr[0] = (chaddr[0]! & 0xfc) | 0x02
  const xid = random.readUInt32BE(6)
  const { socket } = await openUdpSocket({ port: CLIENT_PORT, interface: interfaceName })
  const offers: HeardOffer[] = []
  const broken = new AbortController()
  const answered = new AbortController()
  const ask = () => socket.send(encodeDhcp(inquiry(chaddr, xid)), SERVER_PORT, '255.255.255.255')
  const repeat = setInterval(ask, REPEAT_MS)
  try {
    socket.on('message', (datagram) => {
      const offer = readOffer(datagram, xid)
      if (!offer) return
      offers.push(offer)
      answered.abort()
    })
    socket.on('error', (error) => broken.abort(error))
    ask()
    const signal = AbortSignal.any([broken.signal, answered.signal])
    await setTimeout(PATIENCE_MS, undefined, { signal }).catch(() => undefined)
    if (offers.length > 0) await setTimeout(GRACE_MS)
    if (broken.signal.aborted) throw broken.signal.reason
    return offers
  } finally {
    clearInterval(repeat)
    socket.close()
  }
}
