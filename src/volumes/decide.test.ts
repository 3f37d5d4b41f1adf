import { describe, expect, test } from 'vitest'
import type { DisklessDisk, Profile } from '../profiles/profile.ts'
import type { Attachment } from './attachment.ts'
import { type DiskFacts, decideDisks, versionFor } from './decide.ts'
import type { Maintenance, Rollout } from './maintenance.ts'
import type { Volume, VolumeBase } from './volume.ts'

const base = (version: number): VolumeBase => ({ image: 'os', version, chunks: `c${version}`, bytes: 1000 * 512 })

const volume = (name: string, more: Partial<Volume> = {}): Volume => ({
  id: `v_${name}`,
  name,
  bytes: 1000 * 512,
  base: base(1),
  use: { kind: 'own' },
  condition: 'ready',
  owner: 'admin',
  labels: {},
  notes: '',
  scsi: { vendor: 'V', product: 'P', revision: '1' },
  snapshots: [],
  active: null,
  limitBytes: null,
  bootsLeft: null,
  lastAttachedAt: null,
  untouched: false,
  resetAtBoot: false,
  pending: null,
  frozen: [],
  createdAt: 0,
  updatedAt: 0,
  ...more,
})

const given = (name: string, purpose: Attachment['for'], readOnly = false): Attachment => ({
  id: `a_${name}`,
  iqn: `iqn.x:${name}`,
  for: purpose,
  initiator: null,
  address: null,
  chap: null,
  disks: [{ lun: 0, volume: `v_${name}`, readOnly, snapshot: null }],
  createdAt: 0,
})
const toMachine = (name: string, machine: string) => given(name, { kind: 'boot', machine, profile: 'p' })

const OVERLAY: DisklessDisk = { use: 'overlay', image: 'os', bytes: null, limitBytes: null, policy: 'keep' }
const profileOf = (...disks: DisklessDisk[]) =>
  ({
    name: 'desk',
    kind: 'diskless',
    description: '',
    hideGateway: false,
    disks,
    createdAt: 0,
    updatedAt: 0,
  }) as Profile

function facts(more: Partial<DiskFacts> & { volumes?: readonly Volume[] }): DiskFacts {
  const { volumes = [], ...others } = more
  return {
    machine: { id: 'm_1', name: 'pc1', tags: [] },
    profile: profileOf(OVERLAY),
    overlay: () => undefined,
    volume: (name) => volumes.find((each) => each.name === name || each.id === name),
    rotation: (label) => volumes.filter(({ labels }) => labels.rotation === label),
    attachments: [],
    live: new Set(),
    maintenance: undefined,
    rollout: undefined,
    base: (reference) =>
      reference === 'os' ? base(2) : reference.startsWith('os@') ? base(Number(reference.slice(3))) : 'gone',
    machineName: (id) => id.replace('m_', 'pc'),
    ...others,
  }
}

const first = (plan: ReturnType<typeof decideDisks>) => {
  if (plan.outcome === 'refused') throw new Error(plan.reason)
  return plan.disks[0]!
}
const reason = (plan: ReturnType<typeof decideDisks>) => (plan.outcome === 'refused' ? plan.reason : 'not refused')

