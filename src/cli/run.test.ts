import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Handlers } from '../../test/fakes/api.ts'
import { AT, cli, MACHINE } from '../../test/fakes/cli.ts'
import { runCli } from '../../test/fakes/terminal.ts'
import { unreachable } from '../api/client/problem.ts'
import { Refusal } from '../kit/errors.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('exit status and errors', () => {
  test('0 when it worked', async () => {
    expect(await cli(['machine', 'list'], { listMachines: () => ({ items: [], next: null }) })).toMatchObject({
      status: 0,
      err: '',
    })
  })

  test('1 when the server refused: what happened and what to do, no stack', async () => {
    const { status, err, out } = await cli(['machine', 'show', 'nobody'], {
      getMachine() {
        throw new Refusal('not-found', 'there is no machine nobody', { next: 'See: reveille machine list' })
      },
    })
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toBe('reveille: There is no machine nobody\nSee: reveille machine list\n')
  })

  test('1 when fields are refused, each named', async () => {
    const { status, err } = await cli(['machine', 'set', 'web1', '--hostname', 'Not A Name'], {})
    expect(status).toBe(1)
    expect(err).toMatch(/\n {2}hostname: a host name has 1 to 63/)
  })

  test('1 when nobody answers', async () => {
    const { status, err } = await runCli(['status'], () =>
      Promise.reject(unreachable('http://x', new Error('refused'))),
    )
    expect(status).toBe(1)
    expect(err).toMatch(/^reveille: http:\/\/x does not answer: refused\nCheck that the server runs/)
  })

  test('1 when a file is not there', async () => {
    const { status, err } = await cli(['machine', 'import', '/no/such.csv'], {})
    expect({ status, err }).toEqual({ status: 1, err: 'reveille: /no/such.csv: there is no such file\n' })
  })

  test.each([
    ['live', 'image'],
    ['iso', 'image'],
    ['script', 'script'],
    ['menu', 'item'],
  ])('2 when a profile of kind %s lacks --%s', async (kind, needed) => {
    const { status, err, asked } = await cli(['profile', 'add', 'p', '--kind', kind], {})
    expect({ status, asked }).toEqual({ status: 2, asked: [] })
    expect(err).toBe(`reveille: a profile of kind ${kind} needs --${needed}\n`)
  })

  test.each([
    ['token', 'create', 'ci', '--days', 'x'],
    ['token', 'create', 'ci', '--days', '-1'],
    ['audit', '--limit', '0'],
    ['trace', 'list', '--limit', '1.5'],
    ['why', 'web1', '--follow', '--timeout', ''],
    ['machine', 'boot', 'web1', '--watch', '--timeout', 'soon'],
    ['profile', 'add', 'm', '--kind', 'menu', '--timeout', '1e3'],
  ])('2 when a number is none: %s %s', async (...words) => {
    const { status, err, asked } = await cli(words, {})
    expect({ status, asked }).toEqual({ status: 2, asked: [] })
    expect(err).toMatch(/It must be a (whole number from [01] on|number of seconds above 0)/)
  })

  test.each([
    [[], 2],
    [['machine'], 2],
    [['machine', 'lst'], 2],
    [['machine', 'show'], 2],
    [['machine', 'list', '--colour'], 2],
    [['machine', 'list', '--state', 'asleep'], 2],
    [['machine', 'add', 'web1'], 2],
    [['machine', 'set', 'web1'], 2],
    [['machine', 'boot', 'web1', '--once'], 2],
    [['machine', 'boot', 'web1', '--cancel', '--profile', 'x'], 2],
    [['power', 'web1', 'explode'], 2],
    [['profile', 'add', 'x', '--kind', 'iso', '--message', 'hi'], 2],
    [['image', 'push', 'x'], 2],
    [['lab', 'add', 'x', '--memory', 'lots'], 2],
    [['--help'], 0],
    [['machine', 'add', '--help'], 0],
    [['--version'], 0],
  ])('%j ends with %d and asks the server nothing', async (words, status) => {
    const result = await cli(words, {})
    expect(result.status).toBe(status)
    expect(result.asked).toEqual([])
    expect(result.out + result.err).not.toBe('')
  })

  test('a mistyped command gets a suggestion', async () => {
    expect((await cli(['machine', 'lst'], {})).err).toMatch(/Did you mean list/)
  })

  test.each([
    [['help', 'machine', 'add'], 'machine add [options] <name>'],
    [['help', 'machine'], 'machine [options] [command]'],
    [['machine', 'help'], 'machine [options] [command]'],
    [['bmc', 'rule', 'help'], 'bmc rule [options] [command]'],
    [['help'], '[options] [command]'],
    [['help', 'deploy', 'web1'], 'deploy [options] [command] <machine> [profile]'],
    [['help', 'why', 'web1'], 'why [options] <machine>'],
  ])('help is there at every level: %j', async (words, usage) => {
    expect(await cli(words, {})).toMatchObject({ status: 0, out: expect.stringContaining(`Usage: reveille ${usage}`) })
  })

  test('help of what is not there says so', async () => {
    const { status, err } = await cli(['help', 'machine', 'sho'], {})
    expect({ status, err }).toEqual({
      status: 2,
      err: expect.stringMatching(/unknown command 'sho'\n\(Did you mean show\?/),
    })
    expect((await cli(['help', 'nosuch'], {})).status).toBe(2)
  })

  test('a machine that is called help is a machine', async () => {
    const { last } = await cli(['machine', 'show', 'help'], { getMachine: () => MACHINE })
    expect(last).toMatchObject({ params: { machine: 'help' } })
  })

  test('every command has help with its examples', async () => {
    const { out } = await cli(['image', 'push', '--help'], {})
    expect(out).toMatch(/Examples:\n {2}reveille image push debian debian\.qcow2/)
  })
})

