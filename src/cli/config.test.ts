import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'
import { NO_LOCAL } from '../../test/fakes/terminal.ts'
import { CONFIG_KINDS, kindOf } from '../api/client/site/config-files.ts'
import type { ConfigInfo } from '../api/contract/configs.ts'
import { CONFIG_KINDS as CONTRACT_KINDS, VARIABLE_TYPES as CONTRACT_TYPES } from '../configs/config.ts'
import { VARIABLE_TYPES } from './config-files.ts'

let folder = ''
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-config-'))
  await writeFile(at('worker.bu'), 'variant: flatcar\nversion: 1.0.0\nlocal: etc/motd\n')
  await mkdir(join(folder, 'files/etc'), { recursive: true })
  await writeFile(at('files/etc/motd'), 'hello')
  await writeFile(at('files/unused'), 'x')
  await writeFile(at('user-data'), '#cloud-config\n')
  await writeFile(at('token'), 'hunter2\n')
})
afterAll(() => rm(folder, { recursive: true }))

const INFO: ConfigInfo = {
  name: 'worker',
  kind: 'butane',
  description: '',
  latest: 1,
  versions: [
    {
      number: 1,
      variables: [{ name: 'role', type: 'string', default: null, description: '' }],
      parts: [{ name: 'main', bytes: 10 }],
      note: '',
      createdAt: AT,
      createdBy: 'anna',
    },
  ],
  usedBy: ['node'],
  createdAt: AT,
  updatedAt: AT,
}
const missing = { getConfig: () => Promise.reject(new Error('there is none')) }

test('words of the contract are repeated here as they are', () => {
  expect(CONFIG_KINDS).toEqual(CONTRACT_KINDS)
  expect(VARIABLE_TYPES).toEqual(CONTRACT_TYPES)
})

test.each([
  ['a.bu', '', 'butane'],
  ['a.yaml', 'variant: fcos\n', 'butane'],
  ['a.ign', '{}', 'ignition'],
  ['a.yaml', '#cloud-config\nusers: []', 'cloud-init'],
  ['user-data', '#cloud-config\nautoinstall:\n  version: 1', 'autoinstall'],
  ['x.cfg', 'd-i debian-installer/locale string en_US', 'preseed'],
  ['ks.cfg', 'text', 'kickstart'],
  ['autounattend.xml', '<unattend>', 'unattend'],
  ['a.xml', '<profile xmlns="x">', 'autoyast'],
  ['a.sh', 'echo', 'shell'],
  ['motd', 'hello', 'text'],
])('%s with %j is %s', (path, content, kind) => expect(kindOf(path, content)).toBe(kind))

