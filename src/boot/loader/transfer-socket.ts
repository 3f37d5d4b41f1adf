import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { DecodeError } from '../../kit/errors.ts'
import {
  DATA_HEADER,
  decodeTftp,
  encodeTftp,
  MAX_REQUEST,
  type TftpPacket,
  writeDataHeader,
} from '../../protocols/tftp/packet.ts'
import type { TftpSend } from '../../protocols/tftp/transfer.ts'
import { MAX_SEGMENTED_BYTES, MAX_SEGMENTS, pathMtu } from '../../sockets/segmentation.ts'
import { setUdpSegment } from '../../sockets/udp.ts'
import type { Content } from './content.ts'

/** Octets of IP, UDP and TFTP header before the bytes of a block. */
const HEADERS = 20 + 8 + DATA_HEADER
const USUAL_MTU = 1500

/** The UDP socket of one transfer: its port is our transfer identifier (RFC 1350 §4), and only its client is heard. */
export class TransferSocket {
  readonly #socket: Socket
  readonly #fd: number | undefined
  #segmented = false
  /** Sends that the kernel has not taken yet: their bytes must stay as they are. */
  #pending = 0
  #window: Uint8Array = new Uint8Array(0)
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#fd = descriptorOf(socket)
  }

  /** `local` is the address that the client talks to: an answer from another one would not be heard. */
  static async open(local: string, client: { address: string; port: number }): Promise<TransferSocket> {
    const socket = createSocket('udp4')
    // Errors of single packets (ICMP unreachable, a route that went away) change nothing: silence ends a transfer.
    socket.on('error', () => undefined)
    try {
      const bound = once(socket, 'listening')
      socket.bind({ address: local, port: 0, exclusive: true })
      await bound
      const connected = once(socket, 'connect')
      socket.connect(client.port, client.address)
      await connected
    } catch (error) {
      socket.close()
      throw error
    }
    return new TransferSocket(socket)
  }

  /** The largest block that leaves in one piece: Debian's firmware asks for 512 to 1468, others for up to 65464. */
  get maxBlksize(): number {
    return ((this.#fd === undefined ? undefined : pathMtu(this.#fd)) ?? USUAL_MTU) - HEADERS
  }

  /** Lets whole windows leave in one send where the kernel can. Packets other than DATA must stay below one segment. */
  sendInSegments(blksize: number): void {
    this.#segmented = this.#fd !== undefined && blksize >= MAX_REQUEST && setUdpSegment(this.#fd, DATA_HEADER + blksize)
  }

  /** Packets of the client; what cannot be read is told to `malformed`. */
  listen(packet: (packet: TftpPacket) => void, malformed: () => void): void {
    this.#socket.on('message', (datagram) => {
      let decoded: TftpPacket
      try {
        decoded = decodeTftp(datagram)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        malformed()
        return
      }
      packet(decoded)
    })
  }

  /** False when bytes of the content are not in memory; nothing was sent then. */
  send(what: TftpSend, content: Content, blksize: number): boolean {
    if (this.#closed) return true
    if (what.kind === 'packet') {
      this.#transmit(encodeTftp(what.packet))
      return true
    }
    const stride = DATA_HEADER + blksize
    const offset = (what.first - 1) * blksize
    const bytes = Math.min(what.count * blksize, content.size - offset)
    const window = this.#buffer(what.count * DATA_HEADER + bytes)
    for (let i = 0; i < what.count; i++) {
      const at = writeDataHeader(window, i * stride, what.first + i)
      if (!content.copy(window, at, offset + i * blksize, Math.min(blksize, bytes - i * blksize))) return false
    }
    const batch = this.#segmented ? Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENTED_BYTES / stride)) * stride : stride
    for (let at = 0; at < window.length; at += batch) this.#transmit(window.subarray(at, at + batch), stride)
    return true
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.close()
  }

  #transmit(bytes: Uint8Array, stride = bytes.length): void {
    this.#pending++
    this.#socket.send(bytes, (error) => {
      this.#pending--
      if (!error || this.#closed || bytes.length <= stride) return
      // Some interfaces cannot segment, or the path became narrower: one by one then.
      this.#segmented = false
      for (let at = 0; at < bytes.length; at += stride) this.#transmit(bytes.slice(at, at + stride))
    })
  }

  /** The window's memory is used again when the kernel took all of the last one. */
  #buffer(length: number): Uint8Array {
    if (this.#pending > 0) return new Uint8Array(length)
    if (this.#window.length < length) this.#window = new Uint8Array(length)
    return this.#window.subarray(0, length)
  }
}

/** Node shows the descriptor of a socket only in its internal state; without it everything works, but slower. */
function descriptorOf(socket: Socket): number | undefined {
  const key = Reflect.ownKeys(socket).find((each) => typeof each === 'symbol' && each.description === 'state symbol')
  const state: unknown = key === undefined ? undefined : Reflect.get(socket, key)
  if (typeof state !== 'object' || state === null || !('handle' in state)) return undefined
  const { handle } = state
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
