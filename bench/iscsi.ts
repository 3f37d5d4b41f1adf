import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { WORKER_FLAGS } from '../src/volumes/drivers/workers/worker.ts'
import type { Measured, Workload } from './iscsi-client.ts'
import { ALL_WORKLOADS, head, ONLY, row, WORKLOADS } from './iscsi-workloads.ts'
import { median } from './wire.ts'

/**
 * The built-in target beside tgt, as it comes and tuned, over loopback and with one client for all (bench/iscsi-client.ts), taking turns.
 * `plain`: a volume of its own; `copy-on-write`: an overlay of an image, which is read as it is, and written after it was written once. tgt
 * serves raw files. A first write goes to a disk that nobody has written to: an empty volume, a fresh overlay, a sparse file. Disks lie in the
 * page cache but where it says cold.
 */
const MIB = 2 ** 20
const SIZE_MIB = Number(process.env.REVEILLE_BENCH_MIB ?? 512)
const SECONDS = Number(process.env.REVEILLE_BENCH_SECONDS ?? 2)
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)
/** Of the boot storm, which only reads them. The next one is written again and again, those behind it once each. */
const OVERLAYS = 128
const IQN = 'iqn.2026-11.org.reveille.bench'
const PORTS = { reveille: 13_401, tgt: 13_402, tuned: 13_403 }

/** Disks that are written for the first time, of each. */
const FRESH = RUNS * ALL_WORKLOADS.filter(({ first }) => first).length

type Disk = Readonly<{ lun: number; target: string }>
type Contestant = Readonly<{
  name: string
  port: number
  pid: () => number
  read: Disk
  written: Disk
  fresh: (n: number) => Disk
}>
type Run = Measured & { cpu: number; clientCpu: number; others: number }

/** Share of a processor that others may use meanwhile; the kernel's own writing to disks is among them. */
const QUIET = 0.3
const TRIES = Number(process.env.REVEILLE_BENCH_TRIES ?? 5)
let disturbed = 0
const SPAN = SIZE_MIB * MIB
/** Goes through a disk from its beginning to its end. */
const ONCE = { bytes: 262_144, depth: 8, random: false, span: SPAN, seconds: 600, seed: 0, commands: SPAN / 262_144 }

const work = await mkdtemp(join(tmpdir(), 'rv-bench-iscsi-'))
const children: ChildProcess[] = []
/** tgtd answers to its own control program only over this socket. */
const environment = { ...process.env, TGT_IPC_SOCKET: join(work, 'tgt') }

async function makeDisk(path: string): Promise<void> {
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16))
  const file = await open(path, 'w')
  for (let i = 0; i < SIZE_MIB; i++) await file.write(noise.update(Buffer.alloc(MIB)))
  await file.close()
}

async function startTgt(name: 'tgt' | 'tuned', tuned: readonly string[]): Promise<Contestant> {
  const port = PORTS[name]
  const child = spawn('tgtd', ['-f', '-C', String(port % 100), '--iscsi', `portal=127.0.0.1:${port}`], {
    env: environment,
    stdio: 'ignore',
  })
  children.push(child)
  const ask = (...args: string[]) =>
    promisify(execFile)('tgtadm', ['-C', String(port % 100), '--lld', 'iscsi', ...args], { env: environment })
  for (let i = 0; i < 50; i++)
    try {
      await ask('--op', 'show', '--mode', 'target')
      break
    } catch {
      await pause(100)
    }
  await ask('--op', 'new', '--mode', 'target', '--tid', '1', '-T', `${IQN}:${name}`)
  const add = (lun: number, path: string) =>
    ask('--op', 'new', '--mode', 'logicalunit', '--tid', '1', '--lun', String(lun), '-b', path)
  await add(1, join(work, `${name}.raw`))
  for (let i = 0; i < FRESH; i++) {
    const path = join(work, `${name}-${i}.raw`)
    await writeFile(path, '')
    await truncate(path, SIZE_MIB * MIB)
    await add(2 + i, path)
  }
  for (const setting of tuned) {
    const [key = '', value = ''] = setting.split('=')
    await ask('--op', 'update', '--mode', 'target', '--tid', '1', '--name', key, '--value', value)
  }
  await ask('--op', 'bind', '--mode', 'target', '--tid', '1', '-I', 'ALL')
  const target = `${IQN}:${name}`
  const disk = { lun: 1, target }
  return { name, port, pid: () => child.pid!, read: disk, written: disk, fresh: (n) => ({ lun: 2 + n, target }) }
}

