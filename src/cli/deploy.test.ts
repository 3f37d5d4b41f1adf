import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'
import { NOW } from '../../test/fakes/terminal.ts'
import type { Deployment } from '../api/contract/deployments.ts'
import type { Profile } from '../api/contract/profiles.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

const DEPLOYMENT: Deployment = {
  id: 'd_1',
  machine: 'web1',
  machineId: 'm_0123456789abcdef',
  action: { kind: 'install', profile: 'debian' },
  profile: 'debian',
  arm: [{ disk: 'S4', bytes: null, fingerprint: null }],
  state: 'queued',
  reason: 'it waits for d_0',
  next: 'wait, or cancel d_0',
  ahead: 1,
  deadlineAt: null,
  tasks: [],
  progress: null,
  attempts: 0,
  dirty: false,
  reservedUntil: null,
  release: 'leave',
  notify: { webhook: null, email: null },
  orderedBy: 'admin',
  createdAt: AT,
  startedAt: null,
  endedAt: null,
  updatedAt: AT,
}
const NO_LOG = { getDeploymentLog: () => ({ items: [], after: 0 }) }

describe('deploy', () => {
  test('orders a profile for the armed disk, with everything that was said', async () => {
    const { status, asked, out } = await cli(
      ['deploy', 'web1', 'debian', '--arm', 'disk=S4,bytes=1000', '--reserve', '2h', '--release', 'wipe'],
      { createDeployment: () => DEPLOYMENT },
    )
    expect(status).toBe(0)
    expect(out).toContain('d_1 is queued: install debian on web1')
    expect(asked[0]).toMatchObject({
      id: 'createDeployment',
      params: { machine: 'web1' },
      body: {
        profile: 'debian',
        arm: [{ disk: 'S4', bytes: 1000 }],
        reservedUntil: new Date(NOW + 7_200_000).toISOString(),
        release: 'wipe',
      },
    })
  })

  test('orders a capture, a wipe, an inventory or a script instead of a profile', async () => {
    const script = join(folder, 'fix.sh')
    await writeFile(script, 'echo hello\n')
    const bodies: unknown[] = []
    for (const words of [
      ['--capture', 'mine', '--disk', 'serial=S4,rotational=no,min=100G', '--partition', '2'],
      ['--wipe', '--arm', 'disk=S4'],
      ['--wipe', 'overwrite', '--arm', 'disk=S4'],
      ['--inventory'],
      ['--script', script],
    ]) {
      const { asked } = await cli(['deploy', 'web1', ...words], { createDeployment: () => DEPLOYMENT })
      bodies.push((asked[0] as unknown as { body: { action: unknown } }).body.action)
    }
    expect(bodies).toMatchObject([
      {
        kind: 'capture',
        image: 'mine',
        disk: { serial: 'S4', rotational: false, leastBytes: 100 * 2 ** 30 },
        partition: 2,
        note: '',
      },
      { kind: 'wipe', method: 'auto' },
      { kind: 'wipe', method: 'overwrite' },
      { kind: 'inventory' },
      { kind: 'script', script: 'echo hello\n' },
    ])
  })

  test.each([
    [['deploy', 'web1'], 'needs a profile'],
    [['deploy', 'web1', 'debian', '--wipe'], 'just one of'],
    [['deploy', 'web1', 'debian', '--arm', '/dev/sda'], 'WORD=VALUE'],
    [['deploy', 'web1', 'debian', '--arm', 'serial=S4'], 'disk=SERIAL'],
    [['deploy', 'web1', 'debian', '--reserve', 'yesterday'], 'a time to come'],
    [['deploy', 'web1', '--capture', 'mine', '--disk', 'name=sda'], 'no disk hint name'],
  ])('%j is wrong use and nothing is sent', async (words, message) => {
    const { status, asked, err } = await cli(words, {})
    expect(status).toBe(2)
    expect(err).toContain(message)
    expect(asked).toEqual([])
  })

  test('a dry run shows what would be overwritten and fails when it is not possible', async () => {
    const { status, out } = await cli(['deploy', 'web1', 'debian', '--dry-run'], {
      planDeployment: () => ({
        possible: false,
        problems: ['the disk S4 is not armed'],
        inventoryAt: AT,
        steps: ['write debian@3 to disk S4'],
        overwrites: [
          {
            disk: 'S4',
            model: 'Fast\u001b[2J SSD',
            bytes: 2 ** 34,
            partition: null,
            armed: false,
            fingerprint: null,
            contents: ['partition 1: ext4 "data"'],
            image: 'debian@3',
          },
        ],
      }),
    })
    expect(status).toBe(1)
    expect(out).toContain('gets debian@3; it holds partition 1: ext4 "data"; NOT ARMED')
    expect(out).toContain('the disk S4 is not armed')
    expect(out).not.toContain('\u001b[2J')
  })

  test('--wait follows to the end, and a failure is status 1 with the reason and what to do', async () => {
    const states: Deployment[] = [
      DEPLOYMENT,
      { ...DEPLOYMENT, state: 'writing', reason: 'it writes', progress: null },
      { ...DEPLOYMENT, state: 'failed', reason: 'the disk S4 has an error at 4 MiB', next: 'replace the disk' },
    ]
    const { status, out, err } = await cli(['deploy', 'web1', 'debian', '--arm', 'disk=S4', '--wait'], {
      createDeployment: () => DEPLOYMENT,
      getDeployment: () => (states.length > 1 ? states.shift() : states[0]) as Deployment,
      ...NO_LOG,
    })
    expect(status).toBe(1)
    expect(out).toContain('writing: it writes')
    expect(err).toContain('the disk S4 has an error at 4 MiB\nreplace the disk')
  })

  test('list, show, log, cancel and release say what there is', async () => {
    const handlers = {
      listDeployments: () => ({ items: [DEPLOYMENT], next: null }),
      getDeployment: () => ({ ...DEPLOYMENT, state: 'succeeded' as const, reason: 'seen to boot its disk' }),
      cancelDeployment: () => ({ ...DEPLOYMENT, state: 'cancelled' as const, reason: 'nothing was written' }),
      releaseDeployment: () => ({ ...DEPLOYMENT, reason: 'released' }),
      getDeploymentLog: () => ({ items: [{ n: 1, at: AT, level: 'info', text: 'wrote 4 MiB' }], after: 1 }),
    }
    expect((await cli(['deploy', 'list'], handlers)).out).toContain('it waits for d_0')
    expect(JSON.parse((await cli(['deploy', 'list', '--open', '--json'], handlers)).out)).toEqual([DEPLOYMENT])
    expect((await cli(['deploy', 'show', 'd_1'], handlers)).out).toContain('seen to boot its disk')
    const ofMachine = { ...handlers, listMachineDeployments: () => ({ items: [DEPLOYMENT], next: null }) }
    const newest = await cli(['deploy', 'log', 'web1'], ofMachine)
    expect(newest.out).toContain('wrote 4 MiB')
    const none = await cli(['deploy', 'show', 'web2'], { listMachineDeployments: () => ({ items: [], next: null }) })
    expect(none).toMatchObject({ status: 1, err: expect.stringContaining('no deployment of web2 yet') })
    expect((await cli(['deploy', 'log', 'd_1'], { getDeploymentLog: handlers.getDeploymentLog })).out).toContain(
      'wrote 4 MiB',
    )
    expect((await cli(['deploy', 'cancel', 'd_1'], handlers)).out).toContain('nothing was written')
    expect((await cli(['deploy', 'release', 'd_1'], handlers)).out).toContain('released')
  })
})

