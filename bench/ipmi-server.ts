import { appendFileSync } from 'node:fs'
import { serveGateway } from '../src/gateway/ipmi/serve.ts'
import { SILENT } from '../src/kit/log.ts'
import { IPMI_CRYPTOGRAPHY } from '../src/sockets/ipmi-cryptography.ts'
import { FakeBmc, FakeDirectory } from '../test/fakes/bmc.ts'

/**
 * Emulated BMCs of machines in memory, for measurements and for trying clients by hand: `node bench/ipmi-server.ts PORT [COUNT]` serves
 * COUNT of them on the ports from PORT on (account admin, password `password`) and prints its memory when told to (SIGUSR2).
 */
const [first = '9623', count = '1'] = process.argv.slice(2)
const bmcs = Array.from(
  { length: Number(count) },
  (_, i) => new FakeBmc({ machine: `machine-${i + 1}`, port: Number(first) + i }),
)
for (const one of bmcs) one.passwords.set('admin', 'password')
const memory = () => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage()
}
const before = memory()
const gateway = serveGateway({
  directory: new FakeDirectory(bmcs),
  gateway: {
    host: process.env.HOST ?? '127.0.0.1',
    shared: process.env.SHARED_PORT ? { host: '127.0.0.1', port: Number(process.env.SHARED_PORT) } : undefined,
    clients: [],
    cipherSuite3: true,
    sessions: Number(process.env.SESSIONS ?? 1000),
  },
  cryptography: IPMI_CRYPTOGRAPHY,
  clock: Date,
  log: process.env.VERBOSE
    ? { debug: console.log, info: console.log, warn: console.log, error: console.log, child: () => SILENT }
    : SILENT,
})
await gateway.sync()
const report = (event: string) => {
  const now = memory()
  const grown = now.heapUsed + now.external - before.heapUsed - before.external
  const problem = bmcs.map((one) => gateway.statusOf(one.bmc.machine).problem).find(Boolean)
  const line = JSON.stringify({ event, rss: now.rss, grown, problem })
  if (process.env.REPORT) appendFileSync(process.env.REPORT, `${line}\n`)
  else console.log(line)
}
report('ready')
process.on('SIGUSR2', () => report('asked'))
process.on('SIGTERM', () => void gateway.stop().then(() => process.exit(0)))
setInterval(() => {}, 60_000)
