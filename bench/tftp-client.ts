import koffi from 'koffi'
import { ByteWriter } from '../src/kit/bytes.ts'
import { parseIpv4 } from '../src/kit/ip.ts'
import { decodeTftp, encodeTftp, type TftpOptions } from '../src/protocols/tftp/packet.ts'

/**
 * Fetches one file and prints `{"bytes", "seconds", "windowsize", "blksize", "timeouts"}`. Blocking calls in one thread, because the
 * latency of an event loop would be measured otherwise: about 2 us a packet here, so 64-block windows are limited by the server.
 *
 *     node bench/tftp-client.ts ADDRESS PORT FILE BLKSIZE WINDOWSIZE
 */
const [address = '', port = '', file = '', blksize = '512', windowsize = '1'] = process.argv.slice(2)

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int, int, int)')
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)')
const connect = libc.func('int connect(int, const void *, uint32_t)')
const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, uint32_t)')
const send = libc.func('long send(int, const void *, size_t, int)')
const recvfrom = libc.func('long recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)')
const recv = libc.func('long recv(int, void *, size_t, int)')

const inet = (to: number) =>
  new ByteWriter(16)
    .u16le(2)
    .u16(to)
    .u32(parseIpv4(address) ?? 0)
    .padTo(16)
    .finish()
const fd: number = socket(2, 2, 0)
setsockopt(fd, 1, 33, new Uint8Array(Int32Array.of(4 * 1024 * 1024).buffer), 4) // SO_RCVBUFFORCE
setsockopt(fd, 1, 20, new Uint8Array(BigInt64Array.of(1n, 0n).buffer), 16) // SO_RCVTIMEO: 1 s

const options: TftpOptions = [
  ...(blksize === '512' ? [] : [['blksize', blksize] as const]),
  ...(windowsize === '1' ? [] : [['windowsize', windowsize] as const]),
]
const began = performance.now()
const to = inet(Number(port))
const request = encodeTftp({ op: 'read', filename: file, mode: 'octet', options })
sendto(fd, request, request.length, 0, to, to.length)

const buffer = Buffer.alloc(65_536)
const from = new Uint8Array(16)
let length: number = recvfrom(fd, buffer, buffer.length, 0, from, [16])
if (length < 0) throw new Error('no answer')
const peer = inet(from[2]! * 256 + from[3]!)
connect(fd, peer, peer.length)

const terms = { blksize: 512, windowsize: 1 }
const ack = Uint8Array.of(0, 4, 0, 0)
let block = 0
let inWindow = 0
let bytes = 0
let timeouts = 0
const acknowledge = () => {
  ack[2] = (block >>> 8) & 255
  ack[3] = block & 255
  send(fd, ack, 4, 0)
  inWindow = 0
}
for (;;) {
  if (length < 0) {
    if (++timeouts > 20) throw new Error('too many time-outs')
    acknowledge()
  } else if (buffer[1] === 6) {
    const oack = decodeTftp(buffer.subarray(0, length))
    for (const [name, value] of oack.op === 'oack' ? oack.options : [])
      if (name === 'blksize' || name === 'windowsize') terms[name] = Number(value)
    acknowledge()
  } else if (buffer[1] === 5) {
    throw new Error(JSON.stringify(decodeTftp(buffer.subarray(0, length))))
  } else if (buffer.readUInt16BE(2) === ((block + 1) & 0xffff)) {
    block++
    bytes += length - 4
    const last = length - 4 < terms.blksize
    if (last || ++inWindow === terms.windowsize) acknowledge()
    if (last) break
  } else if (inWindow > 0) acknowledge()
  length = recv(fd, buffer, buffer.length, 0)
}
const seconds = (performance.now() - began) / 1000
console.log(JSON.stringify({ bytes, seconds, ...terms, timeouts }))
