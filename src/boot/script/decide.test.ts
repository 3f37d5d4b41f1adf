import { describe, expect, test } from 'vitest'
import { found, meant } from '../../../test/ipxe/meant.ts'
import { readScript } from '../../../test/ipxe/reader.ts'
import type { Image, ImageVersion } from '../../images/image.ts'
import { blankMachine } from '../../machines/edit.ts'
import type { Machine } from '../../machines/machine.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import type { DeploymentBoot } from './choose.ts'
import { decideScript, type ScriptFacts } from './decide.ts'
import { readRequest } from './request.ts'
import { startText } from './start.ts'

const BASE = 'http://10.0.0.1:8080'
const KERNEL = 'a'.repeat(64)
const profiles = new Map<string, Profile>()
const define = (input: unknown) => {
  const profile = { ...ProfileSpec.parse(input), createdAt: 0, updatedAt: 0 }
  profiles.set(profile.name, profile)
}
define({ name: 'local', kind: 'local' })
define({
  name: 'debian',
  kind: 'live',
  image: 'di',
  cmdline: 'url={{files}}/preseed.cfg host={{hostname}}/{{machine}} {{mac}} {{server}} ---',
})
define({ name: 'cd', kind: 'iso', image: 'disc' })
define({ name: 'own', kind: 'script', script: '#!ipxe\nshell' })
define({ name: 'stop', kind: 'park', message: 'Ask Ann' })
define({ name: 'web', kind: 'install', targets: [{ image: 'debian-disk' }] })
define({ name: 'lost', kind: 'live', image: 'gone' })
define({ name: 'odd', kind: 'live', image: 'odd' })
define({
  name: 'inner',
  kind: 'menu',
  items: [{ profile: 'cd' }, { profile: 'debian' }],
  default: 'cd',
  timeoutSeconds: 0,
})
define({
  name: 'choice',
  kind: 'menu',
  title: '-- Pick --',
  items: [{ profile: 'local', label: 'This disk' }, { profile: 'debian' }, { profile: 'inner' }],
  default: 'debian',
  timeoutSeconds: 7,
})

const version = (cmdline: string, ...files: [ImageVersion['files'][number]['role'], string, string][]) => ({
  image: {} as Image,
  version: {
    number: 1,
    files: files.map(([role, name, sha256]) => ({ role, name, sha256, bytes: 1 })),
    cmdline,
    note: '',
    createdAt: 0,
    disk: null,
    pinned: false,
    source: 'upload',
    createdBy: '',
  },
})
const IMAGES: Readonly<Record<string, ReturnType<typeof version>>> = {
  di: version(
    'console=ttyS0',
    ['initrd', 'a.gz', 'b'.repeat(64)],
    ['kernel', 'linux', KERNEL],
    ['initrd', 'b+.gz', 'c'.repeat(64)],
  ),
  disc: version('', ['iso', 'disc.iso', 'd'.repeat(64)]),
  odd: version('quiet ; sanboot', ['kernel', 'linux', KERNEL]),
}

const facts = (machine: Partial<Machine> | undefined, more: Partial<ScriptFacts> = {}): ScriptFacts => ({
  machine: machine && { ...blankMachine('m_1', 'node-0001', 0), ...machine },
  unknownMachines: 'park',
  profile: (name) => profiles.get(name),
  image: (reference) => IMAGES[reference],
  grant: (use, { machine: id, profile, once }) => `${use}~${id}~${profile}~${once ?? ''}`,
  newBoot: () => 'b_1',
  deployment: () => undefined,
  admits: () => 'missing',
  passes: () => [],
  ...more,
})
const ask = (query = '') => readRequest(new URLSearchParams(`mac=52:54:00:12:34:56&${query}`), BASE)!
const decide = (machine: Partial<Machine> | undefined, query = '', more: Partial<ScriptFacts> = {}) =>
  decideScript(ask(query), facts(machine, more))
const order = (profile: string) => ({ id: 'n_1', profile, orderedAt: 0, orderedBy: 'ann' })

