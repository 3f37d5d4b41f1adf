import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryConfigs } from '../../test/fakes/config-rows.ts'
import { draft, openConfigs, WEB1 } from '../../test/fakes/configs.ts'
import type { Machine } from '../machines/machine.ts'
import type { Configs, Draft } from './configs.ts'
import { readYaml } from './drivers/yaml.ts'
import { valueOfTree } from './write-values.ts'

const BOOT = { server: 'http://10.0.0.1:8080', files: 'http://f', config: 'http://c', home: 'http://h' }

let rows: MemoryConfigs
let configs: Configs
let users: { profiles: string[]; pinned: number[]; machines: Machine[] }

beforeEach(async () => {
  rows = new MemoryConfigs()
  users = { profiles: [], pinned: [], machines: [] }
  configs = await open()
})

const open = () => openConfigs(rows, () => users)
const add = (name: string, given: Draft) => configs.create({ name, description: '', ...given }, 'anna')

describe('a config', () => {
  test('is rendered for a machine from what is known of it', async () => {
    await add('node', draft('cloud-init', '#cloud-config\nhostname: {{ machine.hostname }}\ndns: {{ network.dns }}\n'))
    const { parts, problems } = configs.render('node', WEB1, BOOT)
    expect(problems).toEqual([])
    expect(parts.map(({ name, content }) => [name, content])).toEqual([
      ['user-data', '#cloud-config\nhostname: web1\ndns:\n  - 192.0.2.53\n'],
      ['meta-data', 'instance-id: m_1-1\nlocal-hostname: web1\n'],
    ])
  })

  test('that is Butane includes its local files, which are templates too', async () => {
    const parts = [
      { name: 'main', content: 'variant: flatcar\nlocal: files/motd\n' },
      { name: 'files/motd', content: 'I am {{ machine.name }}' },
    ]
    await add('node', { ...draft('butane', ''), parts })
    expect(JSON.parse(configs.render('node', WEB1, BOOT).parts[0]!.content)).toMatchObject({ included: 'I am web1' })
  })

  test('with faults is refused whole, with every place, and nothing is kept', async () => {
    const faulty = draft('butane', 'variant: flatcar\nname: {{ machine.nme }}\nother: {{ nothing }}\n')
    await expect(add('node', faulty)).rejects.toMatchObject({
      code: 'validation-failed',
      message: 'main line 2, column 10: undefined variable: machine.nme',
      problems: [{ path: expect.stringContaining('main:2:10') }, { path: expect.stringContaining('main:3:11') }],
    })
    expect(rows.rows.size).toBe(0)
    const broken = draft('butane', 'variant: flatcar\n\nfiles: [\n')
    await expect(add('node', broken)).rejects.toMatchObject({
      problems: [{ path: expect.stringMatching(/^main:[34]:/) }],
    })
    await expect(add('node', draft('butane', 'x: 1'))).rejects.toMatchObject({
      message: expect.stringContaining('no variant'),
    })
    await expect(add('node', { ...draft('shell', 'x'), parts: [{ name: 'other', content: '' }] })).rejects.toThrow(
      /no part other/,
    )
  })

  test('gets a version with each change, and none without', async () => {
    await add('motd', draft('text', 'one {{ machine.name }}'))
    expect((await configs.addVersion('motd', draft('text', 'one {{ machine.name }}'), 'ben')).versions).toHaveLength(1)
    expect((await configs.addVersion('motd', draft('text', 'two {{ machine.name }}'), 'ben')).versions).toHaveLength(2)
    expect(configs.render('motd@1', WEB1).parts[0]?.content).toBe('one web1')
    expect(configs.render('motd', WEB1).parts[0]?.content).toBe('two web1')
    expect(configs.diff('motd', 1, 2)).toContain('-one {{ machine.name }}\n')
    expect(configs.diff('motd', 1, 2, WEB1)).toContain('+two web1\n')
    configs = await open()
    expect(configs.get('motd').versions.map(({ number, createdBy }) => [number, createdBy])).toEqual([
      [1, 'anna'],
      [2, 'ben'],
    ])
  })

  test('is not changed to what a machine that uses it could not be given', async () => {
    const variable = { name: 'role', type: 'string', default: null, description: '' } as const
    await add('node', draft('text', 'x'))
    users = { profiles: ['worker'], pinned: [], machines: [WEB1] }
    const next = { ...draft('text', 'role {{ role }}'), variables: [variable] }
    await expect(configs.addVersion('node', next, 'ben')).rejects.toMatchObject({
      message: 'the variable role has no value for this machine (on web1)',
      next: 'set it: reveille config set role VALUE',
    })
    await configs.values.set('tag:rack-a', 'role', { value: 'worker', secret: false })
    await configs.addVersion('node', next, 'ben')
    expect(configs.render('node', WEB1).parts[0]?.content).toBe('role worker')
    await expect(configs.remove('node')).rejects.toThrow(/used by the profile worker/)
  })
})

