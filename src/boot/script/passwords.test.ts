import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { serveHandlers } from '../../../test/fakes/boot-server.ts'
import { MemoryRepository } from '../../../test/fakes/memory-repository.ts'
import { RecordedTraces } from '../../../test/fakes/traces.ts'
import { ManualClock } from '../../kit/clock.ts'
import { SILENT } from '../../kit/log.ts'
import type { Machine } from '../../machines/machine.ts'
import { Machines } from '../../machines/machines.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import type { DiskAnswer, DiskRequest } from '../../volumes/boot-disks.ts'
import { serveConfigure } from '../configure/serve.ts'
import { serveScript } from './serve.ts'

const MAC = '52:54:00:12:34:56'
const OTHER = '52:54:00:12:34:57'
const SECRET = 'Open&Sesame'
const key = new Uint8Array(32).fill(7)
const profiles = new Map<string, Profile>()
for (const input of [
  { name: 'local', kind: 'local' },
  { name: 'room', kind: 'diskless', disks: [{ use: 'volume', volume: 'data', access: 'exclusive' }] },
  {
    ...{ name: 'setup', kind: 'live', image: 'di', disks: [{ use: 'volume', volume: 'data', access: 'exclusive' }] },
    files: [{ name: 'preseed.cfg', content: '{{iscsi-target}} at {{iscsi-host}}' }],
    cmdline: 'url={{files}}/preseed.cfg',
  },
  {
    ...{ name: 'menu', kind: 'menu', default: 'local' },
    items: [{ profile: 'local' }, { profile: 'room', password: SECRET }, { profile: 'inner', password: 'second' }],
  },
  { name: 'inner', kind: 'menu', items: [{ profile: 'room', password: 'third' }], default: 'room', timeoutSeconds: 0 },
])
  profiles.set(input.name, { ...ProfileSpec.parse(input), createdAt: 0, updatedAt: 0 })

let clock: ManualClock
let traces: RecordedTraces
let machines: Machines
let asked: DiskRequest[]
let answer: DiskAnswer
let server: Awaited<ReturnType<typeof serveHandlers>>
let stage: ReturnType<typeof serveScript>

beforeEach(async () => {
  clock = new ManualClock()
  traces = new RecordedTraces()
  asked = []
  const target = 'iqn.2026-01.org.example:a'
  const login = { host: '10.0.0.1', port: 3260, initiator: 'iqn.2026-01.org.example:m', target }
  answer = {
    outcome: 'disks',
    disks: { ...login, firstLun: 0, luns: 1, chap: { user: 'm', secret: 'kept-back-123' }, remarks: [] },
  }
  machines = await Machines.open({
    repository: new MemoryRepository<Machine>((machine) => machine.id),
    clock,
    events: { publish() {} },
    namePattern: 'node-%04d',
    hasProfile: (name) => profiles.has(name),
  })
  const desk = {
    prepare: async (request: DiskRequest) => {
      asked.push(request)
      return answer
    },
    preview: () => answer,
    given: () => undefined,
  }
  const common = { machines, profiles, disks: desk, traces, key, clock, log: SILENT }
  const image = {
    version: { files: [{ role: 'kernel', name: 'linux', sha256: 'a'.repeat(64), bytes: 1 }], cmdline: '' },
  }
  const deployments = { bootFor: () => undefined, launchedLocal: async () => {}, bootSeen: async () => {} }
  const images = { resolve: () => image as never }
  stage = serveScript({ ...common, images, deployments, unknownMachines: 'park' })
  server = await serveHandlers(stage.handler, serveConfigure(common))
})
afterEach(() => server.close())

const hex = (text: string) => Buffer.from(text).toString('hex')
const script = async (query = '', mac = MAC) =>
  (await fetch(`${server.base}/boot/script.ipxe?mac=${mac}&platform=pcbios${query}`)).text()
const ready = (profile: string, mac = MAC) =>
  machines.create({ name: `web-${mac.slice(-2)}`, macs: [mac as never], profile }, 'admin')
const pass = (text: string) => /&pass=([A-Za-z0-9._~-]+)/.exec(text)?.[1]

