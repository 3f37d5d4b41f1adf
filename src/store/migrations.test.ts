import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Migrator } from 'kysely/migration'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SILENT } from '../kit/log.ts'
import { DATABASE_FILE, prepareDirectory } from './directory.ts'
import { MIGRATIONS } from './migrations.ts'
import { openSqlite } from './sqlite.ts'
import { openStore } from './store.ts'

/** Databases as every earlier version left them, with a row in each table, opened by this one. */
let dir: string
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'reveille-migrations-')), 'data')
  prepareDirectory(dir)
})
afterEach(() => rmSync(join(dir, '..'), { recursive: true }))

const NAMES = Object.keys(MIGRATIONS)

/** Makes the database of the version whose newest migration is the given one. */
async function makeOld(newest: number): Promise<void> {
  const engine = openSqlite(join(dir, DATABASE_FILE))
  const known = Object.fromEntries(Object.entries(MIGRATIONS).slice(0, newest + 1))
  const { error } = await new Migrator({
    db: engine.db,
    provider: { getMigrations: async () => known },
  }).migrateToLatest()
  await engine.close()
  if (error) throw error
}

const SHA256 = 'a'.repeat(64)
/** Rows as the first version wrote them. */
const FIRST = [
  `insert into machines (id, name, state, macs_json, tags_json, notes, profile, created_at, updated_at)
   values ('m_1', 'alpha', 'ready', '["52:54:00:00:00:01"]', '["room-1"]', 'by the door', 'disc', 1, 2)`,
  `insert into profiles values ('disc', 'iso', '{"name":"disc","kind":"iso","image":"debian@1"}', 1, 2)`,
  `insert into images (name, kind, description, last_number, created_at, updated_at) values ('debian', 'iso', 'a disc', 1, 1, 2)`,
  `insert into image_versions (image, number, files_json, cmdline, note, created_at, created_by)
   values ('debian', 1, '[{"role":"iso","name":"debian.iso","sha256":"${SHA256}","bytes":7}]', '', 'the first', 1, 'admin')`,
  `insert into leases values (167772161, 'lan', 'hw:525400000001', '52:54:00:00:00:01', null, 'bound', 1, 2)`,
]

function withFile<T>(work: (file: Database.Database) => T): T {
  const file = new Database(join(dir, DATABASE_FILE))
  try {
    return work(file)
  } finally {
    file.close()
  }
}

type Row = Record<string, unknown>
const tablesOf = (file: Database.Database) =>
  (
    file
      .prepare(
        "select name from sqlite_master where type = 'table' and name not like 'kysely%' and name not like 'sqlite%'",
      )
      .all() as { name: string }[]
  ).map(({ name }) => name)

/** A row in every table that has none yet, whatever its columns are. */
function fill(file: Database.Database): void {
  file.pragma('foreign_keys = OFF')
  for (const table of tablesOf(file)) {
    if (file.prepare(`select 1 from ${table}`).get() !== undefined) continue
    const columns = file.pragma(`table_info(${table})`) as { name: string; type: string }[]
    const values = columns.map(({ name, type }) =>
      /int/i.test(type) ? 1 : name.endsWith('_json') ? '{}' : `${table} ${name}`,
    )
    const marks = columns.map(() => '?').join(', ')
    file.prepare(`insert into ${table} (${columns.map(({ name }) => name).join(', ')}) values (${marks})`).run(values)
  }
}

const rowsOf = (file: Database.Database) =>
  Object.fromEntries(tablesOf(file).map((table) => [table, file.prepare(`select * from ${table}`).all() as Row[]]))

test.each(NAMES.slice(0, -1).map((name, i) => ({ name, i })))('a database of $name keeps every row', async ({ i }) => {
  await makeOld(i)
  const before = withFile((file) => {
    for (const row of FIRST) file.exec(row)
    fill(file)
    return rowsOf(file)
  })
  await (await openStore(dir, { log: SILENT })).close()
  const after = withFile(rowsOf)
  for (const [table, rows] of Object.entries(before)) {
    // Leases have a file of their own since.
    if (table === 'leases') continue
    expect(after[table], table).toMatchObject(rows)
  }
})

test.each(NAMES.map((name, i) => ({ name, i })))('what the first version wrote is read after $name', async ({ i }) => {
  await makeOld(0)
  withFile((file) => {
    for (const row of FIRST) file.exec(row)
  })
  // Through each version between, one start each.
  await makeOld(i)
  const store = await openStore(dir, { log: SILENT })
  expect(await store.machines.all()).toMatchObject([
    {
      id: 'm_1',
      name: 'alpha',
      state: 'ready',
      macs: ['52:54:00:00:00:01'],
      tags: ['room-1'],
      profile: 'disc',
      notes: 'by the door',
    },
  ])
  expect(await store.images.all()).toMatchObject([
    {
      name: 'debian',
      kind: 'iso',
      versions: [{ number: 1, note: 'the first', files: [{ sha256: SHA256, bytes: 7 }] }],
    },
  ])
  expect(await store.profiles.all()).toHaveLength(1)
  expect(await store.leases.all()).toMatchObject([{ ip: 167772161, state: 'bound' }])
  await store.close()
})
