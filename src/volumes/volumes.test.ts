import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryEngine } from '../../test/fakes/memory-engine.ts'
import { MemoryPool } from '../../test/fakes/memory-pool.ts'
import { MemoryVolumes } from '../../test/fakes/volume-rows.ts'
import { ManualClock } from '../kit/clock.ts'
import { SILENT } from '../kit/log.ts'
import { VolumeLedger } from './ledger.ts'
import { Targets } from './targets.ts'
import { Volumes } from './volumes.ts'

const MIB = 2 ** 20
const clock = new ManualClock()
const NO_IMAGES = { disks: {}, chunks: {} } as ConstructorParameters<typeof MemoryPool>[0]
const BY = 'op'
const EXPORT = { initiator: null, address: null, readOnly: false, snapshot: null, chap: false }

let rows: MemoryVolumes
let pool: MemoryPool

beforeEach(() => {
  rows = new MemoryVolumes()
  pool = new MemoryPool(NO_IMAGES)
})

/** As after a start of the server: only store and pool are what they were. */
async function open(
  usedBy?: (reference: string) => readonly string[],
  overLimit?: (ids: readonly string[]) => Promise<readonly string[]>,
) {
  for (const kept of pool.kept.values()) kept.open = 0
  const engine = new MemoryEngine(pool)
  const ledger = await VolumeLedger.open({ repository: rows, clock, events: { publish: () => undefined } })
  const log = SILENT
  const host = () => '10.0.0.1'
  const machineName = (id: string) => id
  const targets = new Targets({ ledger, engine, clock, log, prefix: 'iqn.2026-11.x', host, machineName, overLimit })
  const thresholds = { warnPercent: 80, refusePercent: 95 }
  const volumes = await Volumes.open({
    ...{ ledger, pool, targets, resolveImage: () => undefined, usedBy, thresholds, clock, log },
  })
  await targets.open()
  return { volumes, targets, engine, ledger }
}

const ledgerOf = ({ ledger }: Volumes) => ledger

type World = Awaited<ReturnType<typeof open>>

describe('a kill at any write', () => {
  const changes: [string, (world: World, id: string) => Promise<unknown>][] = [
    ['create', ({ volumes }) => volumes.create({ name: 'new', bytes: MIB }, BY)],
    ['clone', ({ volumes }) => volumes.create({ name: 'new', clone: { volume: 'one', snapshot: 's1' } }, BY)],
    ['snapshot', ({ volumes }, id) => volumes.snapshot(id, 's2', '', BY)],
    ['remove a snapshot', ({ volumes }, id) => volumes.removeSnapshot(id, 's1')],
    ['revert', ({ volumes }, id) => volumes.revert(id, 's1', { kick: false })],
    ['recreate', ({ volumes }, id) => volumes.recreate(id, { kick: false })],
    ['resize', ({ volumes }, id) => volumes.resize(id, 2 * MIB, { shrink: false })],
    ['limit', ({ volumes }, id) => volumes.update(id, { limitBytes: MIB })],
    ['remove', ({ volumes }, id) => volumes.remove(id)],
    ['frozen', ({ volumes }, id) => volumes.frozen(id, async () => undefined)],
    ['overwrite', ({ volumes }, id) => volumes.overwrite(id, MIB, async () => undefined)],
  ]

  test.each(changes)('of %s leaves store and pool as before or as after', async (_, change) => {
    for (let killAfter = 0; killAfter < 4; killAfter++) {
      rows = new MemoryVolumes()
      pool = new MemoryPool(NO_IMAGES)
      const before = await open()
      const { id } = await before.volumes.create({ name: 'one', bytes: MIB }, BY)
      pool.kept.get(id)!.content.fill(1)
      await before.volumes.snapshot(id, 's1', '', BY)
      pool.kept.get(id)!.content.fill(2)
      rows.killAfter = killAfter
      await change(before, id).catch(() => undefined)
      rows.killAfter = Number.POSITIVE_INFINITY

      const { volumes, ledger } = await open()
      const known = ledger.volumes()
      expect([...pool.kept.keys()].sort()).toEqual(known.map((volume) => volume.id).sort())
      for (const volume of known) {
        const kept = pool.kept.get(volume.id)!
        expect(volume.pending).toBeNull()
        expect(kept.content.length).toBe(volume.bytes)
        expect([...kept.snapshots.keys()]).toEqual(volume.snapshots.map(({ name }) => name))
        if (volume.condition === 'damaged') await volumes.recreate(volume.id, { kick: false })
        await volumes.snapshot(volume.id, 'still', '', BY)
      }
    }
  })
})

