import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BmcEvent } from '../../src/gateway/bmc.ts'
import { ipv4 } from '../../src/kit/ip.ts'
import { SILENT } from '../../src/kit/log.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { diskOf, inventoryOf } from '../fakes/deployment-world.ts'
import {
  AWKWARD,
  agentBoot,
  attachment,
  auditEntry,
  bareMachine,
  batch,
  bmc,
  deployment,
  diskRecord,
  image,
  lease,
  mac,
  machine,
  maintenance,
  powerDriver,
  profiles,
  rollout,
  session,
  token,
  trace,
  user,
  volume,
} from './values.ts'

/** What every store must do. A new engine is one more row. */
const ENGINES: readonly { name: string; open(dir: string): Promise<Store> }[] = [
  { name: 'SQLite', open: (dir) => openStore(dir, { log: SILENT }) },
]

describe.each(ENGINES)('$name keeps', ({ open }) => {
  let dir: string
  let store: Store

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'reveille-store-'))
    store = await open(dir)
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  /** As after a restart: nothing but what was written counts. */
  async function reopened(): Promise<Store> {
    await store.close()
    store = await open(dir)
    return store
  }

  test('nothing at first', async () => {
    expect(await store.machines.all()).toEqual([])
    expect(await store.profiles.all()).toEqual([])
    expect(await store.images.all()).toEqual([])
    expect(await store.volumes.all()).toEqual({ volumes: [], attachments: [], maintenances: [], rollouts: [] })
    expect(await store.batches.all()).toEqual([])
    expect([await store.gateway.bmcs(), await store.gateway.rules(), await store.gateway.events('m_1')]).toEqual([
      [],
      [],
      [],
    ])
    expect(await store.power.all()).toEqual([])
    expect(await store.leases.all()).toEqual([])
    expect(await store.traces.newest({ eventsSince: 0 })).toEqual([])
    expect(await store.traces.get('t_1')).toBeUndefined()
    expect(await store.access.users()).toEqual([])
    expect(await store.access.audit({ limit: 10 })).toEqual([])
  })

  describe('machines', () => {
    test('with every field, or with none of the optional ones', async () => {
      await store.machines.save(machine(1))
      await store.machines.saveAll([bareMachine(2), machine(3)])
      expect(await (await reopened()).machines.all()).toEqual([machine(1), bareMachine(2), machine(3)])
    })
    test('replaced by id, removed by id', async () => {
      await store.machines.saveAll([machine(1), machine(2)])
      await store.machines.save(machine(1, { name: 'other', tags: [], nextBoot: null, state: 'retired' }))
      await store.machines.remove('m_2')
      await store.machines.remove('m_9')
      expect(await (await reopened()).machines.all()).toEqual([
        machine(1, { name: 'other', tags: [], nextBoot: null, state: 'retired' }),
      ])
    })
    test('under unique names: two machines may swap theirs, a clash changes nothing', async () => {
      await store.machines.saveAll([machine(1), machine(2)])
      await store.machines.saveAll([machine(1, { name: 'node-2' }), machine(2, { name: 'node-1' })])
      expect((await store.machines.all()).map((m) => m.name)).toEqual(['node-2', 'node-1'])
      await expect(store.machines.saveAll([machine(3), machine(4, { name: 'node-1' })])).rejects.toThrow()
      await expect(store.machines.save(machine(5, { name: 'node-1' }))).rejects.toThrow()
      expect((await store.machines.all()).map((m) => m.id)).toEqual(['m_1', 'm_2'])
    })
    test('thousands of them', async () => {
      const many = Array.from({ length: 3333 }, (_, n) => machine(n))
      await store.machines.saveAll(many)
      expect(await (await reopened()).machines.all()).toEqual(many)
    })
  })

  test('profiles of each kind, replaced and removed by name', async () => {
    for (const profile of profiles) await store.profiles.save(profile)
    const byName = [...profiles].sort((a, b) => (a.name < b.name ? -1 : 1))
    expect(await (await reopened()).profiles.all()).toEqual(byName)
    await store.profiles.save({
      kind: 'park',
      name: 'disk',
      description: '',
      message: 'wait',
      createdAt: 1,
      updatedAt: 9,
    })
    await store.profiles.remove('own')
    expect((await store.profiles.all()).map((p) => `${p.name} ${p.kind}`)).toEqual([
      'choose menu',
      'debian live',
      'disk park',
    ])
  })

  test('images with their versions in order, also when versions come and go', async () => {
    await store.images.save(image())
    await store.images.save(image({ name: 'empty', versions: [], lastNumber: 0 }))
    expect(await (await reopened()).images.all()).toEqual([
      image(),
      image({ name: 'empty', versions: [], lastNumber: 0 }),
    ])
    const fewer = image({ versions: image().versions.slice(1), description: 'less' })
    await store.images.save(fewer)
    expect((await store.images.all())[0]).toEqual(fewer)
    await store.images.save(image({ versions: [] }))
    expect((await store.images.all())[0]?.versions).toEqual([])
    await store.images.save(image())
    await store.images.remove('debian')
    await store.images.save(image({ versions: [] }))
    expect((await (await reopened()).images.all())[0]?.versions, 'versions go with their image').toEqual([])
  })

  describe('power drivers', () => {
    test('by machine and position, with what is sealed, or without', async () => {
      const other = powerDriver(0, {
        machine: 'm_2',
        name: 'wake',
        settings: DriverSettings.parse({ kind: 'wol', macs: [AWKWARD.slice(0, 9)] }),
        secretNames: [],
        sealed: null,
      })
      await store.power.save([powerDriver(1), other, powerDriver(0)])
      expect(await (await reopened()).power.all()).toEqual([powerDriver(0), powerDriver(1), other])
    })
    test('replaced together, removed by name, and forgotten with their machine', async () => {
      await store.power.save([0, 1, 2].map((n) => powerDriver(n)))
      const moved = [powerDriver(0, { position: 1 }), powerDriver(1, { position: 0, sealed: null, secretNames: [] })]
      await store.power.save(moved)
      await store.power.remove('m_1', 'bmc-2')
      await store.power.remove('m_1', 'nothing')
      await store.power.save([])
      await store.power.save([powerDriver(0, { machine: 'm_2' })])
      expect((await (await reopened()).power.all()).slice(0, 2)).toEqual([moved[1], moved[0]])
      await store.power.forget('m_1')
      await store.power.forget('m_9')
      expect(await (await reopened()).power.all()).toEqual([powerDriver(0, { machine: 'm_2' })])
    })
  })

  describe('configs', () => {
    const version = (number: number, content = AWKWARD) => ({
      number,
      parts: [{ name: 'main', content }],
      variables: [{ name: 'list', type: 'list', default: [AWKWARD], description: AWKWARD } as const],
      note: AWKWARD,
      createdAt: 1_800_000_000_000,
      createdBy: AWKWARD,
    })
    const config = (name: string, ...versions: ReturnType<typeof version>[]) => {
      return { name, kind: 'text', description: AWKWARD, versions, createdAt: 1, updatedAt: 2 } as const
    }
    const value = (name: string, more: object = {}) => {
      return { scope: 'all', name, value: { a: [AWKWARD, null, 1.5] }, sealed: null, updatedAt: 3, ...more } as const
    }

    test('with versions that never change, in their order', async () => {
      await store.configs.saveConfig(config('b', version(1)))
      await store.configs.saveConfig(config('a', ...Array.from({ length: 12 }, (_, n) => version(n + 1))))
      await store.configs.saveConfig({ ...config('b', version(1, 'changed'), version(2)), description: 'new' })
      const [a, b] = await (await reopened()).configs.configs()
      expect(a?.versions.map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
      expect(b).toEqual({ ...config('b', version(1), version(2)), description: 'new' })
      await store.configs.removeConfig('b')
      await store.configs.removeConfig('b')
      await store.configs.saveConfig(config('b', version(1, 'other')))
      expect((await (await reopened()).configs.configs())[1]).toEqual(config('b', version(1, 'other')))
    })

    test('with values by scope and name', async () => {
      await store.configs.saveValue(value('x'))
      await store.configs.saveValue(value('x', { scope: 'tag:rack=a3', value: null, sealed: AWKWARD }))
      await store.configs.saveValue(value('x', { value: false, updatedAt: 4 }))
      await store.configs.saveValue(value('y', { scope: 'machine:m_1', value: '' }))
      const values = await (await reopened()).configs.values()
      expect(values).toHaveLength(3)
      expect(values).toContainEqual(value('x', { value: false, updatedAt: 4 }))
      expect(values).toContainEqual(value('x', { scope: 'tag:rack=a3', value: null, sealed: AWKWARD }))
      await store.configs.removeValue('all', 'x')
      await store.configs.removeValue('all', 'nothing')
      expect(await (await reopened()).configs.values()).toHaveLength(2)
    })

    test('with what was given once: one of many that ask at the same time has it', async () => {
      const asked = await Promise.all(Array.from({ length: 20 }, () => store.configs.takeOnce('boot', AWKWARD, 10)))
      expect(asked.filter(Boolean)).toHaveLength(1)
      expect(await (await reopened()).configs.takeOnce('boot', AWKWARD, 11)).toBe(false)
      expect(await store.configs.takeOnce('boot', 'other', 12)).toBe(true)
      await store.configs.giveBack('boot', AWKWARD)
      expect(await store.configs.takeOnce('boot', AWKWARD, 13)).toBe(true)
      await store.configs.forgetTaken(13)
      expect(await store.configs.takeOnce('boot', 'other', 14)).toBe(true)
      expect(await store.configs.takeOnce('boot', AWKWARD, 14)).toBe(false)
    })
  })

  describe('BMCs', () => {
    const event = (machine: string, id: number): BmcEvent => ({
      ...{ machine, id, at: 1_800_000_000_000 + id, kind: 'power', severity: 'warning', text: AWKWARD },
    })
    test('with every field, replaced and removed by machine, with their logs', async () => {
      await store.gateway.saveBmc(bmc('m_2'))
      await store.gateway.saveBmc(bmc('m_1'))
      await store.gateway.saveBmc(
        bmc('m_3', { bootOrder: null, bootOrdered: null, media: null, rule: null, address: null }),
      )
      await store.gateway.saveBmc(bmc('m_2', { enabled: false, port: 623, users: [] }))
      for (const machine of ['m_1', 'm_2']) await store.gateway.addEvent(event(machine, 1), 0)
      await store.gateway.removeBmc('m_1')
      await store.gateway.removeBmc('m_9')
      expect(await (await reopened()).gateway.bmcs()).toEqual([
        bmc('m_2', { enabled: false, port: 623, users: [] }),
        bmc('m_3', { bootOrder: null, bootOrdered: null, media: null, rule: null, address: null }),
      ])
      expect(await store.gateway.events('m_1')).toEqual([])
      expect(await store.gateway.events('m_2')).toEqual([event('m_2', 1)])
    })
    test('rules by name', async () => {
      const rule = { name: 'racks', tag: AWKWARD, routes: { fru: 'bmc' }, user: 'admin', createdAt: 1 }
      await store.gateway.saveRule(rule)
      await store.gateway.saveRule({ ...rule, name: 'all' })
      await store.gateway.saveRule({ ...rule, routes: {} })
      expect(await (await reopened()).gateway.rules()).toEqual([
        { ...rule, name: 'all' },
        { ...rule, routes: {} },
      ])
      await store.gateway.removeRule('all')
      await store.gateway.removeRule('none')
      expect(await (await reopened()).gateway.rules()).toEqual([{ ...rule, routes: {} }])
    })
    test('logs in order, without what is too old, until they are cleared', async () => {
      for (const id of [1, 2, 10, 11]) await store.gateway.addEvent(event('m_1', id), id === 11 ? 3 : 0)
      await store.gateway.addEvent(event('m_2', 1), 0)
      await store.gateway.addEvent(event('m_2', 9), 9)
      expect(await (await reopened()).gateway.events('m_1')).toEqual([event('m_1', 10), event('m_1', 11)])
      expect(await store.gateway.lastEventIds()).toEqual(new Map(Object.entries({ m_1: 11, m_2: 9 })))
      await store.gateway.clearEvents('m_1')
      expect(await (await reopened()).gateway.events('m_1')).toEqual([])
      expect(await store.gateway.events('m_2')).toEqual([event('m_2', 9)])
    })
  })

  describe('leases', () => {
    test('of the highest and the lowest address, in each state', async () => {
      const all = [
        lease({ ip: ipv4(0), state: 'declined', hostname: null }),
        lease({ ip: ipv4(0x80000000), state: 'released' }),
        lease({ ip: ipv4(0xffffffff) }),
      ]
      await store.leases.saveAll(all)
      expect(await (await reopened()).leases.all()).toEqual(all)
    })
    test.each([1, 2, 5, 64, 65, 500, 1234])('%i in one call, replaced by address in another', async (count) => {
      const all = Array.from({ length: count }, (_, i) => lease({ ip: ipv4(i), client: `c${i}` }))
      await store.leases.saveAll(all)
      const changed = all.map((each) => ({
        ...each,
        mac: mac(9),
        network: 'other',
        state: 'released' as const,
        expiresAt: 1,
      }))
      await store.leases.saveAll(changed)
      expect(await (await reopened()).leases.all()).toEqual(changed)
      await store.leases.removeAll(all.slice(1).map((each) => each.ip))
      expect(await store.leases.all()).toEqual(changed.slice(0, 1))
    })
    test('and nothing for an empty list', async () => {
      await store.leases.saveAll([])
      await store.leases.removeAll([])
      expect(await store.leases.all()).toEqual([])
    })
    test('from many calls at once', async () => {
      await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          store.leases.saveAll([lease({ ip: ipv4(i) }), lease({ ip: ipv4(1000 + i) })]),
        ),
      )
      expect(await (await reopened()).leases.all()).toHaveLength(400)
    })
  })

  describe('traces', () => {
    test('with their events, replaced by id', async () => {
      await store.traces.saveAll([trace()])
      const later = trace({
        updatedAt: 9,
        stage: 'launch',
        state: 'launched',
        headline: 'h',
        deadlineAt: 5,
        profile: 'p',
        bytesSent: 1,
        events: [],
        dropped: 0,
      })
      expect(await store.traces.get('t_1')).toEqual(trace())
      await store.traces.saveAll([trace({ id: 't_2' }), later])
      expect(await (await reopened()).traces.get('t_1')).toEqual(later)
    })
    test('and knows the newest of each MAC, those long settled without events', async () => {
      await store.traces.saveAll([
        trace({ id: 't_1', startedAt: 10 }),
        trace({ id: 't_2', startedAt: 20, updatedAt: 3000 }),
        trace({ id: 't_3', startedAt: 15, mac: mac(2), updatedAt: 2999 }),
        trace({ id: 't_4', startedAt: 15, mac: mac(3), updatedAt: 2999, deadlineAt: 7 }),
        trace({ id: 't_5', startedAt: 30, mac: mac(4) }),
        trace({ id: 't_6', startedAt: 30, mac: mac(4) }),
      ])
      const newest = await (await reopened()).traces.newest({ eventsSince: 3000 })
      expect(newest.map((t) => [t.id, t.events.length])).toEqual([
        ['t_2', 2],
        ['t_3', 0],
        ['t_4', 2],
        ['t_6', 0],
      ])
    })
    test('listed newest first, page by page, for some MACs or all', async () => {
      await store.traces.saveAll([
        trace({ id: 't_a', startedAt: 10 }),
        trace({ id: 't_c', startedAt: 20 }),
        trace({ id: 't_b', startedAt: 20, mac: mac(2) }),
        trace({ id: 't_d', startedAt: 5, mac: mac(3) }),
      ])
      const ids = async (query: Parameters<Store['traces']['list']>[0]) =>
        (await store.traces.list(query)).map((t) => t.id)
      expect(await ids({ limit: 10 })).toEqual(['t_c', 't_b', 't_a', 't_d'])
      expect(await ids({ limit: 2 })).toEqual(['t_c', 't_b'])
      expect(await ids({ limit: 2, before: 't_b' })).toEqual(['t_a', 't_d'])
      expect(await ids({ limit: 1, before: 't_c' })).toEqual(['t_b'])
      expect(await ids({ limit: 10, mac: [mac(1), mac(3)], before: 't_c' })).toEqual(['t_a', 't_d'])
      expect(await ids({ limit: 10, mac: [] })).toEqual([])
      expect(await ids({ limit: 10, before: 't_gone' })).toEqual([])
    })
    test('no longer than told: by age, by number for each MAC, by number in all', async () => {
      const ids = async () => (await store.traces.list({ limit: 1000 })).map((t) => t.id)
      const one = Array.from({ length: 6 }, (_, i) => trace({ id: `t_1${i}`, startedAt: 100 + i }))
      const two = Array.from({ length: 3 }, (_, i) => trace({ id: `t_2${i}`, startedAt: 200 + i, mac: mac(2) }))
      await store.traces.saveAll([...one, ...two])
      expect(await store.traces.prune({ olderThan: 0, keep: 100, most: 100 })).toBe(0)
      expect(await store.traces.prune({ olderThan: 102, keep: 100, most: 100 })).toBe(2)
      expect(await ids()).toEqual(['t_22', 't_21', 't_20', 't_15', 't_14', 't_13', 't_12'])
      expect(await store.traces.prune({ olderThan: 0, keep: 2, most: 100 })).toBe(3)
      expect(await ids()).toEqual(['t_22', 't_21', 't_15', 't_14'])
      expect(await store.traces.prune({ olderThan: 0, keep: 100, most: 3 })).toBe(1)
      expect(await ids()).toEqual(['t_22', 't_21', 't_15'])
    })
    test('and prunes many', async () => {
      await store.traces.saveAll(
        Array.from({ length: 1500 }, (_, i) => trace({ id: `t_${i}`, startedAt: i, mac: mac(i % 3) })),
      )
      expect(await store.traces.prune({ olderThan: 600, keep: 100, most: 10_000 })).toBe(1200)
      expect(await store.traces.list({ limit: 1000 })).toHaveLength(300)
    })
  })

  describe('access', () => {
    test('users, and with a user goes what is theirs', async () => {
      const { access } = store
      await access.saveUser(user('admin', { disabled: false, role: 'admin' }))
      await access.saveUser(user('bob'))
      for (const owner of ['admin', 'bob']) {
        await access.saveToken(token(`k_${owner}`, owner))
        await access.saveSession(session(`s_${owner}`, owner))
      }
      await access.saveUser(user('bob', { role: 'viewer', passwordHash: 'x', disabled: false, updatedAt: 9 }))
      expect(await access.users()).toEqual([
        user('admin', { disabled: false, role: 'admin' }),
        user('bob', { role: 'viewer', passwordHash: 'x', disabled: false, updatedAt: 9 }),
      ])
      expect(await access.tokens(), 'a changed user keeps the tokens').toHaveLength(2)
      await access.removeUser('bob')
      const again = (await reopened()).access
      expect(await again.users()).toHaveLength(1)
      expect(await again.tokens()).toEqual([token('k_admin', 'admin')])
      expect(await again.sessions()).toEqual([session('s_admin', 'admin')])
    })
    test('tokens and sessions, of users that exist', async () => {
      const { access } = store
      await access.saveUser(user('bob'))
      await access.saveToken(token('k_1', 'bob'))
      await access.saveToken(token('k_1', 'bob', { lastUsedAt: 50, expiresAt: 60, scopes: [] }))
      await access.saveToken(token('k_2', 'bob', { createdAt: 2 }))
      expect(await access.tokens()).toEqual([
        token('k_1', 'bob', { lastUsedAt: 50, expiresAt: 60, scopes: [] }),
        token('k_2', 'bob', { createdAt: 2 }),
      ])
      await access.removeToken('k_1')
      expect(await access.tokens()).toHaveLength(1)
      await expect(access.saveToken(token('k_3', 'nobody'))).rejects.toThrow()
      await access.saveSession(session('a', 'bob', { expiresAt: 10 }))
      await access.saveSession(session('b', 'bob', { expiresAt: 11 }))
      await access.saveSession(session('c', 'bob', { expiresAt: 12 }))
      await access.saveSession(session('c', 'bob', { expiresAt: 13 }))
      expect(await access.removeExpiredSessions(10)).toBe(1)
      await access.removeSession('b')
      expect(await access.sessions()).toEqual([session('c', 'bob', { expiresAt: 13 })])
    })
    test('the audit log: numbered on, newest first, filtered, pruned', async () => {
      const { access } = store
      for (let at = 1; at <= 3; at++) await access.appendAudit(auditEntry(at))
      await Promise.all(
        [4, 5].map((at) => access.appendAudit(auditEntry(at, { who: 'bob', subject: 'node-2', outcome: 'refused' }))),
      )
      const again = (await reopened()).access
      await again.appendAudit(auditEntry(6))
      const all = await again.audit({ limit: 100 })
      expect(all.map((entry) => entry.at)).toEqual([6, 5, 4, 3, 2, 1])
      expect(new Set(all.map((entry) => entry.id)).size).toBe(6)
      expect(all[1]).toEqual({
        ...auditEntry(5, { who: 'bob', subject: 'node-2', outcome: 'refused' }),
        id: all[1]?.id,
      })
      expect((await again.audit({ limit: 2, before: all[1]!.id })).map((entry) => entry.at)).toEqual([4, 3])
      expect((await again.audit({ limit: 9, who: 'bob' })).map((entry) => entry.at)).toEqual([5, 4])
      expect((await again.audit({ limit: 9, who: 'admin', subject: 'node-1' })).map((entry) => entry.at)).toEqual([
        6, 3, 2, 1,
      ])
      expect(await again.pruneAudit(4)).toBe(3)
      expect((await again.audit({ limit: 9 })).map((entry) => entry.at)).toEqual([6, 5, 4])
    })
  })

  describe('volumes', () => {
    const rows = {
      volumes: [volume(1), volume(2, { base: null, use: { kind: 'own' }, pending: null, snapshots: [], active: null })],
      attachments: [attachment(1), attachment(2, { chap: null, for: { kind: 'export', by: AWKWARD } })],
      maintenances: [maintenance(1), maintenance(2, { state: 'published', published: 8, endedAt: 3 })],
      rollouts: [rollout(1), rollout(2, { canary: null, state: 'all' })],
    }

    test('with what they are given to, replaced and removed by id', async () => {
      await store.volumes.write({ save: rows })
      expect(await (await reopened()).volumes.all()).toEqual(rows)
      const [first, second] = rows.volumes
      await store.volumes.write({
        save: { volumes: [{ ...second!, name: 'renamed' }], rollouts: [rollout(1, { state: 'rolled-back' })] },
        remove: { volumes: [first!.id, 'v_9'], attachments: ['a_1', 'a_9'] },
      })
      const { volumes, attachments, rollouts } = await (await reopened()).volumes.all()
      expect(volumes.map(({ name }) => name)).toEqual(['renamed'])
      expect(attachments.map(({ id }) => id)).toEqual(['a_2'])
      expect(rollouts[0]).toMatchObject({ state: 'rolled-back' })
    })

    test('all of a change or nothing: names and targets are there once', async () => {
      await store.volumes.write({ save: rows })
      const clashes = [
        { volumes: [volume(3, { name: 'volume-1' })] },
        { attachments: [attachment(3, { iqn: attachment(1).iqn })] },
      ]
      for (const save of clashes)
        await expect(
          store.volumes.write({ save: { ...save, maintenances: [maintenance(3)] }, remove: { volumes: ['v_2'] } }),
        ).rejects.toThrow()
      expect(await (await reopened()).volumes.all()).toEqual(rows)
    })
  })

  test('batches, the oldest first, replaced and removed by id', async () => {
    for (const each of [batch(2), batch(1), batch(3)]) await store.batches.save(each)
    await store.batches.save(batch(2, { state: 'cancelled', endedAt: 9 }))
    await store.batches.remove(['b_3', 'b_9'])
    await store.batches.remove([])
    expect(await (await reopened()).batches.all()).toEqual([batch(1), batch(2, { state: 'cancelled', endedAt: 9 })])
  })

  describe('deployments', () => {
    test('whole, with what belongs to the same change', async () => {
      const deployments = [deployment(1), deployment(2, { state: 'queued', order: null, tasks: [], progress: null })]
      const lines = [1, 2, 3].map((n) => ({
        deployment: 'd_1',
        line: { n, at: n, level: 'info' as const, text: AWKWARD },
      }))
      const taken = { takenAt: 7, inventory: inventoryOf(diskOf(AWKWARD)) }
      await store.deployments.commit({
        deployments,
        lines,
        boots: [agentBoot('b_1'), agentBoot('b_2', { nonce: 'n', serverNonce: 's' })],
        inventory: { machine: 'm_1', ...taken },
        disks: [diskRecord(0), diskRecord(1, { chunks: null, halfWrittenBy: 'd_1', writeBack: null })],
      })
      const again = (await reopened()).deployments
      expect(await again.unsettled()).toEqual(deployments)
      expect(await again.get('d_2')).toEqual(deployments[1])
      expect(await again.get('d_9')).toBeUndefined()
      expect(await again.lastSequence()).toBe(2)
      expect((await again.log('d_1', 1, 10)).map(({ n }) => n)).toEqual([2, 3])
      expect((await again.log('d_1', 0, 1))[0]).toEqual(lines[0]?.line)
      expect(await again.lastLine('d_1')).toBe(3)
      expect(await again.lastLine('d_2')).toBe(0)
      expect(await again.boots()).toEqual([agentBoot('b_1'), agentBoot('b_2', { nonce: 'n', serverNonce: 's' })])
      expect(await again.inventory('m_1')).toEqual(taken)
      expect(await again.inventory('m_2')).toBeUndefined()
      expect(await again.disks()).toEqual([
        diskRecord(0),
        diskRecord(1, { chunks: null, halfWrittenBy: 'd_1', writeBack: null }),
      ])
    })
    test('changed and removed by key, all of a change or nothing', async () => {
      await store.deployments.commit({
        deployments: [deployment(1)],
        boots: [agentBoot('b_1')],
        disks: [diskRecord(0), diskRecord(1)],
      })
      const settled = deployment(1, { state: 'succeeded', reservedUntil: null, noticeDue: false })
      await store.deployments.commit({
        deployments: [settled],
        boots: [agentBoot('b_1', { nonce: 'n' })],
        disks: [diskRecord(1, { at: 9 })],
        disksGone: [diskRecord(0)],
      })
      expect(await store.deployments.unsettled()).toEqual([])
      expect(await store.deployments.get('d_1')).toEqual(settled)
      expect(await store.deployments.disks()).toEqual([diskRecord(1, { at: 9 })])
      await store.deployments.commit({ bootsGone: ['b_1', 'b_9'], disksGone: [diskRecord(5)] })
      expect(await store.deployments.boots()).toEqual([])
      const line = { n: 1, at: 1, level: 'info' as const, text: '' }
      const twice = { deployments: [deployment(3)], lines: [1, 2].map(() => ({ deployment: 'd_3', line })) }
      await expect(store.deployments.commit(twice)).rejects.toThrow()
      expect(await store.deployments.get('d_3'), 'all or nothing').toBeUndefined()
    })
    test('nothing of a machine that is gone but its history', async () => {
      const taken = { takenAt: 7, inventory: inventoryOf(diskOf('SER1')) }
      for (const machine of ['m_1', 'm_2'])
        await store.deployments.commit({
          boots: [agentBoot(`b_${machine}`, { machine })],
          inventory: { machine, ...taken },
          disks: [diskRecord(0, { machine })],
        })
      await store.deployments.commit({ deployments: [deployment(1)] })
      await store.deployments.commit({ machineGone: 'm_1' })
      expect(await store.deployments.inventoried()).toEqual(['m_2'])
      expect((await store.deployments.disks()).map(({ machine }) => machine)).toEqual(['m_2'])
      expect((await store.deployments.boots()).map(({ machine }) => machine)).toEqual(['m_2'])
      expect(await store.deployments.get('d_1')).toBeDefined()
    })
    test('until they are old and settled, oldest first; the newest stays', async () => {
      const settled = { state: 'succeeded', reservedUntil: null, noticeDue: false } as const
      const at = (n: number, more = {}) => deployment(n, { ...settled, createdAt: n, ...more })
      const line = { n: 1, at: 1, level: 'info' as const, text: '' }
      await store.deployments.commit({
        deployments: [at(1), at(2), at(3, { state: 'queued' }), at(4), at(9), at(10, { createdAt: 1 })],
        lines: [{ deployment: 'd_1', line }],
      })
      expect(await store.deployments.prune({ orderedBefore: 5, most: 2 })).toEqual(['d_1', 'd_2'])
      expect(await store.deployments.prune({ orderedBefore: 5, most: 2 })).toEqual(['d_4'])
      expect(await store.deployments.prune({ orderedBefore: 5, most: 2 })).toEqual([])
      expect(await store.deployments.lastLine('d_1')).toBe(0)
      expect((await store.deployments.list({ limit: 9 })).map(({ id }) => id)).toEqual(['d_10', 'd_9', 'd_3'])
    })
    test('listed newest first: by machine, by state, by words, page by page', async () => {
      await store.deployments.commit({
        deployments: [
          deployment(1),
          deployment(2, { machine: 'm_2', state: 'queued', orderedBy: '100%_bob' }),
          deployment(3, { state: 'failed', action: { kind: 'inventory' } }),
        ],
      })
      const ids = async (query: Parameters<Store['deployments']['list']>[0]) =>
        (await store.deployments.list(query)).map(({ id }) => id)
      expect(await ids({ limit: 10 })).toEqual(['d_3', 'd_2', 'd_1'])
      expect(await ids({ limit: 1, before: 3 })).toEqual(['d_2'])
      expect(await ids({ limit: 10, machine: 'm_1' })).toEqual(['d_3', 'd_1'])
      expect(await ids({ limit: 10, states: ['queued', 'failed'] })).toEqual(['d_3', 'd_2'])
      expect(await ids({ limit: 10, search: { machines: ['m_2'], text: 'debi' } })).toEqual(['d_2', 'd_1'])
      expect(await ids({ limit: 10, search: { machines: [], text: '%_' } })).toEqual(['d_2'])
      expect(await ids({ limit: 10, search: { machines: [], text: 'x_' } })).toEqual([])
    })
  })
})
