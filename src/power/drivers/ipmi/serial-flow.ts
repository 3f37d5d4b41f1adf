import { decodeSol, encodeSol, nextSolSequence, SOL_FROM_BMC, SOL_FROM_CONSOLE } from '../../../protocols/ipmi/sol.ts'

/** `send`: a SOL payload. `data`: characters of the machine. `ended`: why the line is gone. */
export type FlowStep =
  | Readonly<{ do: 'send'; payload: Uint8Array }>
  | Readonly<{ do: 'data'; bytes: Uint8Array }>
  | Readonly<{ do: 'ended'; why: string }>

/** Typed and not taken by the BMC yet: a pasted script fits, an endless one is refused. */
export const MOST_UNSENT_BYTES = 64 * 1024
const FIRST_WAIT_MS = 500
const MOST_WAIT_MS = 3000
const MOST_TRIES = 10
/** After "not now". */
const PAUSE_MS = 300

type InFlight = {
  readonly sequence: number
  readonly data: Uint8Array
  readonly flags: number
  tries: number
  wakeAt: number
}

const NOTHING = new Uint8Array(0)

/** The console's side of serial over LAN (IPMI 2.0 §15.9): one packet at a time each way, acknowledged, sent again. Pure. */
export class SerialFlow {
  readonly #mostData: number
  #unsent: Uint8Array[] = []
  #unsentBytes = 0
  #mustBreak = false
  #inFlight: InFlight | undefined
  #sequence = 0
  #notBefore = 0
  #received = { sequence: 0, length: 0 }
  #steps: FlowStep[] = []
  #isOver = false

  /**
   * `mostData`: characters that the BMC takes in one packet. `before`: the number before the first one, 0 to 15; it should differ
   * from line to line, because some BMCs take the first packet of a new line for the last of the old one.
   */
  constructor(mostData: number, before = 0) {
    this.#mostData = mostData
    this.#sequence = before
  }

  get wakeAt(): number | undefined {
    if (this.#isOver) return undefined
    if (this.#inFlight) return this.#inFlight.wakeAt
    return this.#unsentBytes > 0 || this.#mustBreak ? this.#notBefore : undefined
  }

  /** What is typed while too much waits is left out. */
  write(now: number, bytes: Uint8Array): readonly FlowStep[] {
    if (bytes.length > 0 && this.#unsentBytes + bytes.length <= MOST_UNSENT_BYTES) {
      this.#unsent.push(bytes.slice())
      this.#unsentBytes += bytes.length
    }
    return this.#go(now)
  }

  sendBreak(now: number): readonly FlowStep[] {
    this.#mustBreak = true
    return this.#go(now)
  }

  /** @throws DecodeError */
  receive(now: number, payload: Uint8Array): readonly FlowStep[] {
    const packet = decodeSol(payload)
    const flight = this.#inFlight
    if (flight && packet.acknowledged === flight.sequence) {
      this.#inFlight = undefined
      const rest = flight.data.subarray(Math.min(packet.accepted, flight.data.length))
      if (rest.length > 0) this.#putBack(rest)
      const isRefused = (packet.flags & (SOL_FROM_BMC.nack | SOL_FROM_BMC.unavailable)) !== 0
      // One that took nothing and does not say why is not pressed either.
      if (isRefused || (rest.length > 0 && packet.accepted === 0)) this.#notBefore = now + PAUSE_MS
      if (isRefused && (flight.flags & SOL_FROM_CONSOLE.break) !== 0) this.#mustBreak = true
    }
    if (packet.sequence !== 0) this.#take(packet.sequence, packet.data)
    if ((packet.flags & SOL_FROM_BMC.deactivated) !== 0)
      this.#end('the BMC ended it; another client may have taken the line')
    return this.#go(now)
  }

  #take(sequence: number, data: Uint8Array): void {
    const known = sequence === this.#received.sequence ? this.#received.length : 0
    // A packet that comes again may hold more than the first time (§15.9).
    if (data.length > known) this.#steps.push({ do: 'data', bytes: data.slice(known) })
    this.#received = { sequence, length: Math.max(known, data.length) }
    this.#send({ sequence: 0, acknowledged: sequence, accepted: data.length, flags: 0, data: NOTHING })
  }

  wake(now: number): readonly FlowStep[] {
    const flight = this.#inFlight
    if (flight && now >= flight.wakeAt) {
      if (flight.tries >= MOST_TRIES) this.#end('the BMC does not take what is typed any more')
      else this.#try(now, flight)
    }
    return this.#go(now)
  }

  #go(now: number): readonly FlowStep[] {
    const hasWork = this.#unsentBytes > 0 || this.#mustBreak
    if (!this.#isOver && !this.#inFlight && hasWork && now >= this.#notBefore) {
      this.#sequence = nextSolSequence(this.#sequence)
      // A break stands after what was typed before it.
      const isBreak = this.#unsentBytes === 0
      const flags = isBreak ? SOL_FROM_CONSOLE.break : 0
      if (isBreak) this.#mustBreak = false
      this.#inFlight = { sequence: this.#sequence, data: this.#nextData(), flags, tries: 0, wakeAt: 0 }
      this.#try(now, this.#inFlight)
    }
    const steps = this.#steps
    this.#steps = []
    return steps
  }

  #try(now: number, flight: InFlight): void {
    flight.wakeAt = now + Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 1.5 ** flight.tries)
    flight.tries++
    const { sequence, flags, data } = flight
    this.#send({ sequence, acknowledged: 0, accepted: 0, flags, data })
  }

  #nextData(): Uint8Array {
    const data = new Uint8Array(Math.min(this.#mostData, this.#unsentBytes))
    for (let at = 0; at < data.length; ) {
      const first = this.#unsent[0]!
      const part = first.subarray(0, data.length - at)
      data.set(part, at)
      at += part.length
      if (part.length === first.length) this.#unsent.shift()
      else this.#unsent[0] = first.subarray(part.length)
    }
    this.#unsentBytes -= data.length
    return data
  }

  #putBack(rest: Uint8Array): void {
    this.#unsent.unshift(rest)
    this.#unsentBytes += rest.length
  }

  #send(packet: Parameters<typeof encodeSol>[0]): void {
    if (!this.#isOver) this.#steps.push({ do: 'send', payload: encodeSol(packet) })
  }

  #end(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#steps.push({ do: 'ended', why })
  }
}

const LEAST_PAYLOAD_BYTES = 5
const MOST_PAYLOAD_BYTES = 259
const CAREFUL_PAYLOAD_BYTES = 36

/** Characters that go into one packet, of the size that a BMC names: many name it with its bytes swapped, or what cannot be. */
export function charactersOf(payloadBytes: number): number {
  const swapped = ((payloadBytes & 0xff) << 8) | (payloadBytes >> 8)
  const isSize = (bytes: number) => bytes >= LEAST_PAYLOAD_BYTES && bytes <= MOST_PAYLOAD_BYTES
  const bytes = [payloadBytes, swapped].find(isSize) ?? CAREFUL_PAYLOAD_BYTES
  // The head takes 4 bytes; 251 characters are the most that our packets hold.
  return Math.min(bytes - 4, 251)
}