describe('after a start', () => {
  test('a volume that is missing is made anew when nobody wrote to it, and damaged otherwise', async () => {
    const { volumes } = await open()
    const blank = await volumes.create({ name: 'blank', bytes: MIB }, BY)
    const used = await volumes.create({ name: 'used', bytes: MIB }, BY)
    await volumes.targets.export(
      used,
      { initiator: null, address: null, readOnly: false, snapshot: null, chap: false },
      BY,
    )
    const other = await volumes.create({ name: 'other', bytes: MIB }, BY)
    await volumes.snapshot(other.id, 's', '', BY)
    await ledgerOf(volumes).change(other.id, { untouched: false })
    for (const id of [blank.id, used.id]) pool.kept.delete(id)
    const { ledger, targets } = await open()
    expect(ledger.known('blank').condition).toBe('ready')
    expect(pool.kept.has(blank.id)).toBe(true)
    expect(ledger.known('used').condition).toBe('damaged')
    await expect(
      targets.export(
        ledger.known('used'),
        { initiator: null, address: null, readOnly: true, snapshot: null, chap: false },
        BY,
      ),
    ).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('a pool that has nothing of what was written is another one: nothing is touched', async () => {
    const { volumes } = await open()
    const used = await volumes.create({ name: 'used', bytes: MIB }, BY)
    await volumes.create({ name: 'blank', bytes: MIB }, BY)
    await ledgerOf(volumes).change(used.id, { untouched: false })
    const right = pool
    pool = new MemoryPool(NO_IMAGES)
    const wrong = await open()
    expect(wrong.volumes.problem).toContain('has none of the 1 volume that was written to')
    expect(pool.kept.size).toBe(0)
    pool = right
    const again = await open()
    expect(again.volumes.problem).toBeUndefined()
    expect(again.ledger.volumes().map(({ condition }) => condition)).toEqual(['ready', 'ready'])
  })

  test('what the store does not know stays in the pool', async () => {
    await pool.create('v_stray', { bytes: MIB, base: null, limitBytes: null })
    await open()
    expect(pool.kept.has('v_stray')).toBe(true)
  })

  test('exports are served again, with the same secret', async () => {
    const { volumes, targets } = await open()
    const one = await volumes.create({ name: 'one', bytes: MIB }, BY)
    const made = await targets.export(
      one,
      { initiator: null, address: null, readOnly: false, snapshot: null, chap: true },
      BY,
    )
    const { engine } = await open()
    expect(engine.targets.get(made.iqn)).toMatchObject({
      chap: made.chap,
      luns: [{ lun: 0, volume: one.id, serial: one.id }],
    })
  })

  test('a target that cannot be served is tried again', async () => {
    const { volumes, targets } = await open()
    const one = await volumes.create({ name: 'one', bytes: MIB }, BY)
    const made = await targets.export(
      one,
      { initiator: null, address: null, readOnly: false, snapshot: null, chap: false },
      BY,
    )
    const again = await open()
    again.engine.failing = new Error('busy')
    again.engine.targets.clear()
    await again.targets.open()
    expect([...again.targets.failures().keys()]).toEqual([made.id])
    await again.targets.tick()
    expect(again.targets.failures().size).toBe(0)
    expect(again.engine.targets.has(made.iqn)).toBe(true)
  })
})

test('what fails in the pool has changed nothing', async () => {
  const { volumes, ledger } = await open()
  pool.failing.create = new Error('disk')
  await expect(volumes.create({ name: 'one', bytes: MIB }, BY)).rejects.toThrow('disk')
  expect(ledger.volumes()).toEqual([])
  const { id } = await volumes.create({ name: 'one', bytes: MIB }, BY)
  pool.failing.snapshot = new Error('disk')
  await expect(volumes.snapshot(id, 's1', '', BY)).rejects.toThrow('disk')
  expect(ledger.known('one')).toMatchObject({ pending: null, snapshots: [] })
})

test('changes of one volume at the same time are all kept', async () => {
  const { volumes, ledger } = await open()
  const { id } = await volumes.create({ name: 'one', bytes: MIB }, BY)
  await Promise.all([
    ...Array.from({ length: 10 }, (_, n) => volumes.snapshot(id, `s${n}`, '', BY)),
    volumes.update(id, { notes: 'n' }),
    ledger.change(id, { bootsLeft: 3 }),
  ])
  expect(ledger.known('one')).toMatchObject({ notes: 'n', bootsLeft: 3, snapshots: { length: 10 } })
  const same = Array.from({ length: 5 }, () => volumes.create({ name: 'twin', bytes: MIB }, BY))
  const results = await Promise.allSettled(same)
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('a change that is refused because the volume is being read is not made at the next start either', async () => {
  const { volumes, ledger } = await open()
  const { id, ...made } = await volumes.create({ name: 'one', bytes: MIB }, BY)
  pool.kept.get(id)!.content.fill(7)
  const reader = await pool.open(id, { readOnly: true })
  const refused = { code: 'in-use', message: expect.stringContaining('the volume one') }
  await expect(volumes.remove(id)).rejects.toMatchObject(refused)
  await expect(volumes.removeForced(id)).rejects.toMatchObject(refused)
  await expect(volumes.recreate(id, { kick: true, bytes: 2 * MIB })).rejects.toMatchObject(refused)
  await expect(volumes.revert(id, null, { kick: true })).rejects.toMatchObject(refused)
  expect(ledger.known(id)).toMatchObject({ pending: null, bytes: made.bytes })
  await reader.close()
  const after = await open()
  expect(after.ledger.known(id)).toMatchObject({ pending: null, bytes: made.bytes })
  expect(pool.kept.get(id)!.content[0]).toBe(7)
})

test('what is set aside is written by nobody: exports must end first', async () => {
  const { volumes, targets, ledger } = await open()
  const { id } = await volumes.create({ name: 'one', bytes: MIB }, BY)
  const { id: writer } = await targets.export(ledger.known(id), EXPORT, BY)
  for (const condition of ['modified', 'offline'] as const)
    await expect(volumes.update(id, { condition })).rejects.toMatchObject({ code: 'in-use' })
  await targets.end(ledger.known(id), writer)
  await targets.export(ledger.known(id), { ...EXPORT, readOnly: true }, BY)
  await expect(volumes.update(id, { condition: 'offline' })).rejects.toMatchObject({ code: 'in-use' })
  expect(await volumes.update(id, { condition: 'modified' })).toMatchObject({ condition: 'modified' })
})

test('a volume that a profile names, by its name or its id, is not deleted', async () => {
  let named = ''
  const { volumes } = await open((reference) => (reference === named ? ['desk'] : []))
  const { id, name } = await volumes.create({ name: 'one', bytes: MIB }, BY)
  for (named of [id, name]) await expect(volumes.remove(id)).rejects.toMatchObject({ code: 'in-use' })
  await expect(volumes.update(id, { name: 'two' })).rejects.toMatchObject({ code: 'in-use' })
  named = id
  await volumes.update(id, { name: 'two' })
})

test('what is being examined is not changed', async () => {
  const { volumes, targets, ledger } = await open()
  const { id } = await volumes.create({ name: 'one', bytes: MIB }, BY)
  const examined = await targets.examine(await volumes.update(id, { condition: 'modified' }), 'm_1')
  const refused = { code: 'in-use', message: expect.stringContaining('examined') }
  await expect(volumes.revert(id, null, { kick: true })).rejects.toMatchObject(refused)
  await expect(volumes.recreate(id, { kick: true })).rejects.toMatchObject(refused)
  await expect(volumes.overwrite(id, MIB, async () => undefined)).rejects.toMatchObject(refused)
  expect(ledger.known(id)).toMatchObject({ condition: 'mounted', pending: null })
  await targets.end(ledger.known(id), examined.id)
  expect(await volumes.recreate(id, { kick: false })).toMatchObject({ condition: 'ready' })
})

describe('what is written has one user', () => {
  const wanted = EXPORT

  test('also when two ask for it at once', async () => {
    const { volumes, targets, ledger } = await open()
    const { id } = await volumes.create({ name: 'one', bytes: MIB }, BY)
    const volume = await volumes.snapshot(id, 's', '', BY)
    await targets.export(volume, { ...wanted, snapshot: 's' }, BY)
    const asked = await Promise.allSettled([1, 2, 3].map(() => targets.export(volume, wanted, BY)))
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(asked.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'in-use' } })
    expect(ledger.holding(id).filter(({ disks }) => !disks[0]?.readOnly)).toHaveLength(1)
  })

  test('nobody gets it while its content is replaced', async () => {
    const { volumes, targets, ledger } = await open()
    const volume = await volumes.create({ name: 'one', bytes: MIB }, BY)
    await volumes.overwrite(volume.id, MIB, async () => {
      await expect(targets.export(volume, wanted, BY)).rejects.toMatchObject({ code: 'in-use' })
    })
    expect(ledger.holding(volume.id)).toEqual([])
    await targets.export(volume, wanted, BY)
  })

  test('who is refused for that takes it from nobody who was to boot from it', async () => {
    const { volumes, targets, ledger } = await open()
    const { id } = await volumes.create({ name: 'one', bytes: MIB }, BY)
    const purpose = { kind: 'boot', machine: 'm_1', profile: 'desk' } as const
    const disks = [{ lun: 0, volume: id, readOnly: false, snapshot: null }]
    const at = { initiator: null, address: null, chap: null, createdAt: 0 }
    await targets.attach({ id: 'a_1', iqn: 'iqn.x:1', for: purpose, disks, ...at })
    await volumes.overwrite(id, MIB, async () => {
      await expect(targets.export(ledger.known(id), wanted, BY)).rejects.toMatchObject({ code: 'in-use' })
    })
    expect(ledger.holding(id)).toMatchObject([{ id: 'a_1' }])
  })

  test('nor one that asks just before it is reverted, and what is tried again waits', async () => {
    for (let ticks = 0; ticks < 20; ticks++) {
      rows = new MemoryVolumes()
      const { volumes, targets, engine, ledger } = await open()
      const volume = await volumes.create({ name: 'one', bytes: MIB }, BY)
      const given = targets.export(volume, wanted, BY).catch(() => undefined)
      for (let tick = 0; tick < ticks; tick++) await null
      let during: number | undefined
      await targets.paused(volume, { kick: false }, async () => {
        await given
        await targets.tick()
        during = engine.targets.size
      })
      expect(during).toBe(0)
      expect(engine.targets.size).toBe(ledger.holding(volume.id).length)
    }
  })
})

test('where writes pass the pool by, a volume over its limit is for reading until it is reset', async () => {
  let over: string[] = []
  const asked: (readonly string[])[] = []
  const { volumes, targets, engine, ledger } = await open(undefined, async (ids) => {
    asked.push(ids)
    return over
  })
  const reports: string[] = []
  targets.onLogin(({ detail }) => void reports.push(detail))
  const { id } = await volumes.create({ name: 'one', bytes: MIB, limitBytes: MIB / 2 }, BY)
  await volumes.create({ name: 'free', bytes: MIB }, BY)
  const { iqn } = await targets.export(ledger.known(id), EXPORT, BY)
  const later = async () => {
    clock.advance(10_000)
    await targets.tick()
    return engine.targets.get(iqn)?.luns[0]?.readOnly
  }
  expect(await later()).toBe(false)
  expect(asked).toEqual([[id]])
  over = [id]
  await targets.tick()
  expect(asked, 'not asked at every turn').toHaveLength(1)
  expect(await later()).toBe(true)
  expect(reports).toEqual([expect.stringContaining('took more than its limit of 524288 bytes')])
  over = []
  await volumes.revert(id, null, { kick: true })
  expect(engine.targets.get(iqn)?.luns[0]?.readOnly, 'at once when it was reset').toBe(false)
  over = [id]
  expect(await later()).toBe(true)
  over = []
  await volumes.update(id, { limitBytes: null })
  expect(await later()).toBe(false)
})