describe('machines', () => {
  const listMachines = () => ({ items: [MACHINE], next: null })

  test('list is a table for people and JSON for programs', async () => {
    const { out, last } = await cli(['machine', 'list', '--state', 'ready', '--search', 'web'], { listMachines })
    expect(last?.query).toMatchObject({ state: 'ready', q: 'web' })
    expect(out).toMatch(
      /^NAME +STATE +MAC +ADDRESS +PROFILE +NEXT BOOT +SEEN +LAST BOOT +POWER\nweb1 +ready +52:54:00:12:34:56 +10\.0\.0\.50 +debian +- +5 min ago +- +-\n$/,
    )
    expect(JSON.parse((await cli(['machine', 'list', '--json'], { listMachines })).out)).toEqual([MACHINE])
  })

  test('all pages are fetched', async () => {
    const { out } = await cli(['machine', 'list', '--json'], {
      listMachines: ({ query }) =>
        query.cursor === undefined
          ? { items: [MACHINE], next: 'two' }
          : { items: [{ ...MACHINE, name: 'web2' }], next: null },
    })
    expect(JSON.parse(out)).toHaveLength(2)
  })

  test('what firmware claims about itself cannot steer the terminal', async () => {
    const { out } = await cli(['machine', 'show', 'web1'], { getMachine: () => MACHINE })
    expect(out).toContain('Evil\\x1b[2J Corp')
    expect(out).not.toContain('\u001b')
  })

  test('add sends what was given and nothing else', async () => {
    const words = [
      'machine',
      'add',
      'web1',
      '--mac',
      '5254.0012.3456',
      '--mac',
      '52:54:00:12:34:57',
      '--ip',
      '10.0.0.5',
      '--tag',
      'a',
      '--tag',
      'b',
    ]
    const { last, out } = await cli(words, { createMachine: () => MACHINE })
    expect(last?.body).toEqual({
      name: 'web1',
      macs: ['5254.0012.3456', '52:54:00:12:34:57'],
      ip: '10.0.0.5',
      tags: ['a', 'b'],
    })
    expect(out).toBe('web1 is registered and ready; it boots debian\n')
  })

  test('set takes a value away with an empty text', async () => {
    const { last } = await cli(['machine', 'set', 'web1', '--ip', '', '--notes', 'x', '--state', 'maintenance'], {
      updateMachine: () => MACHINE,
    })
    expect(last).toMatchObject({ params: { machine: 'web1' }, body: { ip: null, notes: 'x', state: 'maintenance' } })
  })

  test.each([
    [['--profile', 'debian'], { profile: 'debian' }],
    [['--profile', 'rescue', '--once'], { once: 'rescue' }],
    [['--cancel'], { profile: null }],
    [['--cancel', '--once'], { once: null }],
  ])('boot %j', async (words, body) => {
    const { last } = await cli(['machine', 'boot', 'web1', ...words], {
      setBoot: () => ({ profile: 'debian', once: null }),
    })
    expect(last).toMatchObject({ id: 'setBoot', body })
  })

  test('boot without a choice shows it', async () => {
    const once = { profile: 'rescue', orderedAt: AT, orderedBy: 'kim' }
    const { out, last } = await cli(['machine', 'boot', 'web1'], { getBoot: () => ({ profile: null, once }) })
    expect(last?.id).toBe('getBoot')
    expect(out).toBe('web1 boots nothing (it is parked); the next time rescue, once\n')
  })

  test('import changes nothing when a line is wrong, and tells every one', async () => {
    const file = join(folder, 'bad.csv')
    await writeFile(file, 'name,mac\nweb1,x\nWEB,52:54:00:12:34:56\n')
    const { status, err, asked } = await cli(['machine', 'import', file], {})
    expect({ status, asked }).toEqual({ status: 1, asked: [] })
    expect(err.split('\n').filter((line) => line.startsWith(file))).toHaveLength(2)
    expect(err).toMatch(/nothing was changed: 2 problems/)
  })

  test('import sends one manifest', async () => {
    const file = join(folder, 'good.csv')
    await writeFile(file, 'name,mac,profile\nweb1,52:54:00:12:34:56,debian\n')
    const applied = {
      dryRun: true,
      changes: [{ thing: 'machine web1', change: 'create' as const, fields: [], differences: [] }],
      kept: [],
      warnings: [],
    }
    const { out, last } = await cli(['machine', 'import', file, '--dry-run'], { apply: () => applied })
    expect(last).toMatchObject({
      query: { dryRun: true },
      body: { machines: [{ name: 'web1', macs: ['52:54:00:12:34:56'], profile: 'debian' }], profiles: [] },
    })
    expect(out).toBe('create  machine web1\n1 to create, 0 to change, 0 the same; nothing was changed (--dry-run)\n')
  })
})

