import { createSocket, type Socket } from 'node:dgram'
import { latin1Bytes } from '../../src/kit/bytes.ts'
import { type IpmiSuite, SUITES } from '../../src/protocols/ipmi/cryptography.ts'
import { decodeResponse, encodeRequest, type IpmiResponse } from '../../src/protocols/ipmi/message.ts'
import { decodeOpenSessionResponse, encodeOpenSessionRequest, isOpened } from '../../src/protocols/ipmi/open-session.ts'
import { decodePacket, encodePlus, PAYLOAD } from '../../src/protocols/ipmi/packet.ts'
import {
  decodeRakp2,
  decodeRakp4,
  encodeRakp1,
  encodeRakp3,
  isRakpRefusal,
  type RakpExchange,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  roleByte,
  type SessionKeys,
  sessionIntegrityKey,
  sessionKeys,
} from '../../src/protocols/ipmi/rakp.ts'
import { decodeRmcp } from '../../src/protocols/ipmi/rmcp.ts'
import { openPacket, sealPacket } from '../../src/protocols/ipmi/seal.ts'
import { decodeSol, encodeSol, type SolPacket } from '../../src/protocols/ipmi/sol.ts'
import { IPMI_CRYPTOGRAPHY as CRYPTO } from '../../src/sockets/ipmi-cryptography.ts'

/** How packets go and come; nothing within its patience: `undefined`. */
export type Wire = Readonly<{
  send: (packet: Uint8Array) => void
  receive: () => Promise<Uint8Array | undefined>
  close: () => void
}>

export type ClientOptions = Readonly<{
  suite?: IpmiSuite
  user?: string
  password?: string
  /** Asked for in Open Session. */
  privilege?: number
  /** Asked for in RAKP message 1. */
  role?: number
  nameOnly?: boolean
}>

/** A plain IPMI 2.0 client for tests: one request at a time, no retries but those a test makes, and every step can be made alone. */
export class IpmiClient {
  readonly wire: Wire
  readonly suite: IpmiSuite
  readonly #options: ClientOptions
  readonly consoleId = (Math.floor(Math.random() * 0xfffffffe) + 1) >>> 0
  managedId = 0
  openStatus = -1
  openPrivilege = -1
  /** Status of RAKP message 2 or 4; -1: nothing came. */
  rakpStatus = -1
  /** Whether the BMC proved to know the password. */
  proven = false
  rakp2: Uint8Array | undefined
  rakp3: Uint8Array | undefined
  exchange: RakpExchange | undefined
  keys: SessionKeys | undefined
  sequence = 0
  requestSequence = 0

  constructor(wire: Wire, options: ClientOptions = {}) {
    this.wire = wire
    this.#options = options
    this.suite = options.suite ?? 17
  }

  get #password(): Uint8Array {
    return latin1Bytes(this.#options.password ?? 'secret')
  }

