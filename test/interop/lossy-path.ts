import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** A packet between an IPMI client and a BMC. `type` is the payload type of RMCP+ (IPMI 2.0 table 13-16), -1 for a packet of IPMI 1.5. */
export type Passed = Readonly<{ fromClient: boolean; type: number; sessionId: number; lost: boolean }>

/** A path between one client and one BMC on which packets are lost, and which writes down what went along it. */
export class LossyPath {
  readonly passed: Passed[] = []
  readonly #near: Socket
  readonly #far: Socket
  readonly #isLost: () => boolean

  private constructor(near: Socket, far: Socket, bmcPort: number, isLost: () => boolean) {
    this.#near = near
    this.#far = far
    this.#isLost = isLost
    let client = 0
    near.on('message', (packet, { port }) => {
      client = port
      if (!this.#note(packet, true)) far.send(packet, bmcPort, '127.0.0.1')
    })
    far.on('message', (packet) => {
      if (!this.#note(packet, false)) near.send(packet, client, '127.0.0.1')
    })
  }

  static async open(bmcPort: number, isLost: () => boolean): Promise<LossyPath> {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const
    for (const socket of sockets) {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
    }
    return new LossyPath(...sockets, bmcPort, isLost)
  }

  get port(): number {
    return this.#near.address().port
  }

  close(): void {
    this.#near.close()
    this.#far.close()
  }

  /** True: it is lost. */
  #note(packet: Buffer, fromClient: boolean): boolean {
    const isPlus = packet[4] === 6
    const lost = this.#isLost()
    const type = isPlus ? packet[5]! & 0x3f : -1
    this.passed.push({ fromClient, type, sessionId: isPlus ? packet.readUInt32LE(6) : 0, lost })
    return lost
  }
}
