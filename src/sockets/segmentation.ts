import koffi from 'koffi'

const IPPROTO_IP = 0
const IP_MTU = 14

const library = koffi.load('libc.so.6')
const getsockopt = library.func('int getsockopt(int, int, int, _Out_ int *, _Inout_ uint32_t *)')

/** Most datagrams in one segmented send (UDP_MAX_SEGMENTS of Linux), and most bytes of it: 65,535 less the IP and UDP headers. */
export const MAX_SEGMENTS = 64
export const MAX_SEGMENTED_BYTES = 65_507

/** The MTU of the path that a connected socket uses, as far as the kernel knows it; `undefined` when it does not tell. */
export function pathMtu(fd: number): number | undefined {
  const value = [0]
  const size = [4]
  const result: number = getsockopt(fd, IPPROTO_IP, IP_MTU, value, size)
  return result === 0 && value[0]! > 0 ? value[0]! : undefined
}
