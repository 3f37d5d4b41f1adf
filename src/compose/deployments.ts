import { createSecretKey } from 'node:crypto'
import { sealGrant } from '../boot/capability.ts'
import { BOOT_PATHS } from '../boot/paths.ts'
import type { Config } from '../config/schema.ts'
import type { Configs } from '../configs/configs.ts'
import { Deployments } from '../deployments/deployments.ts'
import { WebAndMailNotifier } from '../deployments/drivers/notices/notifier.ts'
import type { HomeWatch } from '../deployments/home.ts'
import type { InstallConfigs } from '../deployments/install-config.ts'
import type { VersionFromCapture } from '../deployments/task-results.ts'
import type { Events } from '../events/event.ts'
import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machines } from '../machines/machines.ts'
import type { PowerFinder } from '../power/power.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { Store } from '../store/store.ts'
import { awaitsHome, whyNotHome } from '../traces/awaited-home.ts'
import type { Traces } from '../traces/traces.ts'

type Around = Readonly<{
  store: Pick<Store, 'deployments'>
  machines: Machines
  profiles: Profiles
  images: Images
  configs: InstallConfigs
  power: PowerFinder
  notify: Config['notify']
  events: Events
  clock: Clock
  log: Log
  wantsShell?: ((machine: string) => boolean) | undefined
  traces: Pick<Traces, 'newest'>
  phoneHomeMinutes: number
}>

/** The deployments over the services they change: machines, and images for what is captured. */
export function openDeployments({ store, images, notify, phoneHomeMinutes, ...around }: Around): Promise<Deployments> {
  const { server: host, from, ...smtp } = notify.smtp
  const notifier = new WebAndMailNotifier({
    secret: notify.webhookSecret,
    mail: host === undefined || from === undefined ? undefined : { ...smtp, host, from },
    clock: around.clock,
    // Waiting for another try keeps no server from ending: what was not told is told after its next start.
    sleep: (ms) => new Promise((done) => setTimeout(done, ms).unref()),
  })
  return Deployments.open({
    ...around,
    home: homeWatch(around, phoneHomeMinutes),
    images,
    notifier,
    repository: store.deployments,
    versionFromCapture: versionFromCapture(images),
  })
}

/** What was seen of a system that is to phone home is in the trace of its boot. */
function homeWatch({ machines, traces }: Pick<Around, 'machines' | 'traces'>, minutes: number): HomeWatch {
  return {
    patienceMs: minutes * 60_000,
    lastSeen: (id) => {
      const trace = traces.newest(machines.get(id)?.macs ?? [])
      return trace && awaitsHome(trace) ? whyNotHome(trace, 'its console').text : undefined
    },
  }
}

/** How long an installed system may phone home: its first start may be days later, and a late call still makes its deployment good. */
const HOME_MS = 7 * 86_400_000

/** Configs as they are written into installed systems. `key` seals the address by which such a system phones home. */
export function installConfigs(
  configs: Configs,
  { key, clock, server }: Readonly<{ key: Uint8Array; clock: Clock; server: () => string }>,
): InstallConfigs {
  const secret = createSecretKey(key)
  return {
    look: (reference, machine) => {
      if (!configs.has(reference)) return undefined
      const { config, version } = configs.resolve(reference)
      const pinned = `${config.name}@${version.number}`
      const phonesHome = configs.phonesHome(pinned)
      return { pinned, kind: config.kind, phonesHome, problem: configs.problemFor(pinned, machine, false) }
    },
    render: (reference, machine, deployment) => {
      const base = server()
      const [mac] = machine.macs
      const expiresAt = clock.now() + HOME_MS
      const word = mac
        ? sealGrant({ use: 'home', machine: machine.id, mac, profile: deployment, once: null, expiresAt }, secret)
        : 'none'
      const files = `${base}${BOOT_PATHS.files(word)}`
      return configs.render(reference, machine, {
        server: base,
        files,
        config: files,
        home: `${base}${BOOT_PATHS.home(word)}`,
      })
    },
  }
}

/** A captured chunk list as a version. The result of a task may be told twice: the same list of the same source is the same version. */
export function versionFromCapture(images: Pick<Images, 'get' | 'create' | 'addVersion'>): VersionFromCapture {
  return async (name, { chunks, kind, note, source, by }) => {
    const image = images.get(name) ?? (await images.create({ name, kind, owner: by, visibility: 'private' }))
    if (image.kind !== kind)
      throw new Refusal('wrong-state', `${name} is an image of kind ${image.kind}, and a ${kind} was captured`, {
        next: 'capture it to an image of another name',
      })
    const newest = image.versions.at(-1)
    if (newest?.source === source && newest.files.some(({ role, sha256 }) => role === 'chunks' && sha256 === chunks))
      return { number: newest.number }
    const files = [{ role: 'chunks' as const, name: `${name}.chunks`, sha256: chunks }]
    const saved = await images.addVersion(name, { files, cmdline: '', note, source }, by)
    return { number: saved.lastNumber }
  }
}