/** What can reach a disk or start something. */
const STARTS = /^(sanboot|kernel|initrd|boot|imgexec|exit)\b/m

describe('who boots what', () => {
  test.each([
    ['discovered', { state: 'discovered', profile: 'debian' }, 'not approved'],
    ['in maintenance', { state: 'maintenance', profile: 'debian' }, 'maintenance'],
    ['retired', { state: 'retired', nextBoot: order('debian') }, 'retired'],
    ['being deployed', { state: 'deploying', profile: 'debian' }, 'being deployed'],
    ['without a profile', {}, 'no profile'],
    ['whose profile is gone', { profile: 'nope' }, 'no profile nope'],
    ['whose image is gone', { profile: 'lost' }, 'gone has no kernel'],
    ['whose image has an unsafe command line', { profile: 'odd' }, 'second command'],
    ['with a park profile', { profile: 'stop' }, 'Ask Ann'],
  ] as const)('a machine %s is parked: nothing is started, the screen says why and what to do', (_, machine, why) => {
    const { does, reason, text } = decide(machine)
    expect(does).toBe('park')
    expect(reason).toContain(why)
    expect(text).not.toMatch(STARTS)
    expect(text).toContain('echo Reveille: node-0001 (52:54:00:12:34:56) waits\n')
    expect(text).toMatch(/\necho Why: .+\necho What to do: .+\n/)
  })

  test('an unknown machine that could not be recorded is parked with that reason and what mends it', () => {
    const notRecorded = { message: '10000 machines wait', next: 'approve or delete some' }
    const { does, reason, text } = decide(undefined, '', { notRecorded })
    expect([does, reason]).toEqual(['park', '10000 machines wait'])
    expect(text).toContain('this machine (52:54:00:12:34:56) waits')
    expect(text).toContain('What to do: approve or delete some\n')
  })

  test('unknownMachines: ignore sends it back to its firmware, a profile boots it', () => {
    expect(decide(undefined, 'platform=efi', { unknownMachines: 'ignore' })).toMatchObject({
      does: 'ignore',
      profile: null,
    })
    expect(decide(undefined, 'platform=efi', { unknownMachines: 'ignore' }).text).toMatch(/\nexit 1\n$/)
    expect(decide(undefined, '', { unknownMachines: 'ignore' }).text).toMatch(/\nexit 0\n$/)
    expect(decide({ state: 'discovered' }, '', { unknownMachines: 'ignore' }).does).toBe('park')
    expect(decide({ state: 'discovered' }, '', { unknownMachines: 'debian' })).toMatchObject({
      does: 'live',
      profile: 'debian',
    })
  })

  test.each(['ready', 'active', 'failed'] as const)('a %s machine boots its next boot before its profile', (state) => {
    expect(decide({ state, profile: 'local' })).toMatchObject({ does: 'local', profile: 'local', once: null })
    const once = decide({ state, profile: 'local', nextBoot: order('debian') })
    expect(once).toMatchObject({
      does: 'live',
      profile: 'debian',
      once: 'n_1',
      reason: 'ann ordered debian for its next boot',
    })
    expect(once.text).toContain('/boot/mark/boot~m_1~debian~n_1/launch')
  })
})