describe('values', () => {
  const variables = [
    { name: 'port', type: 'number', default: 80, description: '' },
    { name: 'token', type: 'secret', default: null, description: '' },
  ] as const

  test('of the machine win over those of its tag, of all, and the default', async () => {
    await add('node', { ...draft('text', '{{ port }}'), variables })
    const rendered = () => configs.render('node', WEB1, BOOT).parts[0]?.content
    await configs.values.set('all', 'token', { value: 't', secret: true })
    expect(rendered()).toBe('80')
    await configs.values.set('all', 'port', { value: 81, secret: false })
    expect(rendered()).toBe('81')
    await configs.values.set('tag:rack-a', 'port', { value: 82, secret: false })
    expect(rendered()).toBe('82')
    await configs.values.set(configs.values.scopeOf('machine:web1'), 'port', { value: 83, secret: false })
    expect(rendered()).toBe('83')
    await configs.machineRemoved('m_1')
    expect(rendered()).toBe('82')
    await configs.values.set('tag:rack-a', 'port', { value: 'x', secret: false })
    expect(configs.render('node', WEB1).problems).toMatchObject([{ message: 'the value of port is no number' }])
  })

  test('that are secret are sealed, hidden in previews, and mark what holds them', async () => {
    await configs.values.set('all', 'token', { value: 'hunter2', secret: true })
    expect(JSON.stringify([...rows.valueRows.values()].map(({ value }) => value))).not.toContain('hunter2')
    await add('node', { ...draft('text', 'token={{ token }}'), variables })
    await add('plain', { ...draft('text', 'port={{ port }}'), variables })
    expect(configs.render('node', WEB1).parts).toMatchObject([{ content: 'token=[secret]', secret: true }])
    expect(configs.render('node', WEB1, BOOT).parts).toMatchObject([{ content: 'token=hunter2', secret: true }])
    expect(configs.render('plain', WEB1, BOOT).parts).toMatchObject([{ content: 'port=80', secret: false }])
    expect(await configs.takeOnce('boot1', 'main')).toBe(true)
    expect(await configs.takeOnce('boot1', 'main')).toBe(false)
  })

  test('of the disks of a boot are told to it; the secret of a login marks what holds it as any secret', async () => {
    const iscsi = { initiator: 'iqn.x:m', target: 'iqn.x:d', host: '192.0.2.1', port: 3260, lun: 0, user: 'm' }
    const boot = { ...BOOT, iscsi: { ...iscsi, secret: 'chap12345678' } }
    await add('named', draft('text', '{{ boot.iscsi.initiator }} {{ boot.iscsi.host }}:{{ boot.iscsi.port }}'))
    await add('login', draft('text', '{% if boot.iscsi.user != "" %}chap={{ boot.iscsi.secret }}{% endif %}'))
    const rendered = (name: string, at?: typeof BOOT) => configs.render(name, WEB1, at).parts[0]
    expect(rendered('named', boot)).toMatchObject({ content: 'iqn.x:m 192.0.2.1:3260', secret: false })
    expect(rendered('login', boot)).toMatchObject({ content: 'chap=chap12345678', secret: true })
    expect(rendered('login')).toMatchObject({ content: 'chap=[secret]', secret: true })
    const open = { ...boot, iscsi: { ...iscsi, user: '', secret: '' } }
    expect(rendered('login', open)).toMatchObject({ content: '', secret: false })
    const [problem] = configs.render('named', WEB1, BOOT).problems
    expect(problem?.message).toBe('undefined variable: boot.iscsi')
    expect(configs.problemFor('named', WEB1, true)).toBeUndefined()
    expect(configs.problemFor('named', WEB1, false)).toContain('undefined variable: boot.iscsi')
  })

  test('belong to all, a tag or a machine that exists', () => {
    expect(configs.values.scopeOf('machine:web1')).toBe('machine:m_1')
    for (const wrong of ['machine:nobody', 'everybody', 'tag:', 'tag:a b'])
      expect(() => configs.values.scopeOf(wrong)).toThrow()
  })
})

