import { DecodeError, type Refusal } from '../../../kit/errors.ts'
import type { IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import { GET_DEVICE_ID } from '../../../protocols/ipmi/device.ts'
import { decodeResponse, encodeRequest, type IpmiResponse } from '../../../protocols/ipmi/message.ts'
import { NET_FN } from '../../../protocols/ipmi/net-fn.ts'
import { decodePacket, PAYLOAD, type PlusPacket } from '../../../protocols/ipmi/packet.ts'
import { decodeRmcp } from '../../../protocols/ipmi/rmcp.ts'
import { Exchanges } from './exchanges.ts'
import { Handshake, type HandshakeStep } from './handshake.ts'
import {
  noAnswer,
  noSuite,
  notKnownWhetherDone,
  onlyOldIpmi,
  privilegeTooHigh,
  sessionRefused,
  tooSlow,
  wentSilent,
} from './refusals.ts'
import { SealedSession } from './sealed-session.ts'
import { askCapabilities, askCipherSuites, BEFORE_SESSION, knowsPlus, OF_SESSION } from './session-less.ts'
import {
  type Ask,
  type Exchange,
  type ExchangeKind,
  LIMITS,
  type MessageKey,
  type PlainRequest,
  type Queued,
  type SessionAround,
  type Step,
} from './steps.ts'
import { SuiteChoice } from './suite-choice.ts'

/** IPMI 2.0 §6.12.15: a BMC ends sessions after 60 s of silence, give or take 3. */
const IDLE_CLOSE_MS = 45_000
const BUSY_MS = 250
const BUSY = 0xc0

/**
 * The client's side of one session with one BMC: opens it when there is something to ask, asks one thing at a time, tries again
 * at the right moment, opens it again when the BMC forgot it, closes it when idle. Pure: time and packets are handed in,
 * and what is to be done comes back. `wakeAt` says when `wake` wants to be called.
 */
export class Session {
  readonly #around: SessionAround
  readonly #queue: Queued[] = []
  readonly #suites: SuiteChoice
  #handshake: Handshake | undefined
  #established: SealedSession | undefined
  readonly #exchanges = new Exchanges((bytes) => this.#send(bytes))
  #handshakes = 0
  #messageSequence = 0
  #usedAt = 0
  /** Keeps the session open though nothing is asked. */
  held = false
  readonly #steps: Step[] = []

  constructor(around: SessionAround) {
    this.#around = around
    this.#suites = new SuiteChoice(around.suite)
  }

  /** `undefined`: nothing is under way. */
  get wakeAt(): number | undefined {
    let at = this.#exchanges.current?.wakeAt
    if (at === undefined && this.#queue.length > 0) at = this.#exchanges.notBefore
    for (const { ask } of this.#queue) if (at === undefined || ask.deadline < at) at = ask.deadline
    if (at === undefined && this.#established && !this.held) at = this.#usedAt + IDLE_CLOSE_MS
    return at
  }

  /** Of the session that is open; `undefined`: none is. */
  get suite(): IpmiSuite | undefined {
    return this.#established?.suite
  }

  /** No session, none being opened, and nothing to ask. */
  get isAtRest(): boolean {
    return !this.#established && !this.#exchanges.current && this.#queue.length === 0
  }

  get isIdle(): boolean {
    return !this.#exchanges.current && this.#queue.length === 0
  }

  ask(now: number, ask: Ask): readonly Step[] {
    if (this.isIdle) {
      this.#exchanges.wasHeard = false
      this.#handshakes = 0
      this.#suites.begin()
    }
    this.#queue.push({ ask, reopenings: 0, busyAnswers: 0 })
    this.#pump(now)
    return this.#taken()
  }

  /** Sends a SOL payload at once, outside of the queue; nothing where there is no session. */
  sendSol(payload: Uint8Array): readonly Step[] {
    if (this.#established) this.#send(this.#established.seal(PAYLOAD.sol, payload))
    return this.#taken()
  }

  wake(now: number): readonly Step[] {
    for (const queued of this.#queue.filter(({ ask }) => now >= ask.deadline)) {
      const mayBeDone = queued.ask.once && queued === this.#queue[0] && this.#exchanges.current?.kind === 'ask'
      this.#refuseOne(queued, mayBeDone ? notKnownWhetherDone(this.#around.whom) : tooSlow(this.#around.whom))
    }
    const late = this.#exchanges.current
    if (late && now >= late.wakeAt) {
      this.#steps.push({ do: 'silent' })
      const lost = this.#exchanges.retry(now, late)
      if (lost) this.#giveUp(now, lost)
    }
    this.#pump(now)
    if (this.#established && this.isIdle && !this.held && now >= this.#usedAt + IDLE_CLOSE_MS) this.#farewell()
    return this.#taken()
  }

  /** Tells the BMC that the session ends, and refuses what is still asked. */
  close(refusal: Refusal): readonly Step[] {
    this.#exchanges.drop()
    for (const queued of [...this.#queue]) this.#refuseOne(queued, refusal)
    this.#farewell()
    this.#dropHandshake()
    return this.#taken()
  }

  /** Takes any bytes; what does not belong here is left aside. */
  receive(now: number, bytes: Uint8Array): readonly Step[] {
    try {
      const rmcp = decodeRmcp(bytes)
      if (rmcp.class === 'ipmi') this.#receive(now, rmcp.body)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
    this.#pump(now)
    return this.#taken()
  }

  #receive(now: number, body: Uint8Array): void {
    const packet = decodePacket(body)
    if (packet.version === 1.5) {
      if (this.#exchanges.current?.kind === 'diagnose')
        this.#takeMessage(now, this.#exchanges.current, decodeResponse(packet.payload))
    } else if (packet.sessionId !== 0) this.#receiveSealed(now, packet)
    else if (!packet.encrypted && !packet.authenticated) this.#receivePlain(now, packet)
  }

  #receiveSealed(now: number, packet: PlusPacket): void {
    const payload = this.#established?.open(now, packet)
    if (!payload) return
    this.#exchanges.wasHeard = true
    if (packet.payloadType === PAYLOAD.sol) this.#steps.push({ do: 'sol', payload: payload.slice() })
    else if (packet.payloadType === PAYLOAD.ipmi && this.#exchanges.current)
      this.#takeMessage(now, this.#exchanges.current, decodeResponse(payload))
  }

  #receivePlain(now: number, { payloadType, payload }: PlusPacket): void {
    const exchange = this.#exchanges.current
    if (!exchange) return
    const handshake = this.#handshake
    if (payloadType === PAYLOAD.ipmi) {
      if (exchange.kind === 'suites') this.#takeMessage(now, exchange, decodeResponse(payload))
    } else if (payloadType === PAYLOAD.openSessionResponse && exchange.kind === 'open' && handshake)
      this.#afterStep(now, exchange, handshake.takeOpenResponse(payload))
    else if (payloadType === PAYLOAD.rakp2 && exchange.kind === 'rakp1' && handshake)
      this.#afterStep(now, exchange, handshake.takeRakp2(payload, !this.#exchanges.sentTwice))
    else if (payloadType === PAYLOAD.rakp4 && exchange.kind === 'rakp3' && handshake)
      this.#afterStep(now, exchange, handshake.takeRakp4(payload, !this.#exchanges.sentTwice))
  }

  #afterStep(now: number, exchange: Exchange, step: HandshakeStep): void {
    if (step.kind === 'ignored') return
    this.#exchanges.answered(now, exchange)
    const handshake = this.#handshake!
    if (step.kind === 'next') {
      if (exchange.kind === 'open') this.#begin(now, 'rakp1', () => handshake.rakp1())
      else this.#begin(now, 'rakp3', () => handshake.rakp3())
    } else if (step.kind === 'proven') {
      this.#handshake = undefined
      const { managedId, keys } = step
      this.#established = new SealedSession(this.#around.crypto, {
        keys,
        managedId,
        consoleId: handshake.consoleId,
        now,
      })
      this.#usedAt = now
      this.#suites.proven(keys.suite)
      const { privilege } = this.#around.credentials
      this.#beginMessage(now, 'privilege', { command: OF_SESSION.setPrivilege, data: Uint8Array.of(privilege) })
    } else if (step.kind === 'no-suite') {
      this.#suites.refused(handshake.suite)
      this.#dropHandshake()
    } else if (step.kind === 'again') this.#startOver(step.otherwise)
    else {
      if (step.farewell) this.#send(step.farewell)
      this.#fail(step.refusal)
    }
  }

  #takeMessage(now: number, exchange: Exchange, message: IpmiResponse): void {
    const { key } = exchange
    if (!key || message.sequence !== key.sequence) return
    if (message.netFn !== (key.netFn | 1) || message.command !== key.command) return
    this.#exchanges.answered(now, exchange)
    const { completionCode, data } = message
    if (exchange.kind === 'suites') this.#tookSuites(now, completionCode, data)
    else if (exchange.kind === 'diagnose') this.#diagnosed(data)
    else if (exchange.kind === 'privilege') this.#tookPrivilege(completionCode)
    else if (exchange.kind === 'ask') this.#tookAnswer(now, completionCode, data)
  }

  #tookSuites(now: number, completionCode: number, data: Uint8Array): void {
    if (completionCode !== 0) this.#suites.listed()
    else if (this.#suites.take(data)) this.#askSuites(now)
  }

  /** A BMC that knows RMCP+ only lost our packets. */
  #diagnosed(data: Uint8Array): void {
    if (knowsPlus(data)) this.#startOver(wentSilent(this.#around.whom))
    else this.#fail(onlyOldIpmi(this.#around.whom))
  }

  #tookPrivilege(completionCode: number): void {
    if (completionCode === 0) {
      this.#handshakes = 0
      return
    }
    this.#farewell()
    // IPMI 2.0 table 22-23: 80h and 81h are about the user or the channel.
    const { whom } = this.#around
    if (completionCode === 0x80 || completionCode === 0x81) this.#fail(privilegeTooHigh(whom))
    else this.#fail(sessionRefused(whom, 'setting the privilege', completionCode))
  }

  #tookAnswer(now: number, completionCode: number, data: Uint8Array): void {
    const queued = this.#queue[0]
    if (!queued) return
    this.#usedAt = now
    if (completionCode === BUSY && queued.busyAnswers++ < LIMITS.busyAnswers) {
      this.#exchanges.notBefore = now + BUSY_MS * queued.busyAnswers
      return
    }
    this.#queue.shift()
    this.#steps.push({ do: 'answer', id: queued.ask.id, answer: { completionCode, data } })
  }

  /** Begins whatever is next, if it is time. */
  #pump(now: number): void {
    const queued = this.#queue[0]
    if (!queued || this.#exchanges.current || now < this.#exchanges.notBefore) return
    const session = this.#established
    if (!session) this.#open(now)
    else if (queued.ask.once && !session.isFresh(now))
      this.#beginMessage(now, 'check', { command: GET_DEVICE_ID.command, data: new Uint8Array(0) })
    else this.#beginMessage(now, 'ask', queued.ask.request, queued.ask.alone)
  }

  #open(now: number): void {
    const suite = this.#suites.next
    if (this.#suites.mustAsk) this.#askSuites(now)
    else if (suite === undefined) this.#fail(noSuite(this.#around.whom, this.#suites.candidates))
    else {
      this.#handshakes++
      this.#exchanges.sentTwice = false
      const handshake = new Handshake(this.#around, suite, this.#around.takeId())
      this.#handshake = handshake
      this.#begin(now, 'open', () => handshake.openRequest())
    }
  }

  #askSuites(now: number): void {
    const { part } = this.#suites
    const key = { sequence: this.#nextSequence(), netFn: NET_FN.application, command: BEFORE_SESSION.cipherSuites }
    this.#begin(now, 'suites', () => askCipherSuites(key.sequence, part), key)
  }

  #beginMessage(now: number, kind: 'privilege' | 'check' | 'ask', request: PlainRequest, alone?: number): void {
    const session = this.#established!
    const { netFn = NET_FN.application, lun = 0, command, data } = request
    const sequence = this.#nextSequence()
    const message = encodeRequest({ netFn, lun, command, data, sequence })
    this.#begin(now, kind, () => session.seal(PAYLOAD.ipmi, message), { sequence, netFn, command }, alone)
  }

  #begin(now: number, kind: ExchangeKind, make: () => Uint8Array, key?: MessageKey, alone?: number): void {
    const isDoubtful = this.#established?.isDoubtful(now) === true
    this.#exchanges.begin(now, { kind, key, make, isDoubtful, alone })
  }

  #giveUp(now: number, exchange: Exchange): void {
    const { whom } = this.#around
    switch (exchange.kind) {
      case 'suites':
        this.#suites.listed()
        break
      case 'open':
        this.#dropHandshake()
        this.#suites.forget()
        if (this.#exchanges.wasHeard) this.#fail(wentSilent(whom))
        else this.#diagnose(now)
        break
      case 'diagnose':
        this.#fail(noAnswer(whom))
        break
      case 'rakp1':
      case 'rakp3':
        this.#startOver(wentSilent(whom))
        break
      case 'privilege':
      case 'check':
      case 'ask':
        this.#sessionLost(exchange)
    }
  }

  /** Nothing answered the request for a session: old BMCs still answer this. */
  #diagnose(now: number): void {
    const { privilege } = this.#around.credentials
    const key = { sequence: this.#nextSequence(), netFn: NET_FN.application, command: BEFORE_SESSION.capabilities }
    this.#begin(now, 'diagnose', () => askCapabilities(key.sequence, privilege), key)
  }

  #startOver(otherwise: Refusal): void {
    this.#dropHandshake()
    if (this.#handshakes >= LIMITS.handshakes) this.#fail(otherwise)
  }

  /** A session in which nothing is answered was forgotten: BMCs restart, and they throw the oldest out for a new one. */
  #sessionLost({ kind, alone }: Exchange): void {
    const { whom } = this.#around
    // One packet was lost, or the BMC is busy with what it was told.
    if (alone !== undefined) this.#established?.suspect()
    else this.#dropSession()
    const queued = this.#queue[0]
    if (!queued) return
    if (kind === 'ask' && queued.ask.once) this.#refuseOne(queued, notKnownWhetherDone(whom))
    else if (queued.reopenings++ >= LIMITS.reopenings || this.#handshakes >= LIMITS.handshakes)
      this.#fail(wentSilent(whom))
    // What follows is a new try with a BMC that is not known to be there.
    else this.#exchanges.wasHeard = false
  }

  #refuseOne(queued: Queued, refusal: Refusal): void {
    const at = this.#queue.indexOf(queued)
    if (at < 0) return
    if (at === 0 && this.#exchanges.current?.kind === 'ask') this.#exchanges.drop()
    this.#queue.splice(at, 1)
    this.#steps.push({ do: 'refuse', id: queued.ask.id, refusal })
    if (this.#queue.length === 0 && !this.#established) {
      this.#exchanges.drop()
      this.#dropHandshake()
    }
  }

  /** Opening a session failed: all that wait would meet the same. */
  #fail(refusal: Refusal): void {
    this.#exchanges.drop()
    this.#dropHandshake()
    for (const { ask } of this.#queue.splice(0)) this.#steps.push({ do: 'refuse', id: ask.id, refusal })
  }

  #dropHandshake(): void {
    if (this.#handshake) this.#around.giveBackId(this.#handshake.consoleId)
    this.#handshake = undefined
  }

  #dropSession(): void {
    if (!this.#established) return
    this.#around.giveBackId(this.#established.consoleId)
    this.#established = undefined
    this.#steps.push({ do: 'lost' })
  }

  /** Close Session (IPMI 2.0 §22.19), without waiting for its answer: the BMC would end it by itself. */
  #farewell(): void {
    const session = this.#established
    if (!session) return
    const [netFn, command, data] = [NET_FN.application, OF_SESSION.close, session.closeData]
    this.#send(session.seal(PAYLOAD.ipmi, encodeRequest({ netFn, command, data, sequence: this.#nextSequence() })))
    this.#dropSession()
  }

  #nextSequence(): number {
    this.#messageSequence = (this.#messageSequence + 1) & 0x3f
    return this.#messageSequence
  }

  #send(bytes: Uint8Array): void {
    this.#steps.push({ do: 'send', bytes })
  }

  #taken(): readonly Step[] {
    return this.#steps.splice(0)
  }
}
