import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Vm } from './vm.ts'

/** What a gate does with a frame of the machine: passes these bytes on, or none. */
export type Decide = (frame: Buffer) => Buffer | undefined

/**
 * Stands between a machine's network card and the wire: every frame that the machine sends comes here first. Put it up right after
 * the machine was switched on; its firmware needs longer than that to send the first.
 */
export class Gate {
  readonly #directory: string
  readonly #servers: Server[]

  private constructor(directory: string, servers: Server[]) {
    this.#directory = directory
    this.#servers = servers
  }

  static async before(vm: Vm, decide: Decide): Promise<Gate> {
    const directory = await mkdtemp(join(tmpdir(), 'rv-gate-'))
    let back: Socket | undefined
    const outward = await listening(join(directory, 'out'), (socket) => {
      let rest = Buffer.alloc(0)
      socket.on('data', (data) => {
        rest = Buffer.concat([rest, data])
        // QEMU's net sockets put the length before each frame, 4 bytes in network order.
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
          const end = 4 + rest.readUInt32BE(0)
          const passed = decide(Buffer.from(rest.subarray(4, end)))
          rest = rest.subarray(end)
          if (!passed) continue
          const length = Buffer.alloc(4)
          length.writeUInt32BE(passed.length)
          back?.write(Buffer.concat([length, passed]))
        }
      })
    })
    const inward = await listening(join(directory, 'in'), (socket) => {
      back = socket
    })
    for (const way of ['in', 'out']) {
      const address = { type: 'unix', data: { path: join(directory, way) } }
      const backend = { type: 'socket', data: { addr: address, server: false } }
      await vm.qmp('chardev-add', { id: `gate-${way}`, backend })
    }
    const filter = { 'qom-type': 'filter-redirector', netdev: 'net0', queue: 'rx' }
    // What the machine sends meets the filter added last first.
    await vm.qmp('object-add', { ...filter, id: 'enter', indev: 'gate-in' })
    await vm.qmp('object-add', { ...filter, id: 'leave', outdev: 'gate-out' })
    return new Gate(directory, [outward, inward])
  }

  async remove(): Promise<void> {
    for (const server of this.#servers) server.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function listening(path: string, connected: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    // The machine may be switched off at any time.
    socket.on('error', () => undefined)
    connected(socket)
  })
  return new Promise((resolve) => server.listen(path, () => resolve(server)))
}

/** What matters of an IPv4 frame here; `undefined` for any other. */
export function look(
  frame: Buffer,
): { udp: boolean; port: number; syn: boolean; payload: Buffer; at: number } | undefined {
  if (frame.length < 42 || frame.readUInt16BE(12) !== 0x0800) return undefined
  const protocol = frame[23]
  if (protocol !== 17 && protocol !== 6) return undefined
  const segment = 14 + (frame[14]! & 15) * 4
  const udp = protocol === 17
  const at = segment + (udp ? 8 : (frame[segment + 12]! >> 4) * 4)
  const syn = !udp && (frame[segment + 13]! & 0x12) === 0x02
  const end = 14 + frame.readUInt16BE(16)
  return { udp, port: frame.readUInt16BE(segment + 2), syn, payload: frame.subarray(at, end), at }
}

/** Where the DHCP options of a request to port 67 are, by code; `undefined` for any other frame. */
export function dhcpOptions(frame: Buffer): Map<number, { start: number; end: number }> | undefined {
  const seen = look(frame)
  if (!seen?.udp || seen.port !== 67) return undefined
  const found = new Map<number, { start: number; end: number }>()
  // RFC 2131 §2: 236 bytes and the magic cookie come before the options.
  for (let at = seen.at + 240; at < frame.length && frame[at] !== 255; ) {
    if (frame[at] === 0) {
      at++
      continue
    }
    const end = at + 2 + frame[at + 1]!
    found.set(frame[at]!, { start: at, end })
    at = end
  }
  return found
}

/** A DHCP request without these options: their bytes become padding (RFC 2132 §3.1). */
export function withoutOptions(frame: Buffer, codes: readonly number[]): Buffer {
  const options = dhcpOptions(frame)
  if (!options) return frame
  for (const code of codes) {
    const option = options.get(code)
    if (option) frame.fill(0, option.start, option.end)
  }
  // RFC 768: a UDP check sum of zero means that there is none.
  frame.writeUInt16BE(0, 14 + (frame[14]! & 15) * 4 + 6)
  return frame
}
