import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lease, machine } from '../../test/conformance/values.ts'
import { ipv4 } from '../kit/ip.ts'
import { SILENT } from '../kit/log.ts'
import { DATABASE_FILE, LEASE_FILE } from './directory.ts'
import { LeaseFile } from './lease-file.ts'
import { leaseRepository } from './leases.ts'
import { machineRepository } from './machines.ts'
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
  for (const name of [DATABASE_FILE, `${DATABASE_FILE}-wal`, LEASE_FILE, `${LEASE_FILE}-wal`, 'lock.db'])
    expect(mode(join(dir, name)), name).toBe(0o600)
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

  chmodSync(dir, 0o710)
  await (await open()).close()
  expect(mode(dir)).toBe(0o710)

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

const DAMAGES = {
  'something that is no database': (path: string) =>
    writeFileSync(path, 'this is not a database, but it is long enough to look at'.repeat(100)),
  'a database cut in the middle': (path: string) =>
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096),
} as const

test.each(
  [DATABASE_FILE, LEASE_FILE].flatMap((file) =>
    Object.entries(DAMAGES).map(([what, damage]) => ({ what, file, damage })),
  ),
)('refuses $what in place of $file and says what to do', async ({ file, damage }) => {
  const store = await open()
  await store.leases.saveAll(Array.from({ length: 5000 }, (_, i) => lease({ ip: ipv4(i) })))
  await store.machines.saveAll(Array.from({ length: 1000 }, (_, i) => machine(i)))
  await store.close()
  const path = join(dir, file)
  damage(path)
  await expect(open()).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining('is damaged'),
    next: expect.stringContaining('restore a backup'),
  })
})

test('refuses leases of a newer Reveille', async () => {
  await (await open()).close()
  const file = new Database(join(dir, LEASE_FILE))
  file.pragma('user_version = 99')
  file.close()
  await expect(open()).rejects.toMatchObject({
    code: 'wrong-state',
    message: expect.stringContaining('newer Reveille'),
  })
})

test('moves the leases that an earlier version kept with everything else, and keeps newer ones', async () => {
  const store = await open()
  await store.leases.saveAll([lease({ ip: ipv4(1), startedAt: 2 })])
  await store.close()
  const engine = openSqlite(join(dir, DATABASE_FILE))
  const rows = [1, 2].map((ip) => ({ ...ROW, ip }))
  await engine.db.insertInto('leases').values(rows).execute()
  await engine.close()
  for (const time of ['at once', 'and still after the next start']) {
    const again = await open()
    const known = (await again.leases.all()).map(({ ip, client, startedAt }) => ({ ip, client, startedAt }))
    expect(known, time).toEqual([
      { ip: 1, client: lease().client, startedAt: 2 },
      { ip: 2, client: ROW.client, startedAt: 7 },
    ])
    await again.close()
  }
})

const ROW = {
  network: 'lan',
  client: 'id:ff00',
  mac: '52:54:00:00:00:01',
  hostname: null,
  state: 'bound',
  started_at: 7,
  expires_at: 8,
}

test('a full disk refuses the call, changes nothing, and is got over', async () => {
  await (await open()).close()
  const engine = openSqlite(join(dir, DATABASE_FILE))
  const machines = machineRepository(engine.db)
  await machines.save(machine(1))
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(engine.db)
  await sql`pragma max_page_count = ${sql.lit(rows[0]!.page_count)}`.execute(engine.db)
  const many = Array.from({ length: 5000 }, (_, i) => machine(2 + i))
  await expect(machines.saveAll(many)).rejects.toMatchObject({ code: 'no-space' })
  expect(await machines.all()).toHaveLength(1)
  await sql`pragma max_page_count = 100000`.execute(engine.db)
  await machines.saveAll(many)
  expect(await machines.all()).toHaveLength(5001)
  await engine.close()
})

test('a full disk refuses leases, changes none, and is got over', () => {
  const db = new Database(join(parent, 'leases.db'))
  const file = new LeaseFile(db)
  const row = (ip: number) => [ip, 'lan', 'c', 'm', null, 'bound', 1, 2]
  const many = Array.from({ length: 5000 }, (_, i) => row(10 + i)).flat()
  file.save(row(1))
  db.pragma('max_page_count = 8')
  expect(() => file.save(many)).toThrow(expect.objectContaining({ code: 'no-space' }))
  expect(file.all()).toEqual([row(1)])
  db.pragma('max_page_count = 100000')
  file.save(many)
  expect(file.all()).toHaveLength(5001)
  file.close()
})

test('tells what keeps leases from being written, loses none that was acknowledged, and goes on when it is mended', async () => {
  const path = join(parent, 'leases.db')
  mkdirSync(path)
  const leases = leaseRepository(path)
  await expect(leases.saveAll([lease()])).rejects.toMatchObject({ code: 'not-available' })
  rmSync(path, { recursive: true })
  await leases.saveAll([lease()])
  expect(await leases.all()).toEqual([lease()])
  await leases.close()
  await expect(leases.saveAll([lease()])).rejects.toMatchObject({ code: 'not-available' })
})

test('a writing thread that dies is an error of what it was writing, and the next call has a new one', async () => {
  const path = join(parent, 'leases.db')
  const leases = leaseRepository(path)
  await leases.saveAll([lease({ ip: ipv4(1) })])
  // More than the memory of the thread: V8 ends it.
  const tooMany = Array.from({ length: 500_000 }, (_, i) => lease({ ip: ipv4(10 + i) }))
  await expect(leases.saveAll(tooMany)).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining('ended'),
  })
  await leases.saveAll([lease({ ip: ipv4(2) })])
  expect((await leases.all()).map(({ ip }) => ip)).toEqual([1, 2])
  await leases.close()
})

test('a process that does nothing else lives until its store is closed', async () => {
  const store = JSON.stringify(join(import.meta.dirname, 'leases.ts'))
  const values = JSON.stringify(join(import.meta.dirname, '../../test/conformance/values.ts'))
  const program = `
    const { leaseRepository } = await import(${store})
    const { lease } = await import(${values})
    const leases = leaseRepository(${JSON.stringify(join(parent, 'leases.db'))})
    await leases.saveAll([lease()])
    await leases.close()
    console.log('closed')`
  writeFileSync(join(parent, 'program.mjs'), program)
  const { stdout } = await promisify(execFile)(process.execPath, [join(parent, 'program.mjs')])
  expect(stdout).toBe('closed\n')
})

test('closing waits for what is being written', async () => {
  const store = await open()
  const writing = Promise.all(Array.from({ length: 50 }, (_, i) => store.leases.saveAll([lease({ ip: ipv4(i) })])))
  await store.close()
  await writing
  const again = await open()
  expect(await again.leases.all()).toHaveLength(50)
  await again.close()
})

test('is durable by default, and in relaxed work only for as long as it lasts', async () => {
  const path = join(parent, 'x.db')
  const engine = openSqlite(path)
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
