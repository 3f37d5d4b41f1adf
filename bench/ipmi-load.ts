import type { IpmiSuite } from '../src/protocols/ipmi/cryptography.ts'
import { PAYLOAD } from '../src/protocols/ipmi/packet.ts'
import { IpmiClient, udpWire } from '../test/fakes/ipmi-client.ts'

/**
 * Asks one BMC as fast as it answers, and prints what it saw as JSON: `node bench/ipmi-load.ts commands|logins ADDRESS PORT SUITE USER PASSWORD
 * CLIENTS SECONDS [PORTS]`. `commands`: each client asks Get Chassis Status in its own session, the next when the answer is there; its packets are
 * sealed beforehand and only the first and last answer are opened, so that the server is what takes the time;
 * `logins`: Open Session, RAKP 1 to 4, Close Session. Clients are spread over PORTS ports.
 */
const [what = 'commands', address = '127.0.0.1', port = '623', suite = '3', user = '', password = '', clients = '1'] =
  process.argv.slice(2)
const seconds = Number(process.argv[9] ?? 3)
const ports = Number(process.argv[10] ?? 1)

let done = 0
let failed = 0
const took: number[] = []

function client(which: number): IpmiClient {
  const wire = udpWire(Number(port) + (which % ports), 1000, address)
  return new IpmiClient(wire, { suite: Number(suite) as IpmiSuite, user, password })
}

async function timed(work: () => Promise<boolean>): Promise<void> {
  const start = performance.now()
  if (await work()) {
    took.push(performance.now() - start)
    done++
  } else failed++
}

/** From another port each time: fakebmc does not answer one that had a session before. */
async function loggedIn(which: number): Promise<IpmiClient> {
  for (let tries = 0; tries < 20; tries++) {
    const one = client(which)
    if (await one.login()) return one
    one.wire.close()
  }
  throw new Error('nobody can log in')
}

const CLOSE = 0x3c
const little = (id: number) => [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24]

/** More than any server answers in that time; what is left over was made for nothing. */
const PREPARED = Math.ceil((40_000 * seconds) / Number(clients))

function commanded(one: IpmiClient): () => Promise<void> {
  const asked = async () => {
    if ((await one.command(0, 1))?.completionCode !== 0) throw new Error('the state of the chassis is not told')
  }
  const packets = Array.from({ length: PREPARED }, () => one.packet(PAYLOAD.ipmi, one.request(0, 1)))
  return async () => {
    await flooded(one, packets)
    await asked()
    await one.command(6, CLOSE, little(one.managedId))
    one.wire.close()
  }
}

/** Sends one packet after the other, each when the one before was answered, until the time is over. */
function flooded(one: IpmiClient, packets: readonly Uint8Array[]): Promise<void> {
  const { socket } = one.wire as ReturnType<typeof udpWire>
  const usual = socket.listeners('message') as (() => void)[]
  socket.removeAllListeners('message')
  return new Promise((resolve) => {
    let next = 0
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      one.wire.send(packets[next]!)
    }
    const stalled = setInterval(() => {
      if (performance.now() - sentAt < 1000) return
      failed++
      next++
      send()
    }, 200)
    socket.on('message', () => {
      const now = performance.now()
      took.push(now - sentAt)
      done++
      next++
      if (now < until && next < packets.length) return send()
      clearInterval(stalled)
      one.sequence -= packets.length - next
      socket.removeAllListeners('message')
      for (const listener of usual) socket.on('message', listener)
      resolve()
    })
    send()
  })
}

async function loggingIn(which: number): Promise<void> {
  let one = client(which)
  while (performance.now() < until) {
    await timed(async () => (await one.login()) && (await one.command(6, CLOSE, little(one.managedId))) !== undefined)
    one.wire.close()
    one = client(which)
  }
  one.wire.close()
}

const each = Array.from({ length: Number(clients) }, (_, which) => which)
const sessions = what === 'commands' ? await Promise.all(each.map(loggedIn)) : []
const work = what === 'commands' ? sessions.map((one) => commanded(one)) : each.map((which) => () => loggingIn(which))
const start = performance.now()
const until = start + seconds * 1000
await Promise.all(work.map((one) => one()))
const elapsed = (performance.now() - start) / 1000
took.sort((a, b) => a - b)
const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0
console.log(JSON.stringify({ rate: done / elapsed, done, failed, p50: at(0.5), p99: at(0.99) }))
process.exit(0)