describe('live', () => {
  const { text, script } = decide({ profile: 'debian', hostname: 'web' })
  const lines = text.split('\n')
  const at = (start: string) => lines.findIndex((line) => line.startsWith(start))

  test('names its initrds for UEFI and fills in the words', () =>
    expect(lines[at('kernel')]).toBe(
      `kernel --name kernel ${BASE}/boot/blob/${KERNEL}/linux initrd=initrd0 initrd=initrd1 console=ttyS0 ` +
        `url=${BASE}/boot/file/file~m_1~debian~/preseed.cfg host=web/node-0001 52:54:00:12:34:56 ${BASE} --- || goto failed`,
    ))

  test('loads everything in the order of the image, then reports, then boots', () => {
    const order = [
      'imgfree',
      'kernel',
      'initrd --name initrd0',
      'initrd --name initrd1',
      'imgfetch',
      ':launch',
      'boot',
      ':failed',
    ]
    const found = order.map(at)
    expect(found.every((line) => line > 0)).toBe(true)
    expect(found).toEqual([...found].sort((a, b) => a - b))
    expect(lines[at('initrd --name initrd1')]).toContain(`/boot/blob/${'c'.repeat(64)}/b-.gz`)
  })

  test('what is fetched to report is freed before the boot, or it would become part of the initrd', () => {
    const reports = lines.filter((line) => line.includes('/launch'))
    expect(reports).toHaveLength(3)
    for (const report of reports)
      expect(report).toMatch(/--timeout 3000 --name launch .* && imgfree launch && goto launch \|\|$/)
  })

  test('is read by iPXE as it is meant', () => expect(found(readScript(text).slice(1))).toEqual(meant(script)))
})

describe('the other kinds', () => {
  test('local: the first disk on BIOS, the next boot option on UEFI, after the report', () => {
    const bios = decide({ profile: 'local' }, 'platform=pcbios').text
    expect(bios).toMatch(/\/launch[\s\S]*\nsanboot --no-describe --drive 0x80 \|\| goto failed\n/)
    expect(bios).not.toMatch(/^exit/m)
    const uefi = decide({ profile: 'local' }, 'platform=efi').text
    expect(uefi).toMatch(/\/launch[\s\S]*\nexit 1\n/)
    expect(uefi).not.toContain('sanboot')
  })

  test('iso over HTTP', () =>
    expect(decide({ profile: 'cd' }).text).toContain(
      `\nsanboot --no-describe ${BASE}/boot/blob/${'d'.repeat(64)}/disc.iso || goto failed\n`,
    ))

  test('an own script is fetched whole before the report and never mixed into ours', () => {
    const { text } = decide({ profile: 'own' })
    expect(text).toMatch(
      /imgfetch --name own \S+\/boot\/own\/boot~m_1~own~ \|\| goto failed\n[\s\S]*\/launch[\s\S]*\nimgexec own \|\| goto failed\n/,
    )
    expect(text).not.toMatch(/^shell/m)
  })
})