describe('apply', () => {
  test('sends the manifest of a file', async () => {
    const file = join(folder, 'm.yaml')
    await writeFile(file, 'profiles:\n  - name: own\n    kind: local\n')
    const applied = {
      dryRun: false,
      changes: [{ thing: 'profile own', change: 'update' as const, fields: ['kind'], differences: [] }],
      ...{ kept: [], warnings: [] },
    }
    const { out, last } = await cli(['apply', '-f', file], { apply: () => applied })
    expect(last).toMatchObject({ query: { dryRun: false }, body: { profiles: [{ name: 'own', kind: 'local' }] } })
    expect(out).toBe('change  profile own  (kind)\nDone: 0 created, 1 changed, 0 the same\n')
  })

  test('says where a file is wrong', async () => {
    const file = join(folder, 'wrong.yaml')
    await writeFile(file, 'profiles:\n  - name: own\n    kind: magic\n')
    const { status, err, asked } = await cli(['apply', '-f', file], {})
    expect({ status, asked }).toEqual({ status: 1, asked: [] })
    expect(err).toContain(`${file}:3:11: kind: `)
  })
})

describe('power, lab, users and tokens', () => {
  test('power reads without an action and switches with one', async () => {
    const status = { state: 'on' as const, driver: 'lab', checkedAt: AT, confirmed: null, problems: [] }
    expect((await cli(['power', 'web1'], { getPower: () => status })).out).toBe('web1 is on (lab)\n')
    expect((await cli(['power', 'web1', 'cycle'], { setPower: () => status })).last?.body).toMatchObject({
      action: 'cycle',
    })
  })

  test('a lab machine is switched by its own name', async () => {
    const { last } = await cli(['lab', 'power', 'vm1', 'on'], {})
    expect([last?.params, last?.body]).toEqual([{ name: 'vm1' }, { power: 'on' }])
    expect((await cli(['lab', 'power', 'vm1', 'up'], {})).status).toBe(2)
    expect((await cli(['lab', 'power', 'vm1'], {})).status).toBe(2)
  })

  test('lab sizes are understood', async () => {
    const { last, status } = await cli(
      ['lab', 'add', 'vm1', '--firmware', 'uefi', '--memory', '1G', '--disk', '10G', '--disk', '1T', '--no-start'],
      {},
    )
    expect(status).toBe(1)
    expect(last?.body).toMatchObject({
      name: 'vm1',
      firmware: 'uefi',
      memoryMiB: 1024,
      disksGiB: [10, 1024],
      start: false,
    })
  })

  test('a new user gets the password that was typed, and it is printed nowhere', async () => {
    const user = { name: 'kim', role: 'operator' as const, disabled: false, createdAt: AT, updatedAt: AT }
    const { last, out, err } = await cli(
      ['user', 'add', 'kim', '--role', 'operator'],
      { createUser: () => user },
      { secrets: ['correct horse'] },
    )
    expect(last?.body).toEqual({ name: 'kim', role: 'operator', password: 'correct horse' })
    expect(out + err).not.toContain('horse')
  })

  test('your own password needs the old one, unless you are on the control socket', async () => {
    const me = (via: 'token' | 'socket') => ({
      name: 'kim',
      role: 'admin' as const,
      scopes: ['*:*'],
      via,
      mustChangePassword: false,
    })
    const user = { name: 'kim', role: 'admin' as const, disabled: false, createdAt: AT, updatedAt: AT }
    const handlers = (via: 'token' | 'socket'): Handlers => ({
      me: () => me(via),
      changePassword: () => undefined,
      updateUser: () => user,
    })
    const own = await cli(['user', 'passwd'], handlers('token'), { secrets: ['old password', 'new password'] })
    expect(own.last).toMatchObject({
      id: 'changePassword',
      body: { current: 'old password', password: 'new password' },
    })
    const socket = await cli(['user', 'passwd'], handlers('socket'), { secrets: ['new password'] })
    expect(socket.last).toMatchObject({ id: 'updateUser', params: { user: 'kim' }, body: { password: 'new password' } })
  })

  test('the secret of a token is all of standard output', async () => {
    const token = {
      id: 'tok_1',
      name: 'ci',
      user: 'kim',
      hint: 'rv_ab',
      scopes: ['*:*'],
      createdAt: AT,
      expiresAt: null,
      lastUsedAt: null,
      secret: 'rv_abcdef',
    }
    const { out, last } = await cli(['token', 'create', 'ci', '--scope', 'machines:read', '--days', '0'], {
      createToken: () => token,
    })
    expect(out).toBe('rv_abcdef\n')
    expect(last?.body).toEqual({ name: 'ci', scopes: ['machines:read'], days: null })
  })
})
