/**
 * Completed DHCP exchanges per second of Reveille, dnsmasq and Kea, measured by perfdhcp over a veth pair between two network
 * namespaces. Reveille and dnsmasq call fsync. Kea's memfile hands its lines to the kernel and never does (neither the server nor
 * its libraries refer to fsync or fdatasync), so a power cut takes what it acknowledged last. Every server is warmed up first, and
 * all are measured at one rate before the next, so that other load on the computer meets all of them. Prints a markdown table.
 * `node bench/dhcp.ts [SECONDS [RATE...]]`; needs root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const [seconds = 5, ...told] = process.argv.slice(2).map(Number)
const rates = told.length > 0 ? told : [500, 2000, 5000, 8000, 12_000, 16_000]
/** Answers that are on their way when the time is over are not drops: perfdhcp waits so long for them, in microseconds. */
const EXIT_WAIT_US = 1_000_000
/** Before it is measured, each server answers at this rate for so long: what counts is how it serves, not how it starts. */
const WARM_UP = { rate: 300, seconds: 5 }
/** As many clients as perfdhcp simulates; the pool has room for all of them. */
const CLIENTS = 50_000
const POOL = { first: '10.90.4.0', last: '10.90.231.255', address: '10.90.0.1', prefix: 16 }

const serverSide = `rv-bench-dhcp-${process.pid}-s`
const clientSide = `rv-bench-dhcp-${process.pid}-c`
/** On a disk: a lease that is durable on a RAM disk would prove nothing. */
const scratch = mkdtempSync(join(process.env.REVEILLE_BENCH_DIR ?? '/var/tmp', 'reveille-bench-dhcp-'))

type Contender = Readonly<{
  name: string
  start(dir: string): readonly [string, ...string[]]
  environment?(dir: string): NodeJS.ProcessEnv
}>

const contenders: readonly Contender[] = [
  {
    name: 'Reveille (SQLite, fsync before each ACK)',
    start: (dir) => [
      process.execPath,
      'test/interop/offer-host.ts',
      JSON.stringify({
        dataDir: join(dir, 'data'),
        interfaces: ['srv0'],
        networks: [
          { name: 'bench', subnet: `10.90.0.0/${POOL.prefix}`, interface: 'srv0', first: POOL.first, last: POOL.last },
        ],
      }),
    ],
  },
  {
    name: 'Kea (memfile, persist; no fsync)',
    start(dir) {
      const config = join(dir, 'kea.json')
      writeFileSync(
        config,
        JSON.stringify({
          Dhcp4: {
            'interfaces-config': { interfaces: ['srv0'] },
            'lease-database': { type: 'memfile', persist: true, name: join(dir, 'leases.csv'), 'lfc-interval': 0 },
            'valid-lifetime': 3600,
            subnet4: [{ id: 1, subnet: `10.90.0.0/${POOL.prefix}`, pools: [{ pool: `${POOL.first}-${POOL.last}` }] }],
            loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: join(dir, 'kea.log') }] }],
          },
        }),
      )
      return ['kea-dhcp4', '-c', config]
    },
    environment: (dir) => ({ KEA_PIDFILE_DIR: dir, KEA_LOCKFILE_DIR: dir, KEA_LOGGER_DESTINATION: 'stderr' }),
  },
  {
    name: 'dnsmasq (no-ping)',
    start: (dir) => [
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--port=0',
      '--user=root',
      '--interface=srv0',
      '--bind-interfaces',
      `--dhcp-range=${POOL.first},${POOL.last},255.255.0.0,1h`,
      '--dhcp-authoritative',
      '--no-ping',
      `--dhcp-lease-max=${CLIENTS * 2}`,
      `--dhcp-leasefile=${join(dir, 'leases')}`,
      '--quiet-dhcp',
    ],
  },
]

type Measured = Readonly<{ completed: number; drops: number; delayMs: number }>

