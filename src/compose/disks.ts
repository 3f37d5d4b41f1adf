import type { Config } from '../config/schema.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { Events } from '../events/event.ts'
import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machines } from '../machines/machines.ts'
import type { PowerFinder } from '../power/power.ts'
import type { Profiles } from '../profiles/profiles.ts'
import { batchWork } from '../rooms/actions.ts'
import { Batches } from '../rooms/batches.ts'
import type { Store } from '../store/store.ts'
import type { TraceRecorder } from '../traces/trace.ts'
import { Diskless } from '../volumes/diskless.ts'
import type { TargetEngine } from '../volumes/engine.ts'
import type { ExportFiles } from '../volumes/export-files.ts'
import { VolumeJobs } from '../volumes/jobs.ts'
import type { VolumeLedger } from '../volumes/ledger.ts'
import { Maintenances } from '../volumes/maintenances.ts'
import type { VolumePool } from '../volumes/pool.ts'
import { Rollouts } from '../volumes/rollouts.ts'
import { SessionRates } from '../volumes/session-rates.ts'
import { Targets } from '../volumes/targets.ts'
import { traceDisks, traceLogins } from '../volumes/tracing.ts'
import { Volumes } from '../volumes/volumes.ts'

type Around = Readonly<{
  ledger: VolumeLedger
  store: Pick<Store, 'batches'>
  pool: VolumePool
  /** `undefined`: this server runs without iSCSI. */
  engine: TargetEngine | undefined
  files: ExportFiles
  still?: boolean | undefined
  machines: Machines
  profiles: Profiles
  images: Images
  power: PowerFinder
  traces: TraceRecorder
  iscsi: Pick<Config['iscsi'], 'name' | 'chap'>
  thresholds: Pick<Config['volumes'], 'warnPercent' | 'refusePercent'>
  /** An address of this server for URIs. */
  host: () => string
  events: Events
  clock: Clock
  log: Log
  sleep: (ms: number) => Promise<void>
}>

export type Disks = Awaited<ReturnType<typeof openDisks>>

/** Volumes, their targets, what machines get of them, and actions on rooms, over a pool and an engine. Targets are served when this is done. */
export async function openDisks(around: Around) {
  const { ledger, pool, engine, machines, profiles, images, clock, log, events } = around
  const machineName = (id: string) => machines.get(id)?.name ?? id
  const resolveImage = (reference: string) => images.resolve(reference)
  const { name: prefix, chap } = around.iscsi
  const overLimit = pool.overLimit && ((ids: readonly string[]) => pool.overLimit!(ids))
  const targets = new Targets({ ledger, engine, clock, log, prefix, host: around.host, machineName, overLimit })
  const { thresholds } = around
  const usedBy = (name: string) => profiles.usingVolume(name)
  const volumes = await Volumes.open({
    ledger,
    pool,
    targets,
    resolveImage,
    usedBy,
    thresholds,
    still: around.still,
    clock,
    log,
  })
  const rates = new SessionRates(clock)
  const machine = (id: string) => machines.get(id)
  const diskless = new Diskless({
    volumes,
    machine,
    profile: (name) => profiles.get(name),
    resolveImage,
    chap,
    clock,
    log,
    lastActive: (session) => rates.lastActive(session),
    trace: traceDisks(around.traces, machine),
  })
  targets.onLogin(traceLogins(around.traces, machine))
  const jobs = new VolumeJobs({ volumes, images, files: around.files, clock, log, events })
  const rollouts = new Rollouts({ ledger, profiles, images, clock })
  const maintenances = new Maintenances({ volumes, jobs, rollouts, profiles, images, clock, log })
  await maintenances.resume()
  await rollouts.resume()
  await targets.open()
  const batches = await Batches.open({
    repository: around.store.batches,
    machine,
    work: batchWork({ machines, power: around.power, reset: (each, how) => diskless.resetMachine(each, how) }),
    clock,
    log,
    events,
    sleep: around.sleep,
  })
  batches.resume()

  return {
    volumes,
    resolveImage,
    targets,
    rates,
    diskless,
    jobs,
    rollouts,
    maintenances,
    batches,
    /** To be called each second. */
    async tick(): Promise<void> {
      const sessions = await targets.sessions()
      rates.sample(sessions)
      diskless.seen(sessions.map(({ target }) => target))
      await targets.tick()
    },
    /** Ends what runs, then the engine, then the pool: everything is flushed. */
    async stop(): Promise<void> {
      await batches.stop()
      await engine?.stop()
      await pool.close()
    },
  }
}

type Holds = Pick<Deployments, 'naming' | 'chunkLists' | 'ordering' | 'assertForgettable'>

/** What volumes need of images, profiles and machines: it must be known before the first of them may go, so it reads the ledger only. */
export function holdsOf(ledger: VolumeLedger): Holds {
  const open = () => ledger.maintenances().filter(({ state }) => state === 'open' || state === 'publishing')
  const newestRollouts = () => {
    const newest = new Map<string, ReturnType<VolumeLedger['rollouts']>[number]>()
    for (const each of ledger.rollouts()) if (!newest.has(each.profile)) newest.set(each.profile, each)
    return [...newest.values()]
  }
  return {
    naming(image, version) {
      const fits = (name: string, number: number) => name === image && (version ?? number) === number
      const over = ledger.volumes().filter(({ base }) => base && fits(base.image, base.version))
      const [first] = over
      const volumes =
        first === undefined
          ? []
          : [over.length === 1 ? `volume ${first.name}` : `${over.length} volumes such as ${first.name}`]
      // A rollout goes back in one step: the version it came from stays while it is the newest of its profile.
      const rollouts = newestRollouts()
        .filter(
          (each) =>
            version !== undefined &&
            (fits(each.image, each.from) || (each.state === 'canary' && fits(each.image, each.to))),
        )
        .map(({ id }) => `rollout ${id}`)
      const masters = open()
        .filter((each) => fits(each.image, each.from))
        .map(({ id }) => `maintenance ${id}`)
      return [...volumes, ...rollouts, ...masters]
    },
    chunkLists: () => [...new Set(ledger.volumes().flatMap(({ base }) => (base ? [base.chunks] : [])))],
    ordering: (profile) =>
      open()
        .filter((each) => each.profile === profile)
        .map(({ id }) => `maintenance ${id}`),
    assertForgettable({ id, name }) {
      const held = open().find(({ machine }) => machine === id)
      if (held)
        throw new Refusal('in-use', `${name} has the master of ${held.profile} open (${held.id})`, {
          next: 'publish or discard that maintenance first',
        })
    },
  }
}
