import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { SILENT } from '../src/kit/log.ts'
import { Secret } from '../src/kit/secret.ts'
import type { PowerDriver } from '../src/power/driver.ts'
import { ipmiDrivers } from '../src/power/drivers/ipmi/driver.ts'
import { IpmiSettings } from '../src/power/settings.ts'
import { IPMI_CRYPTOGRAPHY } from '../src/sockets/ipmi-cryptography.ts'
import { median } from './wire.ts'

/**
 * The power status of `REVEILLE_BENCH_BMCS` (1000) BMCs, asked once each by our client, by as many ipmitool processes and by pyghmi's
 * asynchronous client, taking turns, `REVEILLE_BENCH_RUNS` (3) times. One other process answers for all BMCs, each on a port of its own of
 * 127.0.0.1: our gateway over machines in memory. For ipmitool and pyghmi several degrees of parallelism are tried; the best counts.
 */
const BMCS = Number(process.env.REVEILLE_BENCH_BMCS ?? 1000)
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)
const FIRST_PORT = 21_000
const IPMITOOL_PARALLEL = [2, 8, 16, 32]
const PYGHMI_PARALLEL = [1, 16]

type Run = Readonly<{ seconds: number; answered: number }>
const run = promisify(execFile)

async function timed(work: () => Promise<number>): Promise<Run> {
  const began = performance.now()
  const answered = await work()
  return { seconds: (performance.now() - began) / 1000, answered }
}

const clients = () => ipmiDrivers({ cryptography: IPMI_CRYPTOGRAPHY, log: SILENT })

function driversOf(factory: ReturnType<typeof clients>['factory'], cipherSuite: 'auto' | '17'): PowerDriver[] {
  const machine = { id: 'm', name: 'm', macs: [], address: () => null }
  return Array.from({ length: BMCS }, (_, i) => {
    const settings = { kind: 'ipmi', address: '127.0.0.1', port: FIRST_PORT + i, user: 'admin', cipherSuite }
    return factory(IpmiSettings.parse(settings), { password: new Secret('password') }, machine)
  })
}

async function statesOf(drivers: readonly PowerDriver[]): Promise<number> {
  const states = await Promise.all(drivers.map((driver) => driver.state!().catch(() => 'unknown' as const)))
  return states.filter((state) => state === 'on').length
}

/** With all sessions opened and closed within the time; and once more over the sessions of before. */
async function ours(cipherSuite: 'auto' | '17'): Promise<Readonly<{ first: Run; again: Run }>> {
  const { factory, close } = clients()
  const drivers = driversOf(factory, cipherSuite)
  try {
    const first = await timed(async () => {
      const answered = await statesOf(drivers)
      await Promise.all(drivers.map((driver) => driver.close()))
      return answered
    })
    await statesOf(drivers)
    return { first, again: await timed(() => statesOf(drivers)) }
  } finally {
    await close()
  }
}

function ipmitool(parallel: number): Promise<Run> {
  const options = '-I lanplus -C 17 -H 127.0.0.1 -U admin -P password'
  const script = `seq ${FIRST_PORT} ${FIRST_PORT + BMCS - 1} | xargs -P ${parallel} -I{} ipmitool ${options} -p {} power status 2>/dev/null || true`
  return timed(async () => {
    const { stdout } = await run('sh', ['-c', script], { maxBuffer: 64 << 20, timeout: 600_000 })
    return stdout.split('\n').filter((line) => line.includes('Power is on')).length
  })
}

async function pyghmi(parallel: number): Promise<Run> {
  const args = ['bench/ipmi-poll.py', FIRST_PORT, BMCS, parallel].map(String)
  const { stdout } = await run('/usr/bin/python3', args, { timeout: 600_000 })
  const [seconds = Number.NaN, answered = 0] = stdout.trim().split(' ').map(Number)
  return { seconds, answered }
}

async function serving(): Promise<ChildProcess> {
  const server = spawn(process.execPath, ['bench/ipmi-server.ts', String(FIRST_PORT), String(BMCS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // So many that sessions which pyghmi leaves behind take no place from the next client.
    env: { ...process.env, SESSIONS: String(20 * BMCS) },
  })
  await once(server.stdout!, 'data')
  return server
}

const server = await serving()
const results = new Map<string, Run[]>()
const keep = (name: string, result: Run) => results.set(name, [...(results.get(name) ?? []), result])
try {
  for (let i = 0; i < RUNS; i++) {
    const auto = await ours('auto')
    keep('Reveille, suites asked for, sessions opened and closed', auto.first)
    keep('Reveille, sessions kept from the poll before', auto.again)
    keep('Reveille, suite 17, sessions opened and closed', (await ours('17')).first)
    for (const parallel of IPMITOOL_PARALLEL) keep(`ipmitool -C 17, ${parallel} at once`, await ipmitool(parallel))
    for (const parallel of PYGHMI_PARALLEL) keep(`pyghmi, ${parallel} at once`, await pyghmi(parallel))
  }
} finally {
  server.kill()
}

const seconds = (name: string) => median(results.get(name)!.map((each) => each.seconds))
const best = (program: string) =>
  Math.min(...[...results.keys()].filter((name) => name.startsWith(program)).map(seconds))
const [tool, library] = [best('ipmitool'), best('pyghmi')]
console.log(`Power status of ${BMCS} BMCs, median of ${RUNS} runs (least to most):\n`)
console.log('| client | seconds | answered | best ipmitool takes | best pyghmi takes |\n|---|---|---|---|---|')
for (const [name, runs] of results) {
  const times = runs.map((each) => each.seconds)
  const range = `${Math.min(...times).toFixed(2)}-${Math.max(...times).toFixed(2)}`
  const least = Math.min(...runs.map((each) => each.answered))
  const factors = [tool, library].map((other) => `${(other / seconds(name)).toFixed(1)} times as long`)
  console.log(`| ${name} | ${seconds(name).toFixed(2)} (${range}) | ${least} | ${factors.join(' | ')} |`)
}
process.exit(0)