describe('deployments', () => {
  const wants = (deployment: DeploymentBoot, query = '', machine: Partial<Machine> = {}, images = BUILT) =>
    decide({ state: 'deploying', profile: 'local', ...machine }, query, {
      deployment: (id) => (id === 'm_1' ? deployment : undefined),
      image: (name) => images[name],
    })
  const BUILT = {
    'management-os': version('', ['kernel', 'linux', KERNEL], ['initrd', 'agent.zst', 'b'.repeat(64)]),
  } as typeof IMAGES
  const OPEN = { what: 'agent', deployment: 'd_1', reason: 'deployment d_1 installs web' } as const
  const REBOOTING = { what: 'local', deployment: 'd_1', profile: 'web', reason: 'web is written' } as const
  const DIRTY = { what: 'park', reason: 'd_1 failed in the middle of disk S1', next: 'deploy it again' } as const

  test.each(['platform=pcbios&arch=x86_64', 'platform=efi&arch=x86_64'])(
    'an open one gets the management OS and a pass for one fetch, the pass last: %s',
    (query) => {
      const { does, reason, text, script } = wants(OPEN, query)
      expect([does, reason]).toEqual(['agent', 'deployment d_1 installs web'])
      expect(text).toContain('(52:54:00:12:34:56) boots the management OS\n')
      expect(text).toContain(
        `kernel --name kernel ${BASE}/boot/blob/${KERNEL}/linux initrd=pass initrd=initrd0 ` +
          'console=tty0 console=ttyS0,115200 reveille.mac=52:54:00:12:34:56 || goto failed\n',
      )
      expect(text).toMatch(
        /\ninitrd --name initrd0 [\s\S]*\ninitrd --name pass http:\/\/10.0.0.1:8080\/boot\/agent\/agent~m_1~d_1~b_1\/boot.cpio \|\| goto failed\n/,
      )
      expect(text).toMatch(/\/boot\/mark\/agent-boot~m_1~d_1~\/launch[\s\S]*\nboot \|\| goto failed\n/)
      expect(found(readScript(text).slice(1))).toEqual(meant(script))
    },
  )

  test('without a management OS, or on a processor that has none, it waits and the screen says what helps', () => {
    const none = wants(OPEN, '', {}, {})
    expect(none.does).toBe('park')
    expect(none.text).toContain('the management OS is not built yet\n')
    expect(none.text).toContain('What to do: build it: reveille agent build\n')
    expect(none.text).not.toMatch(STARTS)
    expect(wants(OPEN, 'arch=arm64').reason).toContain('no management OS for arm64')
  })

  test('once all is written it boots its own disk, whatever its profile or next boot says', () => {
    const machine = { profile: 'debian', nextBoot: order('debian') }
    const bios = wants(REBOOTING, 'platform=pcbios', machine)
    expect(bios).toMatchObject({ does: 'local', profile: 'web', once: null, reason: 'web is written' })
    expect(bios.text).toMatch(
      /\/mark\/boot~m_1~web~\/launch[\s\S]*\nsanboot --no-describe --drive 0x80 \|\| goto failed\n/,
    )
    expect(wants(REBOOTING, 'platform=efi', machine).text).toMatch(/\nexit 1\n/)
  })

  test('a half-written disk is never booted; only a system in memory that somebody orders is', () => {
    for (const profile of ['local', 'web', 'debian', 'choice']) {
      const { does, reason, text } = wants(DIRTY, '', { state: 'failed', profile })
      expect([does, reason]).toEqual(['park', DIRTY.reason])
      expect(text).not.toMatch(STARTS)
    }
    for (const once of ['local', 'web', 'cd', 'own', 'choice'])
      expect(wants(DIRTY, '', { state: 'failed', nextBoot: order(once) }).does).toBe('park')
    const rescue = decide({ state: 'failed', nextBoot: order('debian') }, '', { deployment: () => DIRTY })
    expect(rescue).toMatchObject({ does: 'live', once: 'n_1' })
  })

  test.each(['maintenance', 'retired', 'discovered'] as const)(
    'a machine in state %s is parked all the same',
    (state) => expect(wants(OPEN, '', { state }).does).toBe('park'),
  )

  test('an install profile without an open deployment boots what is on the disk: nothing reinstalls by itself', () => {
    const { does, profile, text } = decide({ state: 'active', profile: 'web' }, 'platform=pcbios')
    expect([does, profile]).toEqual(['install', 'web'])
    expect(text).toMatch(/\nsanboot --no-describe --drive 0x80 \|\| goto failed\n/)
    expect(text).not.toContain('/boot/agent/')
    expect(decide({ state: 'active', profile: 'web' }, 'platform=efi').text).toMatch(/\nexit 1\n/)
  })
})

