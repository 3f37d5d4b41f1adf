import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { IMAGE_BYTES, PORTS, targetName, USAGE_PORT } from '../test/e2e/bed/target-names.ts'
import type { Measured, Workload } from './iscsi-client.ts'
import { head, row, WORKLOADS } from './iscsi-workloads.ts'
import { median } from './wire.ts'

/** Loads the targets of a virtual server and prints tables: `node bench/iscsi-vm-load.ts ADDRESS`, where it is reached. See bench/iscsi-vm.ts. */
const [host = ''] = process.argv.slice(2)
const counting = process.env.REVEILLE_BENCH_INSTRUCTIONS !== undefined
const SECONDS = Number(process.env.REVEILLE_BENCH_SECONDS ?? 2)
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)

type Contestant = Readonly<{ name: string; port: number; target: string; lun: number }>
const CONTESTANTS: readonly Contestant[] = [
  { name: 'LIO', port: PORTS.lio, target: targetName('lio', 'disk'), lun: 0 },
  { name: 'tgt', port: PORTS.tgt, target: targetName('tgt', 'disk'), lun: 1 },
  { name: 'plain', port: PORTS.builtin, target: targetName('builtin', 'disk'), lun: 0 },
  { name: 'copy-on-write', port: PORTS.builtin, target: targetName('builtin', 'overlay'), lun: 0 },
]
type Run = Measured & { busy: number }

async function busy(): Promise<number> {
  return ((await (await fetch(`http://${host}:${USAGE_PORT}`)).json()) as { busy: number }).busy
}

async function measure({ port, target, lun }: Contestant, load: Workload): Promise<Run> {
  const before = await busy()
  const order = JSON.stringify({ host, port, lun, targets: [target], load })
  const client = join(import.meta.dirname, 'iscsi-client.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [client, order])
  const { results } = JSON.parse(stdout) as { results: Measured[] }
  return { ...results[0]!, busy: (await busy()) - before }
}

/** What asking and logging in alone cost the server. */
async function idle(each: Contestant): Promise<number> {
  const one = { write: false, bytes: 4096, depth: 1, random: false, span, seconds: SECONDS, seed: 0, commands: 1 }
  const costs: number[] = []
  for (let i = 0; i < 5; i++) costs.push((await measure(each, one)).busy)
  return median(costs)
}

const span = IMAGE_BYTES
const once = { bytes: 262_144, depth: 8, random: false, span, seconds: 600, seed: 0, commands: span / 262_144 }
const runs = new Map<string, Run[]>()
const loads = WORKLOADS.filter(({ first }) => !first)
// Reads come first, of an overlay that nobody has written to; all others are full.
for (const each of CONTESTANTS) await measure(each, { ...once, write: each.name !== 'copy-on-write' })
const extra = new Map<string, number>()
for (const each of CONTESTANTS) extra.set(each.name, await idle(each))
for (const write of [false, true]) {
  if (write) await measure(CONTESTANTS[3]!, { ...once, write })
  // The first round does not count: what compiles itself while it runs has done so then.
  for (let round = -1; round < RUNS; round++)
    for (const { name, ...load } of loads.filter((each) => each.write === write))
      for (const each of CONTESTANTS) {
        const run = await measure(each, { ...load, span, seconds: SECONDS, seed: round + 2 })
        if (round < 0) continue
        const key = `${name}/${each.name}`
        runs.set(key, [...(runs.get(key) ?? []), { ...run, busy: run.busy - extra.get(each.name)! }])
        if (process.env.REVEILLE_BENCH_VERBOSE)
          console.error(`${key}: ${run.commands} in ${run.seconds.toFixed(1)} s, busy ${run.busy.toFixed(2)} s`)
      }
}

const of = (load: string, who: string, what: (run: Run) => number) => median(runs.get(`${load}/${who}`)!.map(what))
const names = CONTESTANTS.map(({ name }) => name)
const perSecond = (run: Run) => run.commands / run.seconds
const each = (run: Run) => (run.busy / run.commands) * 1e6
console.log(
  counting
    ? `Thousands of instructions of the whole server for each command, ${SECONDS} s each, medians of ${RUNS} runs:\n`
    : `${SECONDS} s each, medians of ${RUNS} runs. Commands a second; processor time of the whole server for each, µs:\n`,
)
head(['workload', ...names, ...(counting ? ['plain / LIO', 'tgt / LIO'] : ['plain / LIO', 'plain / tgt'])])
for (const { name } of loads) {
  const cell = (who: string) =>
    counting
      ? of(name, who, each).toFixed(0)
      : `${of(name, who, perSecond).toFixed(0)}, ${of(name, who, each).toFixed(0)} µs`
  const ratio = (a: string, b: string) =>
    (counting ? of(name, a, each) / of(name, b, each) : of(name, a, perSecond) / of(name, b, perSecond)).toFixed(2)
  row([name, ...names.map(cell), ratio('plain', 'LIO'), counting ? ratio('tgt', 'LIO') : ratio('plain', 'tgt')])
}