function inNamespace(name: string, ...command: string[]): readonly string[] {
  return ['netns', 'exec', name, ...command]
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

async function started(contender: Contender, dir: string): Promise<ChildProcess> {
  const child = spawn('ip', inNamespace(serverSide, ...contender.start(dir)), {
    env: { ...process.env, ...contender.environment?.(dir) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${contender.name} ended at once (${child.exitCode})`)
    const sockets = execFileSync('ip', inNamespace(serverSide, 'ss', '-uln') as string[], { encoding: 'utf8' })
    if (/:67\s/.test(sockets)) return child
    await pause(100)
  }
  throw new Error(`${contender.name} does not listen on port 67`)
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

async function measure(rate: number, seconds: number): Promise<Measured> {
  const child = spawn(
    'ip',
    inNamespace(
      clientSide,
      'perfdhcp',
      '-4',
      '-R',
      String(CLIENTS),
      '-r',
      String(rate),
      '-p',
      String(seconds),
      '-W',
      String(EXIT_WAIT_US),
      '-l',
      'cli0',
      POOL.address,
    ),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  await new Promise((resolve) => child.once('close', resolve))
  const numbers = (pattern: RegExp) => [...output.matchAll(pattern)].map((match) => Number(match[1]))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  // The second half of an exchange is what completes it. perfdhcp's own rate counts the wait at the end as time.
  const answered = numbers(/received packets: (\d+)/g).at(-1)
  if (answered === undefined) throw new Error(`perfdhcp said: ${output}`)
  const sent = sum(numbers(/sent packets: (\d+)/g))
  const drops = sum(numbers(/drops: (\d+)/g))
  return {
    completed: answered / seconds,
    drops: sent > 0 ? drops / sent : 0,
    delayMs: sum(numbers(/avg delay: ([\d.]+)/g)),
  }
}

async function main(): Promise<void> {
  ip('netns', 'add', serverSide)
  ip('netns', 'add', clientSide)
  ip('link', 'add', 'srv0', 'netns', serverSide, 'type', 'veth', 'peer', 'name', 'cli0', 'netns', clientSide)
  ip('-n', serverSide, 'addr', 'add', `${POOL.address}/${POOL.prefix}`, 'dev', 'srv0')
  ip('-n', clientSide, 'addr', 'add', `10.90.0.2/${POOL.prefix}`, 'dev', 'cli0')
  for (const [namespace, device] of [
    [serverSide, 'srv0'],
    [clientSide, 'cli0'],
  ] as const) {
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    ip('-n', namespace, 'link', 'set', device, 'up')
  }
  console.log(
    `perfdhcp -4 -R ${CLIENTS} -p ${seconds} -W ${EXIT_WAIT_US} -r RATE; completed 4-way exchanges per second (packets dropped; mean delay of both halves)\n`,
  )
  console.log(`| server | ${rates.map((rate) => `${rate}/s asked`).join(' | ')} | best |`)
  console.log(`|---|${rates.map(() => '---').join('|')}|---|`)
  const rows = contenders.map((contender) => ({ contender, results: [] as Measured[] }))
  for (const rate of rates) for (const { contender, results } of rows) results.push(await measured(contender, rate))
  for (const { contender, results } of rows) {
    const cells = results.map(
      ({ completed, drops, delayMs }) =>
        `${Math.round(completed)} (${(drops * 100).toFixed(1)} %; ${delayMs.toFixed(1)} ms)`,
    )
    console.log(
      `| ${contender.name} | ${cells.join(' | ')} | **${Math.round(Math.max(...results.map((each) => each.completed)))}** |`,
    )
  }
}

async function measured(contender: Contender, rate: number): Promise<Measured> {
  const dir = join(scratch, `${contenders.indexOf(contender)}-${rate}`)
  mkdirSync(dir)
  const server = await started(contender, dir)
  try {
    await measure(WARM_UP.rate, WARM_UP.seconds)
    return await measure(rate, seconds)
  } finally {
    await stopped(server)
  }
}

try {
  await main()
} finally {
  for (const namespace of [serverSide, clientSide]) {
    try {
      ip('netns', 'del', namespace)
    } catch {
      console.error(`the namespace ${namespace} could not be removed`)
    }
  }
  rmSync(scratch, { recursive: true, force: true })
}
