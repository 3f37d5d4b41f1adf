import type { TftpTerms } from './negotiate.ts'
import { TftpError, type TftpPacket } from './packet.ts'

/** One file on its way to one client: what is acknowledged, what is in flight, and when to send again. Blocks count from 1 without end. */
export type Transfer = Readonly<{
  terms: TftpTerms
  /** The number of the last block: the first one shorter than `blksize`, perhaps empty (RFC 1350 §6). */
  last: number
  /** True until the client acknowledged the OACK with ACK 0. */
  negotiating: boolean
  acked: number
  sent: number
  /** Retransmissions since the last progress. */
  tries: number
  retransmits: number
  deadline: number
  /** Whether one repeated ACK may bring the window again; see `onAck`. */
  mayRepeat: boolean
}>

/** What to send. DATA is named, not carried: the shell has the bytes. `first` counts without end, the wire has its low 16 bits. */
export type TftpSend =
  | Readonly<{ kind: 'data'; first: number; count: number }>
  | Readonly<{ kind: 'packet'; packet: TftpPacket }>

export type TransferEvent =
  | Readonly<{ kind: 'packet'; packet: TftpPacket }>
  /** The client repeated its request: it has not heard our first answer. */
  | Readonly<{ kind: 'repeated-request' }>
  /** The deadline may have passed. */
  | Readonly<{ kind: 'tick' }>

/** How it ended. `probe`: the client only wanted to know the size, which is normal for UEFI firmware. */
export type TransferEnd = Readonly<{ outcome: 'complete' | 'probe' | 'aborted' | 'timeout'; reason: string }>

export type TransferStep = Readonly<{ state: Transfer; send: readonly TftpSend[]; done?: TransferEnd }>

/** Retransmissions without progress before a transfer is given up: 1 + 2 + 4 + 8 + 8 + 8 seconds with the usual time-out. */
export const MAX_TRIES = 5
const MAX_WAIT_MS = 8000

export function startTransfer(terms: TftpTerms, now: number): TransferStep {
  const state: Transfer = {
    terms,
    last: Math.floor(terms.size / terms.blksize) + 1,
    negotiating: terms.oack.length > 0,
    acked: 0,
    sent: 0,
    tries: 0,
    retransmits: 0,
    deadline: now + terms.timeoutMs,
    mayRepeat: true,
  }
  return state.negotiating ? { state, send: [oack(terms)] } : sendWindow(state, now)
}

/** Goes on with a transfer after an event at `now` (milliseconds, any clock that does not jump). Never throws. */
export function stepTransfer(state: Transfer, event: TransferEvent, now: number): TransferStep {
  switch (event.kind) {
    case 'tick':
      return now >= state.deadline ? retransmit(state, now) : { state, send: [] }
    case 'repeated-request':
      // Only while nothing was acknowledged: later it is a late duplicate. Nor while our answer may still be on its way: both requests may
      // have waited for us, and clients take a second OACK for an error (atftp does).
      return state.acked > 0 || (!state.negotiating && state.terms.oack.length > 0) || isFresh(state, now)
        ? { state, send: [] }
        : { state, send: [state.negotiating ? oack(state.terms) : { kind: 'data', first: 1, count: state.sent }] }
    case 'packet':
      return onPacket(state, event.packet, now)
  }
}

function onPacket(state: Transfer, packet: TftpPacket, now: number): TransferStep {
  switch (packet.op) {
    case 'ack':
      return onAck(state, packet.block, now)
    case 'error':
      return { state, send: [], done: endedBy(state, packet.code, packet.message) }
    default: {
      // RFC 1350 §7: what does not belong to a read transfer ends it.
      const message = `${packet.op.toUpperCase()} has no place in a read transfer`
      return {
        state,
        send: [failure(TftpError.illegalOperation, message)],
        done: { outcome: 'aborted', reason: `the client sent ${packet.op.toUpperCase()} in the middle of a read` },
      }
    }
  }
}

