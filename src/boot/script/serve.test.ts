import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { serveHandlers } from '../../../test/fakes/boot-server.ts'
import { MemoryRepository } from '../../../test/fakes/memory-repository.ts'
import { RecordedTraces } from '../../../test/fakes/traces.ts'
import { ManualClock } from '../../kit/clock.ts'
import { SILENT } from '../../kit/log.ts'
import type { Machine } from '../../machines/machine.ts'
import { Machines } from '../../machines/machines.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import { serveConfigure } from '../configure/serve.ts'
import type { DeploymentBoot } from './choose.ts'
import { serveScript } from './serve.ts'

const MAC = '52:54:00:12:34:56'
const SHA = 'a'.repeat(64)
const key = new Uint8Array(32).fill(7)
const profiles = new Map<string, Profile>()
for (const input of [
  { name: 'local', kind: 'local' },
  { name: 'own', kind: 'script', script: '#!ipxe\nshell' },
  {
    name: 'debian',
    kind: 'live',
    image: 'di',
    cmdline: 'url={{files}}/preseed.cfg',
    files: [
      { name: 'preseed.cfg', content: 'host {{hostname}} mac {{mac}} more {{files}}/late.sh keep {{this}} $\u00e9\n' },
    ],
  },
])
  profiles.set(input.name, { ...ProfileSpec.parse(input), createdAt: 0, updatedAt: 0 })
const image = { version: { files: [{ role: 'kernel', name: 'linux', sha256: SHA, bytes: 1 }], cmdline: '' } } as never

let clock: ManualClock
let traces: RecordedTraces
let repository: MemoryRepository<Machine>
let machines: Machines
let wanted: DeploymentBoot | undefined
let told: string[]
let server: Awaited<ReturnType<typeof serveHandlers>>

/** The whole stage anew, as after a restart: only the repository, the key and the clock are what they were. */
async function start(more: { unknownMachines?: string; perSecond?: number } = {}) {
  machines = await Machines.open({
    repository,
    clock,
    events: { publish() {} },
    namePattern: 'node-%04d',
    hasProfile: (name) => profiles.has(name),
  })
  const common = { machines, profiles, traces, key, clock, log: SILENT }
  const stage = serveScript({
    ...common,
    images: { resolve: () => image },
    deployments: {
      bootFor: (id) => (machines.get(id) ? wanted : undefined),
      launchedLocal: async (id) => void told.push(`launched ${id}`),
      bootSeen: async (id) => void told.push(`seen ${id}`),
    },
    unknownMachines: 'park',
    ...more,
  })
  await server?.close()
  server = await serveHandlers(stage.handler, serveConfigure(common))
  return stage
}

beforeEach(() => {
  clock = new ManualClock()
  traces = new RecordedTraces()
  wanted = undefined
  told = []
  repository = new MemoryRepository((machine) => machine.id)
})
afterEach(() => server.close())

const get = async (path: string) => {
  const response = await fetch(path.startsWith('http') ? path : server.base + path)
  return { status: response.status, text: await response.text() }
}
const script = () => get(`/boot/script.ipxe?mac=${MAC}&platform=pcbios`)
/** The path in the line of a script that matches. */
const pathIn = (text: string, pattern: RegExp) => new URL(pattern.exec(text)![1]!, server.base).pathname

async function ready(profile: string, once?: string) {
  const { id } = await machines.create({ name: 'web', macs: [MAC], profile }, 'admin')
  if (once) await machines.setBoot(id, { once }, 'ann')
  return id
}