describe('an overlay', () => {
  const overlay =
    (more: Partial<Volume> = {}) =>
    () =>
      volume('o', more)
  const disk = (more: Partial<Extract<DisklessDisk, { use: 'overlay' }>>) => profileOf({ ...OVERLAY, ...more })

  test.each<[string, Partial<DiskFacts>, object]>([
    ['is made when there is none', {}, { does: 'create', base: base(2), bytes: 1000 * 512 }],
    ['may be larger than its image', { profile: disk({ bytes: 4096 * 512 }) }, { does: 'create', bytes: 4096 * 512 }],
    ['that is kept keeps its version too', { overlay: overlay() }, { does: 'use' }],
    [
      'is reset at boot',
      { overlay: overlay({ base: base(2) }), profile: disk({ policy: 'reset-at-boot' }) },
      { does: 'revert' },
    ],
    [
      'that nobody wrote to needs no reset',
      { overlay: overlay({ base: base(2), untouched: true }), profile: disk({ policy: 'reset-at-boot' }) },
      { does: 'use' },
    ],
    [
      'moves to the new version when it is reset',
      { overlay: overlay(), profile: disk({ policy: 'reset-at-boot' }) },
      { does: 'rebase', base: base(2) },
    ],
    [
      'is reset when that was asked for while it was on',
      { overlay: overlay({ base: base(2), resetAtBoot: true }) },
      { does: 'revert' },
    ],
    [
      'on demand is not reset by itself',
      { overlay: overlay(), profile: disk({ policy: 'reset-on-demand' }) },
      { does: 'use' },
    ],
    [
      'grows with the profile',
      { overlay: overlay({ base: base(2) }), profile: disk({ bytes: 2000 * 512 }) },
      { does: 'use', bytes: 2000 * 512 },
    ],
    [
      'does not shrink while it is kept',
      { overlay: overlay({ base: base(2), bytes: 9000 * 512 }) },
      { does: 'use', bytes: null },
    ],
    ['goes on when its version is gone', { overlay: overlay(), profile: disk({ image: 'other' }) }, { does: 'use' }],
  ])('%s', (_, given, expected) => {
    expect(first(decideDisks(facts(given)))).toMatchObject(expected)
  })

  test.each<[string, Partial<DiskFacts>, string]>([
    ['over an image that is gone', { profile: disk({ image: 'other' }) }, 'gone'],
    ['smaller than its image', { profile: disk({ bytes: 512 }) }, 'smaller'],
    ['that is damaged', { overlay: overlay({ condition: 'damaged' }) }, 'damaged'],
    ['whose boots are used up', { overlay: overlay({ bootsLeft: 0 }) }, 'used up'],
    ['that is being changed', { overlay: overlay({ pending: { kind: 'restore' } }) }, 'being changed (restore)'],
    [
      'that is exported',
      { overlay: overlay(), attachments: [given('o', { kind: 'export', by: 'eve' })] },
      'an export by eve',
    ],
  ])('is refused %s', (_, given, expected) => {
    expect(reason(decideDisks(facts(given)))).toContain(expected)
  })
})

describe('a volume by name', () => {
  const exclusive = profileOf({ use: 'volume', volume: 'games', access: 'exclusive' })
  const shared = profileOf({ use: 'volume', volume: 'games', access: 'shared-read-only' })
  const volumes = [volume('games')]

  test('is refused while another machine is logged in to it, and taken when it is not', () => {
    const attachments = [toMachine('games', 'm_2')]
    const busy = facts({ volumes, profile: exclusive, attachments, live: new Set(['iqn.x:games']) })
    expect(reason(decideDisks(busy))).toContain('machine pc2')
    expect(decideDisks(facts({ volumes, profile: exclusive, attachments }))).toMatchObject({ displaced: ['a_games'] })
  })

  test('is shared by readers, but not with a writer', () => {
    const reader = {
      ...toMachine('games', 'm_2'),
      disks: [{ lun: 0, volume: 'v_games', readOnly: true, snapshot: null }],
    }
    const live = new Set(['iqn.x:games'])
    expect(decideDisks(facts({ volumes, profile: shared, attachments: [reader], live }))).toMatchObject({
      disks: [{ does: 'use', readOnly: true }],
      displaced: [],
    })
    expect(reason(decideDisks(facts({ volumes, profile: exclusive, attachments: [reader], live })))).toContain('pc2')
    const frozen = { ...reader, disks: [{ lun: 0, volume: 'v_games', readOnly: true, snapshot: 's' }] }
    expect(decideDisks(facts({ volumes, profile: exclusive, attachments: [frozen], live })).outcome).toBe('disks')
  })

  test('is nothing that one machine has twice', () => {
    const twice = profileOf(...[exclusive, shared].flatMap((each) => (each.kind === 'diskless' ? each.disks : [])))
    expect(reason(decideDisks(facts({ volumes, profile: twice })))).toContain('twice')
    expect(reason(decideDisks(facts({ profile: exclusive })))).toContain('there is no volume games')
  })

  test('goes to the machine that has it already', () => {
    const own = facts({
      volumes,
      profile: exclusive,
      attachments: [toMachine('games', 'm_1')],
      live: new Set(['iqn.x:games']),
    })
    expect(decideDisks(own)).toMatchObject({ outcome: 'disks', displaced: [] })
  })
})