describe('add', () => {
  test('makes a new version with the variables that there were, and the files that are included', async () => {
    const addConfigVersion = () => ({ ...INFO, latest: 2 })
    const words = ['config', 'add', 'worker', at('worker.bu'), '--files-dir', at('files'), '--note', 'more']
    const { last, out } = await cli(words, { getConfig: () => INFO, addConfigVersion })
    expect(last).toMatchObject({
      params: { config: 'worker' },
      body: {
        parts: [
          { name: 'main', content: expect.stringContaining('variant: flatcar') },
          { name: 'etc/motd', content: 'hello' },
        ],
        variables: [{ name: 'role' }],
        note: 'more',
      },
    })
    expect(out).toBe('worker is version 2 (butane)\n')
    const same = await cli(words, { getConfig: () => INFO, addConfigVersion: () => INFO })
    expect(same.out).toBe('worker is unchanged: version 1\n')
  })

  test('takes the files that are named, programs as programs, and refuses what a text cannot hold', async () => {
    await writeFile(
      at('tree.bu'),
      'variant: fcos\nversion: 1.1.0\nstorage: {trees: [{local: tree, path: /opt}]}\n# usr\n',
    )
    await mkdir(join(folder, 'more/tree/bin'), { recursive: true })
    await writeFile(at('more/tree/bin/run'), '#!/bin/sh\n', { mode: 0o755 })
    await writeFile(at('more/tree/readme'), 'x')
    await writeFile(at('more/treeless'), 'x')
    const validated: { parts: unknown }[] = []
    const checkConfig = async (draft: { parts: unknown }) => {
      validated.push(draft)
      return { valid: true, machines: 0, problems: [] }
    }
    const words = ['config', 'validate', at('tree.bu'), '--files-dir', at('more')]
    expect(await cli(words, {}, { local: { ...NO_LOCAL, checkConfig } })).toMatchObject({ status: 0 })
    expect(validated[0]?.parts).toEqual([
      { name: 'main', content: expect.stringContaining('trees') },
      { name: 'tree/bin/run', content: '#!/bin/sh\n', executable: true },
      { name: 'tree/readme', content: 'x' },
    ])
    await symlink('readme', at('more/tree/link'))
    expect((await cli(words, {})).err).toContain('storage.links')
    await rm(at('more/tree/link'))
    await writeFile(at('more/tree/logo'), Buffer.from([0xff, 0xd8]))
    expect((await cli(words, {})).err).toContain('tree/logo is no text')
  })

  test('variables are read with their types', async () => {
    const more = ['--variable', 'port:number=80', '--variable', 'token:secret', '--variable', 'hosts:list=a,b']
    const { last } = await cli(['config', 'add', 'worker', at('worker.bu'), ...more], {
      getConfig: () => INFO,
      addConfigVersion: () => INFO,
    })
    expect(last?.body).toMatchObject({
      variables: [
        { name: 'port', type: 'number', default: 80 },
        { name: 'token', type: 'secret', default: null },
        { name: 'hosts', type: 'list', default: ['a', 'b'] },
      ],
    })
  })

  test('what went wrong with asking is told, not taken for a new config', async () => {
    expect((await cli(['config', 'add', 'worker', at('worker.bu')], missing)).status).toBe(1)
  })
})

describe('values', () => {
  test('are set for all, a tag or a machine; secrets come by a file or a pipe', async () => {
    const setConfigValue = () => ({ scope: 'all', name: 'port', value: 1, secret: false, updatedAt: AT })
    const port = await cli(['config', 'set', 'port', '8080', '--type', 'number', '--tag', 'web'], { setConfigValue })
    expect(port.last).toMatchObject({
      params: { scope: 'tag:web', name: 'port' },
      body: { value: 8080, secret: false },
    })
    const token = await cli(['config', 'set', 'token', '--secret', '--file', at('token')], { setConfigValue })
    expect(token.last).toMatchObject({ params: { scope: 'all' }, body: { value: 'hunter2', secret: true } })
    expect(token.out).not.toContain('hunter2')
  })

  test.each([
    [['config', 'set', 'token', 'hunter2', '--secret']],
    [['config', 'set', 'port']],
    [['config', 'set', 'port', 'x', '--type', 'number']],
    [['config', 'set', 'port', '1', '--tag', 'a', '--machine', 'b']],
    [['config', 'add', 'x']],
    [['config', 'render', 'x']],
    [['config', 'diff', 'x', 'a', '2']],
  ])('%j is wrong use and nothing is sent', async (words) => {
    expect(await cli(words, {})).toMatchObject({ status: 2, asked: [] })
  })
})

test('what is wrong on a machine is told as compilers do', async () => {
  const problem = {
    severity: 'error' as const,
    part: 'main',
    path: '$.storage',
    line: 3,
    column: 5,
    message: 'unknown key\u001b[2J',
    hint: 'did you mean files?',
    machine: 'web1',
  }
  const validateConfig = () => ({ valid: false, problems: [problem], machines: 2 })
  const handlers = { getConfig: () => INFO, validateConfig }
  const { out, status, last } = await cli(['config', 'validate', at('worker.bu'), '--as', 'worker'], handlers)
  expect(status).toBe(1)
  // What the config asks for is known already.
  expect(last?.body).toMatchObject({ variables: INFO.versions.at(-1)?.variables })
  expect(out).toBe(
    `${at('worker.bu')}:3:5: error: unknown key\\x1b[2J [$.storage] (on web1)\n    did you mean files?\n`,
  )
})
