import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { SILENT } from '../kit/log.ts'
import type { Batch, BatchMachine } from '../rooms/batch.ts'
import { batchRepository } from './batches.ts'
import { migrate } from './migrations.ts'
import { openSqlite } from './sqlite.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'reveille-batches-'))
const machines = (count: number): BatchMachine[] =>
  Array.from({ length: count }, (_, n) => ({ machine: `m_${n}`, name: `pc${n}`, state: 'waiting', detail: '' }))
const batch = (more: Partial<Batch>): Batch => ({
  ...{ id: 'b_1', action: 'on', profile: null, staggerMs: 0, kick: false, state: 'running' },
  ...{ machines: [], orderedBy: 'op', startedAt: 1, endedAt: null },
  ...more,
})

test('writes of a batch of thousands only what has changed', async () => {
  const directory = folder()
  const { db, close } = openSqlite(join(directory, 'some.db'))
  try {
    await migrate(db, SILENT)
    const batches = batchRepository(db)
    await sql`create temp table told (bytes integer)`.execute(db)
    for (const what of ['insert', 'update'])
      await sql`create temp trigger ${sql.raw(`on_${what}`)} after ${sql.raw(what)} on main.batches
        begin insert into told values (length(new.content_json)); end`.execute(db)
    const saved = async (each: Batch) => {
      await sql`delete from told`.execute(db)
      await batches.save(each)
      const { rows } = await sql<{ bytes: number }>`select sum(bytes) as bytes from told`.execute(db)
      return rows[0]?.bytes ?? 0
    }
    const all = machines(3000)
    const whole = await saved(batch({ machines: all }))
    const next = all.with(1500, { machine: 'm_1500', name: 'pc1500', state: 'running', detail: '' })
    expect(await saved(batch({ machines: next }))).toBeLessThan(whole / 20)
    const over = batch({ machines: next, state: 'finished', endedAt: 9 })
    await saved(over)
    expect(await batchRepository(db).all()).toEqual([over])
    await batches.remove(['b_1'])
    expect(await db.selectFrom('batches').selectAll().execute()).toEqual([])
  } finally {
    await close()
    rmSync(directory, { recursive: true })
  }
})

test('reads batches of earlier versions, which have all in one row', async () => {
  const directory = folder()
  const { db, close } = openSqlite(join(directory, 'some.db'))
  try {
    await migrate(db, SILENT)
    const old = batch({ machines: machines(3) })
    await db
      .insertInto('batches')
      .values({ id: 'b_1', started_at: 1, content_json: JSON.stringify(old) })
      .execute()
    const batches = batchRepository(db)
    expect(await batches.all()).toEqual([old])
    const later = batch({ machines: old.machines.with(1, { ...old.machines[1]!, state: 'succeeded' }) })
    await batches.save(later)
    expect(await batches.all()).toEqual([later])
  } finally {
    await close()
    rmSync(directory, { recursive: true })
  }
})
