import { describe, expect, test } from 'vitest'
import { blankMachine } from '../../machines/edit.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import type { BootDisks, DiskAnswer } from '../../volumes/boot-disks.ts'
import { decideScript, type ScriptFacts } from './decide.ts'
import { readRequest } from './request.ts'

const BASE = 'http://10.0.0.1:8080'
const TARGET = 'iqn.2026-01.org.example:room-1'
const LOGIN: BootDisks = {
  host: '10.0.0.1',
  port: 3261,
  initiator: 'iqn.2026-01.org.example:m_1',
  target: TARGET,
  firstLun: 0,
  luns: 2,
  chap: null,
  remarks: [],
}
const disk = { use: 'overlay', image: 'desktop' }
const given = (input: unknown): Profile => ({ ...ProfileSpec.parse(input), createdAt: 0, updatedAt: 0 })
const ROOM = given({ name: 'room', kind: 'diskless', disks: [disk, disk] })
const SETUP = {
  ...{ name: 'setup', kind: 'live', image: 'di', disks: [disk] },
  cmdline: 'to={{iscsi-host}}:{{iscsi-port}}/{{iscsi-target}} as={{iscsi-initiator}}',
}
const FILES = [
  { role: 'kernel', name: 'wimboot', sha256: 'a'.repeat(64), bytes: 1 },
  { role: 'initrd', name: 'BCD', sha256: 'b'.repeat(64), bytes: 1 },
  { role: 'initrd', name: 'BOOT.WIM', sha256: 'c'.repeat(64), bytes: 1 },
]
const IMAGES: Readonly<Record<string, unknown>> = {
  di: { version: { files: FILES.slice(0, 1), cmdline: '' } },
  pe: { version: { files: FILES, cmdline: 'gui' } },
  own: { version: { files: [{ role: 'wim', name: 'mine.wim', sha256: 'd'.repeat(64), bytes: 1 }], cmdline: '' } },
}

function decide(profile: Profile, disks?: DiskAnswer, configs?: ScriptFacts['configs']) {
  const request = readRequest(new URLSearchParams('mac=52:54:00:12:34:56&platform=pcbios'), BASE)!
  return decideScript(request, {
    machine: { ...blankMachine('m_1', 'node-0001', 0), profile: profile.name },
    unknownMachines: 'park',
    profile: () => profile,
    image: (reference) => IMAGES[reference] as never,
    grant: (use) => `${use}~x`,
    newBoot: () => 'b_1',
    deployment: () => undefined,
    admits: () => 'missing',
    passes: () => [],
    disks,
    configs,
  })
}
const withDisks = (profile: Profile, more: Partial<BootDisks> = {}) =>
  decide(profile, { outcome: 'disks', disks: { ...LOGIN, ...more } })
/** The lines that begin with these words, in the order of the script. */
const order = (text: string, ...words: string[]) =>
  text.split('\n').filter((line) => words.some((word) => line.startsWith(word)))

describe('a diskless machine', () => {
  test('logs in as itself, reports, and boots its first disk', () => {
    const { does, text } = withDisks(ROOM)
    expect(does).toBe('diskless')
    expect(order(text, 'set initiator', 'sanhook', ':launch', 'sanboot', ':failed')).toEqual([
      'set initiator-iqn iqn.2026-01.org.example:m_1',
      `sanhook --drive 0x80 iscsi:10.0.0.1::3261:0:${TARGET} || goto failed`,
      ':launch',
      'sanboot --no-describe --drive 0x80 || goto failed',
      ':failed',
    ])
    expect(text).not.toContain('gateway')
  })

  test('proves itself where there is CHAP, and never with what somebody typed', () => {
    const { text } = withDisks(ROOM, { chap: { user: 'm_1', secret: 'abcdefghijkl' } })
    expect(order(text, 'set username', 'set password', 'sanhook')).toEqual([
      'set username m_1',
      'set password abcdefghijkl',
      expect.stringContaining('sanhook'),
    ])
    expect(order(withDisks(ROOM).text, 'set username', 'set password')).toEqual([])
    expect(withDisks(ROOM).text).toMatch(/clear username \|\|\nclear password \|\|\n[\s\S]*sanhook/)
  })

  test('lets go of everything after a failure, and asks again', () => {
    const { text } = withDisks({ ...ROOM, hideGateway: true } as Profile)
    const after = text.slice(text.indexOf(':failed'))
    expect(after).toMatch(/\nsanunhook --drive 0x80 \|\|\n[\s\S]*\nclear netX\/gateway \|\|\n[\s\S]*\nchain /)
    expect(after).not.toMatch(/^(shell|exit|sanboot)/m)
  })

  test('is told of the LUN where the disks begin, in hex digits', () =>
    expect(withDisks(ROOM, { firstLun: 10 }).text).toContain(`iscsi:10.0.0.1::3261:a:${TARGET}`))

  test('does not see its gateway where that is to be hidden', () =>
    expect(order(withDisks({ ...ROOM, hideGateway: true } as Profile).text, 'set netX', 'sanhook')).toEqual([
      'set netX/gateway 0.0.0.0',
      expect.stringContaining('sanhook'),
    ]))

  test('waits while it may not have its disks, with the reason on its screen', () => {
    const refused = { outcome: 'refused', reason: 'the pool is full', next: 'make room' } as const
    const { does, text, profile } = decide(ROOM, refused)
    expect([does, profile]).toEqual(['park', 'room'])
    expect(text).toContain('Why: room cannot be booted: the pool is full\necho What to do: make room\n')
    expect(text).not.toMatch(/^san/m)
    expect(decide(ROOM).does).toBe('park')
  })

  test('is told, as is its trace, what was done for its disks', () => {
    const { reason, text } = withDisks(ROOM, { remarks: ['its disk was reset to desktop@3'] })
    expect(reason).toBe('room is the profile of node-0001; its disk was reset to desktop@3')
    expect(text).toContain(`Why: ${reason}`)
  })

  test('waits when iPXE could not be told its disks', () =>
    expect(withDisks(ROOM, { host: '[fd00::1]' })).toMatchObject({ does: 'park' }))
})

