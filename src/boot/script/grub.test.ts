import { describe, expect, test } from 'vitest'
import { EXPANDED, readScript } from '../../../test/grub/reader.ts'
import type { Image, ImageVersion } from '../../images/image.ts'
import { blankMachine } from '../../machines/edit.ts'
import type { Machine } from '../../machines/machine.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import type { KernelFacts } from '../../protocols/pe/secure-boot.ts'
import type { DiskAnswer } from '../../volumes/boot-disks.ts'
import { chooseProfile, type DeploymentBoot } from './choose.ts'
import { decideGrub, firstScript, type GrubFacts } from './grub.ts'
import { readRequest } from './request.ts'

const KERNEL = 'a'.repeat(64)
const profiles = new Map<string, Profile>()
const define = (input: unknown) => {
  const profile = { ...ProfileSpec.parse(input), createdAt: 0, updatedAt: 0 }
  profiles.set(profile.name, profile)
}
define({ name: 'debian', kind: 'live', image: 'di', cmdline: 'url={{files}}/x host={{hostname}};reboot ---' })
define({ name: 'quoted', kind: 'live', image: 'di', cmdline: 'a="b c"' })
define({
  name: 'rooted',
  kind: 'live',
  image: 'di',
  cmdline: 'root=LABEL=root on={{iscsi-target}}',
  disks: [{ use: 'overlay', image: 'desktop' }],
})
define({ name: 'local', kind: 'local' })
define({ name: 'cd', kind: 'iso', image: 'disc' })
define({ name: 'stop', kind: 'park', message: "Ask Ann's boss" })
define({ name: 'secret', kind: 'menu', items: [{ profile: 'debian', password: 'x' }], default: 'debian' })
define({
  name: 'timed',
  kind: 'menu',
  items: [{ profile: 'local' }, { profile: 'debian', password: 'x' }],
  default: 'local',
  timeoutSeconds: 7,
})
define({
  name: 'choice',
  kind: 'menu',
  items: [{ profile: 'local', label: "This machine's disk" }, { profile: 'debian' }],
  default: 'debian',
  timeoutSeconds: 0,
})

const files: ImageVersion['files'] = [
  { role: 'initrd', name: 'a+.gz', sha256: 'b'.repeat(64), bytes: 1 },
  { role: 'kernel', name: 'linux', sha256: KERNEL, bytes: 1 },
]
const version = { number: 1, files, cmdline: 'quiet', note: '', createdAt: 0 } as unknown as ImageVersion
const agentOs = {
  ...version,
  cmdline: 'quiet panic=30',
  files: [
    { role: 'kernel', name: 'vmlinuz', sha256: KERNEL, bytes: 1 },
    { role: 'initrd', name: 'system.zst', sha256: 'c'.repeat(64), bytes: 1 },
    { role: 'initrd', name: 'agent.zst', sha256: 'd'.repeat(64), bytes: 1 },
  ],
} as unknown as ImageVersion
const OPEN = { what: 'agent', deployment: 'd_1', reason: 'deployment d_1 installs web' } as const
const SIGNED: KernelFacts = { verdict: 'accepted', reason: 'is signed by Debian', machine: 'x86_64' }

function decide(
  machine: Partial<Machine>,
  {
    query = 'lockdown=y',
    kernel = SIGNED as KernelFacts | null,
    inMenu = false,
    deployment = undefined as DeploymentBoot | undefined,
    os = agentOs as ImageVersion | null,
    disks = undefined as DiskAnswer | undefined,
  } = {},
) {
  const asked = new URLSearchParams(`mac=52:54:00:12:34:56&platform=efi&arch=x86_64&uuid=&${query}`)
  const request = {
    ...readRequest(asked, 'http://10.0.0.1:8080')!,
    secureBoot: asked.get('lockdown') === 'y',
    inMenu,
  }
  const facts: GrubFacts = {
    machine: { ...blankMachine('m_1', 'node-0001', 0), ...machine },
    unknownMachines: 'park',
    profile: (name) => profiles.get(name),
    image: (name) => {
      const found = name === 'di' ? version : name === 'management-os' ? os : null
      return found ? { image: {} as Image, version: found } : undefined
    },
    deployment: () => deployment,
    grant: (use, { machine: id, profile, once }) => `${use}~${id}~${profile}~${once ?? ''}`,
    newBoot: () => 'b_1',
    passes: () => [],
    admits: () => 'missing',
    kernel: () => kernel ?? undefined,
    disks,
  }
  const decision = decideGrub(chooseProfile(request, facts), request, facts)
  return { ...decision, lines: readScript(decision.text) }
}

