import { DecodeError } from '../../src/kit/errors.ts'
import { CHASSIS_CONTROLS } from '../../src/protocols/ipmi/chassis.ts'
import { type IpmiCryptography, type IpmiSuite, SUITES, suiteOf } from '../../src/protocols/ipmi/cryptography.ts'
import { decodeRequest, encodeResponse, type IpmiRequest } from '../../src/protocols/ipmi/message.ts'
import { decodeOpenSessionRequest, encodeOpenSessionResponse } from '../../src/protocols/ipmi/open-session.ts'
import { decodePacket, encodeOld, encodePlus, PAYLOAD, type PlusPacket } from '../../src/protocols/ipmi/packet.ts'
import {
  decodeRakp1,
  decodeRakp3,
  encodeRakp2,
  encodeRakp4,
  encodeRakpRefusal,
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
import { RMCP_STATUS } from '../../src/protocols/ipmi/status.ts'

export type Answer = Readonly<{ completionCode: number; data: Uint8Array }>
export type SimulatedCommand = (request: IpmiRequest, bmc: BmcSimulator) => Answer | undefined

/** What is wrong with a BMC. Rates are 0 to 1; `random` draws for them. */
export type BmcFaults = Partial<{
  dropRequests: number
  dropAnswers: number
  duplicateAnswers: number
  /** Milliseconds that an answer takes. */
  delay: () => number
  /** After so many commands in a session it knows the session no more. */
  forgetsAfter: number
  /** It stops for `freezeMs` when more than one packet comes within `burstMs`. */
  freeze: Readonly<{ burstMs: number; freezeMs: number }>
  /** Session sequence numbers of its packets: counted up from here, or the same always. */
  sequence: 'same' | 'from-far'
  /** Power commands are answered with yes and ignored. */
  ignoresPower: boolean
  /** Another random number each time message 1 comes. */
  redraws: boolean
  silentAboutSuites: boolean
  openPrivilege: number
  /** Status of Open Session, of message 2 and of message 4. */
  statuses: Readonly<Partial<Record<'open' | 'rakp2' | 'rakp4', number>>>
  /** Only so many bytes of the password are kept. */
  passwordBytes: number
  /** Other suite than asked for. */
  answersSuite: IpmiSuite
  /** Completion code of Set Session Privilege Level. */
  privilegeCode: number
  sessions: number
}>

export type SimulatorOptions = Readonly<{
  crypto: IpmiCryptography
  random: () => number
  user?: string
  password?: string
  kg?: string
  suites?: readonly IpmiSuite[]
  faults?: BmcFaults
  commands?: Readonly<Record<string, SimulatedCommand>>
}>

type HalfOpen = {
  exchange: Omit<RakpExchange, 'role' | 'name' | 'consoleRandom'>
  proven?: RakpExchange
  sik?: Uint8Array
}
type SimulatedSession = { keys: SessionKeys; consoleId: number; sequence: number; commands: number }

const ok = (...data: number[]): Answer => ({ completionCode: 0, data: Uint8Array.from(data) })
const utf8 = new TextEncoder()

/** The key of a command in `commands`: netFn and number in hexadecimal, such as `00:01`. */
export const commandKey = (netFn: number, command: number): string =>
  [netFn, command].map((n) => n.toString(16).padStart(2, '0')).join(':')

/** A BMC with faults of choice: packets in, packets with their delay out. Knows power, device id, sessions, and what `commands` adds. */
export class BmcSimulator {
  readonly #options: SimulatorOptions
  readonly #half = new Map<number, HalfOpen>()
  readonly #sessions = new Map<number, SimulatedSession>()
  readonly faults: BmcFaults
  isOn = false
  /** Power commands that were obeyed. */
  switched: string[] = []
  /** Packets that came, and how many at most within one millisecond. */
  packets = 0
  froze = 0
  opened = 0
  closed = 0
  #lastPacketAt = Number.NEGATIVE_INFINITY
  #frozenUntil = Number.NEGATIVE_INFINITY
  #nextId = 1

  constructor(options: SimulatorOptions) {
    this.#options = options
    this.faults = options.faults ?? {}
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  forgetAll(): void {
    this.#sessions.clear()
    this.#half.clear()
  }

  receive(now: number, bytes: Uint8Array): readonly Readonly<{ bytes: Uint8Array; delayMs: number }>[] {
    this.packets++
    const { faults } = this
    if (faults.freeze) {
      if (now < this.#frozenUntil) return []
      const isBurst = now - this.#lastPacketAt < faults.freeze.burstMs
      this.#lastPacketAt = now
      if (isBurst) {
        this.froze++
        this.#frozenUntil = now + faults.freeze.freezeMs
        return []
      }
    }
    if (this.#draw(faults.dropRequests)) return []
    let answer: Uint8Array | undefined
    try {
      answer = this.#answer(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
    if (!answer || this.#draw(faults.dropAnswers)) return []
    const sent = { bytes: answer, delayMs: faults.delay?.() ?? 0 }
    return this.#draw(faults.duplicateAnswers) ? [sent, { ...sent, delayMs: sent.delayMs + 1 }] : [sent]
  }

  #draw(rate = 0): boolean {
    return rate > 0 && this.#options.random() < rate
  }

  #answer(bytes: Uint8Array): Uint8Array | undefined {
    const packet = decodePacket(decodeRmcp(bytes).body)
    if (packet.version === 1.5) {
      const request = decodeRequest(packet.payload)
      return encodeOld(encodeResponse(request, ok(1, 0x80, 0x04, 0x02, 0, 0, 0, 0)))
    }
    if (packet.sessionId !== 0) return this.#inSession(packet)
    switch (packet.payloadType) {
      case PAYLOAD.ipmi:
        return this.#suiteList(decodeRequest(packet.payload))
      case PAYLOAD.openSessionRequest:
        return encodePlus(PAYLOAD.openSessionResponse, this.#open(packet.payload))
      case PAYLOAD.rakp1:
        return encodePlus(PAYLOAD.rakp2, this.#rakp1(packet.payload))
      case PAYLOAD.rakp3:
        return this.#rakp3(packet.payload)
      default:
        return undefined
    }
  }

  get #suites(): readonly IpmiSuite[] {
    return this.#options.suites ?? [3, 17]
  }

  #suiteList(request: IpmiRequest): Uint8Array | undefined {
    if (this.faults.silentAboutSuites) return undefined
    const records = this.#suites.flatMap((suite) => {
      const { authentication, integrity, confidentiality } = SUITES[suite]
      return [0xc0, suite, authentication, 0x40 | integrity, 0x80 | confidentiality]
    })
    const part = ((request.data[2] ?? 0) & 0x3f) * 16
    return encodePlus(PAYLOAD.ipmi, encodeResponse(request, ok(1, ...records.slice(part, part + 16))))
  }

  #open(payload: Uint8Array): Uint8Array {
    const request = decodeOpenSessionRequest(payload)
    const { tag, consoleId } = request
    const wanted = suiteOf(request.algorithms)
    const status = this.faults.statuses?.open
    if (status !== undefined) return encodeOpenSessionResponse({ status, tag, consoleId })
    if (this.#sessions.size >= (this.faults.sessions ?? 1000))
      return encodeOpenSessionResponse({ status: RMCP_STATUS.noResources, tag, consoleId })
    if (!wanted || !this.#suites.includes(wanted))
      return encodeOpenSessionResponse({ status: RMCP_STATUS.invalidAuthentication, tag, consoleId })
    const suite = this.faults.answersSuite ?? wanted
    const { crypto } = this.#options
    const managedId = this.#nextId++
    this.#half.set(managedId, {
      exchange: { suite, consoleId, managedId, managedRandom: crypto.random(16), guid: new Uint8Array(16).fill(7) },
    })
    if (this.#half.size > 64) this.#half.delete(this.#half.keys().next().value!)
    const privilege = this.faults.openPrivilege ?? 4
    return encodeOpenSessionResponse({ status: 0, tag, privilege, consoleId, managedId, algorithms: SUITES[suite] })
  }

  #password(): Uint8Array {
    return utf8.encode(this.#options.password ?? 'secret').subarray(0, this.faults.passwordBytes ?? 20)
  }

  #rakp1(payload: Uint8Array): Uint8Array {
    const message = decodeRakp1(payload)
    const { tag, managedId } = message
    const half = this.#half.get(managedId)
    if (!half) return encodeRakpRefusal({ tag, status: RMCP_STATUS.invalidSessionId, consoleId: 0 })
    const { crypto, user = 'admin' } = this.#options
    const { consoleId } = half.exchange
    const status = this.faults.statuses?.rakp2
    if (status !== undefined) return encodeRakpRefusal({ tag, status, consoleId })
    if (new TextDecoder().decode(message.name) !== user)
      return encodeRakpRefusal({ tag, status: RMCP_STATUS.unauthorizedName, consoleId })
    if (this.faults.redraws) half.exchange = { ...half.exchange, managedRandom: crypto.random(16) }
    const { consoleRandom, name } = message
    const exchange: RakpExchange = { ...half.exchange, consoleRandom, name, role: roleByte(message) }
    half.proven = exchange
    half.sik = sessionIntegrityKey(
      crypto,
      exchange,
      this.#options.kg ? utf8.encode(this.#options.kg) : this.#password(),
    )
    const { managedRandom, guid } = exchange
    return encodeRakp2({ tag, consoleId, managedRandom, guid, code: rakp2Code(crypto, exchange, this.#password()) })
  }

  #rakp3(payload: Uint8Array): Uint8Array | undefined {
    const message = decodeRakp3(payload)
    const { tag, managedId } = message
    const half = this.#half.get(managedId)
    if (message.status !== 0) {
      this.#half.delete(managedId)
      return undefined
    }
    const refuse = (status: number, consoleId = 0) =>
      encodePlus(PAYLOAD.rakp4, encodeRakpRefusal({ tag, status, consoleId }))
    if (!half?.proven || !half.sik) return refuse(RMCP_STATUS.invalidSessionId)
    const { crypto } = this.#options
    const { consoleId, suite } = half.proven
    const status = this.faults.statuses?.rakp4
    if (status !== undefined) return refuse(status, consoleId)
    const code = rakp3Code(crypto, half.proven, this.#password())
    if (code.length !== message.code.length || !crypto.isSame(code, message.code))
      return refuse(RMCP_STATUS.invalidCheckValue, consoleId)
    if (!this.#sessions.has(managedId)) {
      this.opened++
      const sequence = this.faults.sequence === 'from-far' ? 0xffff_f000 : 0
      this.#sessions.set(managedId, { keys: sessionKeys(crypto, suite, half.sik), consoleId, sequence, commands: 0 })
    }
    return encodePlus(PAYLOAD.rakp4, encodeRakp4({ tag, consoleId, code: rakp4Code(crypto, half.proven, half.sik) }))
  }

  #inSession(packet: PlusPacket): Uint8Array | undefined {
    const { crypto } = this.#options
    const session = this.#sessions.get(packet.sessionId)
    if (!session) return undefined
    const payload = openPacket(crypto, session.keys, packet)
    if (packet.payloadType !== PAYLOAD.ipmi) return undefined
    const request = decodeRequest(payload)
    if (session.commands++ >= (this.faults.forgetsAfter ?? Number.POSITIVE_INFINITY)) {
      this.#sessions.delete(packet.sessionId)
      return undefined
    }
    const answer = this.#obey(request, packet.sessionId)
    if (!answer) return undefined
    if (this.faults.sequence !== 'same' || session.sequence === 0) session.sequence++
    const { keys, consoleId: sessionId, sequence } = session
    return sealPacket(crypto, keys, {
      payloadType: PAYLOAD.ipmi,
      sessionId,
      sequence,
      payload: encodeResponse(request, answer),
    })
  }

  #obey(request: IpmiRequest, session: number): Answer | undefined {
    const key = commandKey(request.netFn, request.command)
    const own = this.#options.commands?.[key]
    if (own) return own(request, this)
    switch (key) {
      case '00:01':
        return ok(this.isOn ? 1 : 0, 0, 0)
      case '00:02': {
        const action = CHASSIS_CONTROLS[request.data[0]! & 0x0f] ?? 'unknown'
        this.switched.push(action)
        if (!this.faults.ignoresPower) this.isOn = action !== 'off' && action !== 'soft'
        return ok()
      }
      case '06:01':
        return ok(0x20, 1, 2, 0x34, 2, 0xbf, 0x7c, 0x2a, 0, 1, 0)
      case '06:3b':
        return { completionCode: this.faults.privilegeCode ?? 0, data: Uint8Array.of(request.data[0]!) }
      case '06:3c':
        this.#sessions.delete(session)
        this.closed++
        return ok()
      default:
        return { completionCode: 0xc1, data: new Uint8Array(0) }
    }
  }
}
