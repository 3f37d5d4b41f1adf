import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Access } from '../../src/access/access.ts'
import { PasswordFile } from '../../src/access/drivers/password-file.ts'
import { Passwords } from '../../src/access/passwords.ts'
import type { Role } from '../../src/access/user.ts'
import { type ApiClient, createClient } from '../../src/api/client/client.ts'
import { nodeTransport } from '../../src/api/client/node.ts'
import type { ApiDependencies } from '../../src/api/server/dependencies.ts'
import { createApi, type Door } from '../../src/api/server/server.ts'
import { LANGUAGES } from '../../src/compose/configs.ts'
import { versionFromCapture } from '../../src/compose/deployments.ts'
import { holdsOf, openDisks } from '../../src/compose/disks.ts'
import { openGateway } from '../../src/compose/gateway.ts'
import { Settings } from '../../src/config/schema.ts'
import { Configs } from '../../src/configs/configs.ts'
import { usersOf } from '../../src/configs/users.ts'
import { Consoles } from '../../src/consoles/consoles.ts'
import { Deployments } from '../../src/deployments/deployments.ts'
import { Events } from '../../src/events/event.ts'
import { boundedServer } from '../../src/http/server.ts'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { FileBlobs } from '../../src/images/drivers/files.ts'
import { Images } from '../../src/images/images.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { parseIpv4, parseSubnet } from '../../src/kit/ip.ts'
import type { Log } from '../../src/kit/log.ts'
import type { Mac } from '../../src/kit/mac.ts'
import { Machines } from '../../src/machines/machines.ts'
import { applyManifest } from '../../src/manifest/apply.ts'
import type { Lease } from '../../src/networks/lease.ts'
import type { Network } from '../../src/networks/network.ts'
import { Powers } from '../../src/power/powers.ts'
import { Profiles } from '../../src/profiles/profiles.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { ExportFolder } from '../../src/volumes/drivers/export-folder.ts'
import { VolumeLedger } from '../../src/volumes/ledger.ts'
import { MemoryAccess } from '../fakes/access-rows.ts'
import { MemoryConfigs } from '../fakes/config-rows.ts'
import { FakeConsole } from '../fakes/console.ts'
import { MemoryDeployments } from '../fakes/deployment-rows.ts'
import { MemoryGateway } from '../fakes/gateway-rows.ts'
import { MemoryEngine } from '../fakes/memory-engine.ts'
import { MemoryPool } from '../fakes/memory-pool.ts'
import { MemoryRecords } from '../fakes/memory-records.ts'
import { FAKE_SEALER, FakeDriver, fakeFactory, MemoryPower } from '../fakes/power.ts'
import { MemoryBatches, MemoryVolumes } from '../fakes/volume-rows.ts'

/** Rows by a key, as machines, profiles and images are kept. */
function memoryRows<T>(keyOf: (row: T) => string) {
  const rows = new Map<string, T>()
  return {
    all: async () => [...rows.values()],
    save: async (row: T) => void rows.set(keyOf(row), row),
    saveAll: async (many: readonly T[]) => {
      for (const row of many) rows.set(keyOf(row), row)
    },
    remove: async (key: string) => void rows.delete(key),
  }
}

/** Keeps every line as text, so that a test can look for what must not be there. */
export class LineLog implements Log {
  readonly lines: string[] = []
  readonly #write = (fields: object, message: string) => {
    const shown = (_: string, value: unknown) => (value instanceof Error ? `${value.stack}` : value)
    this.lines.push(`${message} ${JSON.stringify(fields, shown)}`)
  }
  debug = this.#write
  info = this.#write
  warn = this.#write
  error = this.#write
  child = () => this
}

export const NETWORK: Network = {
  name: 'rack',
  subnet: parseSubnet('10.0.0.0/24')!,
  interface: 'eth1',
  ranges: [{ first: parseIpv4('10.0.0.100')!, last: parseIpv4('10.0.0.199')! }],
  router: parseIpv4('10.0.0.1')!,
  dns: [],
  ntp: [],
  domain: null,
  leaseSeconds: 3600,
  relay: null,
}

/** A machine with neither power driver nor console. */
export const DUMB = '52:54:00:00:00:dd' as Mac

export const PASSWORD = 'correct horse battery'

export type World = Awaited<ReturnType<typeof openWorld>>

