import { getLun, getU32, isAfter } from '../../protocols/iscsi/fields.ts'
import { ASYNC_EVENT, BHS_BYTES, IMMEDIATE, REJECT, REQUEST, RESERVED_TAG } from '../../protocols/iscsi/opcodes.ts'
import {
  putAsynchronous,
  putLogoutResponse,
  putNopIn,
  putReject,
  putTaskManagementResponse,
  putTextResponse,
  type Sequence,
} from '../../protocols/iscsi/responses.ts'
import { encodeText, TextGatherer, type TextPair } from '../../protocols/iscsi/text.ts'
import type { SessionLun } from './session-lun.ts'
import type { SessionWire } from './session-wire.ts'
import { TaskSet } from './task-set.ts'

/** Commands an initiator may have on their way, and how many while memory is short. */
const WINDOW = 128
const TIGHT_WINDOW = 8

/** What a session needs of its surroundings. */
export type SessionSurroundings = Readonly<{
  wire: SessionWire
  /** Empty for discovery. */
  luns: readonly SessionLun[]
  connectionId: number
  /** Answers SendTargets and other text keys. */
  text: (pairs: readonly TextPair[]) => readonly TextPair[]
  /** A task management function; resolves with the response of RFC 7143, 11.6.1. */
  manage: (session: DiskSession, lun: number, func: number, tag: number, cmdSN: number) => Promise<number>
  /** The peer broke the protocol, or said goodbye: close when everything is sent. */
  close: (reason: string) => void
  /** Begin to read again, or stop. */
  hold: (on: boolean) => void
}>

type Held = Readonly<{ head: Uint8Array; data: Uint8Array; now: number }>

/** The full feature phase of a session (RFC 7143, 4.2): takes PDUs in the order of CmdSN and answers them. */
export class DiskSession {
  readonly tasks: TaskSet
  readonly #around: SessionSurroundings
  readonly #wire: SessionWire
  readonly #sequence: Sequence
  /** Commands that came before others which they follow. */
  readonly #early = new Map<number, Held>()
  #gatherer = new TextGatherer()
  /** What of a text answer did not fit its first PDU. */
  #textLeft: Uint8Array | undefined
  #isClosing = false