async function startReveille(): Promise<{ pid: () => number; createdMs: number }> {
  const script = join(import.meta.dirname, 'iscsi-server.ts')
  const child = spawn(
    process.execPath,
    [
      ...[...WORKER_FLAGS, script, String(PORTS.reveille), work, join(work, 'image.raw')],
      ...[String(OVERLAYS + 1 + FRESH), String(FRESH)],
    ],
    {
      env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  children.push(child)
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  return { pid: () => child.pid!, ...(JSON.parse(line) as { createdMs: number }) }
}

/** Seconds of processor time that a process has used, threads and all. */
async function cpuOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Seconds that all processors together were busy, waiting for disks not counted. */
async function busy(): Promise<number> {
  const [user, nice, system, , , interrupts, soft] = (await readFile('/proc/stat', 'latin1'))
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user! + nice! + system! + interrupts! + soft!) / 100
}

/**
 * Measures anew when something else was busy meanwhile, and takes the quietest in the end. The disk is gone through right before, so that each
 * finds its data in the page cache, however long it was left alone.
 */
async function measure(contestant: Contestant, disk: Disk, load: Workload): Promise<Run> {
  let best: Run | undefined
  for (let i = 0; i < TRIES; i++) {
    if (i > 0) await pause(1000)
    await measureOnce(contestant, disk, { ...ONCE, write: load.write })
    const run = await measureOnce(contestant, disk, load)
    if (!best || run.others < best.others) best = run
    if (best.others <= QUIET) break
  }
  if (best!.others > QUIET) disturbed++
  return best!
}

/**
 * A virtual machine gets memory from its host when it touches it for the first time, which takes longer than all else that a first write does. So
 * that everybody writes to memory that was just used, twice as much is written and forgotten before, in writes of the same size: pages are kept
 * apart by the size in which they were asked for.
 */
async function warmMemory(bytes: number): Promise<void> {
  const path = join(work, 'warm')
  const file = await open(path, 'w')
  const content = Buffer.alloc(bytes, 1)
  for (let written = 0; written < SPAN * 2; written += bytes) await file.write(content)
  await file.close()
  await promisify(execFile)('sync')
  await rm(path)
}

async function measureOnce(
  { port, pid }: Contestant,
  { lun, target }: Disk,
  load: Workload,
  targets = [target],
): Promise<Run> {
  // Or what was written before is written back at the cost of this one.
  if (load.write) await promisify(execFile)('sync')
  const before = await cpuOf(pid())
  const busyBefore = await busy()
  const order = JSON.stringify({ host: '127.0.0.1', port, lun, targets, load })
  const client = join(import.meta.dirname, 'iscsi-client.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [client, order])
  const told = JSON.parse(stdout) as { results: Measured[]; cpu: { user: number; system: number } }
  const sum = (of: (each: Measured) => number) => told.results.reduce((total, each) => total + of(each), 0)
  const worst = (of: (each: Measured) => number) => Math.max(...told.results.map(of))
  const cpu = (await cpuOf(pid())) - before
  const clientCpu = (told.cpu.user + told.cpu.system) / 1e6
  const seconds = worst((each) => each.seconds)
  return {
    commands: sum(({ commands }) => commands),
    bytes: sum(({ bytes }) => bytes),
    seconds,
    p50: worst(({ p50 }) => p50),
    p99: worst(({ p99 }) => p99),
    most: worst(({ most }) => most),
    cpu,
    clientCpu,
    others: ((await busy()) - busyBefore - cpu - clientCpu) / seconds,
  }
}

const rotated = <T>(all: readonly T[], by: number): T[] => all.map((_, i) => all[(i + by) % all.length]!)
const perSecond = (run: Run) => run.commands / run.seconds
const mbPerSecond = (run: Run) => run.bytes / run.seconds / 1e6
async function bootStorm(overlay: Contestant, createdMs: number): Promise<void> {
  console.log('\nBoot storm: clients that read 64K at random places of their own overlays of one image, depth 4:\n')
  head(['clients', 'warm MB/s', 'p99 of the slowest, ms', 'cold MB/s', 'p99 of the slowest, ms'])
  for (const clients of [1, 8, 32, 128]) {
    const targets = Array.from({ length: clients }, (_, i) => `${IQN}:cow${i}`)
    const load = { write: false, bytes: 65_536, depth: 4, random: true, span: SPAN, seconds: SECONDS * 2, seed: 5 }
    const storm = () => measureOnce(overlay, overlay.read, load, targets)
    await storm()
    const warm = await storm()
    execFileSync('sync')
    await writeFile('/proc/sys/vm/drop_caches', '3')
    const cold = await storm()
    const cells = [warm, cold].flatMap((run) => [String(Math.round(mbPerSecond(run))), (run.p99 / 1000).toFixed(1)])
    row([String(clients), ...cells])
  }
  console.log(`\n${OVERLAYS + 1 + FRESH} overlays were created in ${Math.round(createdMs)} ms.`)
}

try {
  for (const name of ['image', 'tgt', 'tuned']) await makeDisk(join(work, `${name}.raw`))
  const reveille = await startReveille()
  const disk = (name: string): Disk => ({ lun: 0, target: `${IQN}:${name}` })
  const own = { port: PORTS.reveille, pid: reveille.pid }
  const contestants = [
    await startTgt('tgt', []),
    await startTgt('tuned', ['MaxRecvDataSegmentLength=262144', 'FirstBurstLength=262144', 'InitialR2T=No']),
    {
      ...{ ...own, name: 'plain', read: disk('plain'), written: disk('plain') },
      fresh: (n: number) => disk(`fresh${n}`),
    },
    {
      ...{ ...own, name: 'copy-on-write', read: disk('cow0'), written: disk(`cow${OVERLAYS}`) },
      fresh: (n: number) => disk(`cow${OVERLAYS + 1 + n}`),
    },
  ]
  const runs = new Map<string, Run[]>()
  let fresh = 0
  for (let round = 0; round < RUNS; round++)
    for (const { name, first, ...load } of WORKLOADS) {
      // Everybody begins once: who writes first may find better memory.
      for (const each of rotated(contestants, round)) {
        const disk = first ? each.fresh(fresh) : load.write ? each.written : each.read
        // No place twice.
        const all = { ...load, span: SPAN, seconds: SECONDS, seed: round + 1 }
        if (first) await warmMemory(load.bytes)
        const run = first
          ? await measureOnce(each, disk, { ...all, commands: SPAN / load.bytes })
          : await measure(each, disk, all)
        const key = `${name}/${each.name}`
        runs.set(key, [...(runs.get(key) ?? []), run])
        if (process.env.REVEILLE_BENCH_VERBOSE)
          console.error(
            `${key}: ${Math.round(perSecond(run))}/s, ${Math.round(mbPerSecond(run))} MB/s,`,
            `busy: target ${(run.cpu / run.seconds).toFixed(2)}, client ${(run.clientCpu / run.seconds).toFixed(2)},`,
            `others ${run.others.toFixed(2)}`,
          )
      }
      if (first) fresh++
    }
  console.log(`Disks of ${SIZE_MIB} MiB, ${SECONDS} s each, medians of ${RUNS} runs. Commands a second (MB/s):\n`)
  head(['workload', 'tgt', 'tgt tuned', 'plain', 'copy-on-write', 'plain / best tgt', 'copy-on-write / best tgt'])
  for (const { name } of WORKLOADS) {
    const of = (who: string, what: (run: Run) => number) => median(runs.get(`${name}/${who}`)!.map(what))
    const cell = (who: string) => `${Math.round(of(who, perSecond))} (${Math.round(of(who, mbPerSecond))})`
    const best = Math.max(of('tgt', perSecond), of('tuned', perSecond))
    const ratios = ['plain', 'copy-on-write'].map((who) => (of(who, perSecond) / best).toFixed(2))
    row([name, ...['tgt', 'tuned', 'plain', 'copy-on-write'].map(cell), ...ratios])
  }
  console.log('\nMicroseconds: p50, p99, processor time of the target for each command:\n')
  head(['workload', 'tgt', 'tgt tuned', 'plain', 'copy-on-write'])
  for (const { name } of WORKLOADS) {
    const of = (who: string, what: (run: Run) => number) => Math.round(median(runs.get(`${name}/${who}`)!.map(what)))
    const cell = (who: string) =>
      `${of(who, ({ p50 }) => p50)}, ${of(who, ({ p99 }) => p99)}, ${of(who, ({ cpu, commands }) => (cpu / commands) * 1e6)}`
    row([name, ...['tgt', 'tuned', 'plain', 'copy-on-write'].map(cell)])
  }

  console.log(`\n${disturbed} measurements were disturbed by something else that was busy, ${TRIES} times each.`)
  if (!ONLY) await bootStorm(contestants[3]!, reveille.createdMs)
} finally {
  for (const child of children) child.kill('SIGKILL')
  await rm(work, { recursive: true, force: true })
}
