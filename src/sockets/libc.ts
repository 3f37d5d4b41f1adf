import koffi from 'koffi'

/**
 * The few C library calls that Node lacks. Every function takes and returns plain numbers and byte arrays; a pointer never leaves
 * this file. A mistake here can crash the process: keep it small.
 */

const library = koffi.load('libc.so.6')

const c = {
  socket: library.func('int socket(int, int, int)'),
  setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)'),
  bind: library.func('int bind(int, const void *, uint32_t)'),
  connect: library.func('int connect(int, const void *, uint32_t)'),
  send: library.func('long send(int, const void *, size_t, int)'),
  sendmmsg: library.func('int sendmmsg(int, const void *, unsigned int, int)'),
  recv: library.func('long recv(int, _Out_ uint8_t *, size_t, int)'),
  close: library.func('int close(int)'),
}

/** Numbers of Linux on x86-64 and arm64 (they agree on these). */
export const C = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_PACKET: 17,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_BROADCAST: 6,
  SO_RCVBUF: 8,
  SO_BINDTODEVICE: 25,
  SO_ATTACH_FILTER: 26,
  SO_RCVBUFFORCE: 33,
  SOL_UDP: 17,
  UDP_SEGMENT: 103,
  SOL_PACKET: 263,
  PACKET_ADD_MEMBERSHIP: 1,
  PACKET_MR_MULTICAST: 0,
  MSG_DONTWAIT: 0x40,
} as const

/** `errno` names that callers tell apart. */
const ERRNO_NAMES = new Map(
  (['EPERM', 'EACCES', 'EADDRINUSE', 'EAGAIN', 'ENODEV', 'ENXIO', 'ENETDOWN', 'ENOBUFS', 'EINVAL'] as const).map(
    (name) => [koffi.os.errno[name], name] as const,
  ),
)

/** A failed system call: which one, and the C library's name for why. */
export class SystemCallError extends Error {
  override name = 'SystemCallError'
  readonly code: string

  constructor(call: string) {
    const errno = koffi.errno()
    const code = ERRNO_NAMES.get(errno) ?? `errno ${errno}`
    super(`${call}: ${code}`)
    this.code = code
  }
}

function checked(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call)
  return result
}

export function openSocket(family: number, type: number, protocol: number): number {
  return checked('socket', c.socket(family, type | C.SOCK_CLOEXEC, protocol))
}

export function setOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
  const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value
  checked('setsockopt', c.setsockopt(fd, level, option, bytes, bytes.length))
}

export function bindSocket(fd: number, address: Uint8Array): void {
  checked('bind', c.bind(fd, address, address.length))
}

/** Where `sendNow` sends to. */
export function connectSocket(fd: number, address: Uint8Array): void {
  checked('connect', c.connect(fd, address, address.length))
}

/** Sends without waiting; bytes the kernel has no room for are an error, as with any full queue. */
export function sendNow(fd: number, bytes: Uint8Array): void {
  checked('send', c.send(fd, bytes, bytes.length, C.MSG_DONTWAIT))
}

/** Sends datagrams by their `struct mmsghdr`s without waiting; how many the kernel took, the first ones. */
export function sendMany(fd: number, headers: Uint8Array, count: number): number {
  return Math.max(0, c.sendmmsg(fd, headers, count, C.MSG_DONTWAIT))
}

/** Reads one packet into `buffer` without waiting; the number of bytes, or -1 when none is there. */
export function receiveNow(fd: number, buffer: Uint8Array): number {
  const count: number = c.recv(fd, buffer, buffer.length, C.MSG_DONTWAIT)
  if (count >= 0) return count
  const error = new SystemCallError('recv')
  if (error.code === 'EAGAIN') return -1
  throw error
}

export function closeSocket(fd: number): void {
  c.close(fd)
}

/** `SO_ATTACH_FILTER` with a classic BPF program, given as [code, jump if true, jump if false, operand]. */
export function attachFilter(fd: number, program: readonly (readonly [number, number, number, number])[]): void {
  const instructions = new Uint8Array(program.length * 8)
  const view = new DataView(instructions.buffer)
  program.forEach(([code, yes, no, operand], at) => {
    view.setUint16(at * 8, code, true)
    view.setUint8(at * 8 + 2, yes)
    view.setUint8(at * 8 + 3, no)
    view.setUint32(at * 8 + 4, operand, true)
  })
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  const header = new Uint8Array(16)
  const headerView = new DataView(header.buffer)
  headerView.setUint16(0, program.length, true)
  headerView.setBigUint64(8, koffi.address(instructions), true)
  setOption(fd, C.SOL_SOCKET, C.SO_ATTACH_FILTER, header)
}
