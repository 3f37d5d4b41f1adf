import { type ChildProcess, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, sleep, Wire } from './wire.ts'

/**
 * The emulated BMC beside ipmi_sim (OpenIPMI) and fakebmc (pyghmi): commands and logins per second over a veth pair, with one client
 * and with eight, cipher suite 3, which is all that the others know. Then what 1,000 BMCs in one process take. Machines behind all
 * three are in memory. `REVEILLE_BENCH_RUNS` (3) runs of each, taken in turns; the median counts.
 */
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)
const SECONDS = Number(process.env.REVEILLE_BENCH_SECONDS ?? 3)
const MANY = 1000
const CLIENTS = [1, 8]

const directory = mkdtempSync(join(tmpdir(), 'reveille-bench-'))
const privileges = ['callback', 'user', 'operator', 'admin'].map(
  (level) => `  allowed_auths_${level} none md2 md5 straight`,
)
writeFileSync(
  join(directory, 'lan.conf'),
  `name "bench"
set_working_mc 0x20
startlan 1
  addr 10.91.0.1 6912
  priv_limit admin
${privileges.join('\n')}
  guid a123456789abcdefa123456789abcdef
endlan
user 2 true "admin" "password" admin 100 none md2 md5 straight
`,
)
writeFileSync(
  join(directory, 'sim.emu'),
  'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n',
)

const wire = new Wire()
const SERVERS = [
  {
    name: 'Reveille',
    port: 6911,
    start: () => wire.start('env', 'HOST=10.91.0.1', process.execPath, 'bench/ipmi-server.ts', '6911'),
  },
  {
    name: 'ipmi_sim',
    port: 6912,
    start: () =>
      wire.start(
        'ipmi_sim',
        '-n',
        '-c',
        join(directory, 'lan.conf'),
        '-f',
        join(directory, 'sim.emu'),
        '-s',
        directory,
      ),
  },
  { name: 'fakebmc', port: 6913, start: () => wire.start('fakebmc', '--port', '6913') },
] as const
type Server = (typeof SERVERS)[number]

type Load = { rate: number; failed: number; p50: number; p99: number }
const load = (what: string, port: number, suite: number, clients: number, ports = 1) =>
  JSON.parse(
    wire.run(
      process.execPath,
      ...['bench/ipmi-load.ts', what, '10.91.0.1', port, suite, 'admin', 'password', clients, SECONDS, ports].map(
        String,
      ),
    ),
  ) as Load

/** Processor time that a process took so far, in ms. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** `ip netns exec` becomes the program itself. */
function loaded(child: ChildProcess, work: () => Load): Load & { processorUs: number } {
  const before = processorMs(child.pid!)
  const seen = work()
  return { ...seen, processorUs: ((processorMs(child.pid!) - before) * 1000) / (seen.rate * SECONDS) }
}

try {
  const children = new Map<Server, ChildProcess>(SERVERS.map((server) => [server, server.start()]))
  await sleep(3000)
  const seen = new Map<string, (Load & { processorUs: number })[]>()
  const measure = (server: Server, what: string, clients: number, suite: number) => {
    const key = `${server.name} ${suite} ${what} ${clients}`
    const one = loaded(children.get(server)!, () => load(what, server.port, suite, clients))
    seen.set(key, [...(seen.get(key) ?? []), one])
  }
  for (let run = 0; run < RUNS; run++)
    for (const what of ['commands', 'logins'])
      for (const clients of CLIENTS) {
        for (const server of SERVERS) measure(server, what, clients, 3)
        measure(SERVERS[0], what, clients, 17)
      }
  const rows: [string, number][] = [...SERVERS.map(({ name }): [string, number] => [name, 3]), ['Reveille', 17]]
  for (const what of ['commands', 'logins']) {
    console.log(
      `\n${what} a second, median of ${RUNS} (least-most), milliseconds p50 and p99, processor time of the server for each:\n`,
    )
    console.log(
      `| server, suite | ${CLIENTS.map((clients) => `${clients} client${clients > 1 ? 's' : ''}`).join(' | ')} |`,
    )
    console.log(`|---|${CLIENTS.map(() => '---').join('|')}|`)
    for (const [name, suite] of rows) {
      const cells = CLIENTS.map((clients) => {
        const runs = seen.get(`${name} ${suite} ${what} ${clients}`)!
        const rates = runs.map((run) => Math.round(run.rate))
        const middle = (of: (run: Load & { processorUs: number }) => number) => median(runs.map(of))
        const failed = runs.reduce((sum, run) => sum + run.failed, 0)
        const times = `${middle((run) => run.p50).toFixed(2)}, ${middle((run) => run.p99).toFixed(1)} ms, ${middle((run) => run.processorUs).toFixed(0)} µs`
        return `${median(rates)} (${Math.min(...rates)}-${Math.max(...rates)}); ${times}${failed > 0 ? `; ${failed} failed` : ''}`
      })
      console.log(`| ${name}, ${suite} | ${cells.join(' | ')} |`)
    }
  }
  await Promise.all([...children.values()].map((child) => wire.stop(child)))
  await many()
} finally {
  await wire.close()
  rmSync(directory, { recursive: true })
}

/** Memory that BMCs take, before and while 100 clients are logged in. */
async function many(): Promise<void> {
  const report = join(directory, 'report')
  const start = (count: number) =>
    wire.start(
      'env',
      'HOST=10.91.0.1',
      `REPORT=${report}`,
      process.execPath,
      '--expose-gc',
      'bench/ipmi-server.ts',
      '10000',
      String(count),
    )
  type Report = { rss: number; grown: number }
  const reports = () =>
    readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Report)
  const kib = (bytes: number) => (bytes / 1024 / MANY).toFixed(1)
  // On a busy computer a process may take long to begin.
  const written = async (lines: number) => {
    for (let tries = 0; tries < 600; tries++) {
      if (existsSync(report) && reports().length >= lines) return
      await sleep(100)
    }
    throw new Error('the server of the BMCs does not begin')
  }
  const few = start(1)
  await written(1)
  const [one] = reports()
  await wire.stop(few)
  rmSync(report)
  const server = start(MANY)
  await written(1)
  const seen = load('commands', 10_000, 17, 100, MANY)
  process.kill(server.pid!, 'SIGUSR2')
  await written(2)
  const [ready, after] = reports()
  console.log(
    `\n${MANY} BMCs in one process: ${kib(ready!.rss - one!.rss)} KiB each (heap and external ${kib(ready!.grown)}).`,
  )
  console.log(
    `100 clients on 100 of them: ${Math.round(seen.rate)} commands a second, p99 ${seen.p99.toFixed(1)} ms, ${seen.failed} failed;`,
  )
  console.log(`after it the process had ${((after!.rss - ready!.rss) / 1048576).toFixed(1)} MiB more.`)
  execFileSync('kill', ['-TERM', String(server.pid)])
}
