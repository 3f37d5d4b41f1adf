import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryRepository } from '../../test/fakes/memory-repository.ts'
import { ManualClock } from '../kit/clock.ts'
import { type Profile, ProfileSpec } from './profile.ts'
import { Profiles } from './profiles.ts'

const IMAGES: Readonly<Record<string, 'bundle' | 'iso' | 'disk' | 'wim'>> = {
  di: 'bundle',
  'di@2': 'bundle',
  disc: 'iso',
  desktop: 'disk',
  'desktop@4': 'disk',
  pe: 'wim',
}
const spec = (input: unknown) => ProfileSpec.parse(input)
const local = spec({ name: 'local', kind: 'local' })
const debian = spec({ name: 'debian', kind: 'live', image: 'di', cmdline: 'quiet url={{files}}/preseed.cfg' })
const overlay = (image: string) => ({ use: 'overlay', image })
const diskless = (...disks: unknown[]) => spec({ name: 'room', kind: 'diskless', disks })
const wim = (more: object) => spec({ name: 'setup', kind: 'wim', image: 'di', ...more })
const menuOf = (name: string, ...items: string[]) =>
  spec({ name, kind: 'menu', items: items.map((profile) => ({ profile })), default: items[0] })

let repository: MemoryRepository<Profile>
let clock: ManualClock
let profiles: Profiles
let machines: Record<string, string[]>
let events: unknown[]
let held: string | undefined

beforeEach(async () => {
  repository = new MemoryRepository((profile) => profile.name)
  clock = new ManualClock()
  machines = {}
  held = undefined
  events = []
  profiles = await Profiles.open({
    repository,
    clock,
    events: { publish: (event) => events.push(event) },
    imageKind: (reference) => IMAGES[reference],
    hasVolume: (name) => name === 'data',
    hasConfig: (reference) => reference === 'node',
    usage: (name) => machines[name] ?? [],
    heldBy: (name) => (held === name ? ['deployment d_1'] : []),
  })
})

describe('create and replace', () => {
  test('keep what was given, durably, and the time of creation', async () => {
    const made = await profiles.create(debian)
    clock.advance(1000)
    const replaced = await profiles.replace({ ...debian, description: 'new' })
    expect(replaced).toEqual({ ...made, description: 'new', updatedAt: clock.now() })
    expect(repository.rows.get('debian')).toEqual(replaced)
    expect(profiles.all()).toEqual([replaced])
    expect(events).toContainEqual({ topic: 'profile', id: 'debian', change: 'saved' })
    await expect(profiles.create(debian)).rejects.toMatchObject({ code: 'conflict' })
  })

  test.each([
    ['an image that does not exist', spec({ name: 'x', kind: 'live', image: 'di@3' }), 'image'],
    ['an image of the wrong kind', spec({ name: 'x', kind: 'live', image: 'disc' }), 'image'],
    ['an iso profile with a bundle', spec({ name: 'x', kind: 'iso', image: 'di' }), 'image'],
    ['a command line that starts a second command', spec({ ...debian, cmdline: 'quiet || sanboot' }), 'cmdline'],
    ['a command line with a comment', spec({ ...debian, cmdline: 'quiet #x' }), 'cmdline'],
    ['a message that expands', spec({ name: 'x', kind: 'park', message: `$\{net0/mac}` }), 'message'],
    [
      'two files of one name',
      spec({
        ...debian,
        files: [
          { name: 'a', content: '' },
          { name: 'a', content: '' },
        ],
      }),
      'files',
    ],
    ['the name park', spec({ name: 'park', kind: 'park' }), 'name'],
    ['the name ignore', spec({ name: 'ignore', kind: 'local' }), 'name'],
    ['a menu of what does not exist', menuOf('m', 'nope'), 'items.0.profile'],
    ['a menu of itself', menuOf('m', 'm'), 'items'],
    ['a menu whose default is no item', { ...menuOf('m', 'local'), default: 'debian' } as ProfileSpec, 'default'],
    ['an overlay over no image', diskless(overlay('desktop'), overlay('nope')), 'disks.1.image'],
    ['an overlay over a disc', diskless(overlay('disc')), 'disks.0.image'],
    ['a volume that does not exist', diskless({ use: 'volume', volume: 'x', access: 'exclusive' }), 'disks.0.volume'],
    [
      'a volume twice',
      diskless(...['exclusive', 'shared-read-only'].map((access) => ({ use: 'volume', volume: 'data', access }))),
      'disks',
    ],
    ['an installer with a disk over no image', spec({ ...debian, disks: [overlay('di@3')] }), 'disks.0.image'],
    ['Windows PE from a disc', wim({ image: 'disc' }), 'image'],
    ['Windows PE with a WIM that is none', wim({ wim: 'disc' }), 'wim'],
    [
      'a menu whose default asks for a password when nobody is there',
      spec({ name: 'm', kind: 'menu', items: [{ profile: 'local', password: 'x' }], default: 'local' }),
      'default',
    ],
    ['a menu with an item twice', menuOf('m', 'local', 'local'), 'items'],
  ])('refuse %s and name the field', async (_, wrong, path) => {
    await profiles.create(local)
    const refusal = profiles.replace(wrong)
    await expect(refusal).rejects.toMatchObject({ code: 'validation-failed', problems: [{ path }] })
    expect(profiles.all()).toHaveLength(1)
  })

  test('refuse menus that lead back to themselves, and say how', async () => {
    await profiles.create(local)
    await profiles.create(menuOf('a', 'local'))
    await profiles.create(menuOf('b', 'a', 'local'))
    await expect(profiles.replace(menuOf('a', 'local', 'b'))).rejects.toMatchObject({
      problems: [{ path: 'items', message: expect.stringContaining('a -> b -> a') }],
    })
  })

  test('search deep menus in bounded time', async () => {
    await profiles.create(local)
    let below = ['local']
    for (let depth = 0; depth < 12; depth++) {
      const level = Array.from({ length: 8 }, (_, i) => `m${depth}-${i}`)
      for (const name of level) await profiles.create(menuOf(name, ...below))
      below = level
    }
    expect(profiles.all()).toHaveLength(97)
  })
})

