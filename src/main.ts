import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Finding } from './api/contract/server.ts'
import { createApi } from './api/server/server.ts'
import type { BackupParts } from './backup/backup.ts'
import { serveConfigure } from './boot/configure/serve.ts'
import { findBlob, kernelInspector } from './boot/loader/blobs.ts'
import { loaderHandler } from './boot/loader/http.ts'
import { findProgram } from './boot/loader/programs.ts'
import { serveBoot } from './boot/loader/target.ts'
import { serveTftp } from './boot/loader/tftp.ts'
import { readDiscPrograms } from './boot/media/programs.ts'
import { BootDiscs } from './boot/media/serve.ts'
import { type OfferService, serveOffer } from './boot/offer/serve.ts'
import { isGivenGrub } from './boot/programs.ts'
import { serveScript } from './boot/script/serve.ts'
import { counters, diskListener, listeners, unready } from './boot/status.ts'
import { baseUrl, ownAddress } from './compose/addresses.ts'
import { offlineBackup, runningBackups } from './compose/backup.ts'
import { openConfigs } from './compose/configs.ts'
import { openConsoles } from './compose/consoles.ts'
import { installConfigs, openDeployments } from './compose/deployments.ts'
import { holdsOf, openDisks } from './compose/disks.ts'
import { openDomain, type Surroundings } from './compose/domain.ts'
import { announce, openDoors } from './compose/doors.ts'
import { ending, type Taken } from './compose/ending.ts'
import { openGateway } from './compose/gateway.ts'
import { openGuests } from './compose/guests.ts'
import { openInstall } from './compose/install.ts'
import { openLab, wireLab } from './compose/lab.ts'
import { lateNetworks } from './compose/late-networks.ts'
import { openManagement } from './compose/management.ts'
import { offlinePassword } from './compose/offline-password.ts'
import { openPower } from './compose/power.ts'
import { logLook, serviceNotices } from './compose/service.ts'
import { filesOverTftp } from './compose/tftp.ts'
import { openThrift } from './compose/thrift.ts'
import { administerStorage, openStorage } from './compose/volumes.ts'
import type { LoadedConfig } from './config/load.ts'
import { examine } from './doctor/doctor.ts'
import { LINUX } from './doctor/linux.ts'
import { Events } from './events/event.ts'
import { scrubStamp } from './images/drivers/scrub-stamp.ts'
import { Scrub } from './images/scrub.ts'
import { formatIpv4 } from './kit/ip.ts'
import type { Log } from './kit/log.ts'
import type { Stop } from './kit/stop.ts'
import { openLog } from './log/pino.ts'
import { applyManifest } from './manifest/apply.ts'
import { Leases } from './networks/leases.ts'
import { planNetworks } from './networks/plan.ts'
import { Reservations } from './networks/reservations.ts'
import { type ReplayRecord, replay as replayPackets } from './replay/replay.ts'
import { listInterfaces } from './sockets/interfaces.ts'
import { bootKey } from './store/boot-key.ts'
import { openStore } from './store/store.ts'
import type { LoginReport } from './volumes/engine.ts'
import { VolumeLedger } from './volumes/ledger.ts'

/** Where the package is: this file is `src/main.ts` in a checkout and `dist/lib/main.js` in an installed package. */
const PACKAGE = resolve(import.meta.dirname, import.meta.filename.endsWith('.ts') ? '..' : '../..')
const VERSION = '0.1.0'
const CLOCK = { now: () => Date.now() }
const TICK_MS = 1000
const POLL_TICK_MS = 250
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Builds the whole server and runs it until SIGINT or SIGTERM. The order is the one of dependence: store, domain, lab, boot
 * stages, API, listeners; stopping goes backwards. A `Refusal` on the way stops what was started and is thrown.
 */
export async function serve(loaded: LoadedConfig): Promise<void> {
  const { config } = loaded
  const log = openLog({ level: config.log.level, look: logLook() })
  const stops: Stop[] = []
  const onStop = (stop: Stop) => stops.push(stop)
  try {
    const { ended, giveUp } = ending()
    const notices = serviceNotices(log)
    await start(loaded, log, onStop, giveUp)
    notices.ready()
    await ended
    notices.stopping()
    log.info({}, 'stopping')
  } finally {
    for (const stop of stops.reverse()) await stop().catch((error) => log.error({ error }, 'could not stop cleanly'))
  }
}

