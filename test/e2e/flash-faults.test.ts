import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOCAL } from './bed/disks.ts'
import { FlashBed, type FlashedMachine } from './bed/flash-bed.ts'
import { madeDisk } from './bed/made-disk.ts'
import { until } from './bed/until.ts'

/** Power cuts and deaths of the server: one of each in a short run, many in a long one. */
const ROUNDS = Number(process.env.REVEILLE_TEST_ROUNDS ?? (process.env.REVEILLE_SOAK ? 20 : 1))
const SEED = Number(process.env.REVEILLE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
const LONG_MS = 3 * 3_600_000

/** A small generator with a seed that is printed, so that a failure can be had again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Long enough to be cut short; in a long run often enough that every stage is met. */
const SIZE = process.env.REVEILLE_SOAK ? { mib: 128, dataMiB: 80 } : { mib: 64, dataMiB: 32 }
/** Two systems that have nothing in common, written over each other in turns. */
const DISKS = { a: madeDisk({ seed: 'a', ...SIZE }), b: madeDisk({ seed: 'b', ...SIZE }) }
type System = keyof typeof DISKS

/** What a disk is while `after` is written over `before`; anything else could boot half. */
function stateOf(disk: Buffer, before: Buffer, after: Buffer): 'untouched' | 'unbootable' | 'whole' {
  if (disk.equals(after)) return 'whole'
  if (disk.equals(before)) return 'untouched'
  if (disk.subarray(0, 512).every((byte) => byte === 0)) return 'unbootable'
  throw new Error('the first sector is there, and the disk is neither the one system nor the other')
}

let bed: FlashBed
const pick = random(SEED)
/** How long the first flash took. */
let flashMs = 8_000
beforeAll(async () => {
  console.log(`seed ${SEED}, ${ROUNDS} rounds`)
  bed = await FlashBed.make()
  await bed.offer('a', DISKS.a)
  await bed.offer('b', DISKS.b)
}, 600_000)
afterAll(() => bed?.remove(), 60_000)

/** Waits until the management OS has begun to write for the `times`-th time; false if it came to its end instead. */
async function flashing(id: string, times: number): Promise<boolean> {
  return until(`${id} writes for the ${times}. time`, 400_000, async () => {
    const { items } = await bed.server.api<{ items: { text: string }[] }>('GET', `/deployments/${id}/log?limit=5000`)
    if (items.filter(({ text }) => / to \/dev\/vda \(serial /.test(text)).length >= times) return true
    const { state, reason } = await bed.get(id)
    if (state === 'failed') throw new Error(`${id} failed: ${reason}`)
    return state === 'succeeded' ? false : undefined
  })
}

/** The machine has arrived: its disk is the system, to the byte, and it starts it. Milliseconds that its last flash took. */
async function arrives(machine: FlashedMachine, id: string, system: System): Promise<number> {
  const { state, reason, tasks } = await bed.ended(id)
  expect(state, reason).toBe('succeeded')
  await machine.shows(LOCAL, 60_000)
  await machine.power('off')
  expect((await machine.disk(0)).equals(DISKS[system]), 'the disk is the system').toBe(true)
  expect((await machine.seen()).state).toBe('active')
  const flash = tasks.find(({ kind }) => kind === 'flash')
  console.log(`${id}: ${flash?.summary}`)
  return Number(flash?.result?.seconds) * 1000
}

test('a UEFI machine is flashed, and starts its own disk', async () => {
  const machine = await bed.machine('uefi', 'uefi', [SIZE.mib])
  await machine.writeDisk(0, DISKS.b)
  flashMs = await arrives(machine, await machine.order({ profile: 'a' }, 0), 'a')
}, 600_000)

test(
  `a flash goes on after power cuts and after the server was killed, ${ROUNDS} of each`,
  async () => {
    const machine = await bed.machine('victim', 'bios', [SIZE.mib])
    await machine.writeDisk(0, DISKS.a)
    const cuts: string[] = []
    const kills: number[] = []

    const cut = async (id: string, before: System, after: System) => {
      const point = Math.round(pick() * flashMs)
      await sleep(point)
      await machine.power('off')
      const found = stateOf(await machine.disk(0), DISKS[before], DISKS[after])
      const { state, dirty } = await bed.get(id)
      cuts.push(found)
      console.log(`power cut ${cuts.length} after ${point} ms: the disk is ${found}; ${state}, dirty: ${dirty}`)
      if (found === 'unbootable') expect(dirty).toBe(true)
      await machine.power('on')
    }
    const kill = async (id: string) => {
      const point = Math.round((pick() * flashMs) / 2)
      await sleep(point)
      await bed.server.kill()
      await sleep(pick() * 3000)
      await bed.server.start()
      const { state, progress } = await bed.get(id)
      kills.push(point)
      console.log(
        `server killed ${kills.length} after ${point} ms: ${state}, ${progress?.phase} ${progress?.doneBytes}`,
      )
    }

    let now: System = 'a'
    while (cuts.length < ROUNDS || kills.length < ROUNDS) {
      const next: System = now === 'a' ? 'b' : 'a'
      const id = await machine.order({ profile: next }, 0)
      let begun = 1
      let writes = await flashing(id, begun)
      for (let left = 1 + Math.round(3 * pick()); writes && left > 0 && cuts.length < ROUNDS; left--) {
        await cut(id, now, next)
        writes = await flashing(id, ++begun)
      }
      for (let left = 1 + Math.round(2 * pick()); writes && left > 0 && kills.length < ROUNDS; left--) await kill(id)
      await arrives(machine, id, next)
      now = next
    }
    const counted = [...new Set(cuts)].map((found) => `${cuts.filter((each) => each === found).length} ${found}`)
    console.log(
      `${cuts.length} power cuts (disk: ${counted.join(', ')}), ${kills.length} deaths of the server: all arrived`,
    )
  },
  LONG_MS,
)