describe('menus', () => {
  test('show title, items and default; the choice comes back to the server; escape shows it again', () => {
    const { text, does, profile } = decide({ profile: 'choice' }, 'platform=efi')
    expect([does, profile]).toEqual(['menu', 'choice'])
    expect(text).toContain(
      `:menu\nmenu -- -- Pick -- || goto failed\nitem local This disk\nitem debian debian\nitem inner inner\n` +
        'choose --default debian --timeout 7000 choice || goto menu\n' +
        `chain --replace --autofree ${BASE}/boot/script.ipxe?mac=52:54:00:12:34:56&platform=efi&choice=$\{choice} ||\n`,
    )
    expect(text).not.toMatch(STARTS)
  })

  test('a choice is booted, also through a menu in the menu', () => {
    expect(decide({ profile: 'choice' }, 'choice=debian')).toMatchObject({
      profile: 'debian',
      reason: 'debian was chosen in the menu choice',
    })
    expect(decide({ profile: 'choice' }, 'choice=inner')).toMatchObject({ does: 'menu', profile: 'inner' })
    expect(decide({ profile: 'choice' }, 'choice=inner').text).toContain('&choice=inner&choice=$')
    expect(decide({ profile: 'choice' }, 'choice=inner&choice=cd')).toMatchObject({ does: 'iso', profile: 'cd' })
  })

  test.each(['choice=cd', 'choice=stop', 'choice=%24%7Bx%7D', 'choice=', 'choice=__proto__'])(
    'what is no item is not booted, the menu comes again: %s',
    (query) => {
      const { does, profile, reason } = decide({ profile: 'choice' }, query)
      expect([does, profile]).toEqual(['menu', 'choice'])
      expect(reason).toContain('none of its items')
    },
  )

  test('a choice without a menu means nothing', () =>
    expect(decide({ profile: 'local' }, 'choice=debian')).toMatchObject({ profile: 'local' }))

  test('a choice from a menu that is a next boot uses that up', () =>
    expect(decide({ profile: 'local', nextBoot: order('choice') }, 'choice=debian')).toMatchObject({
      profile: 'debian',
      once: 'n_1',
    }))
})

describe('what fails', () => {
  const everything: readonly [string, Partial<Machine> | undefined, string][] = [
    ['parked', {}, ''],
    ['live', { profile: 'debian' }, ''],
    ['local on BIOS', { profile: 'local' }, 'platform=pcbios'],
    ['iso', { profile: 'cd' }, ''],
    ['menu', { profile: 'choice' }, ''],
  ]

  test.each(everything)(
    '%s: every command that can fail says where to go on, and the end asks again for ever',
    (_, machine, query) => {
      const lines = decide(machine, query).text.trimEnd().split('\n')
      for (const line of lines.filter((text) => !/^(#|:|echo|set |item )/.test(text)))
        expect(line).toMatch(/\|\|( goto \w+)?$/)
      expect(lines.at(-1)).toMatch(/^chain --replace --autofree \S+ \|\| goto later$/)
    },
  )

  test('waits longer each time and tells the server what failed', () => {
    const wait = (retries: number) =>
      /:failed[\s\S]*?\nsleep (\d+)/.exec(decide({ profile: 'debian' }, `retries=${retries}`).text)?.[1]
    expect([0, 1, 2, 3, 1000, 5000].map(wait)).toEqual(['5', '10', '20', '30', '30', '30'])
    const { text } = decide({ profile: 'debian' }, 'retries=1')
    expect(text).toContain(`/boot/mark/boot~m_1~debian~/failed?step=$\{step}&error=$\{errno}`)
    expect(text).toContain('platform=pcbios&retries=2 ')
  })

  test('goes back to the menu when what was chosen failed three times', () => {
    expect(decide({ profile: 'choice' }, 'choice=debian&retries=2').text).toContain('&choice=debian&retries=3')
    expect(decide({ profile: 'choice' }, 'choice=debian&retries=3').text).not.toContain('&choice=debian&')
  })

  test('polls of a parked machine do not count as failures', () => {
    expect(decide({}, 'polls=2').text).toMatch(
      /\nsleep 20 \|\|\nchain \S+polls=3 \|\|\n|\nsleep 20 \|\|\nchain --replace --autofree \S+polls=3 \|\|\n/,
    )
    expect(decide({ profile: 'debian' }, 'polls=7').text).toContain('retries=1 ')
  })
})

test('the start script asks with the MAC first and foreign text in hex', () => {
  const text = startText(BASE)
  expect(text).toContain(
    `?mac=$\{mac}&platform=$\{platform}&arch=$\{arch}&uuid=$\{uuid}&serial=$\{serial:hexraw}&manufacturer=$\{manufacturer:hexraw}&product=$\{product:hexraw}`,
  )
  expect(text.trimEnd().split('\n').at(-1)).toMatch(/\|\| goto later$/)
})