describe('a rotation', () => {
  const profile = profileOf({ use: 'rotation', rotation: 'r' })
  const of = (name: string, more: Partial<Volume> = {}) => volume(name, { labels: { rotation: 'r' }, ...more })
  const chosen = (volumes: readonly Volume[], more: Partial<DiskFacts> = {}) => {
    const disk = first(decideDisks(facts({ profile, volumes, ...more })))
    return disk.does === 'create' ? undefined : disk.volume.name
  }

  test.each<[string, readonly Volume[], string]>([
    ['takes what was never used first', [of('a', { lastAttachedAt: 1 }), of('b'), of('c')], 'b'],
    ['then what was not used for longest', [of('a', { lastAttachedAt: 9 }), of('b', { lastAttachedAt: 3 })], 'b'],
    [
      'leaves out what is not ready',
      [of('a', { condition: 'modified' }), of('b', { condition: 'offline' }), of('c', { lastAttachedAt: 5 })],
      'c',
    ],
    [
      'leaves out what has no boots left',
      [of('a', { bootsLeft: 0 }), of('b', { bootsLeft: 1, lastAttachedAt: 5 })],
      'b',
    ],
  ])('%s', (_, volumes, expected) => {
    expect(chosen(volumes)).toBe(expected)
  })

  test('leaves out what another machine is logged in to, and says when nothing is left', () => {
    const attachments = [toMachine('a', 'm_2')]
    const live = new Set(['iqn.x:a'])
    expect(chosen([of('a'), of('b', { lastAttachedAt: 5 })], { attachments, live })).toBe('b')
    expect(reason(decideDisks(facts({ profile, volumes: [of('a')], attachments, live })))).toContain(
      'none of the 1 volumes',
    )
    expect(reason(decideDisks(facts({ profile })))).toContain('no volume has the label')
  })

  test('gives two disks of a machine two volumes', () => {
    const two = profileOf({ use: 'rotation', rotation: 'r' }, { use: 'rotation', rotation: 'r' })
    const plan = decideDisks(facts({ profile: two, volumes: [of('a'), of('b')] }))
    expect(plan).toMatchObject({ disks: [{ volume: { name: 'a' } }, { volume: { name: 'b' } }] })
  })
})

describe('maintenance and rollouts', () => {
  const maintenance: Maintenance = {
    id: 't_1',
    profile: 'desk',
    machine: 'm_1',
    image: 'os',
    from: 1,
    published: null,
    volume: 'v_master',
    others: 'keep',
    state: 'open',
    startedBy: 'op',
    startedAt: 0,
    endedAt: null,
  }
  const rollout: Rollout = {
    id: 'r_1',
    profile: 'desk',
    image: 'os',
    from: 1,
    to: 2,
    canary: 'canary',
    state: 'canary',
    startedBy: 'op',
    startedAt: 0,
    updatedAt: 0,
  }
  const other = { id: 'm_2', name: 'pc2', tags: ['canary'] }

  test('the machine gets the master, writable; others keep their version or wait', () => {
    const volumes = [volume('master')]
    expect(first(decideDisks(facts({ maintenance, volumes })))).toMatchObject({
      volume: { name: 'master' },
      readOnly: false,
    })
    expect(first(decideDisks(facts({ maintenance, machine: other })))).toMatchObject({ does: 'create', base: base(1) })
    const refuse = { ...maintenance, others: 'refuse' as const }
    expect(reason(decideDisks(facts({ maintenance: refuse, machine: other })))).toContain('maintained on pc1')
    expect(reason(decideDisks(facts({ maintenance: { ...maintenance, state: 'publishing' }, volumes })))).toContain(
      'published',
    )
  })

  test.each<[string, Rollout | undefined, readonly string[], string, string]>([
    ['canaries get the new one', rollout, ['canary'], 'os@1', 'os@2'],
    ['others do not', rollout, [], 'os@1', 'os@1'],
    ['nobody does when it was rolled back', { ...rollout, state: 'rolled-back' }, ['canary'], 'os@1', 'os@1'],
    ['a rollout of another image is no matter', { ...rollout, image: 'other' }, ['canary'], 'os', 'os'],
    ['none leaves the profile', undefined, ['canary'], 'os', 'os'],
  ])('%s', (_, rollout, tags, reference, expected) => {
    expect(versionFor(reference, 0, { machine: { ...other, tags }, maintenance: undefined, rollout })).toBe(expected)
    expect(versionFor(reference, 1, { machine: { ...other, tags }, maintenance: undefined, rollout })).toBe(reference)
  })
})
