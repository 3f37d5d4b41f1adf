import koffi from 'koffi'
import type { Ipv4 } from '../kit/ip.ts'
import { C, sendMany } from './libc.ts'

/** Datagrams that one system call takes. */
const MOST = 64
/** An Ethernet payload without IP and UDP headers: what is longer does not go through here. */
const LARGEST = 1472

// Linux on 64 bits: struct mmsghdr { struct msghdr; unsigned msg_len; }, struct iovec, struct sockaddr_in.
const HEADER = 64
const IOVEC = 16
const NAME = 16

/**
 * Sends the datagrams of one turn of the event loop by one system call, on a socket that is open for as long as this is used. One
 * call for each would cost more than deciding what to answer, because each wakes whoever waits for it.
 */
export class DatagramBatch {
  readonly #fd: number
  readonly #done: (sent: number, failed: number) => void
  readonly #headers = new Uint8Array(MOST * HEADER)
  readonly #iovecs = new DataView(new ArrayBuffer(MOST * IOVEC))
  readonly #names = new DataView(new ArrayBuffer(MOST * NAME))
  readonly #payloads = new Uint8Array(MOST * LARGEST)
  #count = 0
  #flushing: NodeJS.Immediate | undefined

  /** `done` hears how many datagrams the kernel took, and how many it did not. */
  constructor(fd: number, done: (sent: number, failed: number) => void) {
    this.#fd = fd
    this.#done = done
    const headers = new DataView(this.#headers.buffer)
    for (let at = 0; at < MOST; at += 1) {
      headers.setBigUint64(at * HEADER, addressOf(this.#names.buffer) + BigInt(at * NAME), true)
      headers.setUint32(at * HEADER + 8, NAME, true)
      headers.setBigUint64(at * HEADER + 16, addressOf(this.#iovecs.buffer) + BigInt(at * IOVEC), true)
      headers.setBigUint64(at * HEADER + 24, 1n, true)
      this.#iovecs.setBigUint64(at * IOVEC, addressOf(this.#payloads.buffer) + BigInt(at * LARGEST), true)
      this.#names.setUint16(at * NAME, C.AF_INET, true)
    }
  }

  /** Takes a copy of a datagram, which leaves with the others of this turn. More than 1472 bytes are a `RangeError`. */
  add(payload: Uint8Array, address: Ipv4, port: number): void {
    if (payload.length > LARGEST) throw new RangeError(`a datagram of ${payload.length} bytes, at most ${LARGEST}`)
    const at = this.#count
    this.#payloads.set(payload, at * LARGEST)
    this.#iovecs.setUint32(at * IOVEC + 8, payload.length, true)
    this.#names.setUint16(at * NAME + 2, port)
    this.#names.setUint32(at * NAME + 4, address)
    this.#count += 1
    if (this.#count === MOST) this.flush()
    else this.#flushing ??= setImmediate(() => this.flush())
  }

  /** Sends what was added so far; call it before the socket is closed. */
  flush(): void {
    if (this.#flushing) clearImmediate(this.#flushing)
    this.#flushing = undefined
    const count = this.#count
    this.#count = 0
    let failed = 0
    for (let at = 0; at < count; ) {
      const sent = sendMany(this.#fd, this.#headers.subarray(at * HEADER), count - at)
      // The kernel stops at the first one that it does not take; the others may go elsewhere.
      if (sent < count - at) failed += 1
      at += sent + (sent < count - at ? 1 : 0)
    }
    if (count > 0) this.#done(count - failed, failed)
  }
}

function addressOf(memory: ArrayBufferLike): bigint {
  return koffi.address(new Uint8Array(memory))
}