describe('systems that are loaded', () => {
  test('an installer gets its disk first, and is told how to log in to it', () => {
    const { text } = withDisks(given(SETUP))
    expect(order(text, 'sanhook', 'kernel', 'boot')).toEqual([
      expect.stringContaining('sanhook'),
      expect.stringContaining(`to=10.0.0.1:3261/${TARGET} as=iqn.2026-01.org.example:m_1`),
      'boot || goto failed',
    ])
    expect(decide(given({ ...SETUP, disks: [] })).text).toContain('to={{iscsi-host}}')
  })

  test('Windows PE gets the files of wimboot under their own names', () => {
    const { does, text } = decide(given({ name: 'pe', kind: 'wim', image: 'pe' }))
    expect(does).toBe('wim')
    expect(order(text, 'kernel', 'initrd', 'san')).toEqual([
      `kernel --name kernel ${BASE}/boot/blob/${'a'.repeat(64)}/wimboot gui || goto failed`,
      `initrd --name BCD ${BASE}/boot/blob/${'b'.repeat(64)}/BCD BCD || goto failed`,
      `initrd --name BOOT.WIM ${BASE}/boot/blob/${'c'.repeat(64)}/BOOT.WIM BOOT.WIM || goto failed`,
    ])
  })

  test('Windows PE gets what its config holds, in place of files of the bundle, against a capability of this boot', () => {
    const profile = given({ name: 'pe', kind: 'wim', image: 'pe', config: 'windows' })
    const configs = (names: string[], problem?: string) => ({
      deliveryOf: () => names[0],
      deliveriesOf: () => names,
      problemFor: () => problem,
    })
    const { text } = decide(profile, undefined, configs(['unattend.xml', 'startnet.cmd']))
    expect(order(text, 'initrd').slice(2)).toEqual([
      `initrd --name unattend.xml ${BASE}/boot/file/file~x/unattend.xml unattend.xml || goto failed`,
      `initrd --name startnet.cmd ${BASE}/boot/file/file~x/startnet.cmd startnet.cmd || goto failed`,
    ])
    expect(order(decide(profile, undefined, configs(['unattend.xml', 'bcd'])).text, 'initrd')).toEqual([
      expect.stringContaining('BOOT.WIM'),
      expect.stringContaining('unattend.xml'),
      expect.stringContaining('/boot/file/file~x/bcd'),
    ])
    expect(decide(profile, undefined, configs(['ignition.json'])).reason).toContain('not of kind unattend')
    expect(decide(profile, undefined, configs(['unattend.xml'], 'no value')).reason).toContain('no value')
  })

  test('a WIM of its own takes the place of the one in the bundle', () => {
    const profile = given({ name: 'pe', kind: 'wim', image: 'pe', wim: 'own', disks: [disk], hideGateway: true })
    expect(order(withDisks(profile).text, 'set netX', 'sanhook', 'initrd')).toEqual([
      'set netX/gateway 0.0.0.0',
      expect.stringContaining('sanhook'),
      expect.stringContaining('initrd --name BCD'),
      `initrd --name boot.wim ${BASE}/boot/blob/${'d'.repeat(64)}/boot.wim boot.wim || goto failed`,
    ])
    expect(decide(given({ name: 'pe', kind: 'wim', image: 'pe', wim: 'di' })).reason).toContain('di has no WIM')
    expect(decide(given({ name: 'pe', kind: 'wim', image: 'own' })).reason).toContain('wimboot')
  })
})
