import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryRepository } from '../../test/fakes/memory-repository.ts'
import { ManualClock } from '../kit/clock.ts'
import type { Mac } from '../kit/mac.ts'
import type { Machine } from './machine.ts'
import { MAX_DISCOVERED, Machines } from './machines.ts'

const MAC1 = '52:54:00:00:00:01' as Mac
const MAC2 = '52:54:00:00:00:02' as Mac
const UUID = '4c4c4544-0042-3510-8052-b4c04f4d3232'
const numbered = (number: number) =>
  `52:54:00:${number
    .toString(16)
    .padStart(6, '0')
    .replace(/..(?=.)/g, '$&:')}` as Mac

let repository: MemoryRepository<Machine>
let clock: ManualClock
let events: { topic: string; id: string; change: string }[]
const profiles = new Set(['debian', 'local', 'rescue'])

const open = () =>
  Machines.open({
    repository,
    clock,
    events: { publish: (event) => events.push(event) },
    namePattern: 'node-%04d',
    hasProfile: (name) => profiles.has(name),
  })
let machines: Machines

beforeEach(async () => {
  repository = new MemoryRepository((machine) => machine.id)
  clock = new ManualClock()
  events = []
  machines = await open()
})

describe('create', () => {
  test('makes a ready machine under the next free name, durable and findable by everything', async () => {
    const machine = await machines.create({ macs: ['52-54-00-00-00-01'], ip: '10.0.0.17', profile: 'debian' }, 'admin')
    expect(machine).toMatchObject({
      name: 'node-0001',
      state: 'ready',
      macs: [MAC1],
      ip: '10.0.0.17',
      profile: 'debian',
    })
    expect(machine.id).toMatch(/^m_[0-9a-f]{16}$/)
    expect(repository.rows.get(machine.id)).toEqual(machine)
    for (const reference of [machine.id, 'node-0001', MAC1, '5254.0000.0001'])
      expect(machines.find(reference)).toEqual(machine)
    expect(machines.byMac(MAC1)).toEqual(machine)
    expect(machines.byAddress('10.0.0.17')).toEqual(machine)
    expect(events).toEqual([{ topic: 'machine', id: machine.id, change: 'saved' }])
  })

  test.each([
    ['name', { name: 'a', macs: [MAC2] }],
    ['MAC', { name: 'b', macs: [MAC2, MAC1] }],
    ['address', { name: 'b', macs: [MAC2], ip: '10.0.0.17' }],
  ])('refuses a %s that is taken', async (what, input) => {
    await machines.create({ name: 'a', macs: [MAC1], ip: '10.0.0.17' }, 'admin')
    await expect(machines.create(input, 'admin')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`the ${what} `),
    })
    expect(machines.all()).toHaveLength(1)
  })

  test('two at the same time cannot take the same name', async () => {
    const both = await Promise.allSettled([
      machines.create({ name: 'a', macs: [MAC1] }, 'x'),
      machines.create({ name: 'a', macs: [MAC2] }, 'y'),
    ])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  test.each([
    [{ macs: ['01:00:5e:00:00:01'] }, 'macs.0'],
    [{ macs: [] }, 'macs'],
    [{ macs: [MAC1], ip: '224.0.0.1' }, 'ip'],
    [{ macs: [MAC1], profile: 'nope' }, 'profile'],
    [{ macs: [MAC1], name: 'Upper' }, 'name'],
  ])('refuses %j and names the field', async (input, path) => {
    await expect(machines.create(input, 'admin')).rejects.toMatchObject({
      code: 'validation-failed',
      problems: [{ path }],
    })
  })

  test('what could not be written was not done', async () => {
    repository.failing = new Error('disk full')
    await expect(machines.create({ name: 'a', macs: [MAC1] }, 'admin')).rejects.toThrow('disk full')
    repository.failing = undefined
    expect(machines.find('a')).toBeUndefined()
    expect(await machines.create({ name: 'a', macs: [MAC1] }, 'admin')).toMatchObject({ name: 'a' })
  })
})