test('a snippet is included by its name, and kept while it is', async () => {
  await add('users', { ...draft('snippet', 'user: {{ machine.name }}\n') })
  await add('node', draft('cloud-init', '#cloud-config\n{% include "users" %}'))
  expect(configs.render('node', WEB1).parts[0]?.content).toBe('#cloud-config\nuser: web1\n')
  await expect(configs.remove('users')).rejects.toThrow(/used by the config node/)
})

test('a draft is checked by itself, or for one machine', async () => {
  const good = draft('text', '{{ machine.serial }} {{ network.router }}')
  expect(await configs.check(good)).toEqual({ problems: [], machines: 0 })
  expect(await configs.check(good, { machine: WEB1 })).toEqual({ problems: [], machines: 1 })
  expect((await configs.check(draft('text', '{{ x }}'), { machine: WEB1 })).problems).toMatchObject([
    { machine: 'web1' },
  ])
})

describe('configs that change at the same time', () => {
  test('keep one history: in memory and in the store', async () => {
    const made = await Promise.allSettled([add('a', draft('text', 'one')), add('a', draft('text', 'other'))])
    expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await Promise.all(['two', 'three', 'four'].map((text) => configs.addVersion('a', draft('text', text), 'ben')))
    const texts = configs.get('a').versions.map(({ number, parts }) => `${number} ${parts[0]!.content}`)
    expect(texts).toEqual(['1 one', '2 two', '3 three', '4 four'])
    expect(rows.rows.get('a')).toEqual(configs.get('a'))
  })
})

describe('a snippet', () => {
  test('that changes makes a new version of what includes it, and leaves a version that is pinned as it was', async () => {
    await add('inner', draft('snippet', 'a: 1'))
    await add('outer', draft('snippet', '{% include "inner" %}\n'))
    await add('node', draft('cloud-init', '#cloud-config\n{% include "outer" %}b: 2\n'))
    await add('other', draft('text', 'x'))
    await configs.addVersion('inner', draft('snippet', 'a: 3'), 'ben')
    expect(configs.get('node').versions).toMatchObject([
      { number: 1, snippets: { outer: 1, inner: 1 } },
      { number: 2, snippets: { outer: 1, inner: 2 }, note: 'with the newest snippet inner', createdBy: 'ben' },
    ])
    expect(configs.get('other').versions).toHaveLength(1)
    const given = (reference: string) => configs.render(reference, WEB1, BOOT).parts[0]?.content
    expect([given('node@1'), given('node@2'), given('node')]).toEqual([
      '#cloud-config\na: 1\nb: 2\n',
      '#cloud-config\na: 3\nb: 2\n',
      '#cloud-config\na: 3\nb: 2\n',
    ])
    expect(configs.diff('node', 1, 2, WEB1)).toContain('+a: 3')
    // The newest includes it no more, but a profile pins a version that does.
    await configs.addVersion('node', draft('cloud-init', '#cloud-config\nb: 2\n'), 'ben')
    users = { profiles: ['web'], pinned: [2], machines: [] }
    await expect(configs.remove('outer')).rejects.toThrow(/outer is used by the config node/)
    users = { profiles: ['web'], pinned: [3], machines: [] }
    await configs.remove('outer')
  })

  test('in a manifest is tried in what includes it, though the manifest does not name that', async () => {
    await add('keys', draft('snippet', 'a: 1\n'))
    await add('node', draft('cloud-init', '#cloud-config\n{% include "keys" %}'))
    const declared = (content: string) => [{ ...draft('snippet', content), name: 'keys', description: '' }]
    await expect(configs.planApply(declared('a: [\n'))).rejects.toThrow(/config node/)
    await configs.applyAll(await configs.planApply(declared('a: 5\n')), 'ben')
    expect(configs.get('node').versions.at(-1)).toMatchObject({ number: 2, snippets: { keys: 2 } })
  })

  test('that would break a config which includes it is refused', async () => {
    await add('inner', draft('snippet', 'a: 1\n'))
    await add('outer', draft('snippet', '{% include "inner" %}b: 2\n'))
    await add('node', draft('cloud-init', '#cloud-config\n{% include "outer" %}'))
    await expect(configs.addVersion('inner', draft('snippet', 'a: [\n'), 'ben')).rejects.toThrow(/config node/)
    expect(configs.get('inner').versions).toHaveLength(1)
    await configs.addVersion('inner', draft('snippet', 'a: 3\n'), 'ben')
    expect(configs.render('node', WEB1).parts[0]?.content).toContain('a: 3')
  })
})

