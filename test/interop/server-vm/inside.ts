import { appendFileSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { SILENT } from '../../../src/kit/log.ts'
import { runOrFail } from '../../../src/processes/run.ts'
import { LioEngine } from '../../../src/volumes/drivers/lio/lio.ts'
import { LvmPool } from '../../../src/volumes/drivers/lvm/pool.ts'
import { RawVolumes } from '../../conformance/raw-volumes.ts'
import { type EngineWorld, TARGET_ENGINE_CASES } from '../../conformance/target-engines.ts'
import { describeVolumePool } from '../../conformance/volume-pool.ts'
import { CASES, type Case } from './cases.ts'
import { storageCases } from './storage.ts'
import { thinCases } from './thin.ts'
import type { InsideResult } from './vm.ts'

const clock = { now: () => Date.now() }

/** LIO over sparse files. */
async function lioCases(all: boolean): Promise<Case[]> {
  const { path, volume, content } = await RawVolumes.make('/var/tmp')
  const options = { listen: { host: '127.0.0.1', port: 3260 }, prefix: 'iqn.2026-11.org.reveille.test', log: SILENT }
  const start = () => LioEngine.start({ ...options, clock, path })
  let engine = await start()
  const world: EngineWorld = {
    get engine() {
      return engine
    },
    host: '127.0.0.1',
    isSlow: !all,
    cannot: new Set(['address-at-login', 'address-alone'] as const),
    volume,
    content,
    async isOpen(volume) {
      const core = '/sys/kernel/config/target/core'
      for (const hba of await readdir(core)) if ((await readdir(join(core, hba))).includes(volume)) return true
      return false
    },
    async restart() {
      await engine.stop()
      engine = await start()
    },
  }
  const left: Case = {
    name: 'nothing is left in the kernel once it is stopped',
    async run() {
      await engine.stop()
      const names = await readdir('/sys/kernel/config/target/iscsi')
      if (names.some((name) => name.startsWith('iqn.'))) throw new Error(names.join(' '))
    },
  }
  return [...TARGET_ENGINE_CASES.map((each) => ({ name: each.name, run: () => each.run(world) })), left]
}

const GROUP = 'vg0'
/** Of one part; then something is wrong with all of it. */
const MOST_FAILURES = 5

/** Without time for all: what differs most from other pools. */
const TELLING = /reads as its base|one writer or many|a snapshot holds|growing reads|publishing tells|after a crash/

/** The suite of volume pools over a thin pool on the second disk. */
async function lvmCases(all: boolean): Promise<readonly Case[]> {
  await runOrFail('vgcreate', ['-y', GROUP, '/dev/vdb'])
  describeVolumePool('LVM', async () => ({
    open: (images) => LvmPool.open({ ...images, group: GROUP, thinPool: 'reveille', refusePercent: 95 }),
    abandon: (pool) => (pool as LvmPool).abandon(),
    remove: async () => void (await runOrFail('lvremove', ['-y', '-qq', GROUP, '-S', 'lv_name=~^rv'])),
  }))
  return all ? CASES : CASES.filter(({ name }) => TELLING.test(name))
}

const PARTS: Record<string, (all: boolean) => Promise<readonly Case[]>> = {
  lio: lioCases,
  lvm: lvmCases,
  storage: () => storageCases(GROUP),
  thin: () => thinCases(GROUP),
}

async function main(): Promise<void> {
  const until = process.uptime()
  // `lvm` is what there is time for, `lvm-all` everything.
  for (const word of process.argv[2]!.split(',')) {
    const [part, all] = word.split('-') as [string, string | undefined]
    let cases: readonly Case[]
    try {
      cases = await PARTS[part]!(all !== undefined)
    } catch (error) {
      cases = [{ name: 'it starts', run: () => Promise.reject(error) }]
    }
    let failed = 0
    for (const { name, run } of cases) {
      if (failed >= MOST_FAILURES) break
      const began = performance.now()
      const error = await run().then(
        () => null,
        (reason: unknown) => (reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)),
      )
      if (error !== null) failed++
      const result: InsideResult = { name: `${part}: ${name}`, ms: Math.round(performance.now() - began), error }
      appendFileSync('/share/results', `${JSON.stringify(result)}\n`)
    }
  }
  console.log(`${CASES.length} cases of suites, ${Math.round(process.uptime() - until)} s`)
  console.log((await readFile('/proc/uptime', 'utf8')).trim(), await readlink('/proc/self/exe'))
}

await main()
process.exit(0)
