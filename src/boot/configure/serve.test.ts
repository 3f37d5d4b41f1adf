import { createSecretKey } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serveHandlers } from '../../../test/fakes/boot-server.ts'
import { RecordedTraces } from '../../../test/fakes/traces.ts'
import type { RenderedConfig } from '../../configs/config.ts'
import type { ConfigDesk } from '../../configs/desk.ts'
import { SAMPLE_MACHINE } from '../../configs/facts.ts'
import { ManualClock } from '../../kit/clock.ts'
import { SILENT } from '../../kit/log.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import { type Grant, sealGrant } from '../capability.ts'
import { serveConfigure } from './serve.ts'

const key = new Uint8Array(32).fill(7)
const MACHINE = { ...SAMPLE_MACHINE, id: 'm_1', name: 'web1' }
const PROFILE: Profile = {
  ...ProfileSpec.parse({
    name: 'node',
    kind: 'live',
    image: 'flatcar',
    config: 'worker',
    files: [{ name: 'x', content: '{{config}}' }],
  }),
  createdAt: 0,
  updatedAt: 0,
}
const WINDOWS: Profile = {
  ...ProfileSpec.parse({ name: 'pe', kind: 'wim', image: 'pe', config: 'windows' }),
  createdAt: 0,
  updatedAt: 0,
}
const SETUP: Profile = {
  ...ProfileSpec.parse({
    name: 'setup',
    kind: 'live',
    image: 'debian-installer',
    config: 'debian',
    disks: [{ use: 'volume', volume: 'master', access: 'exclusive' }],
  }),
  createdAt: 0,
  updatedAt: 0,
}
/** What the machine was given for its disks. */
const LOGIN = { initiator: 'iqn.x:m-1', target: 'iqn.x:m-1.setup', port: 3260, firstLun: 0, luns: 1, remarks: [] }
const part = (name: string, content: string, secret = false) => ({ name, contentType: 'text/plain', content, secret })

let clock: ManualClock
let traces: RecordedTraces
let launched: string[]
let installed: string[]
let chap: { user: string; secret: string } | null
let rendered: RenderedConfig
let taken: Set<string>
let server: Awaited<ReturnType<typeof serveHandlers>>

const desk: ConfigDesk = {
  deliveryOf: () => 'ignition.json',
  deliveriesOf: () => ['ignition.json'],
  problemFor: () => undefined,
  phonesHome: () => true,
  render: (_, machine, { home, iscsi }) => ({
    ...rendered,
    parts: rendered.parts.map((each) => ({
      ...each,
      content: `${each.content} ${machine.name} ${iscsi ? JSON.stringify(iscsi) : home}`,
    })),
  }),
  takeOnce: async (boot, name) => !taken.has(`${boot} ${name}`) && taken.add(`${boot} ${name}`) !== undefined,
  giveBack: async (boot, name) => void taken.delete(`${boot} ${name}`),
}

beforeEach(async () => {
  clock = new ManualClock()
  traces = new RecordedTraces()
  launched = []
  installed = []
  chap = { user: 'm-1', secret: 'chap12345678' }
  taken = new Set()
  rendered = { config: 'worker', version: 3, kind: 'butane', parts: [part('ignition.json', '{}')], problems: [] }
  server = await serveHandlers(
    serveConfigure({
      machines: { get: (id) => (id === 'm_1' ? MACHINE : undefined), launched: async (id) => void launched.push(id) },
      profiles: { get: (name) => [PROFILE, WINDOWS, SETUP].find((each) => each.name === name) },
      configs: desk,
      disks: {
        preview: () => ({ outcome: 'refused', reason: 'nobody asks', next: '' }),
        given: ({ machine, host }) => (machine === 'm_1' ? { ...LOGIN, host, chap } : undefined),
      },
      deployments: {
        phonedHome: async (machine, deployment) => {
          if (deployment === 'd_lost') throw new Error('the disk is full')
          installed.push(`${machine} ${deployment}`)
          return { counts: deployment === 'd_1', reason: `${deployment} was heard` }
        },
      },
      traces,
      key,
      clock,
      log: SILENT,
    }),
  )
})
afterEach(() => server.close())

const capability = (more: Partial<Grant> = {}) =>
  sealGrant(
    {
      use: 'file',
      machine: 'm_1',
      mac: MACHINE.macs[0]!,
      profile: 'node',
      once: null,
      expiresAt: clock.now() + 60_000,
      ...more,
    },
    createSecretKey(key),
  )
async function ask(path: string, method = 'GET') {
  const response = await fetch(server.base + path, { method })
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') }
}

test('a boot is given the config of its profile, rendered for its machine, and the fetch is in the trace', async () => {
  const word = capability()
  const answer = await ask(`/boot/file/${word}/ignition.json`)
  expect(answer).toMatchObject({ status: 200, type: 'text/plain' })
  expect(answer.text).toBe(`{} web1 ${server.base}/boot/home/${word}`)
  expect((await ask(`/boot/file/${word}/ignition.json`)).status).toBe(200)
  expect(traces.events[0]).toMatchObject({
    kind: 'http.file',
    outcome: 'ok',
    reason: 'it is version 3 of the config worker, rendered for web1',
  })
  expect(launched).toContain('m_1')
  expect((await ask(`/boot/file/${word}/x`)).text).toBe(`${server.base}/boot/file/${word}/ignition.json`)
  expect((await ask(`/boot/file/${word}/other`)).status).toBe(404)
})

