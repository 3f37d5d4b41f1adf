import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { median, sleep, Wire } from './wire.ts'

/**
 * Putting a disk image on a disk: Reveille's agent and server beside `curl | zstd -d | dd` and `bmaptool`, all over one veth pair, nginx
 * for the others. The disks are files on this machine's disk, read cold. `REVEILLE_BENCH_RUNS` (3) runs of each, taken in turns; the
 * median counts. `REVEILLE_BENCH_GIB` (4): the image's size, a quarter of it allocated. Needs root and five times that in the
 * temporary directory.
 */
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)
const IMAGE_BYTES = Number(process.env.REVEILLE_BENCH_GIB ?? 4) * 2 ** 30
const MIB = 2 ** 20
const EXTENT = 32 * MIB
const AGENTS = [1, 8, 32]
const AGENT = [
  'env',
  'MALLOC_ARENA_MAX=2',
  'MALLOC_MMAP_THRESHOLD_=262144',
  process.execPath,
  '--max-semi-space-size=2',
] as const

const directory = mkdtempSync(join(tmpdir(), 'reveille-bench-'))
chmodSync(directory, 0o755)
const www = join(directory, 'www')
mkdirSync(www)
const at = (name: string) => join(directory, name)

/** Half of each 8 KiB is random and half is text that repeats: it compresses to about half, like installed systems do. */
function fill(bytes: Buffer): Buffer {
  randomFillSync(bytes)
  for (let offset = 0; offset < bytes.length; offset += 8192)
    bytes.fill(`${offset} the quick brown fox jumps over the lazy dog, `, offset + 4096, offset + 8192)
  return bytes
}

/** A quarter is allocated, in extents of 32 MiB all over it; the first and the last are, as on a disk with a partition table. */
function makeImage(path: string): number[] {
  const file = openSync(path, 'w')
  ftruncateSync(file, IMAGE_BYTES)
  const bytes = Buffer.alloc(EXTENT)
  const extents: number[] = []
  for (let offset = 0; offset < IMAGE_BYTES; offset += 4 * EXTENT)
    extents.push(offset + 4 * EXTENT >= IMAGE_BYTES ? IMAGE_BYTES - EXTENT : offset)
  for (const offset of extents) writeSync(file, fill(bytes), 0, EXTENT, offset)
  closeSync(file)
  return extents
}

/** So much of what is allocated becomes different, in pieces of 2 MiB that lie together in every n-th extent. */
function change(path: string, extents: readonly number[], share: number): void {
  const file = openSync(path, 'r+')
  let left = Math.round((extents.length * EXTENT * share) / (2 * MIB))
  const inEach = Math.max(2, Math.ceil(left / (extents.length - 2)))
  for (const extent of extents.slice(1, -1))
    for (let i = 0; i < inEach && left > 0; i++, left--)
      writeSync(file, fill(Buffer.alloc(2 * MIB)), 0, 2 * MIB, extent + 8 * MIB + i * 2 * MIB)
  closeSync(file)
}

