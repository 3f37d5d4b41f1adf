import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { BmcSimulator, type SimulatorOptions } from './bmc-simulator.ts'

/** A simulated BMC on a UDP port of 127.0.0.1. */
export type ServedSimulator = Readonly<{ bmc: BmcSimulator; port: number; close(): Promise<void> }>

export async function serveSimulator(
  options: Omit<SimulatorOptions, 'crypto' | 'random'> = {},
  wantedPort = 0,
): Promise<ServedSimulator> {
  const bmc = new BmcSimulator({ crypto: IPMI_CRYPTOGRAPHY, random: Math.random, ...options })
  const socket: Socket = createSocket({ type: 'udp4', lookup: (address, _options, done) => done(null, address, 4) })
  let isClosed = false
  socket.on('message', (bytes, from) => {
    const packet = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    for (const answer of bmc.receive(performance.now(), packet)) {
      const send = () => isClosed || socket.send(answer.bytes, from.port, from.address)
      if (answer.delayMs > 0) setTimeout(send, answer.delayMs).unref()
      else send()
    }
  })
  const listening = once(socket, 'listening')
  socket.bind(wantedPort, '127.0.0.1')
  await listening
  return {
    bmc,
    port: (socket.address() as AddressInfo).port,
    async close() {
      isClosed = true
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}