describe('secrets', () => {
  const SECRET = { variables: [{ name: 'token', type: 'secret', default: null, description: '' }] } as const
  const set = (value: unknown, secret: boolean) => configs.values.set('all', 'token', { value, secret })

  test.each([
    'a: {% if token %}x{% endif %}\n',
    'a: {% assign t = token | slice: 0 %}{{ t }}\n',
    'a: {% capture t %}{{ token }}{% endcapture %}{{ t | upcase }}\n',
    'a: {% for c in token %}{{ c }}{% endfor %}\n',
    'a: {% include "s" %}\n',
    'a: {% case token %}{% when "x" %}1{% else %}2{% endcase %}\n',
  ])('mark the part that depends on them: %s', async (content) => {
    await add('s', { ...draft('snippet', '{{ token | size }}'), ...SECRET })
    await add('node', { ...draft('cloud-init', content), ...SECRET })
    await set('hunter2', true)
    const { parts, problems } = configs.render('node', WEB1, BOOT)
    expect([problems, parts.map(({ secret }) => secret)]).toEqual([[], [true, false]])
    expect(JSON.stringify(configs.render('node', WEB1))).not.toMatch(/hunter2|HUNTER2/)
  })

  test('are kept out of what is wrong with a config, however it quotes them', async () => {
    const contents = ['{% include token %}', '{{ machine[token] }}', 'a: {{ token }}', '{{ token }}: 1\nhunter2: 2\n']
    for (const [index, content] of contents.entries()) {
      const config = { name: `c${index}`, kind: 'butane', description: '', createdAt: 0, updatedAt: 0 } as const
      const version = { ...draft('butane', content), ...SECRET, number: 1, createdAt: 0, createdBy: '' }
      await rows.saveConfig({ ...config, versions: [version] })
    }
    await set('hunter2', true)
    configs = await open()
    for (const index of contents.keys()) {
      const { problems } = configs.render(`c${index}`, WEB1, BOOT)
      expect(problems.length).toBeGreaterThan(0)
      expect(JSON.stringify(problems)).not.toContain('hunter2')
    }
  })

  test('are hidden and marked where their value was set openly, and fit no number', async () => {
    await add('node', { ...draft('text', '{{ token }}'), ...SECRET })
    await set('hunter2', false)
    expect(configs.render('node', WEB1).parts[0]).toMatchObject({ content: '[secret]', secret: true })
    expect(configs.render('node', WEB1, BOOT).parts[0]).toMatchObject({ content: 'hunter2', secret: true })
    await add(
      'port',
      draft('text', '{{ port }}', { variables: [{ name: 'port', type: 'number', default: 1, description: '' }] }),
    )
    await configs.values.set('all', 'port', { value: '1', secret: true })
    expect(configs.render('port', WEB1).problems).toMatchObject([
      { message: 'the value of port is a secret, and no number' },
    ])
    await expect(set({ a: 1 }, false)).rejects.toThrow(/no text/)
  })
})

