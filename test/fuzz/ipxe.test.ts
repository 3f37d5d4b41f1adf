import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { decideScript } from '../../src/boot/script/decide.ts'
import { readRequest } from '../../src/boot/script/request.ts'
import { blankMachine } from '../../src/machines/edit.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import { encodeScript, type IpxeScript, MAX_SCRIPT } from '../../src/protocols/ipxe/script.ts'
import { UnsafeText } from '../../src/protocols/ipxe/text.ts'
import type { DiskAnswer } from '../../src/volumes/boot-disks.ts'
import { found, meant } from '../ipxe/meant.ts'
import { readScript } from '../ipxe/reader.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const TARGET = 'iqn.2026-01.org.example:m_1'
/** Safe values and ones that mean something to iPXE, so that damage makes more of both. */
const VALUES = [
  'quiet console=ttyS0 ---',
  'a || sanboot --drive 0x80',
  'a && exit',
  'a ; shell',
  'a # comment',
  `$\{net0/mac}`,
  '$ {x} $',
  'C:\\',
  'root=/dev/nfs\nshell',
  '-h',
  '--',
  'node-0001',
  'http://10.0.0.1:8080/boot/blob/ab/linux',
  'https://[fd00::1]/x?mac=52:54:00:12:34:56&n=1',
  TARGET,
].map((text) => new TextEncoder().encode(text))
const EXPANSION = { setting: 'serial', as: 'hexraw' } as const

function scriptOf(value: string, split: number): IpxeScript {
  const parts = [value.slice(0, split), EXPANSION, value.slice(split)]
  const go = { otherwise: { goto: 'end' } } as const
  return [
    [{ run: [{ do: 'echo', text: value }] }],
    [{ run: [{ do: 'echo', text: parts }], otherwise: 'next' }],
    [{ run: [{ do: 'menu', title: value }] }, { run: [{ do: 'item', name: value, text: 'x' }] }],
    [{ run: [{ do: 'item', name: 'x', text: value }] }],
    [{ run: [{ do: 'choose', default: value, timeoutMs: 1 }], ...go }],
    [{ run: [{ do: 'set', setting: 'step', value }, { do: 'boot' }], ...go }],
    [{ run: [{ do: 'set', setting: 'step', value: parts }] }],
    [{ run: [{ do: 'kernel', url: 'http://10.0.0.1/k', args: value }], ...go }],
    [{ run: [{ do: 'kernel', url: value, args: parts }] }],
    [{ run: [{ do: 'chain', url: value }], ...go }],
    [{ run: [{ do: 'chain', url: parts }] }],
    [
      {
        run: [
          { do: 'fetch', name: value, url: 'http://10.0.0.1/k' },
          { do: 'free', name: value },
        ],
        ...go,
      },
    ],
    [{ run: [{ do: 'initrd', name: 'initrd0', url: value }] }],
    [{ run: [{ do: 'sanboot', from: { url: value } }] }],
    [{ label: value }],
    [{ run: [{ do: 'goto', label: value }] }],
    [{ run: [{ do: 'set', setting: 'password', value }, { do: 'login' }], ...go }],
    [{ run: [{ do: 'set', setting: 'initiator-iqn', value: parts }] }],
    [{ run: [{ do: 'sanhook', drive: 0x80, disk: { host: value, port: 3260, target: TARGET, lun: 0 } }], ...go }],
    [{ run: [{ do: 'sanhook', drive: 0x80, disk: { host: '10.0.0.1', port: 1, target: value, lun: 1 } }] }],
    [{ run: [{ do: 'initrd', name: 'BCD', url: 'http://10.0.0.1/k', wrap: value }] }],
  ]
    .at(split % 21)!
    .concat({ label: 'end' } as never) as IpxeScript
}

test('builder: a value is written as that value or refused; never a second command, never an expansion', () => {
  const mutator = new Mutator(fuzzSeed('ipxe builder'))
  let written = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const value = Buffer.from(mutator.mutate(mutator.pick(VALUES))).toString('latin1')
    const script = scriptOf(value, mutator.below(63))
    let text: string
    try {
      text = encodeScript(script)
    } catch (error) {
      if (error instanceof UnsafeText) continue
      throw error
    }
    written++
    const [first, ...read] = readScript(text)
    if (first?.commands.length !== 0 || !isDeepStrictEqual(found(read), meant(script)))
      expect({ value, found: found(read) }).toEqual({ value, found: meant(script) })
  }
  expect(written).toBeGreaterThan(fuzzCount() / 20)
})

