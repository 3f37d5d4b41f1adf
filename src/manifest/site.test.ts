import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../test/api/world.ts'
import type { ApiClient, InputOf } from '../api/client/client.ts'
import { exportSite } from '../api/client/site/exporting.ts'
import { readManifest } from '../cli/manifest.ts'

let world: World
let client: ApiClient
let folder = ''
beforeEach(async () => {
  world = await openWorld()
  client = (await world.as('operator')).client
  folder = await mkdtemp(join(tmpdir(), 'reveille-site-'))
})
afterEach(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

type Site = NonNullable<InputOf<'apply'>['body']>
type Query = InputOf<'apply'>['query']

const SITE: Site = {
  machines: [
    {
      ...{
        name: 'pc1',
        macs: ['52:54:00:00:00:01'],
        tags: ['gpu'],
        notes: 'two\nlines\n',
        profile: 'wait',
        ip: '10.0.0.21',
      },
      power: [
        {
          name: 'bmc',
          settings: { kind: 'ipmi', address: '10.0.0.9', user: 'admin' },
          secrets: { password: 'hunter2' },
        },
      ],
    },
    { name: 'pc2', macs: ['52:54:00:00:00:02', '52:54:00:00:00:12'], hostname: 'two' },
  ],
  profiles: [
    { name: 'wait', kind: 'park', message: 'hold: the line' },
    { name: 'hold', kind: 'park' },
    {
      name: 'pick',
      kind: 'menu',
      default: 'wait',
      items: [
        { label: 'Wait', profile: 'wait' },
        { label: 'Hold', profile: 'hold', password: 'open-sesame' },
      ],
    },
  ],
  configs: [
    {
      name: 'motd',
      kind: 'snippet',
      variables: [{ name: 'greeting' }],
      parts: [{ name: 'main', content: 'echo {{ greeting }}\n' }],
    },
    {
      ...{ name: 'first-boot', kind: 'shell', description: 'what runs first' },
      variables: [{ name: 'greeting' }, { name: 'port', type: 'number', default: 80 }],
      parts: [{ name: 'main', content: "#!/bin/sh\n{% include 'motd' %}\necho {{ port }}\n" }],
    },
    {
      ...{ name: 'node', kind: 'cloud-init' },
      parts: [
        { name: 'user-data', content: '#cloud-config\nhostname: {{ machine.hostname }}\n' },
        { name: 'meta-data', content: 'instance-id: x\n' },
      ],
    },
  ],
  values: [
    { scope: 'all', name: 'greeting', value: 'hello' },
    { scope: 'tag:gpu', name: 'port', value: 8080 },
    { scope: 'machine:pc1', name: 'greeting', value: 'yes: "no" # maybe' },
  ],
  volumes: [{ name: 'games', bytes: 1_048_576, labels: { a: 'b' } }],
  bmcs: [
    { machine: 'pc1', users: [{ name: 'ops', privilege: 'operator' }, { name: 'admin' }], routes: { console: 'none' } },
  ],
  bmcRules: [{ name: 'racks', tag: 'rack' }],
}

async function apply(body: Site, query: Query = {}) {
  const { changes, kept, warnings } = await client.apply({ body, query })
  const told = changes.filter(({ change }) => change !== 'none')
  return {
    changes: told.map(({ thing, change, fields }) => `${change} ${thing} ${fields.join()}`.trim()),
    kept,
    warnings,
  }
}
async function written(): Promise<string> {
  const files = await exportSite(client)
  for (const { path, content } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return files.map(({ content }) => content).join('')
}
const without = (key: keyof Site, name: string): Site => ({
  ...SITE,
  [key]: (SITE[key] as { name?: string; machine?: string }[]).filter((each) => (each.name ?? each.machine) !== name),
})

describe('a site in files', () => {
  test('is applied once, and changes nothing the second time', async () => {
    const { changes } = await apply(SITE)
    expect(changes).toHaveLength(14)
    expect(await apply(SITE)).toEqual({ changes: [], kept: [], warnings: [] })
    const rendered = await client.renderConfig({ params: { config: 'first-boot' }, query: { machine: 'pc1' } })
    expect(rendered.problems).toEqual([])
    expect(rendered.parts[0]!.content).toContain('8080')
    expect(await client.getConfig({ params: { config: 'first-boot' } })).toMatchObject({ latest: 1 })
  })

  test('routes of a rule may name drivers that come later, also where its BMC is written down', async () => {
    const rule = { name: 'soft', tag: 'soft', routes: { 'power.soft': 'os' } }
    const machine = { name: 'pc9', macs: ['52:54:00:00:00:09'], tags: ['soft'] }
    const bmc = { machine: 'pc9', users: [{ name: 'admin' }], routes: { 'power.soft': 'os' } }
    const written = { machines: [machine], bmcRules: [rule], bmcs: [bmc] }
    await apply(written)
    expect(await client.getBmc({ params: { machine: 'pc9' } })).toMatchObject({ routes: { 'power.soft': 'os' } })
    expect((await apply(written)).changes).toEqual([])
    const moved = { ...written, bmcs: [{ ...bmc, clients: ['10.0.0.0/8'] }] }
    expect((await apply(moved)).changes).toEqual(['update bmc pc9 clients'])
    const wrong = { ...written, bmcs: [{ ...bmc, routes: { 'power.soft': 'none', console: 'os' } }] }
    await expect(apply(wrong)).rejects.toThrow(/no driver os/)
  })

  test('drivers that come with the machine may be named by the routes of its BMC', async () => {
    const [pc1, pc2] = SITE.machines!
    const power = [{ name: 'plug', settings: { kind: 'ipmi' as const, address: '10.0.0.8', user: 'admin' } }]
    await apply(SITE)
    const body = { machines: [pc1!, { ...pc2!, power }], bmcs: [{ machine: 'pc2', routes: { 'power.hard': 'plug' } }] }
    expect((await apply(body)).changes).toContain('update machine pc2 power')
    expect(await client.getBmc({ params: { machine: 'pc2' } })).toMatchObject({ routes: { 'power.hard': 'plug' } })
  })

  test('that is exported says what is there, and nothing changes', async () => {
    await apply(SITE)
    await client.setConfigValue({
      params: { scope: 'tag:gpu', name: 'token' },
      body: { value: 's3cret', secret: true },
    })
    const text = await written()
    expect(text).not.toMatch(/s3cret|hunter2|open-sesame/)
    expect(text).toContain('reveille config set token --secret --tag gpu')
    expect(text).toContain('reveille driver set pc1 bmc: the secret password')
    expect(text).toContain('reveille bmc user pc1 ops --new-password')
    const { manifest, problems } = await readManifest(folder)
    expect(problems).toEqual([])
    const { changes } = await client.apply({ body: manifest, query: { dryRun: 'true' } })
    expect(changes.filter(({ change }) => change !== 'none')).toEqual([])
    expect(changes).toHaveLength(14)
  })

  test('makes another server the same, but for secrets', async () => {
    await apply({ ...SITE, profiles: SITE.profiles!.slice(0, 1) })
    const first = await written()
    const { manifest } = await readManifest(folder)
    await world.close()
    world = await openWorld()
    client = (await world.as('operator')).client
    await client.apply({ body: manifest })
    expect(await written()).toBe(
      first.replace(/^#.*secret password\n/m, '').replace(/^# Not here.*\n(?=machines)/m, ''),
    )
  })

  test('shows what changes before it does: fields, and texts line by line', async () => {
    await apply(SITE)
    const configs = SITE.configs!.map((each) =>
      each.name === 'node'
        ? { ...each, parts: [{ name: 'user-data', content: '#cloud-config\nhostname: x\n' }] }
        : each,
    )
    const machines = SITE.machines!.map((each) => (each.name === 'pc2' ? { ...each, hostname: 'three' } : each))
    const { changes } = await client.apply({ body: { ...SITE, configs, machines }, query: { dryRun: 'true' } })
    const changed = changes.filter(({ change }) => change !== 'none')
    expect(changed).toMatchObject([
      { thing: 'config node', fields: ['parts'], differences: [{ field: 'user-data' }, { field: 'meta-data' }] },
      { thing: 'machine pc2', differences: [{ field: 'hostname', before: '"two"', after: '"three"', unified: null }] },
    ])
    expect(changed[0]!.differences[0]!.unified).toContain('-hostname: {{ machine.hostname }}\n+hostname: x\n')
    expect(await client.getConfig({ params: { config: 'node' } })).toMatchObject({ latest: 1 })
  })

  test.each([
    [
      'a config that is none',
      {
        configs: [
          {
            name: 'bad',
            kind: 'cloud-init',
            parts: [{ name: 'user-data', content: '#cloud-config\na: {{ nothing }}\n' }],
          },
        ],
      },
      /config bad: /,
    ],
    [
      'a kind that changes',
      { configs: [{ name: 'node', kind: 'text', parts: [{ name: 'main', content: 'x' }] }] },
      /cannot become text/,
    ],
    [
      'two values of one scope',
      {
        values: [
          { scope: 'all', name: 'a', value: 1 },
          { scope: 'all', name: 'a', value: 2 },
        ],
      },
      /twice/,
    ],
    [
      'a value of a machine that is not there',
      { values: [{ scope: 'machine:none', name: 'a', value: 1 }] },
      /none of them/,
    ],
    ['a BMC of a machine that is not there', { bmcs: [{ machine: 'none' }] }, /no machine none/],
    [
      'two BMCs in one place',
      {
        bmcs: [
          { machine: 'pc1', port: 20001 },
          { machine: 'pc2', port: 20001 },
        ],
      },
      /two BMCs/,
    ],
    ['a route that leads nowhere', { bmcs: [{ machine: 'pc2', routes: { console: 'bmc7' } }] }, /cannot be routed/],
    [
      'a rule that leads nowhere',
      { bmcRules: [{ name: 'x', tag: 'x', routes: { console: '../x' } }] },
      /cannot be routed/,
    ],
  ] as [string, Site, RegExp][])('%s is refused, and nothing of the manifest is done', async (_, wrong, words) => {
    await apply(SITE)
    const machines = [{ name: 'pc3', macs: ['52:54:00:00:00:03'] }]
    const body = { ...wrong, machines, profiles: [{ name: 'fresh', kind: 'local' as const }] }
    await expect(client.apply({ body })).rejects.toThrow(words)
    expect(await apply(SITE)).toMatchObject({ changes: [] })
    expect(world.machines.find('pc3')).toBeUndefined()
    expect(world.profiles.get('fresh')).toBeUndefined()
  })

  test('a value that comes with a config counts when that is checked, and a secret is never overwritten', async () => {
    await client.setConfigValue({ params: { scope: 'all', name: 'greeting' }, body: { value: 'x', secret: true } })
    await expect(apply(SITE)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('machines that come with a config', () => {
  const NODE = { name: 'web', kind: 'cloud-init' as const, parts: [{ name: 'user-data', content: 'a: {{ role }}\n' }] }
  const profile = { name: 'web', kind: 'live' as const, image: 'debian-live', config: 'web' }
  const machine = (name: string, last: string) => ({ name, macs: [`52:54:00:00:01:${last}`], profile: 'web' })

  beforeEach(async () => {
    const content = Buffer.from('kernel')
    const sha256 = createHash('sha256').update(content).digest('hex')
    await client.createImage({ body: { name: 'debian-live', kind: 'bundle' } })
    await client.putUpload({ params: { sha256 }, body: { content } })
    const files = [{ role: 'kernel' as const, name: 'vmlinuz', sha256 }]
    await client.createVersion({ params: { image: 'debian-live' }, body: { files } })
  })

  test('a config is tried on the machines that come with it, with their values', async () => {
    const configs = [{ ...NODE, variables: [{ name: 'role', type: 'number' as const }] }]
    const site = { configs, profiles: [profile], machines: [machine('w1', '01'), machine('w2', '02')] }
    const value = (name: string, role: number | string) => ({ scope: `machine:${name}`, name: 'role', value: role })
    const values = [value('w1', 1), value('w2', 'two')]
    await expect(client.apply({ body: { ...site, values } })).rejects.toThrow(/config web: .*role.*\(on w2\)/)
    await expect(client.apply({ body: { ...site, values: [value('w1', 1)] } })).rejects.toThrow(/no value.*\(on w2\)/)
    expect(world.machines.find('w1')).toBeUndefined()
    const done = await client.apply({ body: { ...site, values: [value('w1', 1), value('w2', 2)] } })
    expect(done.warnings).toEqual([])
  })

  test('a secret that machines lack is told, and none is taken from a manifest or shown', async () => {
    const configs = [{ ...NODE, variables: [{ name: 'role', type: 'secret' as const }] }]
    const site = { configs, profiles: [profile], machines: [machine('w1', '01')] }
    const { warnings } = await client.apply({ body: site, query: { dryRun: 'true' } })
    expect(warnings).toEqual([expect.stringMatching(/^w1 cannot be given the config web yet: .*role/)])
    const values = [{ scope: 'all', name: 'role', value: 'hunter2' }]
    await expect(client.apply({ body: { ...site, values } })).rejects.toThrow(/secret variable/)
    // Set before anybody said that it is one.
    await client.setConfigValue({ params: { scope: 'all', name: 'role' }, body: { value: 'hunter2' } })
    await client.apply({ body: site })
    expect((await client.listConfigValues()).items).toMatchObject([{ name: 'role', value: '[secret]', secret: true }])
  })
})

describe('pruning', () => {
  test('needs a name, and takes only what earlier manifests of that name had', async () => {
    await expect(apply(SITE, { prune: 'true' })).rejects.toThrow('with a name')
    await client.createProfile({ body: { name: 'by-hand', kind: 'local' } })
    await apply(SITE)
    expect((await apply({}, { name: 'site', prune: 'true' })).changes, 'never named').toEqual([])
    await apply(SITE, { name: 'site' })
    const less = without('machines', 'pc2')
    expect(await apply(less, { name: 'site' }), 'without --prune').toMatchObject({ changes: [] })
    expect((await apply(less, { name: 'other', prune: 'true' })).changes, 'another name').toEqual([])
    const tried = await apply(less, { name: 'site', prune: 'true', dryRun: 'true' })
    expect(tried.changes).toEqual(['remove machine pc2'])
    expect(world.machines.find('pc2')).toBeDefined()
    expect((await apply(less, { name: 'site', prune: 'true' })).changes).toEqual(['remove machine pc2'])
    expect(world.machines.find('pc2')).toBeUndefined()
    expect(world.profiles.get('by-hand')).toBeDefined()
    expect(await apply(less, { name: 'site', prune: 'true' })).toMatchObject({ changes: [], kept: [] })
  })

  test('leaves what is in use, and says who uses it', async () => {
    await apply(SITE, { name: 'site' })
    await world.machines.launched(world.machines.find('pc2')!.id, null)
    await client.createProfile({
      body: { name: 'mine', kind: 'menu', default: 'wait', items: [{ label: 'w', profile: 'wait' }] },
    })
    const body = { ...without('machines', 'pc2'), profiles: SITE.profiles!.slice(1), configs: SITE.configs!.slice(1) }
    await expect(
      client.apply({ body: { ...body, profiles: [] }, query: { name: 'site', prune: 'true' } }),
    ).resolves.toMatchObject({
      kept: expect.arrayContaining([
        { thing: 'machine pc2', reason: expect.stringContaining('active') },
        { thing: 'profile wait', reason: expect.stringContaining('pc1 boots it') },
        { thing: 'config motd', reason: expect.stringContaining('first-boot includes it') },
      ]),
    })
    expect(world.profiles.get('wait')).toBeDefined()
    expect(world.profiles.get('pick')).toBeUndefined()
  })

  test('of more than half is a slip, unless forced; a dry run lists it', async () => {
    await apply(SITE, { name: 'site' })
    const query = { name: 'site', prune: 'true' } as const
    await expect(apply({}, query)).rejects.toMatchObject({ code: 'conflict' })
    const tried = await apply({}, { ...query, dryRun: 'true' })
    expect(tried.warnings).toEqual([expect.stringContaining('more than half')])
    expect(tried.changes).toHaveLength(13)
    expect((await apply({}, { ...query, force: 'true' })).kept).toEqual([])
    expect(await all()).toEqual([0, 0, 0, 0, 0, 0])
    expect((await client.listVolumes()).items, 'volumes hold content').toHaveLength(1)
  })

  test('leaves what a manifest of another name has, too', async () => {
    await apply(SITE, { name: 'site' })
    await apply({ machines: [SITE.machines![1]!] }, { name: 'rack' })
    const { changes, kept } = await apply(without('machines', 'pc2'), { name: 'site', prune: 'true' })
    expect(changes).toEqual([])
    expect(kept).toEqual([{ thing: 'machine pc2', reason: 'the manifest rack has it, too' }])
  })
})

async function all() {
  const lists = [client.listMachines(), client.listProfiles(), client.listConfigs(), client.listConfigValues()]
  const more = [client.listBmcs(), client.listBmcRules()]
  return (await Promise.all([...lists, ...more])).map(({ items }) => items.length)
}
