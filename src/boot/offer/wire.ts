import { DecodeError, Refusal } from '../../kit/errors.ts'
import { formatIpv4, ipv4, LIMITED_BROADCAST, parseIpv4, type Subnet } from '../../kit/ip.ts'
import type { Log } from '../../kit/log.ts'
import type { Mac } from '../../kit/mac.ts'
import { encodeDhcp } from '../../protocols/dhcp/message.ts'
import { arpProbe, decodeArp, encodeArp } from '../../protocols/ethernet/arp.ts'
import { BROADCAST_MAC, decodeFrame, ETHERTYPE, encodeFrame } from '../../protocols/ethernet/frame.ts'
import { decodeIpv4, decodeUdp, encodeUdpPacket } from '../../protocols/ethernet/ip.ts'
import {
  ALL_ROUTERS_MAC,
  decodeRouterSolicitation,
  encodeEmptyRouterAdvertisement,
} from '../../protocols/icmpv6/router.ts'
import { DatagramBatch } from '../../sockets/batch.ts'
import { type FrameSocket, type Hears, openFrameSocket } from '../../sockets/frames.ts'
import { findInterface, type NetworkInterface, within } from '../../sockets/interfaces.ts'
import { openUdpSocket, type UdpSocket } from '../../sockets/udp.ts'
import type { Arrival, Reply } from './facts.ts'

const SERVER_PORT = 67
const PROXY_PORT = 4011
/** A burst of a whole site switched on at once: what comes in while a server that just started is still slow. */
const RECEIVE_BYTES = 4 * 1024 * 1024
/** Frames taken from one raw socket in one look. */
const FRAMES_PER_LOOK = 64

/** What a wire tells its owner. */
export type WireEars = Readonly<{
  request(datagram: Uint8Array, arrival: Arrival): void
  /** A DHCP reply of somebody to a client. */
  overheard(datagram: Uint8Array, arrival: Arrival): void
  arpReply(address: number, mac: Mac): void
  count(name: string): void
}>

/** Everything we have open on one interface: two UDP sockets and the raw ones. Opens again by itself after the interface was away. */
export class Wire {
  readonly name: string
  readonly #subnets: readonly Subnet[]
  readonly #ears: WireEars
  readonly #log: Log
  readonly #answersSolicitations: boolean
  #on: NetworkInterface | undefined
  #udp: UdpSocket[] = []
  #replies: DatagramBatch | undefined
  #frames = new Map<Hears, FrameSocket>()
  #reason: string | null = 'not opened yet'
  #opening: Promise<void> | undefined

  /** Of the interface's addresses the one inside `subnets` is ours; with none inside, the first. */
  constructor(name: string, subnets: readonly Subnet[], ears: WireEars, log: Log, answersSolicitations: boolean) {
    this.name = name
    this.#subnets = subnets
    this.#ears = ears
    this.#log = log.child({ interface: name })
    this.#answersSolicitations = answersSolicitations
  }

  /** The interface as it is now; `undefined` while nothing is open. */
  get on(): NetworkInterface | undefined {
    return this.#on
  }

  /** Why nothing is open; `null` when all is well. */
  get reason(): string | null {
    return this.#reason
  }

