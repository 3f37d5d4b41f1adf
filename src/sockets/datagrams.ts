import koffi from 'koffi'
import { ByteWriter } from '../kit/bytes.ts'
import type { Ipv4 } from '../kit/ip.ts'
import { bindSocket, C, closeSocket, openSocket, SystemCallError } from './libc.ts'

/**
 * UDP without an event loop, for a thread that serves many transfers and may wait: `poll` sleeps until one of them has something
 * to read. In lock-step protocols the latency of each turn is what counts, and here it is that of a C program.
 */

const IPPROTO_IP = 0
const IP_MTU = 14
const POLLIN = 1
const EFD_NONBLOCK = 0o4000
const EFD_CLOEXEC = 0o2000000

const library = koffi.load('libc.so.6')
const c = {
  connect: library.func('int connect(int, const void *, uint32_t)'),
  getsockopt: library.func('int getsockopt(int, int, int, _Out_ int *, _Inout_ uint32_t *)'),
  eventfd: library.func('int eventfd(unsigned int, int)'),
  poll: library.func('int poll(void *, unsigned long, int)'),
  recv: library.func('long recv(int, void *, size_t, int)'),
  send: library.func('long send(int, const void *, size_t, int)'),
}

/** Most datagrams in one segmented send (UDP_MAX_SEGMENTS of Linux), and most bytes of it: 65,535 less the IP and UDP headers. */
export const MAX_SEGMENTS = 64
export const MAX_SEGMENTED_BYTES = 65_507

type Endpoint = Readonly<{ address: Ipv4; port: number }>

/** A non-blocking socket with a port of its own at `local`, which hears `peer` alone. The caller closes it with `closeSocket`. */
export function openConnected(local: Ipv4, peer: Endpoint): number {
  const fd = openSocket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_NONBLOCK, 0)
  try {
    bindSocket(fd, inetAddress({ address: local, port: 0 }))
    const to = inetAddress(peer)
    if (c.connect(fd, to, to.length) < 0) throw new SystemCallError('connect')
    return fd
  } catch (error) {
    closeSocket(fd)
    throw error
  }
}

/** The MTU of the path that a connected socket uses, as far as the kernel knows it; `undefined` when it does not tell. */
export function pathMtu(fd: number): number | undefined {
  const value = [0]
  const result: number = c.getsockopt(fd, IPPROTO_IP, IP_MTU, value, [4])
  return result === 0 && value[0]! > 0 ? value[0]! : undefined
}

/** Reads one datagram into `buffer`; its length, or -1 when there is none or the peer's side reported an error. */
export function receive(fd: number, buffer: Uint8Array): number {
  return c.recv(fd, buffer, buffer.length, C.MSG_DONTWAIT)
}

/** Sends one datagram (or, after UDP_SEGMENT, several); false when the kernel does not take it. */
export function send(fd: number, bytes: Uint8Array): boolean {
  return c.send(fd, bytes, bytes.length, C.MSG_DONTWAIT) >= 0
}

/** A descriptor that wakes a `Poll` of another thread when 8 bytes are written to it. */
export function openWaker(): number {
  const fd: number = c.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
  if (fd < 0) throw new SystemCallError('eventfd')
  return fd
}

/** A set of descriptors to wait for. */
export class Poll {
  #entries = new Uint8Array(0)
  #view = new DataView(this.#entries.buffer)
  #fds: readonly number[] = []

  /** Replaces the set. */
  watch(fds: readonly number[]): void {
    this.#fds = [...fds]
    // struct pollfd { int fd; short events; short revents; }, little-endian on all that Debian runs Node on.
    this.#entries = new Uint8Array(8 * fds.length)
    this.#view = new DataView(this.#entries.buffer)
    fds.forEach((fd, at) => {
      this.#view.setInt32(8 * at, fd, true)
      this.#view.setInt16(8 * at + 4, POLLIN, true)
    })
  }

  /** Sleeps until something can be read or `timeoutMs` passed, and gives the descriptors with something to read. */
  wait(timeoutMs: number): number[] {
    const ready: number = c.poll(this.#entries, this.#fds.length, timeoutMs)
    if (ready <= 0) return []
    return this.#fds.filter((_, at) => this.#view.getInt16(8 * at + 6, true) !== 0)
  }
}

/** struct sockaddr_in. */
function inetAddress({ address, port }: Endpoint): Uint8Array {
  return new ByteWriter(16).u16le(C.AF_INET).u16(port).u32(address).padTo(16).finish()
}
