import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ipv4 } from '../../src/kit/ip.ts'
import { SILENT } from '../../src/kit/log.ts'
import { Secret } from '../../src/kit/secret.ts'
import { copiesOf } from '../../src/store/ground.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { REPLACES_FILE } from '../../src/store/take-in.ts'
import { storeSuite } from '../conformance/store/suite.ts'
import { AWKWARD, lease, machine } from '../conformance/values.ts'
import { ownEnvironment } from '../e2e/bed/environment.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'
import { Server } from '../e2e/bed/server.ts'
import { Postgres } from './postgres-bed.ts'

let postgres: Postgres
const parent = mkdtempSync(join(tmpdir(), 'rv-on-postgres-'))
beforeAll(async () => {
  postgres = await Postgres.start()
})
afterAll(async () => {
  await postgres?.remove()
  rmSync(parent, { recursive: true, force: true })
})

let directories = 0
const newDirectory = () => join(parent, `data${directories++}`)
const open = (dir: string, database: Secret | undefined, taken?: (why: unknown) => void) =>
  openStore(dir, { log: SILENT, database, taken })

/** Databases by data directory. All but the first are copies of one that has its tables already, which takes less time. */
const databases = new Map<string, Promise<Secret>>()
let blank: Promise<string> | undefined
async function blankDatabase(): Promise<string> {
  await postgres.ask('postgres', 'create database blank')
  await (await open(newDirectory(), postgres.url('blank'))).close()
  return 'blank'
}
storeSuite({
  name: 'PostgreSQL',
  async open(dir) {
    blank ??= blankDatabase()
    if (!databases.has(dir)) databases.set(dir, postgres.newDatabase(await blank))
    return open(dir, await databases.get(dir))
  },
})

/** Something in many tables. */
async function fill(store: Store): Promise<void> {
  await store.machines.saveAll(Array.from({ length: 450 }, (_, i) => machine(i)))
  await store.machines.save(machine(1000, { notes: AWKWARD }))
  await store.leases.saveAll([lease({ ip: ipv4(0xfffffffe) }), lease({ ip: ipv4(1) })])
  await store.access.saveUser({
    name: 'admin',
    role: 'admin',
    passwordHash: 'x',
    disabled: false,
    createdAt: 1,
    updatedAt: 1,
  })
}

async function contentOf(store: Store) {
  return { machines: await store.machines.all(), leases: await store.leases.all(), users: await store.access.users() }
}