describe('script', () => {
  test('start and script are what the machine needs, and traced', async () => {
    await start()
    const first = await get('/boot/start.ipxe')
    expect(first.text).toMatch(/^#!ipxe\n/)
    expect(first.text).toContain(`${server.base}/boot/script.ipxe?mac=`)
    const parked = await script()
    expect(parked.text).toContain('echo Reveille: node-0001 (52:54:00:12:34:56) waits\n')
    expect([...repository.rows.values()]).toMatchObject([
      { name: 'node-0001', state: 'discovered', firmware: 'bios', lastAddress: '10.0.0.9' },
    ])
    expect(traces.events).toMatchObject([
      { address: '10.0.0.9', kind: 'http.start', stage: 'script', outcome: 'ok' },
      {
        mac: MAC,
        kind: 'http.script',
        stage: 'script',
        reason: 'node-0001 is not approved yet',
        detail: { decision: 'park' },
      },
    ])
    expect(traces.profiles.get(MAC as never)).toBeNull()
    expect(traces.macAt('10.0.0.9')).toBe(MAC)
  })

  test('what GRUB asks is told from what iPXE asks: it takes longer to fetch its files', async () => {
    const { grub } = await start()
    expect(await grub(`grub/for?mac=${MAC}&platform=efi&arch=x86_64`, '10.0.0.9', server.base)).toBeDefined()
    expect(traces.events.at(-1)).toMatchObject({ kind: 'http.script', detail: { decision: 'park', by: 'GRUB' } })
    await script()
    expect(traces.events.at(-1)?.detail).not.toHaveProperty('by')
  })

  test('polls make equal events, so that a parked machine does not fill its trace', async () => {
    await start()
    for (let polls = 0; polls < 3; polls++) await get(`/boot/script.ipxe?mac=${MAC}&polls=${polls}`)
    const [first, ...rest] = traces.events.map(({ bytes: _, ...event }) => event)
    for (const event of rest) expect(event).toEqual(first)
  })

  test('ignored machines are not recorded', async () => {
    await start({ unknownMachines: 'ignore' })
    expect((await script()).text).toMatch(/\nexit 0\n$/)
    expect(repository.rows.size).toBe(0)
    expect(traces.events.at(-1)).toMatchObject({ outcome: 'ignored' })
  })

  test('a machine that cannot be recorded is told so, and the request is not lost', async () => {
    await start()
    repository.failing = new Error('disk full')
    expect((await script()).status).toBe(503)
    repository.failing = undefined
    expect((await script()).status).toBe(200)
  })

  test('odd requests get a sentence: no MAC, a wrong method, a host that is none', async () => {
    await start()
    expect(await get('/boot/script.ipxe?mac=x')).toEqual({
      status: 400,
      text: expect.stringContaining('/boot/start.ipxe'),
    })
    expect((await fetch(`${server.base}/boot/script.ipxe`, { method: 'POST' })).status).toBe(405)
    const status = await new Promise((resolve) =>
      httpRequest(`${server.base}/boot/start.ipxe`, { headers: { host: 'x|| shell' } }, (response) =>
        resolve(response.statusCode),
      ).end(),
    )
    expect(status).toBe(400)
    expect((await get('/boot/other')).text).toBe('nobody\n')
    const head = await fetch(`${server.base}/boot/start.ipxe`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('a flood from one address is refused until the next second', async () => {
    await start({ perSecond: 3 })
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push((await get('/boot/start.ipxe')).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    clock.advance(1000)
    expect((await get('/boot/start.ipxe')).status).toBe(200)
  })
})

describe('marks', () => {
  const mark = /(\/boot\/mark\/\S+\/launch)/

  test('a launch consumes the next boot once and makes the machine active, also after a restart in between', async () => {
    await start()
    const id = await ready('local', 'debian')
    const { text } = await script()
    expect(machines.get(id)).toMatchObject({ state: 'ready', nextBoot: { profile: 'debian' } })
    await start()
    expect((await get(pathIn(text, mark))).status).toBe(200)
    expect(repository.rows.get(id)).toMatchObject({ state: 'active', nextBoot: null })
    expect(traces.events.at(-1)).toMatchObject({
      mac: MAC,
      kind: 'mark.launch',
      stage: 'launch',
      detail: { profile: 'debian' },
    })
    await machines.setBoot(id, { once: 'own' }, 'ann')
    await get(pathIn(text, mark))
    expect(machines.get(id)?.nextBoot?.profile).toBe('own')
  })

  test('fetching a script, however often, consumes nothing', async () => {
    await start()
    const id = await ready('local', 'debian')
    for (let i = 0; i < 3; i++) expect((await script()).text).toContain('boots debian')
    expect(machines.get(id)).toMatchObject({ state: 'ready', nextBoot: { profile: 'debian' } })
  })

  test('a failure is recorded with its step, cut to what can be one', async () => {
    await start()
    const id = await ready('debian')
    const failed = pathIn((await script()).text, mark).replace('/launch', '/failed')
    await get(`${failed}?step=kernel&error=0x2d0c613b`)
    expect(traces.events.at(-1)).toMatchObject({
      kind: 'mark.failed',
      outcome: 'failed',
      summary: 'the step kernel of debian failed; it tries again',
      reason: 'iPXE says error 2d0c613b (http://ipxe.org/2d0c613b)',
      detail: { step: 'kernel', error: '2d0c613b' },
    })
    await get(`${failed}?step=<b>&error=${'x'.repeat(1000)}`)
    expect(traces.events.at(-1)?.detail).toEqual({ profile: 'debian', decision: 'live' })
    expect(machines.get(id)?.state).toBe('ready')
  })

  test('forged and expired ones are refused and change nothing', async () => {
    await start()
    const id = await ready('debian')
    const path = pathIn((await script()).text, mark)
    expect((await get(path.replace('~debian~', '~local~'))).status).toBe(403)
    expect((await get('/boot/mark/x/launch')).status).toBe(403)
    expect((await get(path.replace('/launch', '/erase'))).status).toBe(404)
    clock.advance(24 * 3600_000)
    expect(await get(path)).toEqual({ status: 403, text: expect.stringContaining('expired') })
    expect(machines.get(id)?.state).toBe('ready')
  })
})

describe('deployments', () => {
  test('every question gets a word of its own; it is in no trace, and the launch of the management OS is none of the machine', async () => {
    await start()
    const id = await ready('local', 'debian')
    wanted = { what: 'agent', deployment: 'd_1', reason: 'it is to be installed' }
    const word = /\/boot\/agent\/([A-Za-z0-9._~-]+)\/boot\.cpio/
    const words = [word.exec((await script()).text)![1], word.exec((await script()).text)![1]]
    expect(words[0]).not.toBe(words[1])
    expect(told).toEqual([`seen ${id}`, `seen ${id}`])
    await get(pathIn((await script()).text, /(\/boot\/mark\/\S+\/launch)/))
    expect(traces.events.at(-1)).toMatchObject({ kind: 'mark.launch', detail: { decision: 'agent' } })
    expect(machines.get(id)).toMatchObject({ state: 'ready', nextBoot: { profile: 'debian' } })
    expect(JSON.stringify(traces.events)).not.toContain('agent~')
  })

  test('its own disk being started is told to the deployment that waits for it, and to no other', async () => {
    await start()
    const id = await ready('local')
    wanted = { what: 'local', deployment: 'd_1', profile: 'web', reason: 'web is written' }
    const launch = pathIn((await script()).text, /(\/boot\/mark\/\S+\/launch)/)
    await get(launch)
    expect(told).toEqual([`launched ${id}`])
    wanted = undefined
    await get(launch)
    expect(told).toEqual([`launched ${id}`])
  })
})

test('an own script is given to the boot that runs it, as it is', async () => {
  await start()
  await ready('own')
  const path = pathIn((await script()).text, /(\/boot\/own\/\S+)/)
  expect(await get(path)).toEqual({ status: 200, text: '#!ipxe\nshell\n' })
  expect((await get('/boot/own/boot~x~y')).status).toBe(403)
})

describe('files for the booted system', () => {
  const files = /url=(\S+)/

  test('are filled in for the machine, and prove its launch should the report be lost', async () => {
    await start()
    const id = await ready('local', 'debian')
    const url = files.exec((await script()).text)![1]!
    const { status, text } = await get(url)
    expect(status).toBe(200)
    expect(text).toBe(`host web mac ${MAC} more ${url.replace('/preseed.cfg', '')}/late.sh keep {{this}} $\u00e9\n`)
    expect(traces.events.at(-1)).toMatchObject({
      mac: MAC,
      kind: 'http.file',
      stage: 'system',
      outcome: 'ok',
      detail: { file: 'preseed.cfg', status: 200 },
    })
    await machines.flush()
    expect(machines.get(id)).toMatchObject({ state: 'active', nextBoot: null })
  })

  test('are refused without a good capability, with a sentence that says what to do', async () => {
    await start()
    const id = await ready('debian')
    const path = pathIn((await script()).text, files)
    expect(await get(path.replace('preseed.cfg', 'other.cfg'))).toEqual({
      status: 404,
      text: 'The profile debian has no file other.cfg. See which it has: reveille profile show debian.\n',
    })
    expect((await get('/boot/file/x/preseed.cfg')).status).toBe(403)
    expect((await get(path.replace('/file~', '/boot~'))).status).toBe(403)
    clock.advance(2 * 3600_000)
    expect(await get(path)).toEqual({ status: 403, text: expect.stringContaining('boot script brings a fresh one') })
    expect(traces.events.at(-1)).toMatchObject({ kind: 'http.file', outcome: 'refused' })
    expect(machines.get(id)?.state).toBe('ready')
    expect((await fetch(server.base + path, { method: 'PUT', body: 'x' })).status).toBe(405)
  })

  test('a boot report is no key to files, nor the other way round', async () => {
    await start()
    await ready('debian')
    const { text } = await script()
    const boot = /\/boot\/mark\/([^/]+)\//.exec(text)![1]!
    const file = /\/boot\/file\/([^/]+)\//.exec(text)![1]!
    expect((await get(`/boot/file/${boot}/preseed.cfg`)).status).toBe(403)
    expect((await get(`/boot/mark/${file}/launch`)).status).toBe(403)
  })
})

test('a preview shows the same script with blanks for capabilities, and records nothing', async () => {
  const stage = await start()
  const id = await ready('debian')
  const { script: text, reason } = stage.preview(machines.get(id)!, 'http://10.0.0.1:8080')
  expect(reason).toBe('debian is the profile of web')
  expect(text).toContain('http://10.0.0.1:8080/boot/file/preview-file/preseed.cfg')
  const blank = (script: string) =>
    script.replaceAll(server.base, 'http://10.0.0.1:8080').replace(/(boot|file)~[^/\s]+/g, 'preview-$1')
  expect(blank((await script()).text)).toBe(text)
  expect(traces.events).toHaveLength(1)
  expect((await get('/boot/mark/preview-boot/launch')).status).toBe(403)
})