describe('change', () => {
  test('update moves the indices along, and says nothing when nothing changes', async () => {
    const { id } = await machines.create({ name: 'a', macs: [MAC1], ip: '10.0.0.17' }, 'admin')
    await machines.update(id, { name: 'b', macs: [MAC2], ip: null }, 'admin')
    expect([machines.find('a'), machines.byMac(MAC1), machines.byAddress('10.0.0.17')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(machines.find('b')?.id).toBe(id)
    const writes = repository.writes
    await machines.update(id, { name: 'b', notes: '' }, 'admin')
    expect(repository.writes).toBe(writes)
  })

  test('remove forgets it everywhere', async () => {
    const { id } = await machines.create({ name: 'a', macs: [MAC1] }, 'admin')
    await machines.remove(id, 'admin')
    expect(machines.all()).toEqual([])
    expect(repository.rows.size).toBe(0)
    expect(events.at(-1)).toEqual({ topic: 'machine', id, change: 'removed' })
    await expect(machines.remove(id, 'admin')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('approve names it, chooses a profile, and makes it ready', async () => {
    const { id } = await machines.sight({ mac: MAC1 })
    await expect(machines.setBoot(id, { profile: 'debian' }, 'admin')).rejects.toMatchObject({ code: 'wrong-state' })
    expect(await machines.approve(id, { name: 'web', profile: 'debian' }, 'admin')).toMatchObject({
      name: 'web',
      profile: 'debian',
      state: 'ready',
    })
  })
})

describe('next boot', () => {
  test('is consumed by the launch of just that order, once', async () => {
    const { id } = await machines.create({ macs: [MAC1], profile: 'local' }, 'admin')
    const first = (await machines.setBoot(id, { once: 'debian' }, 'ann')).nextBoot!
    expect(first).toMatchObject({ profile: 'debian', orderedBy: 'ann', orderedAt: clock.now() })
    const second = (await machines.setBoot(id, { once: 'rescue' }, 'bob')).nextBoot!
    await machines.launched(id, first.id)
    expect(machines.get(id)).toMatchObject({ state: 'active', nextBoot: second, profile: 'local' })
    await machines.launched(id, second.id)
    expect(machines.get(id)).toMatchObject({ nextBoot: null, profile: 'local' })
    const third = (await machines.setBoot(id, { once: 'debian' }, 'ann')).nextBoot!
    await machines.launched(id, second.id)
    await machines.launched(id, null)
    expect(machines.get(id)?.nextBoot).toEqual(third)
    expect((await open()).get(id)?.nextBoot).toEqual(third)
  })

  test('can be taken back, and only names profiles that exist', async () => {
    const { id } = await machines.create({ macs: [MAC1] }, 'admin')
    await machines.setBoot(id, { once: 'debian' }, 'ann')
    expect((await machines.setBoot(id, { once: null, profile: 'local' }, 'ann')).nextBoot).toBeNull()
    await expect(machines.setBoot(id, { once: 'nope' }, 'ann')).rejects.toMatchObject({ code: 'validation-failed' })
  })

  test('a launch leaves a machine in maintenance or unknown where it is', async () => {
    const { id } = await machines.create({ macs: [MAC1] }, 'admin')
    await machines.update(id, { state: 'maintenance' }, 'admin')
    await machines.launched(id, null)
    expect(machines.get(id)?.state).toBe('maintenance')
    const unknown = await machines.sight({ mac: MAC2 })
    await machines.launched(unknown.id, null)
    expect(machines.get(unknown.id)?.state).toBe('discovered')
    await machines.launched('m_gone', null)
  })
})

describe('sightings', () => {
  test('an unknown machine is recorded as discovered before the answer, with what it told', async () => {
    const machine = await machines.sight({ mac: MAC1, uuid: UUID, serial: 'S1', firmware: 'uefi', address: '10.0.0.9' })
    expect(machine).toMatchObject({
      state: 'discovered',
      name: 'node-0001',
      uuid: UUID,
      serial: 'S1',
      lastAddress: '10.0.0.9',
      lastSeenAt: clock.now(),
    })
    expect(repository.rows.get(machine.id)).toEqual(machine)
  })

  test('many at once share a write, and the same MAC twice is one machine', async () => {
    const seen = await Promise.all(Array.from({ length: 200 }, (_, i) => machines.sight({ mac: numbered(i % 100) })))
    expect(machines.all()).toHaveLength(100)
    expect(seen[0]).toEqual(seen[100])
    expect(new Set(machines.all().map(({ name }) => name)).size).toBe(100)
    expect(repository.writes).toBe(1)
  })

  test('who was never approved and is not seen again is forgotten; who still polls or was approved is not', async () => {
    const [gone, polling, approved] = await Promise.all([1, 2, 3].map((i) => machines.sight({ mac: numbered(i) })))
    await machines.approve(approved!.id, {}, 'admin')
    clock.advance(8 * 86_400_000)
    await machines.sight({ mac: polling!.macs[0]! })
    await machines.forgetUnseen()
    expect(machines.get(gone!.id)).toBeUndefined()
    expect(machines.get(polling!.id)?.state).toBe('discovered')
    expect(machines.get(approved!.id)?.state).toBe('ready')
    expect((await machines.sight({ mac: gone!.macs[0]! })).state).toBe('discovered')
  })

  test('a flood is refused at the limit and costs no write', async () => {
    for (let from = 0; from < MAX_DISCOVERED; from += 500)
      await Promise.all(Array.from({ length: 500 }, (_, i) => machines.sight({ mac: numbered(from + i) })))
    const writes = repository.writes
    await expect(machines.sight({ mac: 'aa:00:00:00:00:01' as Mac })).rejects.toMatchObject({
      code: 'too-many-requests',
    })
    expect(machines.all()).toHaveLength(MAX_DISCOVERED)
    expect(repository.writes).toBe(writes)
    await machines.remove(machines.all()[0]!.id, 'admin')
    expect((await machines.sight({ mac: 'aa:00:00:00:00:01' as Mac })).state).toBe('discovered')
    clock.advance(11 * 60_000)
    await machines.forgetUnseen()
    expect(machines.all().length).toBeLessThan(MAX_DISCOVERED)
  })

  test('repeated sightings are exact in memory and written at most once a minute', async () => {
    const { id } = await machines.create({ macs: [MAC1] }, 'admin')
    await machines.sight({ mac: MAC1, address: '10.0.0.9' })
    await machines.flush()
    const writes = repository.writes
    for (let i = 0; i < 59; i++) {
      clock.advance(1000)
      await machines.sight({ mac: MAC1, address: '10.0.0.9' })
    }
    expect(repository.writes).toBe(writes)
    expect(machines.get(id)?.lastSeenAt).toBe(clock.now())
    clock.advance(1000)
    await machines.sight({ mac: MAC1, address: '10.0.0.9' })
    await machines.flush()
    expect(repository.rows.get(id)?.lastSeenAt).toBe(clock.now())
  })

  test('what could not be written is written with the next sighting', async () => {
    const { id } = await machines.create({ macs: [MAC1] }, 'admin')
    repository.failing = new Error('disk full')
    await machines.sight({ mac: MAC1, uuid: UUID })
    await expect(machines.flush()).rejects.toThrow('disk full')
    repository.failing = undefined
    clock.advance(60_000)
    await machines.sight({ mac: MAC1 })
    await machines.flush()
    expect(repository.rows.get(id)).toMatchObject({ uuid: UUID, lastSeenAt: clock.now() })
  })

  test('new facts are published and written', async () => {
    const { id } = await machines.create({ macs: [MAC1] }, 'admin')
    events.length = 0
    await machines.sight({ mac: MAC1, uuid: UUID, firmware: 'bios' })
    await machines.flush()
    expect(repository.rows.get(id)).toMatchObject({ uuid: UUID, firmware: 'bios' })
    expect(events).toContainEqual({ topic: 'machine', id, change: 'saved' })
  })

  test('a change that is being written does not lose a sighting that comes meanwhile', async () => {
    const { id } = await machines.create({ macs: [MAC1] }, 'admin')
    const change = machines.update(id, { notes: 'x' }, 'admin')
    clock.advance(5000)
    await machines.sight({ mac: MAC1, address: '10.0.0.9' })
    await change
    expect(machines.get(id)).toMatchObject({ notes: 'x', lastAddress: '10.0.0.9', lastSeenAt: clock.now() })
  })

  test('a second card is a machine of its own when the serial differs, or when two machines have that UUID', async () => {
    const { id } = await machines.create({ macs: [MAC1], uuid: UUID, serial: 'S1' }, 'admin')
    expect((await machines.sight({ mac: MAC2, uuid: UUID, serial: 'S2' })).state).toBe('discovered')
    await machines.create({ macs: [numbered(3)], uuid: UUID, serial: 'S1' }, 'admin')
    expect((await machines.sight({ mac: numbered(4), uuid: UUID, serial: 'S1' })).state).toBe('discovered')
    expect(machines.get(id)?.macs).toEqual([MAC1])
  })

  test('a second card alone with that UUID and serial joins its machine', async () => {
    const { id } = await machines.create({ macs: [MAC1], uuid: UUID, serial: 'S1' }, 'admin')
    expect(await machines.sight({ mac: MAC2, uuid: UUID, serial: 'S1' })).toMatchObject({ id, macs: [MAC1, MAC2] })
    expect(repository.rows.get(id)?.macs).toEqual([MAC1, MAC2])
  })
})

describe('a second card that DHCP showed first', () => {
  const join = async () => {
    const { id } = await machines.create({ macs: [MAC1], uuid: UUID, serial: 'S1' }, 'admin')
    const early = await machines.sight({ mac: MAC2, uuid: UUID })
    return { id, early }
  }

  test('leaves its discovered entry for its machine once it tells its serial', async () => {
    const { id, early } = await join()
    expect(early.state).toBe('discovered')
    expect(await machines.sight({ mac: MAC2, uuid: UUID, serial: 'S1' })).toMatchObject({ id, macs: [MAC1, MAC2] })
    expect(machines.all().map((machine) => machine.id)).toEqual([id])
    expect([...repository.rows.keys()]).toEqual([id])
    expect(events.at(-1)).toEqual({ topic: 'machine', id: early.id, change: 'removed' })
  })

  test('keeps it when the write fails, and belongs to its machine when the server is killed in between', async () => {
    const { id, early } = await join()
    repository.failing = new Error('disk full')
    await expect(machines.sight({ mac: MAC2, uuid: UUID, serial: 'S1' })).rejects.toThrow('disk full')
    expect(machines.byMac(MAC2)?.id).toBe(early.id)
    repository.failing = undefined
    await machines.sight({ mac: MAC2, uuid: UUID, serial: 'S1' })
    repository.rows.set(early.id, early)
    expect((await open()).byMac(MAC2)?.id).toBe(id)
  })
})

describe('apply', () => {
  test('plans and does the same: create, update, none', async () => {
    await machines.create({ name: 'a', macs: [MAC1], notes: 'old', uuid: UUID }, 'admin')
    const declared = [
      { name: 'a', macs: [MAC1], profile: 'debian' },
      { name: 'b', macs: [MAC2] },
    ]
    const plan = machines.planApply(declared)
    expect(plan).toMatchObject([
      { name: 'a', change: 'update', fields: ['notes', 'profile'], before: { notes: 'old' }, after: { notes: '' } },
      { name: 'b', change: 'create', fields: ['name', 'macs'] },
    ])
    const done = await machines.applyAll(declared, 'admin')
    expect(done.map(({ name, change }) => [name, change])).toEqual(plan.map(({ name, change }) => [name, change]))
    expect(machines.find('a')).toMatchObject({ profile: 'debian', notes: '', uuid: UUID })
    expect(machines.planApply(declared).map(({ change }) => change)).toEqual(['none', 'none'])
  })

  test('is all or nothing', async () => {
    const declared = [
      { name: 'a', macs: [MAC1] },
      { name: 'b', macs: [MAC1] },
    ]
    await expect(machines.applyAll(declared, 'admin')).rejects.toMatchObject({ code: 'conflict' })
    expect(machines.all()).toEqual([])
    expect(repository.writes).toBe(0)
  })

  test('lets machines swap addresses', async () => {
    await machines.applyAll(
      [
        { name: 'a', macs: [MAC1], ip: '10.0.0.1' },
        { name: 'b', macs: [MAC2], ip: '10.0.0.2' },
      ],
      'admin',
    )
    await machines.applyAll(
      [
        { name: 'a', macs: [MAC1], ip: '10.0.0.2' },
        { name: 'b', macs: [MAC2], ip: '10.0.0.1' },
      ],
      'admin',
    )
    expect([machines.byAddress('10.0.0.1')?.name, machines.byAddress('10.0.0.2')?.name]).toEqual(['b', 'a'])
  })

  test('adopts and approves a discovered machine by its MAC, and refuses to take a known one', async () => {
    const { id } = await machines.sight({ mac: MAC1 })
    await machines.applyAll([{ name: 'web', macs: [MAC1] }], 'admin')
    expect(machines.get(id)).toMatchObject({ name: 'web', state: 'ready' })
    await expect(machines.applyAll([{ name: 'other', macs: [MAC1] }], 'admin')).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('knows the profiles that come with it', async () => {
    const declared = [{ name: 'a', macs: [MAC1], profile: 'new' }]
    await expect(machines.applyAll(declared, 'admin')).rejects.toMatchObject({ code: 'validation-failed' })
    await machines.applyAll(declared, 'admin', () => true)
    expect(machines.find('a')?.profile).toBe('new')
  })
})

test('a machine that something still goes by is not forgotten', async () => {
  const { id } = await machines.create({ macs: [MAC1] }, 'ann')
  const refusing = await Machines.open({
    repository,
    clock,
    events: { publish: () => undefined },
    namePattern: 'node-%04d',
    hasProfile: () => true,
    assertForgettable: () => {
      throw new Error('a disk is half-written')
    },
  })
  await expect(refusing.remove(id, 'ann')).rejects.toThrow('half-written')
  expect(refusing.get(id)).toBeDefined()
  expect(repository.rows.has(id)).toBe(true)
})
