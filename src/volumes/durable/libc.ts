import koffi from 'koffi'

/**
 * The C library calls for files that Node lacks: locks, holes, reads that do not wait. They take descriptors and byte arrays; a pointer
 * never leaves this file. A mistake here can crash the process: keep it small.
 */

const library = koffi.load('libc.so.6')

const c = {
  flock: library.func('int flock(int, int)'),
  fallocate: library.func('int fallocate(int, int, int64_t, int64_t)'),
  preadv2: library.func('long preadv2(int, const void *, int, int64_t, int)'),
}

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
const RWF_NOWAIT = 8

const { EAGAIN, EINTR, ENOSPC, EOPNOTSUPP, ENOSYS, EINVAL } = koffi.os.errno

/** A failed call, with the C library's number for why. */
function failure(call: string, errno: number): Error {
  const code = errno === ENOSPC ? 'ENOSPC' : `errno ${errno}`
  return Object.assign(new Error(`${call}: ${code}`), { code })
}

/** Takes an advisory lock (flock(2)) without waiting; tells whether it was free. The kernel drops it with the descriptor, however that ends. */
export function tryLock(fd: number, mode: 'shared' | 'exclusive'): boolean {
  for (;;) {
    if (c.flock(fd, (mode === 'shared' ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true
    const errno = koffi.errno()
    if (errno === EAGAIN) return false
    if (errno !== EINTR) throw failure('flock', errno)
  }
}

/** Gives back the space of a range, which then reads as zeros. `false`: this file system cannot. */
export function punchHole(fd: number, at: number, bytes: number): boolean {
  for (;;) {
    if (c.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes) === 0) return true
    const errno = koffi.errno()
    if (errno === EOPNOTSUPP || errno === ENOSYS || errno === EINVAL) return false
    if (errno !== EINTR) throw failure('fallocate', errno)
  }
}

/** `struct iovec`: address and length, both of 64 bits, little-endian. */
const iovec = new Uint32Array(4)
const iovecBytes = new Uint8Array(iovec.buffer)
const addresses = new WeakMap<ArrayBufferLike, number>()

/** Where memory begins. It does not move while it lives. */
function addressOf(buffer: ArrayBufferLike): number {
  let address = addresses.get(buffer)
  if (address === undefined) {
    address = Number(koffi.address(buffer as ArrayBuffer))
    addresses.set(buffer, address)
  }
  return address
}

export const WOULD_WAIT = -1
export const CANNOT_TELL = -2

/**
 * Fills `into` from the page cache and tells how many bytes it had; `WOULD_WAIT` when the disk would have to be asked, `CANNOT_TELL` when the
 * file system does not know (preadv2(2), RWF_NOWAIT). It must have at least one byte.
 */
export function readCached(fd: number, into: Uint8Array, at: number): number {
  const address = addressOf(into.buffer) + into.byteOffset
  iovec[0] = address >>> 0
  iovec[1] = address / 2 ** 32
  iovec[2] = into.length
  iovec[3] = 0
  const count: number = c.preadv2(fd, iovecBytes, 1, at, RWF_NOWAIT)
  if (count >= 0) return count
  const errno = koffi.errno()
  if (errno === EAGAIN || errno === EINTR) return WOULD_WAIT
  if (errno === EOPNOTSUPP || errno === ENOSYS || errno === EINVAL) return CANNOT_TELL
  throw failure('preadv2', errno)
}
