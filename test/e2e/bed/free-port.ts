import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what the kernel gives to outgoing connections: such a port stays free until the program that it is for takes it. */
const [FIRST, END] = [10_000, 32_000] as const

/** A TCP port of 127.0.0.1 that nobody has now. */
export const freeTcpPort = () => tried((port) => createServer().listen(port, '127.0.0.1'))

/** A UDP port of 127.0.0.1 that nobody has now. */
export const freeUdpPort = () => tried((port) => createSocket('udp4').bind(port, '127.0.0.1'))

async function tried(listen: (port: number) => ReturnType<typeof createServer> | ReturnType<typeof createSocket>) {
  for (;;) {
    const port = randomInt(FIRST, END)
    const probe = listen(port)
    try {
      await once(probe, 'listening')
    } catch {
      continue
    }
    probe.close()
    await once(probe, 'close')
    return port
  }
}
