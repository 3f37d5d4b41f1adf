import type { IpmiCryptography, IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import type { PAYLOAD, PlusPacket } from '../../../protocols/ipmi/packet.ts'
import type { SessionKeys } from '../../../protocols/ipmi/rakp.ts'
import { openPacket, sealPacket } from '../../../protocols/ipmi/seal.ts'
import { SequenceWindow } from './sequence-window.ts'

/** After so long without an answer a session may be forgotten, in milliseconds. */
const IDLE_DOUBT_MS = 10_000
/** How fresh a session must be for a command that must not be given twice. */
const FRESH_MS = 5000

/** A session that is logged in: what leaves it is encrypted and numbered, what comes is checked and taken once. */
export class SealedSession {
  readonly consoleId: number
  readonly managedId: number
  readonly #crypto: IpmiCryptography
  readonly #keys: SessionKeys
  readonly #window = new SequenceWindow()
  #sequence = 0
  /** When the BMC showed last that it knows the session. */
  #heardAt: number
  #isSuspect = false

  constructor(
    crypto: IpmiCryptography,
    of: Readonly<{ keys: SessionKeys; consoleId: number; managedId: number; now: number }>,
  ) {
    this.#crypto = crypto
    this.#keys = of.keys
    this.consoleId = of.consoleId
    this.managedId = of.managedId
    this.#heardAt = of.now
  }

  isFresh(now: number): boolean {
    return now - this.#heardAt <= FRESH_MS
  }

  /** Whether the BMC may know it no more. */
  isDoubtful(now: number): boolean {
    return this.#isSuspect || now - this.#heardAt > IDLE_DOUBT_MS
  }

  /** What went out over it was not answered, and is not sent again. */
  suspect(): void {
    this.#isSuspect = true
  }

  get suite(): IpmiSuite {
    return this.#keys.suite
  }

  /** A whole packet; one more number each time, also for the same payload (IPMI 2.0 §6.12.13). */
  seal(payloadType: typeof PAYLOAD.ipmi | typeof PAYLOAD.sol, payload: Uint8Array): Uint8Array {
    this.#sequence = this.#sequence === 0xffff_ffff ? 1 : this.#sequence + 1
    const { managedId: sessionId } = this
    return sealPacket(this.#crypto, this.#keys, { payloadType, sessionId, sequence: this.#sequence, payload })
  }

  /** The payload; `undefined` where it came before, is another session's or was not encrypted. @throws DecodeError */
  open(now: number, packet: PlusPacket): Uint8Array | undefined {
    if (packet.sessionId !== this.consoleId || !packet.encrypted) return undefined
    const payload = openPacket(this.#crypto, this.#keys, packet)
    if (!this.#window.take(packet.sequence)) return undefined
    this.#heardAt = now
    this.#isSuspect = false
    return payload
  }

  /** Data of Close Session (§22.19). */
  get closeData(): Uint8Array {
    const { managedId: id } = this
    return Uint8Array.of(id, id >>> 8, id >>> 16, id >>> 24)
  }
}
