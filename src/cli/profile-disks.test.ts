import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'
import type { Profile } from '../api/contract/profiles.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-disks-'))
})
afterAll(() => rm(folder, { recursive: true }))

const kept = { createdAt: AT, updatedAt: AT, usedBy: 0 }
const createProfile = ({ body }: { body?: unknown }) => ({ ...(body as Profile), ...kept })

describe('profiles with disks over iSCSI', () => {
  test('diskless: each --disk is a LUN, in order', async () => {
    const words = ['profile', 'add', 'desktop', '--kind', 'diskless', '--hide-gateway']
    const disks = ['overlay:desktop@3,policy=reset-at-boot,size=20G,limit=5G', 'volume:games,read-only'].concat([
      'volume:work,exclusive',
      'rotation:tests',
      'overlay:data',
    ])
    const { status, last, err } = await cli([...words, ...disks.flatMap((disk) => ['--disk', disk])], { createProfile })
    expect(err).toBe('')
    expect(status).toBe(0)
    expect(last?.body).toMatchObject({
      kind: 'diskless',
      hideGateway: true,
      disks: [
        { use: 'overlay', image: 'desktop@3', policy: 'reset-at-boot', bytes: 20 * 2 ** 30, limitBytes: 5 * 2 ** 30 },
        { use: 'volume', volume: 'games', access: 'shared-read-only' },
        { use: 'volume', volume: 'work', access: 'exclusive' },
        { use: 'rotation', rotation: 'tests' },
        { use: 'overlay', image: 'data', policy: 'keep', bytes: null, limitBytes: null },
      ],
    })
  })

  test('wim and live take disks as well', async () => {
    const wim = [
      'profile',
      'add',
      'pe',
      '--kind',
      'wim',
      '--image',
      'winpe',
      '--wim',
      'setup',
      '--disk',
      'volume:win,exclusive',
    ]
    expect((await cli(wim, { createProfile })).last?.body).toMatchObject({
      kind: 'wim',
      image: 'winpe',
      wim: 'setup',
      disks: [{ use: 'volume', volume: 'win', access: 'exclusive' }],
      hideGateway: false,
    })
    const live = ['profile', 'add', 'installer', '--kind', 'live', '--image', 'di', '--disk', 'volume:win,exclusive']
    expect((await cli(live, { createProfile })).last?.body).toMatchObject({ disks: [{ volume: 'win' }] })
  })

  test.each([
    ['volume:games', 'say how volume:games is given'],
    ['volume:games,maybe', 'say how'],
    ['desktop', 'a disk is written'],
    ['overlay:', 'a disk is written'],
    ['overlay:desktop,policy=never', 'a policy is one of keep, reset-at-boot, reset-on-demand'],
    ['overlay:desktop,size=big', 'a size is written 20G'],
    ['overlay:desktop,colour=red', 'knows policy=, size= and limit='],
    ['rotation:tests,exclusive', 'takes no more words'],
  ])('--disk %s is wrong use and nothing is sent', async (disk, message) => {
    const { status, err, asked } = await cli(['profile', 'add', 'p', '--kind', 'diskless', '--disk', disk], {})
    expect({ status, asked }).toEqual({ status: 2, asked: [] })
    expect(err).toContain(message)
  })

  test('a diskless profile needs a disk, and other kinds have none', async () => {
    expect((await cli(['profile', 'add', 'p', '--kind', 'diskless'], {})).err).toContain('needs --disk')
    expect((await cli(['profile', 'add', 'p', '--kind', 'wim'], {})).err).toContain('needs --image')
    const words = ['profile', 'add', 'p', '--kind', 'local', '--disk', 'rotation:x']
    expect((await cli(words, {})).err).toContain('--disk does not belong to a profile of kind local')
  })

  test('show tells each LUN, and list the images', async () => {
    const profile: Profile = {
      ...{ name: 'desktop', description: '', kind: 'diskless', hideGateway: false, ...kept },
      disks: [
        { use: 'overlay', image: 'desktop', bytes: null, limitBytes: 5 * 2 ** 30, policy: 'reset-at-boot' },
        { use: 'volume', volume: 'games', access: 'shared-read-only' },
      ],
    }
    const { out } = await cli(['profile', 'show', 'desktop'], { getProfile: () => profile })
    expect(out).toMatch(
      /LUN 0 +overlay of desktop, reset-at-boot, at most 5\.00 GiB of its own\nLUN 1 +volume games, read-only/,
    )
    const list = { listProfiles: () => ({ items: [profile], next: null }) }
    expect((await cli(['profile', 'list'], list)).out).toMatch(/desktop +diskless +desktop, games/)
  })
})

describe('menu entries with a password', () => {
  const menu = {
    ...{ name: 'choose', description: '', kind: 'menu' as const, title: '', default: 'desktop', timeoutSeconds: 5 },
    items: [
      { profile: 'desktop', label: 'Desktop', password: null },
      { profile: 'admin', label: 'Admin', password: '$kept$unchanged' },
    ],
    ...kept,
  }
  const handlers = { getProfile: () => menu, replaceProfile: createProfile }
  const itemsOf = async (words: string[], secrets: string[] = []) => {
    const { last } = await cli(['profile', 'set', 'choose', ...words], handlers, { secrets })
    return (last as { body: typeof menu } | undefined)?.body.items
  }

  test('are asked for, or read from a file, and never shown', async () => {
    const file = join(folder, 'word')
    await writeFile(file, 'swordfish\n')
    const words = ['profile', 'add', 'choose', '--kind', 'menu', '--item', 'desktop=Desktop', '--item', 'admin=Admin']
    const { last, out, err } = await cli(
      [...words, '--item-password', 'admin', '--item-password', `desktop=${file}`],
      { createProfile },
      { secrets: ['hunter2'] },
    )
    expect(last?.body).toMatchObject({
      items: [
        { profile: 'desktop', label: 'Desktop', password: 'swordfish' },
        { profile: 'admin', label: 'Admin', password: 'hunter2' },
      ],
      default: 'desktop',
    })
    expect(out + err).not.toMatch(/swordfish|hunter2/)
  })

  test('stay when entries are renamed, are changed alone, and are taken away by name', async () => {
    expect(await itemsOf(['--item', 'admin=Staff'])).toEqual([
      { profile: 'admin', label: 'Staff', password: '$kept$unchanged' },
    ])
    expect(await itemsOf(['--item-password', 'desktop'], ['hunter2'])).toEqual([
      { profile: 'desktop', label: 'Desktop', password: 'hunter2' },
      menu.items[1],
    ])
    expect((await itemsOf(['--open-item', 'admin']))?.[1]?.password).toBeNull()
    const unknown = await cli(['profile', 'set', 'choose', '--open-item', 'rescue'], handlers)
    expect(unknown).toMatchObject({ status: 2, err: expect.stringContaining('no entry rescue') })
  })

  test('show says which entries ask for one', async () => {
    expect((await cli(['profile', 'show', 'choose'], handlers)).out).toMatch(/admin +Admin +asks for a password/)
  })
})
