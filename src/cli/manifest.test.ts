import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readManifest } from './manifest.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-manifest-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function read(files: Record<string, string>, path?: string) {
  const place = await mkdtemp(join(folder, 'case-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(place, name, '..'), { recursive: true })
    await writeFile(join(place, name), text)
  }
  const { manifest, problems } = await readManifest(join(place, path ?? Object.keys(files)[0]!))
  return { manifest, problems: problems.map(({ where, message }) => `${where.replace(`${place}/`, '')}: ${message}`) }
}

const MACHINE = 'machines:\n  - name: web1\n    macs: [52:54:00:12:34:56]\n    profile: debian\n'

describe('readManifest', () => {
  test('joins documents and takes profile files from beside the YAML', async () => {
    const { manifest, problems } = await read({
      'rack.yaml': `${MACHINE}---\nprofiles:\n  - name: debian\n    kind: live\n    image: debian@2\n    files:\n      - path: files/preseed.cfg\n      - name: other\n        content: x\n`,
      'files/preseed.cfg': 'd-i x\n',
    })
    expect(problems).toEqual([])
    expect(manifest.machines).toEqual([{ name: 'web1', macs: ['52:54:00:12:34:56'], profile: 'debian' }])
    expect(manifest.profiles[0]).toMatchObject({
      files: [
        { name: 'preseed.cfg', content: 'd-i x\n' },
        { name: 'other', content: 'x' },
      ],
    })
  })

  test('takes volumes, with what is left out', async () => {
    const text =
      'volumes:\n  - name: games\n    bytes: 1048576\n  - name: work\n    image: debian@3\n    labels: { a: b }\n'
    const { manifest, problems } = await read({ 'v.yaml': text })
    expect(problems).toEqual([])
    expect(manifest.volumes).toMatchObject([
      { name: 'games', bytes: 1_048_576, image: null, limitBytes: null, labels: {} },
      { name: 'work', bytes: null, image: 'debian@3', labels: { a: 'b' } },
    ])
    const wrong = 'volumes:\n  - name: games\n    bytes: 1000\n  - name: v\n    clone: { volume: games }\n'
    expect((await read({ 'v.yaml': wrong })).problems).toEqual([
      expect.stringMatching(/^v\.yaml:3:12: bytes: /),
      expect.stringMatching(/^v\.yaml:3:12: bytes: a disk has a whole number/),
      'v.yaml:5:12: clone: there is no such field',
    ])
  })

  test('reads a directory and those in it in order, and only YAML', async () => {
    const { manifest, problems } = await read(
      {
        'd/b.yml': MACHINE.replace('web1', 'b'),
        'd/a.yaml': MACHINE.replace('web1', 'a'),
        'd/readme.txt': ':',
        'd/sub/c.yaml': MACHINE.replace('web1', 'c'),
        'd/.git/d.yaml': ':',
      },
      'd',
    )
    expect(problems).toEqual([])
    expect(manifest.machines.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('takes texts of configs from files, which are no manifests themselves', async () => {
    const { manifest, problems } = await read(
      {
        'd/site.yaml':
          'configs:\n  - name: worker\n    file: configs/worker.bu\n    filesDir: configs/files\n  - name: node\n    file: configs/user-data.yaml\n    parts: [{ name: meta-data, file: configs/meta.yaml }]\n  - name: greet\n    kind: shell\n    content: echo hello\nvalues:\n  - { scope: all, name: ntp, value: 10.0.0.1 }\n  - { scope: "tag:gpu", name: ntp, value: [a, b] }\n',
        'd/configs/worker.bu': 'variant: flatcar\nversion: 1.1.0\n# local: etc/motd\n',
        'd/configs/files/etc/motd': 'hello\n',
        'd/configs/files/unused.yaml': 'x: [\n',
        'd/configs/user-data.yaml': '#cloud-config\nhostname: {{ machine.hostname }}\n',
        'd/configs/meta.yaml': 'instance-id: x\n',
      },
      'd',
    )
    expect(problems).toEqual([])
    expect(manifest.configs).toMatchObject([
      { name: 'worker', kind: 'butane', parts: [{ name: 'main' }, { name: 'etc/motd', content: 'hello\n' }] },
      { name: 'node', kind: 'cloud-init', parts: [{ name: 'user-data' }, { name: 'meta-data' }] },
      { name: 'greet', kind: 'shell', parts: [{ name: 'main', content: 'echo hello' }] },
    ])
    expect(manifest.values).toHaveLength(2)
  })

  test.each([
    [
      'networks',
      'networks: []\n',
      /^m\.yaml:1:\d+: networks are no part of a manifest: write them into reveille\.yaml/,
    ],
    [
      'two values of one scope',
      'values:\n  - { scope: all, name: a, value: 1 }\n  - { scope: all, name: a, value: 2 }\n',
      /^m\.yaml:3:5: value all a is at m\.yaml:2:5 already/,
    ],
    [
      'a config whose file is missing',
      'configs:\n  - name: a\n    file: none.bu\n',
      /^m\.yaml:3:11: none\.bu cannot be read/,
    ],
    [
      'a field that does not exist',
      'machines:\n  - name: web1\n    macs: [52:54:00:12:34:56]\n    colour: red\n',
      'm.yaml:4:13: colour: there is no such field',
    ],
    ['a missing field', 'machines:\n  - name: web1\n', 'm.yaml:2:5: macs: it is missing (a list)'],
    [
      'a wrong value',
      'profiles:\n  - name: Debian\n    kind: local\n',
      /^m\.yaml:2:11: name: a name has 1 to 63 lower-case/,
    ],
    ['an unknown kind', 'profiles:\n  - name: d\n    kind: magic\n', /^m\.yaml:3:11: kind: /],
    ['bad YAML', 'machines: [\n', /^m\.yaml:2:1: this is not YAML/],
    ['a list at the top', '- a\n', /^m\.yaml:1:1: a manifest has the keys machines, profiles, /],
    ['an unknown key', 'machine: []\n', 'm.yaml:1:10: there is no such field; did you mean machines?'],
    [
      'a missing file',
      'profiles:\n  - name: d\n    kind: live\n    image: x\n    files: [{ path: none.cfg }]\n',
      /^m\.yaml:5:21: none\.cfg cannot be read: ENOENT/,
    ],
    ['two machines of one name', `${MACHINE}---\n${MACHINE}`, 'm.yaml:7:5: machine web1 is at m.yaml:2:5 already'],
    ['a name that every object has', 'profiles:\n  - name: d\n    kind: __proto__\n', /^m\.yaml:3:11: kind/],
  ])('%s is found at its place', async (_, text, expected) => {
    const { problems } = await read({ 'm.yaml': text })
    expect(problems.map((problem) => problem.replace(/at \/.*\/m\.yaml/, 'at m.yaml'))).toContainEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    )
  })

  test('all problems of all files are told, not the first alone', async () => {
    const { problems } = await read({ 'd/a.yaml': 'machines:\n  - name: A\n  - name: B\n', 'd/b.yaml': 'x: 1\n' }, 'd')
    expect(problems.length).toBeGreaterThanOrEqual(5)
  })

  test('an empty directory is a problem', async () => {
    expect((await read({ 'd/readme.txt': '' }, 'd')).problems).toEqual([
      expect.stringMatching(/no \.yaml or \.yml file/),
    ])
  })
})