describe('a profile of kind install', () => {
  test('takes targets and identity from options and files', async () => {
    const key = join(folder, 'key.pub')
    await writeFile(key, '# mine\nssh-ed25519 AAAA me\n')
    const { status, asked, err } = await cli(
      ['profile', 'add', 'server', '--kind', 'install', '--target', 'debian@3,serial=S4,write-back'].concat([
        '--target',
        'data,partition=2,model=Fast',
        '--grow',
        '--set-hostname',
        '--ssh-key',
        key,
      ]),
      { createProfile: ({ body }) => ({ ...(body as Profile), createdAt: AT, updatedAt: AT, usedBy: 0 }) },
    )
    expect(err).toBe('')
    expect(status).toBe(0)
    expect(asked[0]?.body).toMatchObject({
      kind: 'install',
      targets: [
        { image: 'debian@3', disk: { serial: 'S4' }, partition: null, writeBack: true },
        { image: 'data', disk: { model: 'Fast' }, partition: 2, writeBack: false },
      ],
      grow: true,
      identity: { hostname: true, sshKeys: ['ssh-ed25519 AAAA me'] },
    })
  })

  test('needs an image, and has no options of other kinds', async () => {
    expect((await cli(['profile', 'add', 'server', '--kind', 'install'], {})).err).toContain(
      'needs --image or --target',
    )
    const words = ['profile', 'add', 'server', '--kind', 'install', '--image', 'a', '--message', 'hi']
    expect((await cli(words, {})).err).toContain('--message does not belong')
    expect((await cli(['profile', 'add', 'x', '--kind', 'local', '--ssh-key', 'k'], {})).err).toContain('--ssh-key')
  })
})