const wire = new Wire()
const received = () => Number(wire.run('cat', '/sys/class/net/bench0/statistics/rx_bytes'))
/** All that was written is on the medium, and nothing of the target in memory. What servers send is in memory, for each of them. */
const settle = () => {
  execFileSync('sync')
  execFileSync('dd', [`of=${at('disk')}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none'])
}
const statusOf = (pid: number, field: string) =>
  Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
/** User and system time of a process in seconds: fields 14 and 15 of proc(5), in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

type Run = Readonly<{ seconds: number; wireBytes: number }>
const results = new Map<string, Run[]>()
const agentRss: number[] = []

function measure(name: string, image: string, act: () => void): void {
  settle()
  const before = received()
  const began = performance.now()
  act()
  const seconds = (performance.now() - began) / 1000
  const run = { seconds, wireBytes: received() - before }
  results.set(name, [...(results.get(name) ?? []), run])
  process.stderr.write(`${name}: ${seconds.toFixed(2)} s, ${(run.wireBytes / MIB).toFixed(1)} MiB\n`)
  execFileSync('cmp', [image, at('disk')])
}

const empty = () => {
  const file = openSync(at('disk'), 'w')
  ftruncateSync(file, IMAGE_BYTES)
  closeSync(file)
}
const holding = (image: string) => execFileSync('cp', ['--sparse=always', image, at('disk')])

try {
  const extents = makeImage(at('v1'))
  execFileSync('cp', ['--sparse=always', at('v1'), at('v2')])
  change(at('v2'), extents, 0.01)
  execFileSync('cp', ['--sparse=always', at('v1'), at('v3')])
  change(at('v3'), extents, 0.1)
  for (const name of ['v1', 'v2', 'v3']) {
    execFileSync('zstd', ['-q', '-T0', at(name), '-o', join(www, `${name}.zst`)])
    execFileSync('bmaptool', ['-q', 'create', '-o', join(www, `${name}.bmap`), at(name)])
  }
  const imported = execFileSync(
    process.execPath,
    ['bench/flash-server.ts', 'import', directory, at('v1'), at('v2'), at('v3')],
    { encoding: 'utf8' },
  )
  const lists = new Map(
    imported
      .trim()
      .split('\n')
      .map((sha256, i) => [`v${i + 1}`, sha256]),
  )
  writeFileSync(
    at('nginx.conf'),
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log; user root;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3;
  uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5; server { listen 8001; root ${www}; } }
`,
  )
  wire.start('nginx', '-c', at('nginx.conf'))
  const startServer = () =>
    wire.start(process.execPath, '--max-semi-space-size=8', 'bench/flash-server.ts', 'serve', '8000', directory)
  let server = startServer()
  await sleep(2000)
  const url = (port: number) => `http://${wire.serverAddress}:${port}`

  // One file and the flags that the management OS starts it with.
  const bundle = {
    entryPoints: ['bench/flash-agent.ts'],
    outfile: at('agent.mjs'),
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  }
  buildSync({ ...bundle, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
  const agent = (...args: string[]) => wire.run(...AGENT, at('agent.mjs'), ...args)

  const ways = {
    'curl, zstd, dd': (image: string) =>
      wire.run(
        'bash',
        '-c',
        `set -o pipefail; curl -fsS ${url(8001)}/${image}.zst | zstd -dcq | dd of=${at('disk')} bs=4M iflag=fullblock conv=notrunc,fsync status=none`,
      ),
    bmaptool: (image: string) =>
      wire.run('bmaptool', '-q', 'copy', '--bmap', join(www, `${image}.bmap`), `${url(8001)}/${image}.zst`, at('disk')),
    Reveille: (image: string) => {
      const told = agent('flash', url(8000), lists.get(image)!, at('disk'))
      const { rssBytes, ...phases } = JSON.parse(told) as { rssBytes: number } & Record<string, number>
      agentRss.push(rssBytes)
      for (const [phase, seconds] of Object.entries(phases))
        if (phase.endsWith('Seconds')) process.stderr.write(`  ${phase}: ${seconds.toFixed(2)}\n`)
    },
  }
  const cases = [
    ['first flash', 'v1', empty],
    ['1 % changed', 'v2', () => holding(at('v1'))],
    ['10 % changed', 'v3', () => holding(at('v1'))],
    ['nothing changed', 'v1', () => holding(at('v1'))],
  ] as const
  for (let run = 0; run < RUNS; run++)
    for (const [name, image, prepare] of cases)
      for (const [way, act] of Object.entries(ways)) {
        prepare()
        measure(`${way} | ${name}`, at(image), () => act(image))
      }

  const flashPeak = statusOf(server.pid!, 'VmHWM')
  const load = []
  for (const agents of AGENTS) {
    await wire.stop(server)
    server = startServer()
    await sleep(2000)
    const cpu = cpuOf(server.pid!)
    const told = wire.run(
      process.execPath,
      'bench/flash-agent.ts',
      'fetch',
      url(8000),
      lists.get('v1')!,
      String(agents),
    )
    const { bytes, seconds } = JSON.parse(told) as { bytes: number; seconds: number }
    const used = cpuOf(server.pid!) - cpu
    load.push({ agents, seconds, bytes, cpuSeconds: used, rssBytes: statusOf(server.pid!, 'VmHWM') })
  }

  const cell = (way: string, name: string) => {
    const runs = results.get(`${way} | ${name}`)!
    const seconds = runs.map((each) => each.seconds)
    const [least, most] = [Math.min(...seconds), Math.max(...seconds)]
    return {
      seconds: median(seconds),
      text: `${median(seconds).toFixed(2)} (${least.toFixed(1)}-${most.toFixed(1)})`,
      wireBytes: median(runs.map((each) => each.wireBytes)),
    }
  }
  const mib = (bytes: number) => (bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)
  console.log(
    `${mib(IMAGE_BYTES)} MiB image, ${mib(extents.length * EXTENT)} MiB allocated, ${mib(statSync(join(www, 'v1.zst')).size)} MiB as .zst; median seconds of ${RUNS} (least-most), MiB over the wire:\n`,
  )
  console.log(`| way | ${cases.map(([name]) => name).join(' | ')} |\n|---|${cases.map(() => '---').join('|')}|`)
  for (const way of Object.keys(ways)) {
    const cells = cases.map(([name]) => cell(way, name))
    console.log(`| ${way} | ${cells.map(({ text, wireBytes }) => `${text} s, ${mib(wireBytes)} MiB`).join(' | ')} |`)
  }
  const [first, one] = [cell('Reveille', 'first flash'), cell('Reveille', '1 % changed')]
  const [pipe, again] = [cell('curl, zstd, dd', 'first flash'), cell('curl, zstd, dd', '1 % changed')]
  console.log(
    `\nFirst flash: ${(first.seconds / pipe.seconds).toFixed(2)} of the pipe's time. 1 % changed: ${(again.seconds / one.seconds).toFixed(1)} times faster than the pipe, ${(again.wireBytes / one.wireBytes).toFixed(0)} times fewer bytes.`,
  )
  console.log(
    `Most memory: agent ${mib(Math.max(...agentRss))} MiB, server while one agent flashes ${mib(flashPeak)} MiB.\n`,
  )
  console.log(
    '| agents at once | seconds | MiB/s | server CPU s | CPU s per GiB sent | server MiB at most |\n|---|---|---|---|---|---|',
  )
  for (const { agents, seconds, bytes, cpuSeconds, rssBytes } of load)
    console.log(
      `| ${agents} | ${seconds.toFixed(1)} | ${(bytes / MIB / seconds).toFixed(0)} | ${cpuSeconds.toFixed(1)} | ${(cpuSeconds / (bytes / 2 ** 30)).toFixed(2)} | ${mib(rssBytes)} |`,
    )
  console.log(`\n${JSON.stringify({ runs: Object.fromEntries(results), agentRss, flashPeak, load })}`)
} finally {
  await wire.close()
  rmSync(directory, { recursive: true })
}