  /** The payload of the next packet of that type; others are left aside. */
  async payload(type: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = await this.wire.receive()
      if (!bytes) return undefined
      const packet = decodePacket(decodeRmcp(bytes).body)
      if (packet.version !== 2 || packet.payloadType !== type) continue
      if (packet.sessionId === 0) return packet.payload
      // A port that is used again may get what was meant for the session before.
      if (this.keys && packet.sessionId === this.consoleId) return openPacket(CRYPTO, this.keys, packet)
    }
  }

  openRequest(
    tag = 1,
    algorithms: { authentication: number; integrity: number; confidentiality: number } = SUITES[this.suite],
  ): Uint8Array {
    const request = { tag, privilege: this.#options.privilege ?? 0, consoleId: this.consoleId, algorithms }
    return encodePlus(PAYLOAD.openSessionRequest, encodeOpenSessionRequest(request))
  }

  async open(): Promise<boolean> {
    this.wire.send(this.openRequest())
    const payload = await this.payload(PAYLOAD.openSessionResponse)
    if (!payload) return false
    const answer = decodeOpenSessionResponse(payload)
    this.openStatus = answer.status
    if (!isOpened(answer)) return false
    this.openPrivilege = answer.privilege
    this.managedId = answer.managedId
    return true
  }

  /** Messages 1 and 2. */
  async introduce(): Promise<boolean> {
    const { user = 'admin', role = 4, nameOnly = true } = this.#options
    const consoleRandom = CRYPTO.random(16)
    const name = latin1Bytes(user)
    const message = { tag: 2, managedId: this.managedId, consoleRandom, nameOnly, privilege: role, name }
    this.wire.send(encodePlus(PAYLOAD.rakp1, encodeRakp1(message)))
    this.rakp2 = await this.payload(PAYLOAD.rakp2)
    if (!this.rakp2) return false
    const answer = decodeRakp2(this.rakp2, this.suite)
    this.rakpStatus = isRakpRefusal(answer) ? answer.status : 0
    if (isRakpRefusal(answer)) return false
    const { managedRandom, guid, code } = answer
    const { suite, consoleId, managedId } = this
    this.exchange = { suite, consoleId, managedId, consoleRandom, managedRandom, guid, role: roleByte(message), name }
    this.proven = CRYPTO.isSame(code, rakp2Code(CRYPTO, this.exchange, this.#password))
    return true
  }

  /** Messages 3 and 4, whatever the BMC proved before. */
  async prove(): Promise<boolean> {
    const exchange = this.exchange!
    const code = rakp3Code(CRYPTO, exchange, this.#password)
    this.rakp3 = encodePlus(PAYLOAD.rakp3, encodeRakp3({ tag: 3, status: 0, managedId: this.managedId, code }))
    this.wire.send(this.rakp3)
    const payload = await this.payload(PAYLOAD.rakp4)
    this.rakpStatus = -1
    if (!payload) return false
    const answer = decodeRakp4(payload, this.suite)
    this.rakpStatus = isRakpRefusal(answer) ? answer.status : 0
    if (isRakpRefusal(answer)) return false
    const sik = sessionIntegrityKey(CRYPTO, exchange, this.#password)
    this.keys = sessionKeys(CRYPTO, this.suite, sik)
    return CRYPTO.isSame(answer.code, rakp4Code(CRYPTO, exchange, sik))
  }

  async login(): Promise<boolean> {
    return (await this.open()) && (await this.introduce()) && (await this.prove())
  }

  /** A sealed packet; its numbers are the next ones unless given. */
  packet(payloadType: number, payload: Uint8Array, sequence = ++this.sequence, encrypted = true): Uint8Array {
    return sealPacket(CRYPTO, this.keys!, { payloadType, sessionId: this.managedId, sequence, payload, encrypted })
  }

  request(netFn: number, command: number, data: readonly number[] | Uint8Array = [], sequence?: number): Uint8Array {
    this.requestSequence = sequence ?? (this.requestSequence + 1) % 64
    const bytes = Uint8Array.from(data)
    return encodeRequest({ netFn, command, data: bytes, sequence: this.requestSequence })
  }

  async command(
    netFn: number,
    command: number,
    data: readonly number[] | Uint8Array = [],
  ): Promise<IpmiResponse | undefined> {
    this.wire.send(this.packet(PAYLOAD.ipmi, this.request(netFn, command, data)))
    const wanted = this.requestSequence
    for (;;) {
      const answer = await this.answer()
      if (!answer || answer.sequence === wanted) return answer
    }
  }

  async answer(): Promise<IpmiResponse | undefined> {
    const payload = await this.payload(PAYLOAD.ipmi)
    return payload && decodeResponse(payload)
  }

  sendSol(packet: Partial<SolPacket>, encrypted = true): void {
    const whole = { sequence: 0, acknowledged: 0, accepted: 0, flags: 0, data: new Uint8Array(0), ...packet }
    this.wire.send(this.packet(PAYLOAD.sol, encodeSol(whole), undefined, encrypted))
  }

  async sol(): Promise<SolPacket | undefined> {
    const payload = await this.payload(PAYLOAD.sol)
    return payload && decodeSol(payload)
  }
}

/** A queue of packets between something that sends and something that waits. */
export class PacketQueue {
  readonly #packets: Uint8Array[] = []
  #waiting: ((packet: Uint8Array | undefined) => void) | undefined

  push(packet: Uint8Array): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting) waiting(packet)
    else this.#packets.push(packet)
  }

  /** The oldest packet, waiting `ms` for one. */
  shift(ms: number): Promise<Uint8Array | undefined> {
    const first = this.#packets.shift()
    if (first) return Promise.resolve(first)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined
        resolve(undefined)
      }, ms)
      this.#waiting = (packet) => {
        clearTimeout(timer)
        resolve(packet)
      }
    })
  }
}

/** A wire over UDP, by default on this computer. */
export function udpWire(port: number, patienceMs = 2000, address = '127.0.0.1'): Wire & { socket: Socket } {
  // Without looking an address up as if it were a name, which takes a turn of the event loop.
  const socket = createSocket({ type: 'udp4', lookup: (given, _options, done) => done(null, given, 4) })
  const queue = new PacketQueue()
  socket.on('message', (bytes) => queue.push(bytes))
  socket.on('error', () => {})
  return {
    socket,
    send: (packet) => socket.send(packet, port, address),
    receive: () => queue.shift(patienceMs),
    close: () => socket.close(),
  }
}