describe('one database, one Reveille', () => {
  test('a second one is refused, and let in when the first is gone', async () => {
    const database = await postgres.newDatabase()
    const first = await open(newDirectory(), database)
    await expect(open(newDirectory(), database)).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringMatching(/in use by another Reveille \(from 127\.0\.0\.1\)/),
    })
    await first.close()
    await (await open(newDirectory(), database)).close()
  })

  test('one whose connection broke, and whose database another one took meanwhile, is told to stop', async () => {
    const database = await postgres.newDatabase()
    const told: unknown[] = []
    const first = await open(newDirectory(), database, (refusal) => void told.push(refusal))
    const [name = ''] = database.reveal().split('/').slice(-1)
    await postgres.ask('postgres', `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
    const second = await open(newDirectory(), database)
    await expect(first.machines.save(machine(1))).rejects.toMatchObject({
      code: expect.stringMatching(/in-use|not-available/),
    })
    await expect(first.machines.save(machine(1))).rejects.toMatchObject({ code: 'in-use' })
    expect(told).not.toEqual([])
    expect(await second.machines.all()).toEqual([])
    await first.close()
    await second.close()
  })
})

test('what was acknowledged is there after the database crashed; what comes while it is away is refused, and goes on by itself', async () => {
  const store = await open(newDirectory(), await postgres.newDatabase())
  await store.machines.saveAll([machine(1), machine(2)])
  await store.leases.saveAll([lease()])
  await postgres.kill()
  await expect(store.machines.save(machine(3))).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining('does not answer'),
    next: expect.any(String),
  })
  await expect(store.traces.saveAll([])).resolves.toBeUndefined()
  await postgres.up()
  await store.machines.save(machine(4))
  expect((await store.machines.all()).map(({ id }) => id)).toEqual([machine(1).id, machine(2).id, machine(4).id])
  expect(await store.leases.all()).toHaveLength(1)
  await store.close()
})

describe('a site moves', () => {
  test('from its files to PostgreSQL, once, and from there to files by a copy', async () => {
    const dir = newDirectory()
    const before = await open(dir, undefined)
    await fill(before)
    const content = await contentOf(before)
    await before.close()

    const database = await postgres.newDatabase()
    const moved = await open(dir, database)
    expect(await contentOf(moved)).toEqual(content)
    await moved.machines.save(machine(2000))
    await moved.close()
    const [aside = ''] = readdirSync(dir).filter((name) => name.startsWith('before-postgresql-'))
    expect(readdirSync(join(dir, aside)).sort()).toEqual(['leases.db', 'reveille.db'])
    const again = await open(dir, database)
    expect((await again.machines.all()).length).toBe(content.machines.length + 1)

    const { files, release } = await copiesOf(dir, { database, log: SILENT })
    expect(Object.keys(files).sort()).toEqual(['leases.db', 'reveille.db'])
    const copied = await contentOf(again)
    await again.close()
    const other = newDirectory()
    await (await open(other, undefined)).close()
    for (const [name, path] of Object.entries(files)) copyFileSync(path, join(other, name))
    await release()
    const back = await open(other, undefined)
    expect(await contentOf(back)).toEqual(copied)
    await back.close()
  })

  test('a restore brings back files that were moved before, and without one they are set aside as they are', async () => {
    const dir = newDirectory()
    const files = await open(dir, undefined)
    await fill(files)
    const content = await contentOf(files)
    await files.close()
    const database = await postgres.newDatabase()
    const moved = await open(dir, database)
    await moved.machines.save(machine(2000))
    await moved.close()
    const bringBack = () => {
      const [aside = ''] = readdirSync(dir).filter((name) => name.startsWith('before-postgresql-'))
      for (const name of ['reveille.db', 'leases.db']) copyFileSync(join(dir, aside, name), join(dir, name))
    }
    bringBack()
    const still = await open(dir, database)
    expect(await still.machines.all()).toHaveLength(content.machines.length + 1)
    await still.close()
    bringBack()
    writeFileSync(join(dir, REPLACES_FILE), '')
    const restored = await open(dir, database)
    expect(await contentOf(restored)).toEqual(content)
    await restored.close()
  })

  test('but never over another site', async () => {
    const dir = newDirectory()
    const files = await open(dir, undefined)
    await fill(files)
    await files.close()
    const database = await postgres.newDatabase()
    const used = await open(newDirectory(), database)
    await fill(used)
    await used.close()
    await expect(open(dir, database)).rejects.toMatchObject({
      code: 'conflict',
      next: expect.stringContaining('empty database'),
    })
    expect(existsSync(join(dir, 'reveille.db'))).toBe(true)
    const still = await open(dir, undefined)
    expect((await still.machines.all()).length).toBeGreaterThan(0)
    await still.close()
  })
})

test.each([
  ['a port where nobody listens', () => `postgresql://reveille@127.0.0.1:1/x`, /does not answer/],
  ['a database that is not there', () => postgres.url('nothing').reveal(), /no such database/],
])('%s is named, without the password', async (_, url, message) => {
  const database = new Secret(url().replace('reveille@', 'reveille:topsecret@'))
  const refused = await open(newDirectory(), database).then(
    () => undefined,
    (error: Error) => error,
  )
  expect(refused).toMatchObject({ code: 'not-available', message: expect.stringMatching(message) })
  expect(JSON.stringify(refused) + refused?.message).not.toContain('topsecret')
})

test('a URL may name a socket; one that is none is refused, and not shown', async () => {
  await postgres.ask('postgres', 'create database by_socket')
  await (await open(newDirectory(), postgres.socketUrl('by_socket'))).close()
  const refused = await open(newDirectory(), new Secret('postgresql://reveille:topsecret@:1/x')).catch(
    (error: Error) => error,
  )
  expect(refused).toMatchObject({ code: 'validation-failed', next: expect.stringContaining('postgresql://USER') })
  expect(String(refused)).not.toContain('topsecret')
})

test('a server on it: killed, it has what it acknowledged; its backup is taken back over what came later', async () => {
  const settings = async (database: Secret) => ({
    http: { listen: `127.0.0.1:${await freeTcpPort()}` },
    power: { pollSeconds: 0 },
    database: database.reveal(),
  })
  const url = new Secret((await postgres.newDatabase()).reveal().replace('reveille@', 'reveille:topsecret@'))
  const server = await Server.make(await settings(url))
  const file = join(parent, 'site.tar.zst')
  const config = join(parent, 'server.yaml')
  const reveille = (...words: string[]) => {
    const env = { ...ownEnvironment(), REVEILLE_DATA_DIR: server.dataDir }
    return promisify(execFile)('bin/reveille', [...words, '--config', config], { env })
  }
  const names = async () => {
    const { items } = await server.api<{ items: { name: string }[] }>('GET', '/machines')
    return items.map(({ name }) => name).sort()
  }
  try {
    copyFileSync(join(server.dataDir, 'reveille.yaml'), config)
    await server.api('POST', '/machines', { name: 'first', macs: ['02:00:00:00:00:01'] })
    await server.kill()
    await server.start()
    expect(await names()).toEqual(['first'])
    expect((await server.call('GET', '/api/v1/settings')).text).not.toContain('topsecret')

    const { REVEILLE_DATA_DIR, ...env } = { ...ownEnvironment(), REVEILLE_DATA_DIR: server.dataDir }
    await promisify(execFile)('bin/reveille', ['backup', file], { env: { ...env, REVEILLE_DATA_DIR } })
    await server.api('POST', '/machines', { name: 'later', macs: ['02:00:00:00:00:02'] })
    const refused = await reveille('restore', file, '--force').catch((error: { stderr: string }) => error)
    expect(refused.stderr).toContain('is in use')
    await server.kill()
    await reveille('restore', file, '--force')
    // It went with everything else that was there.
    copyFileSync(config, join(server.dataDir, 'reveille.yaml'))
    await server.start()
    expect(await names()).toEqual(['first'])
    const [kept = ''] = readdirSync(server.dataDir).filter((name) => name.endsWith('-postgresql'))
    expect(readdirSync(join(server.dataDir, kept)).sort()).toEqual(['leases.db', 'reveille.db'])
    expect(server.output).not.toContain('topsecret')
  } finally {
    await server.remove()
  }
})
