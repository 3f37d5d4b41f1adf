import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, sleep, Wire } from './wire.ts'

/**
 * A 64 MiB file over HTTP beside nginx (one worker, sendfile), fetched by wrk with 1 and 32 connections. `REVEILLE_BENCH_RUNS` (3)
 * runs of `REVEILLE_BENCH_SECONDS` (5), taken in turns; the median counts.
 */
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)
const SECONDS = Number(process.env.REVEILLE_BENCH_SECONDS ?? 5)
const SHA256 = 'ab'.repeat(32)
const directory = mkdtempSync(join(tmpdir(), 'reveille-bench-'))
const www = join(directory, 'boot/blob', SHA256)
mkdirSync(www, { recursive: true })
chmodSync(directory, 0o755)
writeFileSync(join(www, 'file'), randomBytes(64 * 1024 * 1024))
mkdirSync(join(directory, 'boot/program'), { recursive: true })
writeFileSync(join(directory, 'boot/program/small.efi'), new Uint8Array(1000))
writeFileSync(
  join(directory, 'nginx.conf'),
  `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log; user root;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3;
  uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  server { listen 8001; root ${directory}; } }
`,
)

const wire = new Wire()
const SERVERS = [
  { name: 'Reveille', port: 8000 },
  { name: 'nginx', port: 8001 },
] as const
const CASES = [
  { what: '64 MiB, 1 connection', path: `/boot/blob/${SHA256}/file`, connections: 1, bulk: true },
  { what: '64 MiB, 32 connections', path: `/boot/blob/${SHA256}/file`, connections: 32, bulk: true },
  { what: '1 kB, 32 connections', path: '/boot/program/small.efi', connections: 32, bulk: false },
] as const

/** MB/s of bulk downloads, requests per second of small ones. */
function measure(port: number, { path, connections, bulk }: (typeof CASES)[number]): number {
  const url = `http://${wire.serverAddress}:${port}${path}`
  const out = wire.run('wrk', '-t1', `-c${connections}`, `-d${SECONDS}s`, '--timeout', '30s', url)
  if (/Non-2xx/.test(out)) throw new Error(`${url}: ${out}`)
  if (!bulk) return Number(/Requests\/sec:\s*([\d.]+)/.exec(out)?.[1])
  // Whole responses only count at their end, so bytes are counted, not requests.
  const [, amount = '', unit = ''] = /Transfer\/sec:\s*([\d.]+)([KMG]B)/.exec(out) ?? []
  return Number(amount) * { KB: 1 / 1024, MB: 1, GB: 1024 }[unit as 'KB' | 'MB' | 'GB']
}

try {
  wire.start(process.execPath, 'bench/http-server.ts', '8000', SHA256, join(www, 'file'))
  wire.start('nginx', '-c', join(directory, 'nginx.conf'))
  await sleep(1500)
  const results = new Map<string, number[]>()
  for (let run = 0; run < RUNS; run++)
    for (const each of CASES)
      for (const { name, port } of SERVERS) {
        const key = `${name} ${each.what}`
        results.set(key, [...(results.get(key) ?? []), measure(port, each)])
      }
  console.log(`wrk -t1 over a veth pair, median of ${RUNS} runs of ${SECONDS} s:\n`)
  console.log('| case | Reveille | nginx | ratio |\n|---|---|---|---|')
  for (const { what, bulk } of CASES) {
    const [ours, theirs] = SERVERS.map(({ name }) => median(results.get(`${name} ${what}`)!)) as [number, number]
    const unit = bulk ? 'MiB/s' : 'requests/s'
    console.log(
      `| ${what} | ${ours.toFixed(0)} ${unit} | ${theirs.toFixed(0)} ${unit} | ${(ours / theirs).toFixed(2)} |`,
    )
  }
} finally {
  await wire.close()
  rmSync(directory, { recursive: true })
}
