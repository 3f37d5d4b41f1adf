import { DecodeError, type Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { Command } from '../../../protocols/ipmi/command.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import type { IpmiCryptography, IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import type { RawAnswer, RawRequest } from '../../driver.ts'
import type { Addresses } from './addresses.ts'
import type { Credentials } from './handshake.ts'
import type { IpmiPort, Peer, Receiver } from './port.ts'
import { badAnswer, closed, tooMany, tooSlow, unknownHost, unreachable, type Whom } from './refusals.ts'
import { Session } from './session.ts'
import type { Ask, Step } from './steps.ts'
import type { Turnstile } from './turnstile.ts'

/** One BMC and one account of it. `host`: a name or an address. */
export type Target = Readonly<{
  host: string
  port: number
  suite: 'auto' | IpmiSuite
  credentials: Credentials
  whom: Whom
}>

/** `links`: those that have a session, open one, or wait to. */
export type LinkAround = Readonly<{
  port: IpmiPort
  turnstile: Turnstile
  addresses: Addresses
  cryptography: IpmiCryptography
  log: Log
  links: Set<{ close(): void }>
}>

/** `until`: by `performance.now()`. `once`: the command does more when it is done twice. `alone`: see `Ask`. */
export type AskOptions = Readonly<{ until?: number; once?: boolean; alone?: number | undefined }>

/** One request has so long, waiting for its turn included; below the minute that a driver's call may take. */
const ASK_MS = 45_000
const MOST_WAITING = 256

type Pending = Readonly<{ ask: Ask; resolve: (answer: RawAnswer) => void; reject: (error: unknown) => void }>

/** Asks one BMC, one thing at a time, over a session that is opened and closed as needed. The shell around `Session`. */
export class Link {
  readonly #around: LinkAround
  readonly #target: Target
  readonly #session: Session
  readonly #receiver: Receiver
  readonly #pending = new Map<number, Pending>()
  /** Asked, and not handed to the session yet. */
  #waiting: Ask[] = []
  #nextId = 0
  #peer: Peer | undefined
  #detach: (() => void) | undefined
  #leave: (() => void) | undefined
  #isStarting = false
  /** Whether it answered last. */
  #isLively = false
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #takesSol: ((payload: Uint8Array) => void) | undefined
  #tellLost: (() => void) | undefined

  constructor(around: LinkAround, target: Target) {
    this.#around = around
    this.#target = target
    this.#receiver = {
      receive: (bytes) => this.#receive(bytes),
      unsendable: (code) => this.#stop(unreachable(target.whom, code)),
    }
    this.#session = new Session({
      crypto: around.cryptography,
      credentials: target.credentials,
      whom: target.whom,
      suite: target.suite,
      takeId: () => this.#takeId(),
      giveBackId: (id) => around.port.release(id, this.#receiver),
    })
  }

  get log(): Log {
    return this.#around.log
  }

  /** The cipher suite of the session; `undefined` when there is none. */
  get suite(): IpmiSuite | undefined {
    return this.#session.suite
  }

  get whom(): Whom {
    return this.#target.whom
  }

  /** @throws Refusal, and CompletionError where the BMC answers with a code other than 00h */
  async call<Request, Answer>(
    command: Command<Request, Answer>,
    request: Request,
    options: AskOptions = {},
  ): Promise<Answer> {
    const { netFn, command: number, name } = command
    const data = command.encodeRequest(request)
    const answer = await this.ask({ netFn, lun: 0, command: number, data }, options)
    if (answer.completionCode !== COMPLETION.ok) throw new CompletionError(answer.completionCode, name)
    try {
      return command.decodeAnswer(answer.data)
    } catch (error) {
      if (error instanceof DecodeError) throw badAnswer(this.whom, name, error.message)
      throw error
    }
  }

  /** The answer as it is, whatever its completion code. @throws Refusal */
  ask(request: RawRequest, { until, once = false, alone }: AskOptions = {}): Promise<RawAnswer> {
    if (this.#pending.size >= MOST_WAITING) return Promise.reject(tooMany(this.whom))
    const now = performance.now()
    const deadline = Math.min(until ?? Number.POSITIVE_INFINITY, now + ASK_MS)
    const ask: Ask = { id: this.#nextId++, request, deadline, once, alone }
    return new Promise((resolve, reject) => {
      this.#pending.set(ask.id, { ask, resolve, reject })
      this.#waiting.push(ask)
      this.#turn()
    })
  }

  /** Keeps the session open, and takes what comes over its serial line; `lost` when the session is gone. */
  hold(sol: (payload: Uint8Array) => void, lost: () => void): void {
    this.#session.held = true
    this.#takesSol = sol
    this.#tellLost = lost
  }

  letGo(): void {
    this.#session.held = false
    this.#takesSol = undefined
    this.#tellLost = undefined
    this.#arm()
  }

  /** `false`: there is no session. */
  sendSol(payload: Uint8Array): boolean {
    if (this.#session.suite === undefined) return false
    this.#do(this.#session.sendSol(payload))
    return true
  }

  /** Ends the session; what is asked is refused. It may be asked again afterwards. */
  close(): void {
    this.#stop(closed(this.whom))
  }

  #receive(bytes: Uint8Array): void {
    try {
      this.#do(this.#session.receive(performance.now(), bytes))
    } catch (error) {
      // A fault of ours, met by what one BMC sent, must not end everything else.
      this.#around.log.error({ bmc: this.whom.where, error: String(error) }, 'A packet of a BMC could not be handled')
    }
  }

  #stop(refusal: Refusal): void {
    this.#do(this.#session.close(refusal))
    this.#refuseWaiting(refusal)
    this.#settle()
  }

  #turn(): void {
    if (!this.#session.isIdle) this.#handOver()
    else if (!this.#isStarting) void this.#start()
    this.#arm()
  }

  /** Begins when it may: there is a place, and the address is known. */
  async #start(): Promise<void> {
    this.#isStarting = true
    this.#around.links.add(this)
    try {
      // Before there is a place: whoever waits for a name service must not keep others from theirs.
      if (this.#session.suite === undefined) await this.#findPeer()
      this.#leave = await this.#around.turnstile.enter(this.#isLively ? 'lively' : 'unproven')
      this.#detach ??= this.#around.port.attach(this.#peer!, this.#receiver)
      this.#handOver()
    } catch (error) {
      this.#refuseWaiting(error)
    } finally {
      this.#isStarting = false
      this.#settle()
    }
  }

  async #findPeer(): Promise<void> {
    const { host, port, whom } = this.#target
    try {
      const address = await this.#around.addresses.of(host)
      if (address === this.#peer?.address) return
      this.#detach?.()
      this.#detach = undefined
      this.#peer = { address, port }
    } catch (error) {
      throw unknownHost(whom, (error as NodeJS.ErrnoException).code ?? 'no address')
    }
  }

  #handOver(): void {
    const asks = this.#waiting
    this.#waiting = []
    for (const ask of asks) this.#do(this.#session.ask(performance.now(), ask))
  }

  #refuseWaiting(error: unknown): void {
    const asks = this.#waiting
    this.#waiting = []
    for (const { id } of asks) this.#refuse(id, error)
  }

  #refuse(id: number, error: unknown): void {
    this.#pending.get(id)?.reject(error)
    this.#pending.delete(id)
  }

  #do(steps: readonly Step[]): void {
    for (const step of steps) {
      switch (step.do) {
        case 'send':
          this.#around.port.send(step.bytes, this.#peer!, this.#receiver)
          break
        case 'answer':
          this.#isLively = true
          this.#pending.get(step.id)?.resolve(step.answer)
          this.#pending.delete(step.id)
          break
        case 'refuse':
          this.#refuse(step.id, step.refusal)
          break
        case 'silent':
          // Retries are few and slow: others need not wait for them.
          this.#isLively = false
          this.#giveUpPlace()
          break
        case 'sol':
          this.#takesSol?.(step.payload)
          break
        case 'lost':
          this.#tellLost?.()
          break
      }
    }
    this.#settle()
  }

  #giveUpPlace(): void {
    this.#leave?.()
    this.#leave = undefined
  }

  /** Gives back what is not needed now. */
  #settle(): void {
    if (!this.#isStarting && this.#waiting.length === 0) {
      if (this.#session.isIdle) this.#giveUpPlace()
      if (this.#session.isAtRest) {
        this.#detach?.()
        this.#detach = undefined
        this.#around.links.delete(this)
      }
    }
    this.#arm()
  }

  #arm(): void {
    let at = this.#session.wakeAt ?? Number.POSITIVE_INFINITY
    for (const { deadline } of this.#waiting) at = Math.min(at, deadline)
    if (at === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = undefined
    if (at === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, Math.ceil(at - performance.now())))
    // An idle session keeps no process alive; its BMC ends it by itself.
    if (this.#pending.size === 0) this.#timer.unref()
  }

  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    const late = this.#waiting.filter(({ deadline }) => now >= deadline)
    this.#waiting = this.#waiting.filter(({ deadline }) => now < deadline)
    for (const { id } of late) this.#refuse(id, tooSlow(this.whom))
    this.#do(this.#session.wake(now))
  }

  #takeId(): number {
    for (;;) {
      const bytes = this.#around.cryptography.random(4)
      const id = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
      if (id !== 0 && this.#around.port.claim(id, this.#peer!, this.#receiver)) return id
    }
  }
}