/** The API with real services over memory, listening on loopback and on a Unix socket. Answers are held to the contract. */
export async function openWorld(change: Partial<ApiDependencies> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-api-'))
  const clock = new ManualClock()
  const events = new Events()
  const log = new LineLog()
  const accessRows = new MemoryAccess()
  const access = await Access.open({
    repository: accessRows,
    clock,
    events,
    log,
    firstPassword: new PasswordFile(join(directory, 'admin-password')),
    auditKeepDays: 30,
    // The real cost is for passwords.test.ts: here it would be most of the time.
    passwords: new Passwords({ memoryKiB: 8, passes: 1, lanes: 1 }),
  })
  const profiles: Profiles = await Profiles.open({
    repository: memoryRows((profile) => profile.name),
    events,
    clock,
    imageKind: (reference) => images.resolve(reference)?.image.kind,
    usage: (name) =>
      machines
        .all()
        .filter((machine) => machine.profile === name)
        .map((machine) => machine.name),
    hasVolume: (name) => ledger.find(name) !== undefined,
    hasConfig: (reference) => configs.has(reference),
    heldBy: (profile) => held.ordering(profile),
  })
  const volumeRows = new MemoryVolumes()
  const ledger = await VolumeLedger.open({ repository: volumeRows, clock, events })
  const held = holdsOf(ledger)
  const images: Images = await Images.open({
    repository: memoryRows((image) => image.name),
    blobs: await FileBlobs.open(join(directory, 'blobs')),
    chunks: await FileChunks.open(join(directory, 'chunks')),
    clock,
    events,
    usedBy: (name, version) => profiles.naming(name, version),
    heldBy: held.naming,
    keeps: held.chunkLists,
  })
  const machines: Machines = await Machines.open({
    repository: memoryRows((machine) => machine.id),
    events,
    clock,
    namePattern: 'node-%04d',
    hasProfile: (name) => profiles.get(name) !== undefined,
    assertForgettable: held.assertForgettable,
  })
  const configs: Configs = await Configs.open({
    repository: new MemoryConfigs(),
    languages: LANGUAGES,
    sealer: FAKE_SEALER,
    clock,
    events,
    machine: (reference) => machines.find(reference),
    place: (machine) => ({ network: NETWORK, address: machine.ip }),
    server: () => 'http://10.0.0.1:8080',
    users: (config) => usersOf(config, profiles.all(), machines.all()),
  })
  const power = new FakeDriver()
  const configured = new FakeDriver({ kind: 'ipmi' })
  const powerRows = new MemoryPower()
  const powers = await Powers.open({
    repository: powerRows,
    sealer: FAKE_SEALER,
    factories: { ipmi: fakeFactory(configured), redfish: fakeFactory(configured), http: fakeFactory(configured) },
    builtIn: ({ macs }) => (macs.includes(DUMB) ? [] : [{ name: 'fake', kind: 'lab', make: () => power }]),
    machine: (id) => machines.get(id),
    machines: () => machines.all(),
    addressOf: () => null,
    mediaUrl: async (media) => `http://10.0.0.1/boot/${media}`,
    events,
    clock,
    log,
    pollSeconds: 0,
    concurrency: 4,
    sleep: async () => undefined,
  })
  const deployments = await Deployments.open({
    repository: new MemoryDeployments(),
    machines,
    profiles,
    images,
    versionFromCapture: versionFromCapture(images),
    power: powers.finder,
    notifier: { tell: async () => [] },
    events,
    clock,
    sleep: async () => undefined,
  })
  const pool = new MemoryPool(images)
  const engine = new MemoryEngine(pool)
  const disks = await openDisks({
    ledger,
    store: { batches: new MemoryBatches() },
    pool,
    engine,
    files: await ExportFolder.open(join(directory, 'exports')),
    machines,
    profiles,
    images,
    power: powers.finder,
    traces: { record: () => undefined, learn: () => undefined, macAt: () => undefined, decided: () => undefined },
    iscsi: { name: 'iqn.2026-11.org.reveille', chap: true },
    thresholds: { warnPercent: 80, refusePercent: 95 },
    host: () => '10.0.0.1',
    events,
    clock,
    log,
    sleep: async () => undefined,
  })
  engine.reports = (report) => disks.targets.reported(report)
  const traces: Trace[] = []
  const leases: Lease[] = []
  const serial = new FakeConsole()
  const shell = Object.assign(new FakeConsole(), { audited: 'machine.shell' })
  const consoles = new Consoles({
    records: new MemoryRecords(),
    source: (id) => (machines.get(id)?.macs.includes(DUMB) ? undefined : { name: 'lab', own: serial }),
    record: 'viewed',
    writers: 'several',
    clock,
    events,
  })
  const gatewayRows = new MemoryGateway()
  const bmcs = await openGateway({
    config: { gateway: { ...Settings.parse({}).gateway, host: '10.0.0.1' } },
    dataDir: directory,
    access,
    machines,
    profiles,
    images,
    traces: { newest: () => undefined, record: () => undefined },
    leases: { ofMac: (mac) => leases.filter((lease) => lease.mac === mac) },
    deployments,
    powers,
    consoles: () => consoles,
    ownAddress: () => '10.0.0.1',
    store: { gateway: gatewayRows },
    events,
    clock,
    log,
  })
  const belongings = new Map<string, ReadonlySet<string>>()
  const manifests = {
    all: async () => belongings,
    save: async (name: string, things: ReadonlySet<string>) => void belongings.set(name, things),
  }
  const dependencies: ApiDependencies = {
    access,
    machines,
    profiles,
    images,
    events,
    clock,
    log,
    leases: { all: () => leases, usage: () => ({ used: leases.length, size: 100 }) },
    networks: [NETWORK],
    traces: {
      newest: (macs) => traces.find((trace) => macs.includes(trace.mac)),
      get: async (id) => traces.find((trace) => trace.id === id),
      list: async (macs, { limit, before }) => {
        const mine = traces.filter((trace) => macs.includes(trace.mac))
        return mine.slice(before === undefined ? 0 : mine.findIndex(({ id }) => id === before) + 1).slice(0, limit)
      },
      why: async () => ({ trace: null, state: null, verdict: 'It has never booted.', sentences: [], next: ['wait'] }),
    },
    powers,
    bmcs: { gateway: bmcs.gateway, ...bmcs.told },
    deployments,
    disks,
    configs,
    consoles,
    agentShell: ({ macs }) => (macs.includes(DUMB) ? undefined : shell),
    applyManifest: (manifest, how) =>
      applyManifest({ machines, profiles, ...disks, powers, configs, gateway: bmcs.gateway, manifests }, manifest, how),
    previewScript: async () => ({ script: '#!ipxe\n', reason: 'it is parked' }),
    doctor: async () => [{ check: 'clock', status: 'ok', found: 'it is right', next: null }],
    settings: () => [{ name: 'dataDir', value: directory, source: 'file', description: 'directory' }],
    server: { version: '0.1.0', startedAt: clock.now(), listeners: () => [] },
    unready: () => [],
    counters: () => ({ dhcp_received_total: 3 }),
    webDirectory: join(directory, 'web'),
    maxUploadBytes: 10_000_000,
    ...change,
  }
  const api = await createApi(dependencies, { checkAnswers: true })
  const socket = join(directory, 'control.sock')
  const servers = [
    await listen(api.network, { host: '127.0.0.1', port: 0 }),
    await listen(api.control, { path: socket }),
  ]
  const url = `http://127.0.0.1:${(servers[0]!.address() as AddressInfo).port}`

  const tokens = new Map<string, string>()

  return {
    ...dependencies,
    deployments,
    disks,
    pool,
    engine,
    volumeRows,
    api,
    directory,
    clock,
    log,
    accessRows,
    traces,
    leases: leases,
    /** What switches every machine but `DUMB`, and what is behind every driver that a machine names. */
    power,
    configured,
    powerRows,
    powers,
    serial,
    /** The shell of a management OS that runs on the same machine. */
    shell,
    url,
    socket,
    /** As the server's own admin. */
    control: createClient(nodeTransport({ socket })),
    /** A user of this role with a token of these scopes. */
    async as(role: Role, scopes: readonly string[] = ['*:*']): Promise<{ token: string; client: ApiClient }> {
      const name = `${role}-user`
      if (!access.users().some((user) => user.name === name))
        await access.createUser({ name, role, password: PASSWORD })
      const key = `${role} ${scopes.join(' ')}`
      const principal = { name, role, scopes: ['*:*'], via: 'session' } as const
      const made = () => access.createToken(principal, { name: key, scopes, days: 1 })
      const token = tokens.get(key) ?? (await made()).secret.reveal()
      tokens.set(key, token)
      return { token, client: createClient(nodeTransport({ url, token })) }
    },
    /** The session cookie of a user with this role, as a browser would send it. */
    async cookieOf(role: Role): Promise<string> {
      const name = `${role}-user`
      if (!access.users().some((user) => user.name === name))
        await access.createUser({ name, role, password: PASSWORD })
      const answer = await fetch(`${url}/api/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: name, password: PASSWORD }),
      })
      return answer.headers.getSetCookie()[0]!.split(';')[0]!
    },
    async close() {
      for (const server of servers) server.close()
      await api.close()
      await disks.jobs.settled()
      for (const server of servers) server.closeAllConnections()
      await rm(directory, { recursive: true })
    },
  }
}

async function listen(door: Door, place: object): Promise<Server> {
  const server = boundedServer(door.request, { wanted: door.upgradable, take: door.upgrade })
  server.listen(place)
  await once(server, 'listening')
  return server
}

/** A boot trace of a machine. */
export function traceOf(id: string, mac: Mac, at: number): Trace {
  return {
    id,
    mac,
    startedAt: at,
    updatedAt: at + 1000,
    stage: 'loader',
    state: 'running',
    headline: 'it fetches its boot program',
    deadlineAt: at + 60_000,
    profile: null,
    bytesSent: 1234,
    events: [
      {
        at,
        stage: 'offer',
        kind: 'dhcp.discover',
        outcome: 'ok',
        summary: 'it asked for an address',
        reason: 'it is ours',
        detail: { client: 'firmware' },
      },
    ],
    dropped: 0,
  }
}
