import { readSync } from 'node:fs'
import { DecodeError } from '../../kit/errors.ts'
import type { TftpTerms } from '../../protocols/tftp/negotiate.ts'
import {
  DATA_HEADER,
  decodeTftp,
  encodeTftp,
  MAX_REQUEST,
  TftpError,
  writeDataHeader,
} from '../../protocols/tftp/packet.ts'
import {
  startTransfer,
  stepTransfer,
  type Transfer,
  type TransferEnd,
  type TransferEvent,
  type TransferStep,
} from '../../protocols/tftp/transfer.ts'
import { MAX_SEGMENTED_BYTES, MAX_SEGMENTS, receive, send } from '../../sockets/datagrams.ts'
import { setUdpSegment } from '../../sockets/udp.ts'

/** Where the bytes of a transfer come from: an open file, or memory. */
export type Source = Readonly<{ fd: number }> | Readonly<{ bytes: Uint8Array }>

const AHEAD = 128 * 1024

/** One transfer on its socket: reads bytes, sends what the transfer machine says, hears its client. */
export class RunningTransfer {
  readonly socket: number
  readonly #source: Source
  readonly #segmented: boolean
  #state: Transfer
  #end: TransferEnd | undefined
  /** Bytes of the file from `#from` on. */
  #ahead: Uint8Array = new Uint8Array(0)
  #from = 0
  #window: Uint8Array = new Uint8Array(0)

  constructor(socket: number, source: Source, terms: TftpTerms, now: number) {
    this.socket = socket
    this.#source = source
    // Packets other than DATA have up to 512 bytes and must not be cut into segments.
    this.#segmented =
      terms.windowsize > 1 && terms.blksize >= MAX_REQUEST && setUdpSegment(socket, DATA_HEADER + terms.blksize)
    const step = startTransfer(terms, now)
    this.#state = step.state
    this.#perform(step)
  }

  get state(): Transfer {
    return this.#state
  }

  get end(): TransferEnd | undefined {
    return this.#end
  }

  /**
   * Handles one datagram of the client; false when it made no sense. Only one: `poll` tells of the next, others get their turn, and
   * in lock-step a second look would find nothing.
   */
  hear(buffer: Uint8Array, now: number): boolean {
    const length = receive(this.socket, buffer)
    if (length < 0) return true
    try {
      this.advance({ kind: 'packet', packet: decodeTftp(buffer.subarray(0, length)) }, now)
      return true
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return false
    }
  }

  advance(event: TransferEvent, now: number): void {
    if (!this.#end) this.#perform(stepTransfer(this.#state, event, now))
  }

  #perform(step: TransferStep): void {
    this.#state = step.state
    this.#end = step.done
    for (const each of step.send) {
      // What the kernel does not take is lost like any datagram: silence brings it again.
      if (each.kind === 'packet') send(this.socket, encodeTftp(each.packet))
      else {
        try {
          this.#sendBlocks(each.first, each.count)
        } catch (error) {
          send(this.socket, encodeTftp({ op: 'error', code: TftpError.other, message: 'read error' }))
          this.#end = { outcome: 'aborted', reason: `the file cannot be read on: ${String(error)}` }
        }
      }
    }
  }

  #sendBlocks(first: number, count: number): void {
    const { blksize, size } = this.#state.terms
    const stride = DATA_HEADER + blksize
    const offset = (first - 1) * blksize
    const bytes = Math.min(count * blksize, size - offset)
    const content = this.#read(offset, bytes)
    const length = count * DATA_HEADER + bytes
    if (this.#window.length < length) this.#window = new Uint8Array(length)
    for (let i = 0; i < count; i++) {
      const at = writeDataHeader(this.#window, i * stride, first + i)
      this.#window.set(content.subarray(i * blksize, (i + 1) * blksize), at)
    }
    const batch = this.#segmented ? Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENTED_BYTES / stride)) * stride : stride
    for (let at = 0; at < length; at += batch) {
      const part = this.#window.subarray(at, Math.min(at + batch, length))
      // Some interfaces cannot segment, or the path became narrower: one by one then.
      if (!send(this.socket, part) && part.length > stride)
        for (let one = 0; one < part.length; one += stride) send(this.socket, part.subarray(one, one + stride))
    }
  }

  /** A view that is valid until the next call. */
  #read(offset: number, length: number): Uint8Array {
    if ('bytes' in this.#source) return this.#source.bytes.subarray(offset, offset + length)
    if (offset < this.#from || offset + length > this.#from + this.#ahead.length) {
      const wanted = Math.min(Math.max(AHEAD, length), this.#state.terms.size - offset)
      const buffer = this.#ahead.byteLength >= wanted ? this.#ahead : new Uint8Array(wanted)
      let got = 0
      while (got < wanted) {
        const count = readSync(this.#source.fd, buffer, got, wanted - got, offset + got)
        if (count === 0) throw new Error('the file became shorter while it was sent')
        got += count
      }
      this.#ahead = buffer.subarray(0, wanted)
      this.#from = offset
    }
    return this.#ahead.subarray(offset - this.#from, offset - this.#from + length)
  }
}