const QUERIES = [
  'mac=52:54:00:12:34:56&platform=efi&arch=x86_64&uuid=11111111-2222-3333-4444-555555555556&serial=6126&n=3',
  'mac=525400123456&platform=pcbios&choice=debian&choice=menu&serial=ff00&product=$%7Bx%7D',
  'mac=525400123456&choice=room&typed=6f70656e&pass=choice~m_1~x',
  'mac=525400123456&choice=windows&choice=room&typed=zz',
].map((text) => new TextEncoder().encode(text))
const COMMON = { description: '', createdAt: 0, updatedAt: 0 }

test('script stage: whatever a machine asks and whatever its profile holds, it gets a script that iPXE reads as decided', () => {
  const mutator = new Mutator(fuzzSeed('ipxe script stage'))
  const file = { role: 'kernel', name: 'linux', sha256: 'a'.repeat(64), bytes: 1 } as const
  let booted = 0
  let attached = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const query = new URLSearchParams(Buffer.from(mutator.mutate(mutator.pick(QUERIES))).toString('latin1'))
    const request = readRequest(query, 'http://10.0.0.1:8080')
    if (!request) continue
    const odd = Buffer.from(mutator.mutate(mutator.pick(VALUES))).toString('latin1')
    const live: Profile = {
      ...COMMON,
      name: 'debian',
      kind: 'live',
      image: 'di',
      cmdline: odd,
      files: [],
      config: null,
      disks: [],
    }
    const disk = { use: 'volume', volume: 'data', access: 'exclusive' } as const
    const hideGateway = mutator.below(2) === 0
    const room: Profile = { ...COMMON, name: 'room', kind: 'diskless', disks: [disk], hideGateway }
    const windows: Profile = {
      ...COMMON,
      name: 'windows',
      kind: 'wim',
      config: null,
      image: 'pe',
      wim: 'pe',
      disks: [disk],
      hideGateway,
    }
    const items = [
      { profile: 'debian', label: odd, password: null },
      { profile: 'room', label: odd, password: odd },
      { profile: 'windows', label: '', password: null },
    ]
    const menu: Profile = {
      ...COMMON,
      name: 'menu',
      kind: 'menu',
      title: odd,
      items,
      default: 'debian',
      timeoutSeconds: 1,
    }
    const stop: Profile = { ...COMMON, name: 'stop', kind: 'park', message: odd }
    const all = new Map([live, menu, stop, room, windows].map((profile) => [profile.name, profile]))
    const profile = mutator.pick(['debian', 'menu', 'stop', 'room', 'windows', odd])
    const nextBoot = mutator.below(2) ? { id: 'n_1', profile, orderedAt: 0, orderedBy: odd } : null
    const agent = mutator.below(4) === 0
    const chap = mutator.below(2) ? { user: odd, secret: odd } : null
    const login = { host: '10.0.0.1', port: 3260, initiator: mutator.below(2) ? odd : TARGET, target: TARGET }
    const disks: DiskAnswer = mutator.below(4)
      ? { outcome: 'disks', disks: { ...login, firstLun: mutator.below(300), luns: 1, chap, remarks: [odd] } }
      : { outcome: 'refused', reason: odd, next: odd }
    const named = { ...file, role: mutator.pick(['initrd', 'wim'] as const), name: odd }
    const files = mutator.below(2) ? [file] : [file, named]
    const { script, text, does } = decideScript(request, {
      machine: { ...blankMachine('m_1', 'node-0001', 0), profile, nextBoot, hostname: odd },
      unknownMachines: 'park',
      profile: (name) => all.get(name),
      image: () => ({ image: {} as never, version: { files, cmdline: odd } as never }),
      grant: (use) => `${use}~x`,
      newBoot: () => 'b_1',
      disks,
      admits: () => mutator.pick(['admitted', 'missing', 'wrong', { laterSeconds: mutator.below(300) }] as const),
      passes: () => (mutator.below(2) ? ['choice~x'] : []),
      deployment: () => (agent ? { what: 'agent', deployment: 'd_1', reason: odd } : undefined),
    })
    if (does === 'live') booted++
    if (does === 'diskless' || does === 'wim') attached++
    expect(text.length).toBeLessThanOrEqual(MAX_SCRIPT)
    const read = found(readScript(text).slice(1))
    if (!isDeepStrictEqual(read, meant(script))) expect({ odd, read }).toEqual({ odd, read: meant(script) })
  }
  expect(booted).toBeGreaterThan(0)
  expect(attached).toBeGreaterThan(0)
})
