import type { IpmiSuite } from '../src/protocols/ipmi/cryptography.ts'
import { IpmiClient, udpWire } from '../test/fakes/ipmi-client.ts'

/**
 * Asks one BMC as fast as it answers, and prints what it saw as JSON: `node bench/ipmi-load.ts commands|logins ADDRESS PORT SUITE USER PASSWORD
 * CLIENTS SECONDS [PORTS]`. `commands`: each client asks Get Chassis Status in its own session, the next when the answer is there;
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

const all = await Promise.all(
  Array.from({ length: Number(clients) }, (_, i) => (what === 'commands' ? loggedIn(i) : client(i))),
)
const start = performance.now()
const until = start + seconds * 1000
await Promise.all(
  all.map(async (first, which) => {
    let one = first
    while (performance.now() < until) {
      if (what === 'commands') await timed(async () => (await one.command(0, 1))?.completionCode === 0)
      else {
        await timed(
          async () => (await one.login()) && (await one.command(6, CLOSE, little(one.managedId))) !== undefined,
        )
        one.wire.close()
        one = client(which)
      }
    }
    if (what === 'commands') await one.command(6, CLOSE, little(one.managedId))
    one.wire.close()
  }),
)
const elapsed = (performance.now() - start) / 1000
took.sort((a, b) => a - b)
const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0
console.log(JSON.stringify({ rate: done / elapsed, done, failed, p50: at(0.5), p99: at(0.99) }))
process.exit(0)