  /** Opens all sockets; a `Refusal` says why that does not work. */
  async open(): Promise<void> {
    this.#opening ??= this.#openAll().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  async #openAll(): Promise<void> {
    this.close()
    try {
      const on = within(findInterface(this.name), this.#subnets)
      this.#frames.set('nothing', openFrameSocket(on, 'nothing'))
      this.#frames.set('arp-replies', openFrameSocket(on, 'arp-replies'))
      this.#frames.set('dhcp-replies', openFrameSocket(on, 'dhcp-replies'))
      if (this.#answersSolicitations)
        this.#frames.set('router-solicitations', openFrameSocket(on, 'router-solicitations', [ALL_ROUTERS_MAC]))
      for (const port of [SERVER_PORT, PROXY_PORT] as const) {
        const udp = await openUdpSocket({ port, interface: this.name, receiveBytes: RECEIVE_BYTES })
        this.#udp.push(udp)
        if (port === SERVER_PORT) this.#replies = new DatagramBatch(udp.fd, (sent, failed) => this.#count(sent, failed))
        udp.socket.on('message', (datagram, remote) => {
          const source = { address: parseIpv4(remote.address) ?? ipv4(0), port: remote.port }
          this.#ears.request(datagram, { on, port, source })
        })
        udp.socket.on('error', (error) => this.#failed(error))
      }
      this.#on = on
      this.#reason = null
    } catch (error) {
      this.close()
      this.#reason = error instanceof Error ? error.message : String(error)
      throw error
    }
  }

  close(): void {
    this.#replies?.flush()
    this.#replies = undefined
    for (const { socket } of this.#udp) socket.close()
    for (const frames of this.#frames.values()) frames.close()
    this.#udp = []
    this.#frames.clear()
    this.#on = undefined
    this.#reason = 'closed'
  }

  /** Closes for good, after an opening that is under way. */
  async stop(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    this.close()
  }

  /** Compares with how the interfaces are now and opens again what changed. Never throws. */
  async check(interfaces: readonly NetworkInterface[]): Promise<void> {
    const there = interfaces.find((each) => each.name === this.name)
    const now = there && within(there, this.#subnets)
    const before = this.#on
    if (before && now && before.index === now.index && before.address === now.address && before.mac === now.mac) return
    if (!before && !now) return
    const known = this.#reason
    try {
      await this.open()
      this.#log.info({ address: this.#on && formatIpv4(this.#on.address) }, 'answering on the interface again')
    } catch (error) {
      if (this.#reason !== known) this.#log.warn({ reason: this.#reason, next: nextOf(error) }, 'the interface is away')
    }
  }

  #failed(error: Error): void {
    this.#log.warn({ error: error.message }, 'a socket failed and is opened again')
    this.close()
    this.#reason = error.message
  }

  /** Sends a reply to where it belongs. Never throws: what cannot be sent is counted, and the client asks again. */
  send(reply: Reply): void {
    const { destination, message } = reply
    try {
      const payload = encodeDhcp(message, reply.maxLength)
      if (destination.to === 'address') {
        this.#replies?.add(payload, destination.address, destination.port)
        return
      }
      const on = this.#on
      if (!on) return
      const hardware = destination.to === 'hardware'
      this.#frames.get('nothing')?.send(
        encodeFrame({
          destination: hardware ? destination.mac : BROADCAST_MAC,
          source: on.mac,
          etherType: ETHERTYPE.ipv4,
          payload: encodeUdpPacket({
            source: on.address,
            destination: hardware ? destination.address : LIMITED_BROADCAST,
            sourcePort: SERVER_PORT,
            destinationPort: destination.port,
            payload,
          }),
        }),
      )
      this.#ears.count('sent')
    } catch (error) {
      this.#log.debug({ error: String(error) }, 'a reply could not be sent')
      this.#ears.count('send_failed')
    }
  }

  #count(sent: number, failed: number): void {
    for (let left = sent; left > 0; left -= 1) this.#ears.count('sent')
    for (let left = failed; left > 0; left -= 1) this.#ears.count('send_failed')
  }

  /** Asks on the wire who uses an address; an answer comes through `arpReply`. */
  probe(address: ReturnType<typeof ipv4>): void {
    const on = this.#on
    if (!on) return
    const payload = encodeArp(arpProbe(on.mac, address))
    try {
      this.#frames
        .get('nothing')
        ?.send(encodeFrame({ destination: BROADCAST_MAC, source: on.mac, etherType: ETHERTYPE.arp, payload }))
    } catch {
      this.#ears.count('send_failed')
    }
  }

  /** Takes in what the raw sockets heard since the last look. */
  listen(): void {
    for (const [hears, frames] of this.#frames) {
      for (let left = FRAMES_PER_LOOK; left > 0; left -= 1) {
        try {
          const frame = frames.receive()
          if (!frame) break
          this.#hear(hears, decodeFrame(frame).payload)
        } catch (error) {
          if (!(error instanceof DecodeError)) break
          this.#ears.count('malformed')
        }
      }
    }
  }

  #hear(hears: Hears, payload: Uint8Array): void {
    const on = this.#on
    if (!on) return
    if (hears === 'arp-replies') {
      const { senderAddress, senderMac } = decodeArp(payload)
      this.#ears.arpReply(senderAddress, senderMac)
    } else if (hears === 'router-solicitations') {
      decodeRouterSolicitation(payload)
      this.#frames.get('nothing')?.send(encodeEmptyRouterAdvertisement(on.mac))
      this.#ears.count('router_advertisements')
    } else if (hears === 'dhcp-replies') {
      const packet = decodeIpv4(payload)
      if (packet.moreFragments) return
      const { payload: datagram, sourcePort } = decodeUdp(packet.payload)
      this.#ears.overheard(datagram, { on, port: SERVER_PORT, source: { address: packet.source, port: sourcePort } })
    }
  }
}

function nextOf(error: unknown): string | undefined {
  return error instanceof Refusal ? error.next : undefined
}