describe('an entry with a password', () => {
  test('asks for it, and boots when it is right; its disks are touched only then', async () => {
    await ready('menu')
    expect(await script()).toContain('item room room')
    const form = await script('&choice=room')
    expect(form).toMatch(/\nlogin \|\| goto back\n/)
    expect(form).toContain(`&choice=room&typed=\${password:hexraw}`)
    expect(asked).toEqual([])
    const boot = await script(`&choice=room&typed=${hex(SECRET)}`)
    expect(boot).toContain('\nsanboot ')
    expect(asked).toMatchObject([{ profile: { name: 'room' }, host: '127.0.0.1', address: '10.0.0.9' }])
  })

  test('does not ask again after a failure, on this machine and for this entry alone', async () => {
    await ready('menu')
    await ready('menu', OTHER)
    const boot = await script(`&choice=room&typed=${hex(SECRET)}`)
    const again = /\nchain --replace --autofree (\S+)/.exec(boot)![1]!
    expect(await (await fetch(again)).text()).toContain('\nsanboot ')
    expect(await script(`&choice=room&pass=${pass(boot)}`, OTHER)).toContain('\nlogin ')
    expect(await script(`&choice=inner&pass=${pass(boot)}`)).toContain('\nlogin ')
    expect(await script(`&choice=room&pass=${pass(boot)}x`)).toContain('\nlogin ')
    clock.advance(25 * 3600_000)
    expect(await script(`&choice=room&pass=${pass(boot)}`)).toContain('\nlogin ')
  })

  test('says that it was wrong, and leads back to the menu', async () => {
    await ready('menu')
    for (const typed of ['', hex('open sesame'), 'zz', hex(`${SECRET}x`)].slice(0, 3)) {
      const text = await script(`&choice=room&typed=${typed}`)
      expect(text).toContain('That password is not right.')
      expect(text).not.toMatch(/^(login|san|kernel|exit)/m)
      expect(text.trimEnd().split('\n').at(-1)).not.toContain('choice=')
    }
    expect(asked).toEqual([])
    expect(traces.events.at(-1)).toMatchObject({ outcome: 'refused', detail: { decision: 'menu', profile: 'menu' } })
  })

  test('makes those wait who guess, also when they then guess right', async () => {
    await ready('menu')
    const guess = (text: string) => script(`&choice=room&typed=${hex(text)}`)
    for (let i = 0; i < 4; i++) expect(await guess(`x${i}`)).toContain('not right')
    expect(await guess(SECRET)).toContain('Try again in 10 s.')
    clock.advance(10_000)
    expect(await guess(SECRET)).toContain('\nsanboot ')
    expect(await guess('x')).toContain('not right')
  })

  test('in a menu in a menu each password is asked for, and what was typed counts once', async () => {
    await ready('menu')
    const inner = await script(`&choice=inner&typed=${hex('second')}`)
    expect(inner).toContain('item room room')
    const form = await script(`&choice=inner&pass=${pass(inner)}&choice=room`)
    expect(form).toContain('\nlogin ')
    expect(form).toContain(`&pass=${pass(inner)}`)
    expect(await script(`&choice=inner&pass=${pass(inner)}&choice=room&typed=${hex('third')}`)).toContain('\nsanboot ')
    expect(await script(`&choice=inner&choice=room&typed=${hex('second')}`)).toContain('\nlogin ')
  })

  test('neither it nor what was typed is told to anybody', async () => {
    const { id } = await ready('menu')
    const texts = [await script(), await script('&choice=room'), await script(`&choice=room&typed=${hex(SECRET)}`)]
    await script(`&choice=room&typed=${hex('a-wrong-one')}`)
    const told = JSON.stringify([texts, traces.events, stage.preview(machines.get(id)!, server.base)])
    for (const text of [SECRET, hex(SECRET), 'a-wrong-one', hex('a-wrong-one')]) expect(told).not.toContain(text)
    expect(JSON.stringify(traces.events)).not.toMatch(/kept-back|choice~/)
  })
})

describe('disks', () => {
  test('a machine that may not have them waits, and is told why', async () => {
    await ready('room')
    answer = { outcome: 'refused', reason: 'web-57 has the master', next: 'wait until it is published' }
    expect(await script()).toContain('Why: room cannot be booted: web-57 has the master\n')
    expect(traces.events.at(-1)).toMatchObject({ detail: { decision: 'park', profile: 'room' } })
  })

  test('files of an installer name them; a preview makes none ready', async () => {
    const { id } = await ready('setup')
    expect(stage.preview(machines.get(id)!, 'http://10.0.0.1:8080').script).toContain(
      'sanhook --drive 0x80 iscsi:10.0.0.1:',
    )
    expect(asked).toEqual([])
    const url = /url=(\S+)/.exec(await script())![1]!
    expect(await (await fetch(url)).text()).toBe('iqn.2026-01.org.example:a at 10.0.0.1')
  })
})
