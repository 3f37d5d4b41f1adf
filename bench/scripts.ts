import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { all, createClient } from '../src/api/client/client.ts'
import { nodeTransport } from '../src/api/client/node.ts'

/**
 * Boot scripts per second of the whole server (store, traces and all) with many machines registered, measured by wrk over
 * loopback: every request is another machine's, decided anew and traced. Also prints the server's resident memory, idle before
 * and after. `node bench/scripts.ts [SECONDS [MACHINES]]`; needs wrk, no root.
 */
const [seconds = 5, count = 10_000] = process.argv.slice(2).map(Number)
const PORT = 18_973
const directory = mkdtempSync(join(tmpdir(), 'reveille-bench-scripts-'))
const dataDir = join(directory, 'data')
const client = createClient(nodeTransport({ socket: join(dataDir, 'control.sock') }))

const macOf = (number: number) =>
  `52:54:00:${number
    .toString(16)
    .padStart(6, '0')
    .replace(/..(?=.)/g, '$&:')}`

async function start(): Promise<ChildProcess> {
  const flags = [
    '--data-dir',
    dataDir,
    '--http-listen',
    `127.0.0.1:${PORT}`,
    '--http-rate-limit',
    '1000000',
    '--log-level',
    'error',
  ]
  const server = spawn(join(import.meta.dirname, '../bin/reveille'), ['serve', ...flags], { stdio: 'ignore' })
  for (let tries = 0; tries < 100; tries++) {
    const ready = await client.getStatus({}).then(
      () => true,
      () => false,
    )
    if (ready) return server
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the server did not start')
}

function residentMiB(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)
}

/** Asks for the script of one machine after another, as a whole site that powers on would. */
function measure(): [string, string, string, string] {
  const script = join(directory, 'scripts.lua')
  writeFileSync(
    script,
    `local n = 0
request = function()
  n = (n + 7919) % ${count}
  local mac = string.format("52:54:00:%02x:%02x:%02x", math.floor(n / 65536), math.floor(n / 256) % 256, n % 256)
  return wrk.format("GET", "/boot/script.ipxe?mac=" .. mac .. "&platform=efi&arch=x86_64&serial=" .. string.format("%08x", n))
end
done = function(summary, latency)
  io.write(string.format("%.0f|%.1f|%.1f|%d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read))
end
`,
  )
  const run = (time: number) =>
    execFileSync('wrk', ['-t1', '-c64', `-d${time}s`, '-s', script, `http://127.0.0.1:${PORT}`], { encoding: 'utf8' })
  run(1)
  return run(seconds).trim().split('\n').at(-1)!.split('|') as [string, string, string, string]
}

const server = await start()
try {
  const idle = residentMiB(server.pid!)
  await client.createImage({ body: { name: 'linux', kind: 'bundle' } })
  const content = new Uint8Array(4096)
  const sha256 = execFileSync('sha256sum', { input: content, encoding: 'utf8' }).slice(0, 64)
  await client.putUpload({ params: { sha256 }, body: { content } })
  const files = (['kernel', 'initrd'] as const).map((role) => ({ role, name: role, sha256 }))
  await client.createVersion({ params: { image: 'linux' }, body: { files, cmdline: 'quiet' } })
  const machines = Array.from({ length: count }, (_, i) => ({
    name: `node-${String(i).padStart(5, '0')}`,
    macs: [macOf(i)],
    profile: 'linux',
  }))
  await client.apply({
    query: {},
    body: { profiles: [{ name: 'linux', kind: 'live', image: 'linux', cmdline: 'url={{files}}/x' }], machines },
  })
  const registered = (await all(client.listMachines, { query: { limit: 1000 } })).length
  if (registered !== count) throw new Error(`${registered} machines are registered, not ${count}`)
  const [rate, median, slow, errors] = measure()
  console.log(
    '| machines | scripts/s | median ms | 99 % ms | errors | idle MiB | MiB after |\n|---|---|---|---|---|---|---|',
  )
  console.log(`| ${count} | ${rate} | ${median} | ${slow} | ${errors} | ${idle} | ${residentMiB(server.pid!)} |`)
} finally {
  server.kill()
  rmSync(directory, { recursive: true, force: true })
}
