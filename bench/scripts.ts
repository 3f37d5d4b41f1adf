/**
 * Boot scripts per second with many machines registered, measured by wrk over loopback: whole HTTP requests, each decided anew.
 * Prints a markdown table. `node bench/scripts.ts [SECONDS [MACHINES]]`; needs wrk, no root.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { serveScript } from '../src/boot/script/serve.ts'
import { SILENT } from '../src/kit/log.ts'
import type { Mac } from '../src/kit/mac.ts'
import { blankMachine } from '../src/machines/edit.ts'
import type { Machine } from '../src/machines/machine.ts'
import { Machines } from '../src/machines/machines.ts'
import { ProfileSpec } from '../src/profiles/profile.ts'
import { MemoryRepository } from '../test/fakes/memory-repository.ts'

const [seconds = 5, count = 10_000] = process.argv.slice(2).map(Number)
const macOf = (number: number) =>
  `52:54:00:${number
    .toString(16)
    .padStart(6, '0')
    .replace(/..(?=.)/g, '$&:')}` as Mac

/** The server has a thread of its own, so that waiting for wrk does not stop it. */
async function serve(): Promise<void> {
  const spec = ProfileSpec.parse({
    name: 'debian',
    kind: 'live',
    image: 'di',
    cmdline: 'url={{files}}/preseed.cfg ---',
  })
  const profile = { ...spec, createdAt: 0, updatedAt: 0 }
  const file = (role: 'kernel' | 'initrd') => ({ role, name: role, sha256: 'a'.repeat(64), bytes: 1 })
  const version = {
    number: 1,
    files: [file('kernel'), file('initrd')],
    cmdline: 'quiet',
    note: '',
    createdAt: 0,
    createdBy: '',
  }
  const image = {
    name: 'di',
    kind: 'bundle',
    description: '',
    versions: [version],
    createdAt: 0,
    updatedAt: 0,
  } as const
  const rows = Array.from({ length: count }, (_, i): Machine => {
    const machine = blankMachine(`m_${i.toString(16).padStart(16, '0')}`, `node-${String(i).padStart(5, '0')}`, 0)
    return { ...machine, macs: [macOf(i)], profile: 'debian' }
  })
  const clock = { now: () => Date.now() }
  const machines = await Machines.open({
    repository: new MemoryRepository((machine) => machine.id, rows),
    events: { publish() {} },
    clock,
    namePattern: 'node-%04d',
    hasProfile: () => true,
  })
  const { handler } = serveScript({
    machines,
    profiles: { get: () => profile },
    images: { resolve: () => ({ image, version }) },
    traces: { record() {}, learn() {}, macAt: () => undefined, decided() {} },
    unknownMachines: 'park',
    key: new Uint8Array(32).fill(1),
    clock,
    log: SILENT,
    perSecond: Number.POSITIVE_INFINITY,
  })
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://boot')
    const base = `http://${request.headers.host}`
    handler(request, response, { path: url.pathname, query: url.searchParams, client: '127.0.0.1', base })
  })
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
}

/** Asks for the script of one machine after another, as a whole site that powers on would. */
function measure(port: number): void {
  const dir = mkdtempSync(join(tmpdir(), 'reveille-bench-scripts-'))
  const script = join(dir, 'scripts.lua')
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
  try {
    const run = (time: number) =>
      execFileSync('wrk', ['-t1', '-c64', `-d${time}s`, '-s', script, `http://127.0.0.1:${port}`], { encoding: 'utf8' })
    run(1)
    const [rate, median, slow, errors] = run(seconds).trim().split('\n').at(-1)!.split('|')
    console.log('| machines | scripts/s | median ms | 99 % ms | errors |\n|---|---|---|---|---|')
    console.log(`| ${count} | ${rate} | ${median} | ${slow} | ${errors} |`)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

if (isMainThread) {
  const server = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
  server.once('message', (port: number) => {
    measure(port)
    void server.terminate()
  })
} else await serve()