describe('remove', () => {
  test('is refused while machines or menus use it, and names them', async () => {
    await profiles.create(local)
    await profiles.create(menuOf('choice', 'local'))
    machines.local = ['node-0001', 'node-0002', 'node-0003', 'node-0004', 'node-0005', 'node-0006', 'node-0007']
    await expect(profiles.remove('local')).rejects.toMatchObject({
      code: 'in-use',
      message:
        'the profile local is used by machines node-0001, node-0002, node-0003, node-0004, node-0005 and 2 more and menu choice',
    })
    await profiles.remove('choice')
    machines.local = []
    await profiles.remove('local')
    expect(repository.rows.size).toBe(0)
    await expect(profiles.remove('local')).rejects.toMatchObject({ code: 'not-found' })
  })
})

test('what may come later or waits for somebody is taken', async () => {
  await profiles.create(local)
  await profiles.create(diskless(overlay('desktop'), { use: 'rotation', rotation: 'farm' }))
  await profiles.create(wim({ wim: 'pe', disks: [{ use: 'volume', volume: 'data', access: 'exclusive' }] }))
  const items = [{ profile: 'local', password: 'x' }]
  await profiles.create(spec({ name: 'm', kind: 'menu', items, default: 'local', timeoutSeconds: 0 }))
  expect(profiles.usingVolume('data')).toEqual(['setup'])
})

test('profiles of earlier releases are read with what they did not have', async () => {
  const { disks: _, ...live } = { ...debian, disks: [], createdAt: 1, updatedAt: 2 }
  await repository.save(live as Profile)
  const items = [{ profile: 'debian', label: '' }]
  const menu = { ...menuOf('m', 'debian'), items, createdAt: 1, updatedAt: 2 }
  await repository.save(menu as unknown as Profile)
  const imageKind = (reference: string) => IMAGES[reference]
  const reopened = await Profiles.open({ repository, clock, events: { publish() {} }, imageKind, usage: () => [] })
  expect(reopened.get('debian')).toEqual({ ...debian, createdAt: 1, updatedAt: 2 })
  expect(reopened.get('m')).toMatchObject({ items: [{ profile: 'debian', password: null }], createdAt: 1 })
})

test('naming tells which profiles use an image, and which pin a version', async () => {
  await profiles.create(debian)
  await profiles.create({ ...debian, name: 'pinned', image: 'di@2' } as ProfileSpec)
  expect(profiles.naming('di')).toEqual(['debian', 'pinned'])
  expect(profiles.naming('di', 2)).toEqual(['pinned'])
  expect(profiles.naming('d')).toEqual([])
  await profiles.create(diskless(overlay('desktop'), overlay('desktop@4')))
  await profiles.create(wim({ wim: 'pe', disks: [overlay('desktop')] }))
  expect(profiles.naming('desktop')).toEqual(['room', 'setup'])
  expect(profiles.naming('desktop', 4)).toEqual(['room'])
  expect(profiles.naming('pe')).toEqual(['setup'])
})

describe('apply', () => {
  test('takes profiles that need each other, in any order, and is idempotent', async () => {
    const manifest = [menuOf('choice', 'debian', 'local'), debian, local]
    expect(profiles.planApply(manifest).map(({ change }) => change)).toEqual(['create', 'create', 'create'])
    await profiles.applyAll(manifest)
    const writes = repository.writes
    expect((await profiles.applyAll(manifest)).map(({ change }) => change)).toEqual(['none', 'none', 'none'])
    expect(repository.writes).toBe(writes)
    const changed = profiles.planApply([{ ...debian, cmdline: 'quiet' } as ProfileSpec])
    expect(changed).toEqual([{ name: 'debian', change: 'update', fields: ['cmdline'] }])
  })

  test('changes nothing unless all are right', async () => {
    await expect(profiles.applyAll([local, menuOf('choice', 'nope')])).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await expect(profiles.applyAll([local, local])).rejects.toMatchObject({ code: 'conflict' })
    expect(profiles.all()).toEqual([])
  })
})

test('a profile that an open deployment makes a machine boot is not deleted', async () => {
  await profiles.create(local)
  held = 'local'
  await expect(profiles.remove('local')).rejects.toMatchObject({
    code: 'in-use',
    message: 'the profile local is used by deployment d_1',
    next: 'wait until those have ended, or cancel them',
  })
  held = undefined
  await profiles.remove('local')
})
