import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lease } from '../../test/conformance/values.ts'
import { ipv4 } from '../kit/ip.ts'
import { SILENT } from '../kit/log.ts'
import { DATABASE_FILE } from './directory.ts'
import { openSqlite } from './sqlite.ts'
import { openStore } from './store.ts'

let parent: string
let dir: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'reveille-dir-'))
  dir = join(parent, 'data')
})
afterEach(() => rmSync(parent, { recursive: true }))

const open = () => openStore(dir, { log: SILENT })
const mode = (path: string) => statSync(path).mode & 0o777

test('makes the directory and its files for its own user alone', async () => {
  const store = await open()
  await store.leases.saveAll([lease()])
  expect(mode(dir)).toBe(0o700)
  for (const name of [DATABASE_FILE, `${DATABASE_FILE}-wal`, 'lock.db']) expect(mode(join(dir, name)), name).toBe(0o600)
  await store.close()
})

test('closes an open directory that is empty or its own, but never one that holds other things', async () => {
  mkdirSync(dir)
  chmodSync(dir, 0o755)
  await (await open()).close()
  expect(mode(dir)).toBe(0o700)
  chmodSync(dir, 0o755)
  await (await open()).close()
  expect(mode(dir)).toBe(0o700)

  dir = join(parent, 'home')
  mkdirSync(dir)
  writeFileSync(join(dir, 'thesis.tex'), '')
  chmodSync(dir, 0o755)
  await expect(open()).rejects.toMatchObject({
    code: 'conflict',
    message: `${dir} holds other files and is open to other users`,
  })
  expect(mode(dir)).toBe(0o755)
})

test('says what is wrong with a directory that cannot be', async () => {
  writeFileSync(join(parent, 'file'), '')
  await expect(openStore(join(parent, 'file', 'data'), { log: SILENT })).rejects.toMatchObject({
    code: 'not-available',
    next: expect.stringContaining('REVEILLE_DATA_DIR'),
  })
})

test('refuses a second opening with the number of the process, and is free after close', async () => {
  const store = await open()
  await expect(open()).rejects.toMatchObject({
    code: 'in-use',
    message: expect.stringContaining(`(process ${process.pid})`),
  })
  await expect(open(), 'the refused one must not have broken the lock').rejects.toMatchObject({ code: 'in-use' })
  await store.close()
  await store.close()
  await (await open()).close()
})

test('refuses a database of a newer Reveille and leaves it as it is', async () => {
  await (await open()).close()
  const file = new Database(join(dir, DATABASE_FILE))
  file.prepare("insert into kysely_migration values ('9999-from-the-future', '2030-01-01')").run()
  file.close()
  await expect(open()).rejects.toMatchObject({
    code: 'wrong-state',
    message: 'the database was changed by a newer Reveille (9999-from-the-future)',
  })
  await expect(open(), 'the lock was given back').rejects.toMatchObject({ code: 'wrong-state' })
})

test.each([
  [
    'something that is no database',
    (path: string) => writeFileSync(path, 'this is not a database, but it is long enough to look at'.repeat(100)),
  ],
  [
    'a database cut in the middle',
    (path: string) => truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096),
  ],
])('refuses %s and says what to do', async (_, damage) => {
  const store = await open()
  await store.leases.saveAll(Array.from({ length: 5000 }, (_, i) => lease({ ip: ipv4(i) })))
  await store.close()
  damage(join(dir, DATABASE_FILE))
  await expect(open()).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining('is damaged'),
    next: expect.stringContaining('restore a backup'),
  })
})

test('a full disk refuses the call, changes nothing, and is got over', async () => {
  const store = await open()
  await store.close()
  const path = join(dir, DATABASE_FILE)
  const engine = openSqlite(path)
  const { leaseRepository } = await import('./leases.ts')
  const { sql } = await import('kysely')
  const leases = leaseRepository(engine.db)
  await leases.saveAll([lease({ ip: ipv4(1) })])
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(engine.db)
  await sql`pragma max_page_count = ${sql.lit(rows[0]!.page_count)}`.execute(engine.db)
  const many = Array.from({ length: 5000 }, (_, i) => lease({ ip: ipv4(10 + i) }))
  await expect(leases.saveAll(many)).rejects.toMatchObject({ code: 'no-space' })
  expect(await leases.all()).toHaveLength(1)
  await sql`pragma max_page_count = 100000`.execute(engine.db)
  await leases.saveAll(many)
  expect(await leases.all()).toHaveLength(5001)
  await engine.close()
})

test('is durable by default, and in relaxed work only for as long as it lasts', async () => {
  const path = join(parent, 'x.db')
  const engine = openSqlite(path)
  const { sql } = await import('kysely')
  const level = async (db: typeof engine.db) =>
    (await sql<{ synchronous: number }>`pragma synchronous`.execute(db)).rows[0]?.synchronous
  const NORMAL = 1
  const FULL = 2
  expect(await level(engine.db)).toBe(FULL)
  expect(await engine.relaxed(level)).toBe(NORMAL)
  await expect(
    engine.relaxed(async () => {
      throw new Error('x')
    }),
  ).rejects.toThrow('x')
  expect(await level(engine.db)).toBe(FULL)
  await engine.close()
})