async function start(loaded: LoadedConfig, log: Log, onStop: (stop: Stop) => void, taken: Taken) {
  const { config, settings } = loaded
  const startedAt = CLOCK.now()
  const dataDir = resolve(config.dataDir)
  const events = new Events()
  const every = (ms: number, work: () => unknown) => {
    const timer = setInterval(() => {
      Promise.resolve(work()).catch((error) => log.error({ error }, 'regular work failed; it is tried again'))
    }, ms)
    onStop(async () => clearInterval(timer))
  }

  const whenRemoved = (forget: (machine: string) => Promise<unknown>, left: string) =>
    events.listen(({ topic, id, change }) => {
      if (topic !== 'machine' || change !== 'removed') return
      forget(id).catch((error) => log.error({ machine: id, error }, left))
    })

  // Store and domain.
  const store = await openStore(dataDir, { log, database: config.database, taken })
  onStop(() => store.close())
  const around: Surroundings = { config, dataDir, events, clock: CLOCK, log }
  const ledger = await VolumeLedger.open({ repository: store.volumes, clock: CLOCK, events })
  const domain = await openDomain(store, around, {
    hasVolume: (name) => ledger.find(name) !== undefined,
    hasConfig: (reference) => configs.has(reference),
  })
  const { machines, profiles, images, traces, access } = domain
  domain.holds.push(holdsOf(ledger))
  onStop(async () => {
    await machines.flush()
    await traces.close()
  })
  every(TICK_MS, () => traces.tick())
  every(MINUTE_MS, () => machines.forgetUnseen())
  every(HOUR_MS, async () => {
    await images.prune()
    await images.collect()
  })
  every(HOUR_MS, () => access.prune())
  const scrub = await Scrub.open({
    images,
    clock: CLOCK,
    log,
    stamp: scrubStamp(join(dataDir, 'chunks', 'scrubbed')),
    days: config.images.scrubDays,
    rest: delay,
  })
  onStop(() => scrub.stop())
  every(MINUTE_MS, () => scrub.tick())

  const built = openManagement({ images, dataDir, packageDirectory: PACKAGE, version: VERSION, log })
  onStop(() => built.management.stop())

  // The lab comes before the listeners: its interface is served like any other.
  const lab = config.lab.enabled ? await openLab(around, domain, built) : undefined
  if (lab) onStop(() => lab.close())
  const labWiring = lab && (await wireLab(lab, config, log))

  // Stage 1 and the networks it serves.
  const own = listInterfaces().filter(({ name }) => config.dhcp.interfaces.includes(name))
  const networks = config.dhcp.mode === 'server' ? planNetworks(config.networks, own) : []
  if (labWiring) networks.push(labWiring.network)
  const reservations = new Reservations(machines.all())
  events.listen(({ topic, id }) => {
    if (topic === 'machine') reservations.update(id, machines.get(id))
  })
  const leases = await Leases.open({
    repository: store.leases,
    clock: CLOCK,
    networks,
    reservations,
    committed: (changed) => {
      for (const { ip } of changed) events.publish({ topic: 'lease', id: formatIpv4(ip), change: 'saved' })
    },
  })
  every(TICK_MS, lateNetworks({ config, networks, leases, log }))
  for (const { state, mac, ip } of leases.all()) if (state === 'bound') traces.learn(mac, formatIpv4(ip))
  const offers: OfferService[] = []
  const offer = async (mode: 'proxy' | 'server', interfaces: readonly string[]) => {
    const service = await serveOffer({
      mode,
      interfaces,
      networks,
      leases,
      machines,
      traces,
      clock: CLOCK,
      log,
      unknownMachines: config.unknownMachines,
      advertise: config.advertise ?? null,
      httpPort: config.http.listen.port,
      rateLimit: config.dhcp.rateLimit,
      conflictProbe: config.dhcp.conflictProbe,
      routerAdvertisement: config.dhcp.routerAdvertisement,
    })
    onStop(service.stop)
    offers.push(service)
  }
  if (config.dhcp.mode !== 'off') await offer(config.dhcp.mode, config.dhcp.interfaces)
  if (labWiring) await offer('server', [labWiring.interface])

  // What machines are to become, before the stages that make it so.
  const configs = await openConfigs({ ...around, ...domain, store, leases, networks, server: () => bootUrl() })
  every(HOUR_MS, () => store.configs.forgetTaken(CLOCK.now() - DAY_MS))
  const advertised = config.advertise === undefined ? undefined : baseUrl(formatIpv4(config.advertise), config)
  const bootUrl = () => advertised ?? baseUrl(ownAddress(), config)
  const key = await bootKey(dataDir)
  const discs = new BootDiscs({
    machine: (id) => machines.get(id),
    networks: () => [...networks, ...planNetworks(config.networks, own), ...planNetworks([], listInterfaces())],
    programs: readDiscPrograms,
    base: bootUrl,
    ...{ key, clock: CLOCK, log },
  })
  const bootDisc = discs.urlFor.bind(discs)
  const switches = await openPower({ ...around, ...domain, store, leases, lab, bootUrl, bootDisc })
  onStop(() => switches.stop())
  const { powers } = switches
  const power = powers.finder
  every(POLL_TICK_MS, () => powers.tick())
  const { notify, phoneHomeMinutes } = config
  const written = installConfigs(configs, { key, clock: CLOCK, server: bootUrl })
  const told = { configs: written, power, notify, phoneHomeMinutes }
  const deployments = await openDeployments({ ...around, store, ...domain, ...told })
  domain.holds.push(deployments)
  whenRemoved((machine) => deployments.forget(machine), 'what was known of a machine stays')
  every(HOUR_MS, () => deployments.prune(CLOCK.now() - config.deployments.keepDays * DAY_MS))
  every(TICK_MS, () => deployments.tick())

  // Volumes, and what serves them.
  const logins: { report: (report: LoginReport) => void } = { report: () => undefined }
  const storage = await openStorage({
    config,
    dataDir,
    images,
    clock: CLOCK,
    log,
    report: (report) => logins.report(report),
  })
  const disks = await openDisks({
    ...storage,
    ...domain,
    ledger,
    store,
    power,
    iscsi: config.iscsi,
    thresholds: config.volumes,
    host: () => (config.advertise === undefined ? ownAddress() : formatIpv4(config.advertise)),
    events,
    clock: CLOCK,
    log,
    sleep: delay,
  }).catch(async (error) => {
    await storage.engine?.stop()
    await storage.pool.close()
    throw error
  })
  onStop(() => disks.stop())
  logins.report = (report) => disks.targets.reported(report)
  every(TICK_MS, () => disks.tick())
  every(MINUTE_MS, () => disks.diskless.forgetOrphans())
  whenRemoved((machine) => disks.diskless.forget(machine), 'the disks of a machine stay')

  // Running systems.
  const offline = offlinePassword({ disks, machines, clock: CLOCK, log })
  const guests = await openGuests({ repository: store.guests, dataDir, leases, offline, log })
  whenRemoved((machine) => guests.forget(machine), 'the access to a machine stays')

  // The BMCs of machines, which tell stage 3 what to boot. They are reached once everything behind them is there.
  const bmcs = await openGateway({
    ...around,
    ...domain,
    store,
    leases,
    deployments,
    powers,
    consoles: () => consoles,
    ownAddress,
  })

  // Stages 2 to 6.
  const find = findProgram(undefined, config.bootPrograms)
  const wantsTftp = config.tftp.enabled ?? (config.dhcp.mode !== 'off' || labWiring !== undefined)
  const script = serveScript({
    machines,
    profiles,
    images,
    deployments,
    bootOrders: bmcs.gateway,
    disks: disks.diskless,
    configs,
    inspectKernel: kernelInspector(images.blobs),
    traces,
    unknownMachines: config.unknownMachines,
    key,
    perSecond: config.http.rateLimit,
    homeMinutes: config.phoneHomeMinutes,
    clock: CLOCK,
    log,
  })
  const files = { find, blobs: images.blobs, describe: (sha256: string) => images.describe(sha256), trace: traces, log }
  const { agent } = config
  const install = openInstall({ deployments, images, machines, traces, key, agent, clock: CLOCK, log })
  const base = (local: string) => advertised ?? (local === '0.0.0.0' ? bootUrl() : baseUrl(local, config))
  const given = { program: find, blob: findBlob(files), pass: install.passFile, grub: script.grub, base }
  const tftp = wantsTftp
    ? await serveTftp({ listen: config.tftp.listen, find: filesOverTftp(given), trace: traces, log })
    : undefined
  if (tftp) onStop(tftp.stop)
  switches.meetAgents({ deployments, install })
  const { consoles, records } = await openConsoles({
    ...around,
    ...domain,
    ofDriver: (machine) => switches.consoleOf(machine, bmcs.gateway.consoleDriver(machine) ?? undefined),
    lab,
    install,
  })
  onStop(() => consoles.stop())
  every(MINUTE_MS, () => consoles.hold(machines.all().map(({ id }) => id)))
  every(HOUR_MS, () => records.prune())
  whenRemoved((machine) => consoles.removed(machine), 'the record of a console stays')
  const boot = serveBoot({
    handlers: [
      script.handler,
      loaderHandler(files),
      discs.handler,
      install.pass,
      serveConfigure({ ...domain, ...around, configs, deployments, disks: disks.diskless, key }),
    ],
    log,
    advertised,
  })

  // Faces.
  const listening = () => [...listeners(config, offers, tftp), diskListener(config.iscsi, storage.off)]
  const api = await createApi({
    access,
    machines,
    profiles,
    images,
    scrub,
    leases,
    networks,
    traces,
    events,
    clock: CLOCK,
    log,
    deployments,
    disks,
    storage: administerStorage(config),
    management: built.management,
    guests,
    runningAgents: () => deployments.running(),
    powers,
    bmcs: { gateway: bmcs.gateway, ...bmcs.told },
    configs,
    consoles,
    agentShell: ({ id }) => install.console(id),
    previewScript: async (machine) =>
      isGivenGrub(machine) ? script.previewGrub(machine, bootUrl()) : script.preview(machine, bootUrl()),
    applyManifest: (manifest, how) =>
      applyManifest(
        { ...domain, ...disks, powers, configs, gateway: bmcs.gateway, manifests: store.manifests },
        manifest,
        how,
      ),
    doctor: () => examine(config, LINUX),
    backup: runningBackups({ config, dataDir, version: VERSION, now: CLOCK.now }, images),
    settings: () => settings.map(({ name, value, source, description }) => ({ name, value, source, description })),
    server: { version: VERSION, startedAt, listeners: () => [...listening(), ...bmcs.listeners()] },
    unready: () => [...unready(listening()), ...(disks.volumes.problem === undefined ? [] : [disks.volumes.problem])],
    counters: () => ({ ...counters(offers, tftp), ...bmcs.counters() }),
    lab,
    webDirectory: join(PACKAGE, 'dist/web'),
    maxUploadBytes: config.images.maxUploadGiB * 2 ** 30,
    maxDiskBytes: config.images.maxDiskGiB * 2 ** 30,
  })
  onStop(() => bmcs.stop())
  await bmcs.serve()
  await openDoors(config, dataDir, api, { boot, install }, onStop)
  const thrift = await openThrift(config.thrift, { ...domain, ...disks, leases, power, guests, log })
  if (thrift) onStop(thrift)
  // Event streams end first: a door waits for what it let in.
  onStop(() => api.close())
  announce(config, access, log)
}

/** Looks at everything this configuration needs; needs no running server. */
export function doctor({ config }: LoadedConfig): Promise<Finding[]> {
  return examine(config, LINUX)
}

/** Runs recorded packets through the decisions of stage 1; needs no running server and changes nothing. */
export async function replay({ config }: LoadedConfig, capture: Uint8Array): Promise<readonly ReplayRecord[]> {
  return replayPackets(capture, config)
}

/** Checks a config for a machine that stands for any; needs no running server. */
export { checkConfig } from './compose/configs.ts'
/** Everything of a data directory that no server holds, packed. */
export const backup = (loaded: LoadedConfig, parts: BackupParts) => offlineBackup(loaded, VERSION, parts)

export { inspectBackup, restore } from './compose/backup.ts'
/** Makes a disk image of a root filesystem; needs no running server. */
export { buildImage } from './imaging/build.ts'