test('Windows PE is given its config by iPXE, which proves no launch', async () => {
  rendered = { ...rendered, kind: 'unattend', parts: [part('unattend.xml', '<a/>', true), part('startnet.cmd', 'x')] }
  const word = capability({ profile: 'pe' })
  const asks = (name: string) => {
    return fetch(`${server.base}/boot/file/${word}/${name}`, { headers: { 'user-agent': 'iPXE/1.21.1' } })
  }
  expect(await (await asks('unattend.xml')).text()).toContain('<a/> web1')
  expect((await asks('unattend.xml')).status).toBe(410)
  expect((await asks('startnet.cmd')).status).toBe(200)
  expect((await asks('other')).status).toBe(404)
  expect(launched).toEqual([])
  expect(traces.events[0]).toMatchObject({ stage: 'script', summary: 'iPXE asked for the file unattend.xml' })
})

test('a config is told how to log in to the disks of its boot, with the secret of that boot', async () => {
  const asks = async () => (await ask(`/boot/file/${capability({ profile: 'setup' })}/ignition.json`)).text
  const { initiator, target, port } = LOGIN
  const iscsi = { initiator, target, host: '127.0.0.1', port, lun: 0 }
  expect(await asks()).toBe(`{} web1 ${JSON.stringify({ ...iscsi, user: 'm-1', secret: 'chap12345678' })}`)
  chap = null
  expect(await asks()).toBe(`{} web1 ${JSON.stringify({ ...iscsi, user: '', secret: '' })}`)
})

test('what holds secrets is given once to each boot, and not to one that only asks for its size', async () => {
  rendered = { ...rendered, parts: [part('ignition.json', 'secret', true)] }
  const word = capability()
  expect((await ask(`/boot/file/${word}/ignition.json`, 'HEAD')).status).toBe(200)
  expect((await ask(`/boot/file/${word}/ignition.json`)).text).toContain('secret')
  const again = await ask(`/boot/file/${word}/ignition.json`)
  expect(again.status).toBe(410)
  expect(again.text).toContain('Boot the machine again')
  expect(again.text).not.toContain('secret web1')
  expect((await ask(`/boot/file/${capability({ once: 'n_2' })}/ignition.json`)).status).toBe(200)
})

test('a config that does not fit is refused with its line', async () => {
  const problem = {
    severity: 'error',
    part: 'main',
    path: '$',
    at: { line: 4, column: 1 },
    message: 'no value',
    hint: '',
  } as const
  rendered = { ...rendered, parts: [], problems: [problem] }
  const answer = await ask(`/boot/file/${capability()}/ignition.json`)
  expect(answer.status).toBe(409)
  expect(answer.text).toContain('The config worker does not fit web1: main line 4: no value.')
  expect(answer.text).toContain('reveille config render worker --machine web1')
})

test('nobody is given anything without the capability of a boot', async () => {
  for (const word of ['x', capability({ expiresAt: clock.now() - 1 }), capability({ use: 'boot' })])
    expect((await ask(`/boot/file/${word}/ignition.json`)).status).toBe(403)
  expect((await ask(`/boot/file/${capability({ machine: 'm_2' })}/ignition.json`)).status).toBe(404)
  expect(taken.size).toBe(0)
})

test('a system phones home by any method, and nobody else', async () => {
  const word = capability()
  for (const method of ['GET', 'POST', 'PUT']) expect((await ask(`/boot/home/${word}`, method)).status).toBe(204)
  expect(launched).toEqual(['m_1', 'm_1', 'm_1'])
  expect(traces.events[0]).toMatchObject({ kind: 'http.home', outcome: 'ok' })
  expect((await ask('/boot/home/x', 'POST')).status).toBe(403)
  expect(launched).toHaveLength(3)
  // An installer may take longer than its files can be read.
  const late = capability({ expiresAt: clock.now() - 3600_000 })
  expect((await ask(`/boot/file/${late}/ignition.json`)).status).toBe(403)
  expect((await ask(`/boot/home/${late}`)).status).toBe(204)
  expect((await ask(`/boot/home/${capability({ expiresAt: clock.now() - 24 * 3600_000 })}`)).status).toBe(403)
  // Of a boot in memory: it says nothing of the disk.
  expect(installed).toEqual([])
})

test('an installed system phones home to its deployment, for as long as its word lasts and for nothing else', async () => {
  const word = (more: Partial<Grant> = {}) => capability({ use: 'home', profile: 'd_1', ...more })
  expect((await ask(`/boot/home/${word()}`, 'POST')).status).toBe(204)
  expect(installed).toEqual(['m_1 d_1'])
  expect(traces.events.at(-1)).toMatchObject({ kind: 'http.home', outcome: 'ok', reason: 'd_1 was heard' })
  // What the machine is, its deployments decide.
  expect(launched).toEqual([])
  expect((await ask(`/boot/home/${word({ profile: 'd_0' })}`)).status).toBe(204)
  expect(traces.events.at(-1)).toMatchObject({ kind: 'http.home', outcome: 'ignored', reason: 'd_0 was heard' })
  expect((await ask(`/boot/home/${word({ expiresAt: clock.now() - 1 })}`)).status).toBe(403)
  expect((await ask(`/boot/home/${word({ machine: 'm_2' })}`)).status).toBe(403)
  expect((await ask(`/boot/file/${word()}/ignition.json`)).status).toBe(403)
  expect((await ask(`/boot/home/${word({ profile: 'd_lost' })}`)).status).toBe(503)
  expect(installed).toEqual(['m_1 d_1', 'm_1 d_0'])
})
