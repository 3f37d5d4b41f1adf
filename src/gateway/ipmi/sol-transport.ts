import {
  MOST_SOL_DATA_BYTES,
  nextSolSequence,
  SOL_FROM_BMC,
  SOL_FROM_CONSOLE,
  SOL_HEAD_BYTES,
  type SolPacket,
} from '../../protocols/ipmi/sol.ts'
import { SOL_PAYLOAD_BYTES, type SolSettings } from './command.ts'
import { MOST_SOL_WAITING_BYTES } from './limits.ts'

/** What is to be done now: packets for the client, in order, and what it typed. */
export type SolStep = Readonly<{ send: readonly SolPacket[]; typed: Uint8Array | undefined; breaks: boolean }>

const MOST_PIECES = 256
const NOTHING = new Uint8Array(0)
const MOST_DATA = Math.min(MOST_SOL_DATA_BYTES, SOL_PAYLOAD_BYTES.outbound - SOL_HEAD_BYTES)

/**
 * The BMC's side of one serial line over LAN (IPMI 2.0 §15.9 to §15.11): characters gathered into packets, one in flight at a time,
 * sent again until it is acknowledged or given up. It knows no clock and no socket: `now` is handed in, and `nextAt` says when
 * `tick` is due.
 */
export class SolTransport {
  readonly #settings: SolSettings
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** When the oldest character that waits came. */
  #waitingSince = 0
  #sequence = 0
  #flight: { packet: SolPacket; sentAt: number; retries: number } | undefined
  #lastIn = 0
  #lastAccepted = 0
  #paused = false
  #overrun = false

  constructor(settings: SolSettings) {
    this.#settings = settings
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** When to call `tick`; `undefined`: not before something comes. */
  nextAt(): number | undefined {
    if (this.#flight) return this.#flight.sentAt + this.#settings.retryMs
    if (this.#waitingBytes === 0 || this.#paused) return undefined
    return this.#waitingSince + this.#settings.accumulateMs
  }

  /** The machine printed. What waits beyond the limit is dropped, the oldest first, and the client is told that something is missing. */
  printed(bytes: Uint8Array, now: number): SolStep {
    if (bytes.length === 0) return this.#step([])
    if (this.#waitingBytes === 0) this.#waitingSince = now
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    // Many small pieces would take far more memory than their characters.
    if (this.#waiting.length > MOST_PIECES) this.#waiting = [this.#joined()]
    while (this.#waitingBytes > MOST_SOL_WAITING_BYTES) {
      this.#take(Math.min(this.#waiting[0]!.length, this.#waitingBytes - MOST_SOL_WAITING_BYTES))
      this.#overrun = true
    }
    return this.#step(this.#due(now))
  }

  /** A packet of the client came. */
  received(packet: SolPacket, now: number): SolStep {
    this.#paused = (packet.flags & SOL_FROM_CONSOLE.pause) !== 0
    if (packet.flags & SOL_FROM_CONSOLE.flushOutbound) {
      this.#waiting = []
      this.#waitingBytes = 0
    }
    this.#acknowledge(packet, now)
    if (packet.sequence === 0) return this.#step(this.#due(now))
    const isNew = packet.sequence !== this.#lastIn
    if (isNew) {
      this.#lastIn = packet.sequence
      this.#lastAccepted = packet.data.length
    }
    // A packet with characters may carry the acknowledgement along; nothing waits for it otherwise.
    const due = this.#due(now, packet.sequence)
    const send = due.length > 0 ? due : [this.#packet(0, NOTHING, packet.sequence)]
    const typed = isNew && packet.data.length > 0 ? packet.data : undefined
    return this.#step(send, typed, isNew && (packet.flags & SOL_FROM_CONSOLE.break) !== 0)
  }

  tick(now: number): SolStep {
    const flight = this.#flight
    if (flight && now >= flight.sentAt + this.#settings.retryMs) {
      if (flight.retries < this.#settings.retries) {
        flight.retries++
        flight.sentAt = now
        return this.#step([flight.packet])
      }
      // IPMI 2.0 table 26-5, retry count: what nobody acknowledged is dropped, and the line goes on.
      this.#flight = undefined
      this.#overrun = true
    }
    return this.#step(this.#due(now))
  }

  /** The last packets, when the line ends here: what waits and fits, then `text`, then word that it is over. Nobody waits for acknowledgements. */
  ended(text: Uint8Array = NOTHING): readonly SolPacket[] {
    this.#waiting.push(text)
    this.#waitingBytes += text.length
    const data = this.#joined().subarray(-MOST_DATA)
    const over = { ...this.#packet(0, NOTHING, 0), flags: SOL_FROM_BMC.deactivated }
    if (data.length === 0) return [over]
    this.#sequence = nextSolSequence(this.#sequence)
    return [this.#packet(this.#sequence, data, 0), over]
  }

  #acknowledge(packet: SolPacket, now: number): void {
    const flight = this.#flight
    if (!flight || packet.acknowledged === 0 || packet.acknowledged !== flight.packet.sequence) return
    this.#flight = undefined
    const { data } = flight.packet
    if (packet.flags & SOL_FROM_CONSOLE.flushOutbound) return
    // What was not taken goes out again, in a packet of its own.
    if (packet.accepted >= data.length) return
    const left = data.subarray(packet.accepted)
    if (this.#waitingBytes === 0) this.#waitingSince = now
    this.#waiting.unshift(left)
    this.#waitingBytes += left.length
  }

  /** The next packet with characters, if it is time for one. */
  #due(now: number, acknowledged = 0): SolPacket[] {
    if (this.#flight || this.#paused || this.#waitingBytes === 0) return []
    const { threshold, accumulateMs } = this.#settings
    const isDue = this.#waitingBytes >= Math.min(threshold, MOST_DATA) || now >= this.#waitingSince + accumulateMs
    if (!isDue) return []
    this.#sequence = nextSolSequence(this.#sequence)
    const packet = this.#packet(this.#sequence, this.#take(Math.min(MOST_DATA, this.#waitingBytes)), acknowledged)
    this.#flight = { packet, sentAt: now, retries: 0 }
    this.#waitingSince = now
    return [packet]
  }

  #packet(sequence: number, data: Uint8Array, acknowledged: number): SolPacket {
    const accepted = acknowledged === 0 ? 0 : this.#lastAccepted
    const flags = this.#overrun ? SOL_FROM_BMC.overrun : 0
    this.#overrun = false
    return { sequence, acknowledged, accepted, flags, data }
  }

  /** The oldest `count` bytes that wait. */
  #take(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    let at = 0
    while (at < count) {
      const first = this.#waiting[0]!
      const piece = first.subarray(0, count - at)
      bytes.set(piece, at)
      at += piece.length
      if (piece.length === first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(piece.length)
    }
    this.#waitingBytes -= count
    return bytes
  }

  #joined(): Uint8Array {
    const bytes = new Uint8Array(this.#waitingBytes)
    let at = 0
    for (const piece of this.#waiting) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }

  #step(send: readonly SolPacket[], typed?: Uint8Array, breaks = false): SolStep {
    return { send, typed, breaks }
  }
}