  constructor(around: SessionSurroundings) {
    this.#around = around
    this.#wire = around.wire
    this.#sequence = around.wire.sequence
    this.tasks = new TaskSet(around.wire, around.luns, () => this.#openWindow())
    this.#openWindow()
  }

  /** MaxCmdSN never goes back (RFC 7143, 4.2.2.1): under load it just does not grow. */
  #openWindow(): undefined {
    const window = this.#wire.memory.isTight ? TIGHT_WINDOW : WINDOW
    const room = Math.max(0, window - this.tasks.outstanding)
    const most = (this.#sequence.expCmdSN + room - 1) >>> 0
    if (isAfter(most, this.#sequence.maxCmdSN)) this.#sequence.maxCmdSN = most
  }

  /** What is handed in is a window on memory that is used again as soon as it returns. */
  onPdu(head: Uint8Array, at: number, data: Uint8Array, now: number): undefined {
    if (this.#isClosing) return
    const opcode = head[at]! & 0x3f
    if (opcode === REQUEST.dataOut) {
      if (!this.tasks.dataOut(head, at, data)) this.#fatal('data came that was not agreed upon')
      return
    }
    if (opcode === REQUEST.snack) return this.#reject(head, at, REJECT.snack)
    // A ping of ours that comes back has no CmdSN of its own (11.18).
    if (opcode === REQUEST.nopOut && getU32(head, at + 16) === RESERVED_TAG) return
    if (opcode !== REQUEST.command && (opcode > REQUEST.logout || opcode === REQUEST.login))
      return this.#reject(head, at, REJECT.protocolError)
    if ((head[at]! & IMMEDIATE) === 0) {
      const cmdSN = getU32(head, at + 24)
      const { expCmdSN, maxCmdSN } = this.#sequence
      if (cmdSN !== expCmdSN) {
        // Outside the window: ignored without an answer (4.2.2.1).
        if (isAfter(cmdSN, maxCmdSN) || isAfter(expCmdSN, cmdSN)) return
        this.#early.set(cmdSN, { head: head.slice(at, at + BHS_BYTES), data: data.slice(), now })
        return
      }
      this.#sequence.expCmdSN = (expCmdSN + 1) >>> 0
      this.#openWindow()
    }
    this.#deliver(opcode, head, at, data, now)
    while (this.#early.size > 0 && !this.#isClosing) {
      const next = this.#early.get(this.#sequence.expCmdSN)
      if (!next) return
      this.#early.delete(this.#sequence.expCmdSN)
      this.#sequence.expCmdSN = (this.#sequence.expCmdSN + 1) >>> 0
      this.#deliver(next.head[0]! & 0x3f, next.head, 0, next.data, next.now)
    }
  }

  #deliver(opcode: number, head: Uint8Array, at: number, data: Uint8Array, now: number): undefined {
    switch (opcode) {
      case REQUEST.command: {
        if (this.#around.luns.length === 0) return this.#reject(head, at, REJECT.protocolError)
        const reason = this.tasks.command(head, at, data, now)
        if (reason >= 0) this.#reject(head, at, reason)
        return
      }
      case REQUEST.nopOut:
        return this.#echo(head, at, data)
      case REQUEST.text:
        return this.#text(head, at, data)
      case REQUEST.taskManagement:
        return this.#manage(head, at)
      case REQUEST.logout:
        return this.#logout(head, at)
    }
    this.#reject(head, at, REJECT.notSupported)
  }

  /** A data segment whose digest is wrong (7.9): its PDU is rejected, its command fails. */
  onDamagedData(head: Uint8Array, at: number): undefined {
    this.#reject(head, at, REJECT.dataDigestError)
    if ((head[at]! & 0x3f) === REQUEST.dataOut) this.tasks.damaged(head, at)
    // Without its CmdSN no later command could be delivered; with level 0 the initiator begins anew.
    else this.#fatal('a data segment was damaged on the way')
  }

  #echo(head: Uint8Array, at: number, data: Uint8Array): undefined {
    const bytes = Math.min(data.length, this.#wire.parameters.initiatorDataBytes)
    const place = this.#wire.reserve(bytes)
    this.#wire.output.bytes.set(data.subarray(0, bytes), place + this.#wire.headBytes)
    const fields = { tag: getU32(head, at + 16), transfer: RESERVED_TAG, dataBytes: bytes }
    putNopIn(this.#wire.output.bytes, place, this.#sequence, fields)
    this.#wire.seal(place, bytes)
  }

  /** Asks whether the initiator is still there. */
  ping(): undefined {
    const place = this.#wire.reserve(0)
    putNopIn(this.#wire.output.bytes, place, this.#sequence, { tag: RESERVED_TAG, transfer: 1, dataBytes: 0 })
    this.#wire.seal(place, 0)
    this.#wire.output.flush()
  }

  #text(head: Uint8Array, at: number, data: Uint8Array): undefined {
    const tag = getU32(head, at + 16)
    const continues = (head[at + 1]! & 0x40) !== 0
    // An empty request that carries our tag asks for the rest of an answer (11.10.4).
    if (getU32(head, at + 20) !== RESERVED_TAG && this.#textLeft) return this.#sendText(tag)
    const pairs = this.#gatherer.add(data, continues)
    this.#textLeft = pairs ? encodeText(this.#around.text(pairs)) : new Uint8Array(0)
    this.#sendText(tag)
  }

  #sendText(tag: number): undefined {
    const all = this.#textLeft ?? new Uint8Array(0)
    const part = all.subarray(0, Math.min(all.length, this.#wire.parameters.initiatorDataBytes, 64 * 1024))
    const isLast = part.length === all.length
    this.#textLeft = isLast ? undefined : all.subarray(part.length)
    const place = this.#wire.reserve(part.length)
    this.#wire.output.bytes.set(part, place + this.#wire.headBytes)
    const transfer = isLast ? RESERVED_TAG : 1
    const fields = { tag, transfer, final: isLast, continues: !isLast, dataBytes: part.length }
    putTextResponse(this.#wire.output.bytes, place, this.#sequence, fields)
    this.#wire.seal(place, part.length)
  }

  #manage(head: Uint8Array, at: number): undefined {
    const tag = getU32(head, at + 16)
    const done = this.#around.manage(
      this,
      getLun(head, at + 8),
      head[at + 1]! & 0x7f,
      getU32(head, at + 20),
      getU32(head, at + 32),
    )
    void done.then((response) => {
      if (this.#isClosing) return
      const place = this.#wire.reserve(0)
      putTaskManagementResponse(this.#wire.output.bytes, place, this.#sequence, { tag, response })
      this.#wire.seal(place, 0)
      this.#wire.output.flush()
    })
  }

  #logout(head: Uint8Array, at: number): undefined {
    const reason = head[at + 1]! & 0x7f
    // 2: "remove the connection for recovery", which error recovery level 0 does not have; 1: cid not found.
    const isOther = reason === 1 && ((head[at + 20]! << 8) | head[at + 21]!) !== this.#around.connectionId
    const response = reason === 2 ? 2 : isOther ? 1 : 0
    const place = this.#wire.reserve(0)
    const fields = { tag: getU32(head, at + 16), response, time2Wait: 0, time2Retain: 0 }
    putLogoutResponse(this.#wire.output.bytes, place, this.#sequence, fields)
    this.#wire.seal(place, 0)
    this.#wire.output.flush()
    if (response === 0) {
      this.#isClosing = true
      this.#around.close('logged out')
    }
  }

  #reject(head: Uint8Array, at: number, reason: number): undefined {
    const place = this.#wire.reserve(BHS_BYTES)
    putReject(this.#wire.output.bytes, place, this.#sequence, reason)
    this.#wire.output.bytes.set(head.subarray(at, at + BHS_BYTES), place + this.#wire.headBytes)
    this.#wire.seal(place, BHS_BYTES)
  }

  #fatal(reason: string): undefined {
    this.#wire.output.flush()
    this.#isClosing = true
    this.#around.close(reason)
  }

  /** Whether a command of this number may still come; ABORT TASK of such a one is complete at once (11.6.1). */
  isExpected(cmdSN: number): boolean {
    return !isAfter(this.#sequence.expCmdSN, cmdSN) && !isAfter(cmdSN, this.#sequence.maxCmdSN)
  }

  /** Tells the initiator that its session is dropped; it may come again after two seconds. */
  announceEnd(): undefined {
    if (this.#isClosing) return
    const place = this.#wire.reserve(0)
    const fields = { event: ASYNC_EVENT.dropSession, connection: 0, time2Wait: 2, time2Retain: 0, dataBytes: 0 }
    putAsynchronous(this.#wire.output.bytes, place, this.#sequence, fields)
    this.#wire.seal(place, 0)
    this.#wire.output.flush()
    this.#isClosing = true
  }

  /** After what arrived together was taken. */
  afterChunk(): undefined {
    this.#wire.output.flush()
    if (this.tasks.isCongested) this.#around.hold(true)
  }

  /** Something was sent, or memory became free. */
  onRoom(): undefined {
    if (this.tasks.hasWaiting) this.tasks.resume()
    if (!this.tasks.isCongested) this.#around.hold(false)
  }
}