describe('a machine that loads GRUB', () => {
  test('tells what it is by the name of the script it asks for, and asks again for ever', () => {
    const name = (variable: string) => `${EXPANDED}${variable}${EXPANDED}`
    expect(readScript(firstScript())).toContainEqual([
      'if',
      'source',
      `/grub/for?mac=${name('net_default_mac')}&platform=efi&arch=${name('grub_cpu')}&uuid=${name('uuid')}&lockdown=${name('lockdown')}`,
    ])
    expect(firstScript()).toMatch(/^while true; do$/m)
  })

  test('gets kernel and initrds with the same words as iPXE, and reports its launch by a name', () => {
    const order = { id: 'n_1', profile: 'debian', orderedAt: 0, orderedBy: 'ann' }
    const { lines, ...decision } = decide({ profile: 'local', nextBoot: order, hostname: 'web1' })
    expect(decision).toMatchObject({ does: 'live', profile: 'debian', once: 'n_1' })
    const url = 'http://10.0.0.1:8080/boot/file/file~m_1~debian~n_1'
    expect(lines).toContainEqual([
      ...['if', 'linux', `/boot/blob/${KERNEL}/linux`, 'quiet', `url=${url}/x`, 'host=web1;reboot', '---'],
    ])
    expect(lines).toContainEqual(['if', 'initrd', `/boot/blob/${'b'.repeat(64)}/a-.gz`])
    const names = lines.map((line) => line.join(' '))
    expect(names.indexOf('if source /boot/mark/boot~m_1~debian~n_1/launch')).toBeLessThan(names.indexOf('boot'))
    expect(names.indexOf('boot')).toBeGreaterThan(0)
    expect(names).toContain(`if source /boot/mark/boot~m_1~debian~n_1/failed?step=${EXPANDED}step${EXPANDED}`)
  })

  test('does not load a kernel that would be refused, and says why', () => {
    const kernel: KernelFacts = { verdict: 'refused', reason: 'is not signed', machine: 'x86_64' }
    const refused = decide({ profile: 'debian' }, { kernel })
    expect(refused).toMatchObject({
      does: 'park',
      profile: 'debian',
      next: expect.stringContaining('without Secure Boot'),
    })
    expect(refused.reason).toBe(
      'debian cannot be booted: the kernel linux of di is not signed, and Secure Boot is on: it would be refused',
    )
    expect(refused.text).not.toMatch(/^if linux/m)
    expect(decide({ profile: 'debian' }, { kernel, query: 'lockdown=' }).does).toBe('live')
    const odd: KernelFacts = {
      verdict: 'unknown',
      reason: 'is signed by ACME, whose key must be enrolled',
      machine: null,
    }
    expect(decide({ profile: 'debian' }, { kernel: odd })).toMatchObject({
      does: 'live',
      reason: expect.stringContaining('Secure Boot is on, and the kernel is signed by ACME'),
    })
    const arm: KernelFacts = { ...SIGNED, machine: 'arm64' }
    expect(decide({ profile: 'debian' }, { kernel: arm }).reason).toMatch(/is for arm64, and the machine is x86_64/)
    expect(decide({ profile: 'debian' }, { kernel: null }).reason).toMatch(/cannot be read/)
  })

  test('shows a menu that asks for the script of what is chosen', () => {
    expect(decide({ profile: 'choice' }).lines).toContainEqual([
      'configfile',
      '/grub/menu?mac=52:54:00:12:34:56&platform=efi&arch=x86_64&lockdown=y',
    ])
    const shown = decide({ profile: 'timed' }, { inMenu: true }).lines
    expect(shown).toContainEqual(['menuentry', 'debian (has a password: needs iPXE)', '--id', 'debian'])
    // An entry that came back counts down again.
    expect(shown.slice(-2)).toEqual([
      ['sleep', `${EXPANDED}wait${EXPANDED}`],
      ['set', 'timeout=7'],
    ])
    const { lines } = decide({ profile: 'choice' }, { inMenu: true })
    expect(lines.slice(0, 3)).toEqual([
      ['set', 'default=debian'],
      ['set', 'timeout=-1'],
      ['menuentry', "This machine's disk", '--id', 'local'],
    ])
    expect(lines).toContainEqual([
      'source',
      '/grub/for?mac=52:54:00:12:34:56&platform=efi&arch=x86_64&lockdown=y&choice=debian',
    ])
    expect(decide({ profile: 'choice' }, { query: 'choice=debian' })).toMatchObject({ does: 'live' })
  })

  test('gets the management OS for a deployment, with its pass as the first initrd', () => {
    const { lines, ...decision } = decide({}, { deployment: OPEN })
    expect(decision).toMatchObject({ does: 'agent', profile: null, once: null, reason: OPEN.reason })
    expect(lines).toContainEqual([
      ...['if', 'linux', `/boot/blob/${KERNEL}/vmlinuz`, 'quiet', 'panic=30', 'reveille.mac=52:54:00:12:34:56'],
    ])
    expect(lines).toContainEqual([
      ...['if', 'initrd', '/boot/agent/agent~m_1~d_1~b_1/boot.cpio'],
      ...[`/boot/blob/${'c'.repeat(64)}/system.zst`, `/boot/blob/${'d'.repeat(64)}/agent.zst`],
    ])
    const names = lines.map((line) => line.join(' '))
    expect(names.indexOf('if source /boot/mark/agent-boot~m_1~d_1~/launch')).toBeLessThan(names.indexOf('boot'))
    expect(names).toContain(`if source /boot/mark/agent-boot~m_1~d_1~/failed?step=${EXPANDED}step${EXPANDED}`)
    expect(decision.text).not.toMatch(/^echo .*agent~m_1/m)
  })

  test('is parked where the management OS cannot be started, and told what helps', () => {
    const kernel: KernelFacts = { verdict: 'refused', reason: 'is not signed', machine: 'x86_64' }
    expect(decide({}, { deployment: OPEN, kernel })).toMatchObject({
      does: 'park',
      reason: `${OPEN.reason}, but the kernel vmlinuz of management-os is not signed, and Secure Boot is on: it would be refused`,
      next: 'build it again: reveille agent build --force',
    })
    expect(decide({}, { deployment: OPEN, kernel, query: 'lockdown=' }).does).toBe('agent')
    expect(decide({}, { deployment: OPEN, os: null })).toMatchObject({
      reason: `${OPEN.reason}, but the management OS is not built yet`,
      next: 'build it: reveille agent build',
    })
    const quoted = { ...agentOs, cmdline: 'a="b"' } as ImageVersion
    expect(decide({}, { deployment: OPEN, os: quoted }).reason).toMatch(/a quote or a backslash/)
  })

  test('starts its own disk with the boot loader that is on it, which then looks for its files on that disk', () => {
    const { lines, does } = decide({ profile: 'local' })
    expect(does).toBe('local')
    expect(lines[3 + 1]).toEqual(expect.arrayContaining(['for', '/EFI/debian/shimx64.efi', '/EFI/BOOT/BOOTX64.EFI']))
    const names = lines.map((line) => line.join(' '))
    const [at, back, mark] = [
      `set root=${EXPANDED}disk${EXPANDED}`,
      `set root=${EXPANDED}net${EXPANDED}`,
      'if source /boot/mark/boot~m_1~local~/launch',
    ].map((line) => names.indexOf(line))
    const load = names.findIndex((line) => line.startsWith('if chainloader'))
    expect(at).toBeGreaterThan(0)
    expect([at, load, back, mark]).toEqual([at, load, back, mark].toSorted((a, b) => a! - b!))
    // Whatever happens, the next name is asked of the server again.
    expect(names.filter((line) => line === `set root=${EXPANDED}net${EXPANDED}`)).toHaveLength(2)
  })

  test('gets disks that its system logs in to, told by an initrd and not on the command line', () => {
    const login = {
      ...{ host: '10.0.0.1', port: 3260, firstLun: 0, luns: 1, initiator: 'iqn.x:m-1', target: 'iqn.x:m-1:rooted' },
      ...{ chap: { user: 'm-1', secret: 'abcdefgh12345678' }, remarks: ['its disk began anew'] },
    }
    const given = decide({ profile: 'rooted' }, { disks: { outcome: 'disks', disks: login } })
    expect(given).toMatchObject({ does: 'live', reason: expect.stringMatching(/; its disk began anew$/) })
    expect(given.lines.find(([, word]) => word === 'linux')?.slice(3)).toEqual([
      ...['quiet', 'root=LABEL=root', 'on=iqn.x:m-1:rooted'],
    ])
    expect(given.lines.find(([, word]) => word === 'initrd')?.slice(2)).toEqual([
      `/boot/blob/${'b'.repeat(64)}/a-.gz`,
      '/boot/login/login~m_1~rooted~/login.cpio',
    ])
    expect(given.text).not.toContain('abcdefgh12345678')
    const refused = { outcome: 'refused', reason: 'a system is using them', next: 'shut it down first' } as const
    expect(decide({ profile: 'rooted' }, { disks: refused })).toMatchObject({
      ...{ does: 'park', reason: 'rooted cannot be booted: a system is using them', next: 'shut it down first' },
    })
    expect(decide({ profile: 'rooted' }).reason).toBe('rooted cannot be booted: there are no disks for it')
  })

  test('is told in a sentence what needs iPXE', () => {
    expect(decide({ profile: 'cd' }).reason).toMatch(
      /^cd cannot be booted: an ISO becomes a drive of the firmware by iPXE, .* make a live profile/,
    )
    expect(decide({ profile: 'quoted' }).reason).toMatch(/a quote or a backslash in "a=\\"b"/)
    expect(decide({ profile: 'secret' }, { query: 'choice=debian' }).reason).toMatch(/password, which GRUB cannot ask/)
    expect(decide({ profile: 'stop' })).toMatchObject({ does: 'park', reason: "Ask Ann's boss" })
    expect(decide({ state: 'discovered' }).reason).toBe('node-0001 is not approved yet')
    for (const profile of ['cd', 'quoted', 'stop']) expect(decide({ profile }).text).toMatch(/^set wait='15'$/m)
  })
})
