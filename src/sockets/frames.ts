import { ByteWriter } from '../kit/bytes.ts'
import { type Mac, macToBytes } from '../kit/mac.ts'
import type { NetworkInterface } from './interfaces.ts'
import { attachFilter, bindSocket, C, closeSocket, openSocket, receiveNow, sendNow, setOption } from './libc.ts'
import { explained } from './udp.ts'

/** What a frame socket hears: nothing (it only sends), ARP replies, IPv6 router solicitations, or what DHCP servers send to clients. */
export type Hears = 'nothing' | 'arp-replies' | 'router-solicitations' | 'dhcp-replies'

/** Whole Ethernet frames on one interface (AF_PACKET). Nothing here ever waits. */
export type FrameSocket = Readonly<{
  /** Hands a frame to the kernel; throws `SystemCallError` when it takes none now. */
  send(frame: Uint8Array): void
  /** The next frame that was heard, or `undefined`. The bytes are valid until the next call. */
  receive(): Uint8Array | undefined
  close(): void
}>

const ETHERTYPE = { 'arp-replies': 0x0806, 'router-solicitations': 0x86dd, 'dhcp-replies': 0x0800 } as const

// Classic BPF: load byte / half-word at an offset (or behind the IPv4 header), jump if equal / if any bit is set, return.
const LOAD_BYTE = 0x30
const LOAD_HALF = 0x28
const LOAD_HEADER_LENGTH = 0xb1
const LOAD_HALF_BEHIND = 0x48
const JUMP_EQUAL = 0x15
const JUMP_ANY_BIT = 0x45
const RETURN = 0x06

/** Kernel-side filters, so that ordinary traffic of the interface costs us nothing. Offsets count from the Ethernet header. */
const FILTERS = {
  'arp-replies': [
    [LOAD_HALF, 0, 0, 20],
    [JUMP_EQUAL, 0, 1, 2],
    [RETURN, 0, 0, 0xffff],
    [RETURN, 0, 0, 0],
  ],
  'router-solicitations': [
    [LOAD_BYTE, 0, 0, 20],
    [JUMP_EQUAL, 0, 3, 58],
    [LOAD_BYTE, 0, 0, 54],
    [JUMP_EQUAL, 0, 1, 133],
    [RETURN, 0, 0, 0xffff],
    [RETURN, 0, 0, 0],
  ],
  'dhcp-replies': [
    [LOAD_BYTE, 0, 0, 23],
    [JUMP_EQUAL, 0, 6, 17],
    [LOAD_HALF, 0, 0, 20],
    [JUMP_ANY_BIT, 4, 0, 0x1fff],
    [LOAD_HEADER_LENGTH, 0, 0, 14],
    [LOAD_HALF_BEHIND, 0, 0, 16],
    [JUMP_EQUAL, 0, 1, 68],
    [RETURN, 0, 0, 0xffff],
    [RETURN, 0, 0, 0],
  ],
} as const

/** Opens a frame socket. `multicast` are group addresses whose frames the interface shall take in. Failures are `Refusal`s. */
export function openFrameSocket(on: NetworkInterface, hears: Hears, multicast: readonly Mac[] = []): FrameSocket {
  let fd: number | undefined
  try {
    // Protocol 0 hears nothing until bind, so that no frame from before the filter gets through.
    fd = openSocket(C.AF_PACKET, C.SOCK_RAW | C.SOCK_NONBLOCK, 0)
    if (hears !== 'nothing') attachFilter(fd, FILTERS[hears])
    bindSocket(fd, linkLayerAddress(on.index, hears === 'nothing' ? 0 : ETHERTYPE[hears]))
    for (const group of multicast) setOption(fd, C.SOL_PACKET, C.PACKET_ADD_MEMBERSHIP, membership(on.index, group))
  } catch (error) {
    if (fd !== undefined) closeSocket(fd)
    throw explained(error, `A raw socket on ${on.name}`, on.name)
  }
  const socket = fd
  const buffer = new Uint8Array(2048)
  let open = true
  return {
    send: (frame) => sendNow(socket, frame),
    receive() {
      const count = receiveNow(socket, buffer)
      return count < 0 ? undefined : buffer.subarray(0, count)
    },
    close() {
      if (open) closeSocket(socket)
      open = false
    },
  }
}

/** struct sockaddr_ll: family, protocol (network order), interface. */
function linkLayerAddress(index: number, etherType: number): Uint8Array {
  return new ByteWriter(20).u16le(C.AF_PACKET).u16(etherType).u32le(index).padTo(20).finish()
}

/** struct packet_mreq. */
function membership(index: number, group: Mac): Uint8Array {
  return new ByteWriter(16).u32le(index).u16le(C.PACKET_MR_MULTICAST).u16le(6).bytes(macToBytes(group), 8).finish()
}