test('a value makes no entry twice, and no line behind the first comment', async () => {
  const list = { variables: [{ name: 'v', type: 'string', default: 'x', description: '' }] } as const
  await add('keys', { ...draft('cloud-init', '#cloud-config\n{{ v }}: 1\nruncmd: []\n'), ...list })
  await add('head', { ...draft('cloud-init', '#cloud-config {{ v }}\na: 1\n'), ...list })
  await add('back', { ...draft('shell', 'echo {{ v }}\n'), ...list })
  await configs.values.set('all', 'v', { value: 'runcmd', secret: false })
  expect(configs.render('keys', WEB1).problems).toMatchObject([
    { at: { line: 3 }, message: expect.stringMatching(/second entry/) },
  ])
  await configs.values.set('all', 'v', { value: 'x\nruncmd: [reboot]', secret: false })
  expect(configs.render('head', WEB1)).toMatchObject({ problems: [{ part: 'user-data' }] })
  for (const content of ['a: "\\{{ v }}"\n', "a: '\\{{ v }}'\n"]) {
    const { problems } = await configs.check({ ...draft('cloud-init', content), ...list })
    expect(problems.map(({ message }) => message)).toEqual(
      content.includes('"') ? [expect.stringMatching(/backslash/)] : [],
    )
  }
})

test('versions that have nothing in common are compared in bounded time', async () => {
  const lines = (seed: number) => Array.from({ length: 60_000 }, (_, n) => `${(n * seed) % 99_991}\n`).join('')
  await add('big', draft('text', lines(7)))
  await configs.addVersion('big', draft('text', lines(13)), 'ben')
  expect(configs.diff('big', 1, 2)).toMatch(/^--- big@1\/main/m)
})

test('the network of a machine is written in the language of those who set it up', async () => {
  const parts = [
    {
      name: 'user-data',
      content: 'write_files:\n  - content: {{ network.networkd }}\n  - content: {{ network.keyfile }}\n',
    },
    { name: 'network-config', content: '{{ network.v2 }}\n' },
  ]
  await add('node', { ...draft('cloud-init', ''), parts })
  const given = (machine: Machine) => {
    const { problems, parts } = configs.render('node', machine)
    expect(problems).toEqual([])
    return parts
      .filter(({ name }) => name !== 'meta-data')
      .map(({ content }) => valueOfTree(readYaml(content).document!))
  }
  const ethernet = '[connection]\nid=lan\ntype=ethernet\n\n[ethernet]\nmac-address=52:54:00:00:00:01\n\n[ipv4]\n'
  const match = { macaddress: '52:54:00:00:00:01' }
  const network = '[Match]\nMACAddress=52:54:00:00:00:01\n\n[Network]\n'
  expect(given(WEB1)).toEqual([
    {
      write_files: [
        { content: `${network}Address=192.0.2.10/24\nGateway=192.0.2.1\nDNS=192.0.2.53\nDomains=example.org\n` },
        {
          content: `${ethernet}method=manual\naddress1=192.0.2.10/24,192.0.2.1\ndns=192.0.2.53;\ndns-search=example.org;\n`,
        },
      ],
    },
    {
      version: 2,
      ethernets: {
        lan: {
          match,
          dhcp4: false,
          addresses: ['192.0.2.10/24'],
          routes: [{ to: 'default', via: '192.0.2.1' }],
          nameservers: { addresses: ['192.0.2.53'], search: ['example.org'] },
        },
      },
    },
  ])
  expect(given({ ...WEB1, ip: null })).toEqual([
    { write_files: [{ content: `${network}DHCP=ipv4\n` }, { content: `${ethernet}method=auto\n` }] },
    { version: 2, ethernets: { lan: { match, dhcp4: true } } },
  ])
})

test('many values are kept in few commits, and those of a machine go with it', async () => {
  const given = Array.from({ length: 1200 }, (_, n) => ({
    scope: `machine:m_${n % 2}` as const,
    name: `v${n}`,
    value: n,
  }))
  let commits = 0
  const save = rows.saveValues.bind(rows)
  rows.saveValues = (values) => {
    commits += 1
    return save(values)
  }
  await configs.values.setAll(given)
  expect(commits).toBeLessThan(10)
  expect(configs.values.find('machine:m_1', 'v1199')?.value).toBe(1199)
  await configs.machineRemoved('m_1')
  expect(configs.values.all()).toHaveLength(600)
  expect((await open()).values.all().every(({ scope }) => scope === 'machine:m_0')).toBe(true)
})