function onAck(state: Transfer, block: number, now: number): TransferStep {
  if (state.negotiating) {
    // RFC 2347: an OACK to a read request is acknowledged with block 0; anything else is from another time.
    return block === 0 ? sendWindow({ ...state, negotiating: false }, now) : { state, send: [] }
  }
  const ahead = (block - state.acked) & 0xffff
  if (ahead === 0) return onRepeatedAck(state, now)
  if (ahead > state.sent - state.acked) return { state, send: [] }
  const acked = state.acked + ahead
  if (acked === state.last) {
    const done = { outcome: 'complete', reason: 'the client acknowledged the last block' } as const
    return { state: { ...state, acked }, send: [], done }
  }
  // RFC 7440 §4: an ACK in the middle of the window says what arrived in order; the next window begins behind it.
  return sendWindow({ ...state, acked, tries: 0, mayRepeat: acked === state.sent }, now)
}

/**
 * An ACK we know already. In lock-step it must bring nothing: answering each of two equal ACKs doubles every packet from then on
 * (the "Sorcerer's Apprentice", RFC 1123 §4.2.3.1). With a window it is also how a client says that the first block of the window
 * is missing (RFC 7440 §4), so it brings the window again, but once, and not again before a whole window went through: then two
 * equal ACKs cost one window and no more.
 */
function onRepeatedAck(state: Transfer, now: number): TransferStep {
  if (state.terms.windowsize === 1 || state.acked === 0 || !state.mayRepeat) return { state, send: [] }
  return sendWindow({ ...state, mayRepeat: false, retransmits: state.retransmits + 1 }, now)
}

function retransmit(state: Transfer, now: number): TransferStep {
  if (state.tries >= MAX_TRIES) {
    const silent = state.negotiating ? 'ACK 0 for our options' : `the ACK of block ${state.sent}`
    return {
      state,
      send: [failure(TftpError.other, 'time-out: no acknowledgement')],
      done: { outcome: 'timeout', reason: `the client never sent ${silent}, after ${state.tries} retransmissions` },
    }
  }
  const again = { ...state, tries: state.tries + 1, retransmits: state.retransmits + 1, mayRepeat: false }
  return state.negotiating
    ? { state: { ...again, deadline: now + waitOf(again) }, send: [oack(state.terms)] }
    : sendWindow(again, now)
}

function sendWindow(state: Transfer, now: number): TransferStep {
  const sent = Math.min(state.acked + state.terms.windowsize, state.last)
  return {
    state: { ...state, sent, deadline: now + waitOf(state) },
    send: [{ kind: 'data', first: state.acked + 1, count: sent - state.acked }],
  }
}

/** Doubles with every try, up to 8 s or what the client asked for, whichever is longer. */
/** Whether the last answer is younger than half of the first time-out. */
function isFresh(state: Transfer, now: number): boolean {
  return now - (state.deadline - waitOf(state)) < state.terms.timeoutMs / 2
}

function waitOf(state: Transfer): number {
  const { timeoutMs } = state.terms
  return Math.min(timeoutMs * 2 ** state.tries, Math.max(MAX_WAIT_MS, timeoutMs))
}

function endedBy(state: Transfer, code: number, message: string): TransferEnd {
  // UEFI firmware asks for the size this way and says error 8, "User aborted the transfer"; others use 0.
  const asksSize = state.negotiating && state.terms.oack.some(([name]) => name === 'tsize')
  if (asksSize && (code === TftpError.optionRefused || code === TftpError.other))
    return { outcome: 'probe', reason: 'it asked only for the size' }
  const text = message.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
  return {
    outcome: 'aborted',
    reason: `the client ended it with error ${code}${text ? `, ${JSON.stringify(text)}` : ''}`,
  }
}

function oack(terms: TftpTerms): TftpSend {
  return { kind: 'packet', packet: { op: 'oack', options: terms.oack } }
}

function failure(code: number, message: string): TftpSend {
  return { kind: 'packet', packet: { op: 'error', code, message } }
}
