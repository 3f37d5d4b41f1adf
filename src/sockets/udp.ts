import { createSocket, type Socket } from 'node:dgram'
import { ByteWriter } from '../kit/bytes.ts'
import { Refusal } from '../kit/errors.ts'
import { ANY_ADDRESS, formatIpv4, type Ipv4 } from '../kit/ip.ts'
import { bindSocket, C, closeSocket, openSocket, SystemCallError, setOption } from './libc.ts'

/** A bound UDP socket with its file descriptor, which is valid until `socket` is closed. */
export type UdpSocket = Readonly<{ socket: Socket; fd: number }>

export type UdpOptions = Readonly<{
  port: number
  /** The local address; by default any. */
  address?: Ipv4 | undefined
  /** Receives and sends on this interface alone (`SO_BINDTODEVICE`). */
  interface?: string | undefined
  /** Kernel queue for datagrams not read yet, in bytes; the kernel may allow less when not root. */
  receiveBytes?: number | undefined
}>

/** Opens a UDP socket that may also send and receive broadcasts. Failures are `Refusal`s that say what to do. */
export async function openUdpSocket(options: UdpOptions): Promise<UdpSocket> {
  const fd = bindUdp(options)
  // Destinations are always addresses: looking them up as names would cost a turn of the event loop for each datagram.
  const socket = createSocket({ type: 'udp4', lookup: (address, _options, done) => done(null, address, 4) })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ fd, exclusive: true }, () => {
        socket.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    closeSocket(fd)
    throw error
  }
  return { socket, fd }
}

function bindUdp({ port, address = ANY_ADDRESS, interface: device, receiveBytes }: UdpOptions): number {
  const where = `UDP ${formatIpv4(address)}:${port}${device ? ` on ${device}` : ''}`
  let fd: number | undefined
  try {
    fd = openSocket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_NONBLOCK, 0)
    // Sockets on the same port of different interfaces need it, and so does a restart right after a crash.
    setOption(fd, C.SOL_SOCKET, C.SO_REUSEADDR, 1)
    setOption(fd, C.SOL_SOCKET, C.SO_BROADCAST, 1)
    if (device) setOption(fd, C.SOL_SOCKET, C.SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`))
    if (receiveBytes) setReceiveBuffer(fd, receiveBytes)
    bindSocket(fd, inetAddress(address, port))
    return fd
  } catch (error) {
    if (fd !== undefined) closeSocket(fd)
    throw explained(error, where, device)
  }
}

function setReceiveBuffer(fd: number, bytes: number): void {
  try {
    setOption(fd, C.SOL_SOCKET, C.SO_RCVBUFFORCE, bytes)
  } catch {
    setOption(fd, C.SOL_SOCKET, C.SO_RCVBUF, bytes)
  }
}

/** struct sockaddr_in. */
function inetAddress(address: Ipv4, port: number): Uint8Array {
  return new ByteWriter(16).u16le(C.AF_INET).u16(port).u32(address).padTo(16).finish()
}

/** A refusal that says why a socket could not be had and what to do. */
export function explained(error: unknown, where: string, device: string | undefined): unknown {
  if (!(error instanceof SystemCallError)) return error
  switch (error.code) {
    case 'EPERM':
    case 'EACCES':
      return new Refusal(
        'not-available',
        `${where} needs privileges that this process does not have (${error.message}).`,
        {
          next: 'Run as root, or give the process the capabilities CAP_NET_BIND_SERVICE and CAP_NET_RAW.',
        },
      )
    case 'EADDRINUSE':
      return new Refusal('not-available', `${where} is used by another program.`, {
        next: 'Find it with: ss -ulpn. Stop it, or switch the service off here.',
      })
    case 'ENODEV':
    case 'ENXIO':
    case 'ENETDOWN':
      return new Refusal('not-available', `${where} cannot be opened: the interface ${device} is missing or down.`, {
        next: 'Look at: ip link. The service opens by itself when the interface is back.',
      })
    default:
      return new Refusal('not-available', `${where} cannot be opened (${error.message}).`)
  }
}

/**
 * Lets one `send` of many datagrams' worth of bytes leave as datagrams of `bytes` each (UDP_SEGMENT, Linux 4.18); 0 switches it
 * off. Returns false where the kernel cannot.
 */
export function setUdpSegment(fd: number, bytes: number): boolean {
  try {
    setOption(fd, C.SOL_UDP, C.UDP_SEGMENT, bytes)
    return true
  } catch {
    return false
  }
}
