import type { Access } from '../../access/access.ts'
import type { Configs } from '../../configs/configs.ts'
import type { OwnConsole } from '../../consoles/console.ts'
import type { Consoles } from '../../consoles/consoles.ts'
import type { Deployments } from '../../deployments/deployments.ts'
import type { Events } from '../../events/event.ts'
import type { BmcSession } from '../../gateway/back-end.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import type { Guests } from '../../guests/guests.ts'
import type { Images } from '../../images/images.ts'
import type { Scrub } from '../../images/scrub.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Lab } from '../../lab/lab.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Machines } from '../../machines/machines.ts'
import type { ManagementOs } from '../../management/management.ts'
import type { ApplyHow } from '../../manifest/apply.ts'
import type { Leases } from '../../networks/leases.ts'
import type { Network } from '../../networks/network.ts'
import type { Powers } from '../../power/powers.ts'
import type { Profiles } from '../../profiles/profiles.ts'
import type { Batches } from '../../rooms/batches.ts'
import type { Traces } from '../../traces/traces.ts'
import type { Diskless } from '../../volumes/diskless.ts'
import type { VolumeJobs } from '../../volumes/jobs.ts'
import type { Maintenances } from '../../volumes/maintenances.ts'
import type { Rollouts } from '../../volumes/rollouts.ts'
import type { SessionRates } from '../../volumes/session-rates.ts'
import type { StorageAdministration } from '../../volumes/storage.ts'
import type { Targets } from '../../volumes/targets.ts'
import type { Volumes } from '../../volumes/volumes.ts'
import type { ResponseOf } from '../contract/route.ts'
import type { Manifest } from '../contract/server.ts'
import type { Contract } from '../contract.ts'

/**
 * What the API needs of the rest, handed in by main.ts. Whatever a service refuses it throws as `Refusal`; anything else it
 * throws is a fault of ours: logged under an id and never shown.
 */
export type ApiDependencies = Readonly<{
  access: Access
  machines: Machines
  profiles: Profiles
  images: Images
  deployments: Pick<
    Deployments,
    | 'ordering'
    | 'create'
    | 'plan'
    | 'get'
    | 'list'
    | 'ofMachine'
    | 'ahead'
    | 'log'
    | 'cancel'
    | 'release'
    | 'inventoryOf'
  >
  /** Volumes and what serves them, and actions on many machines. */
  disks: Readonly<{
    volumes: Volumes
    targets: Targets
    rates: SessionRates
    diskless: Pick<Diskless, 'resetMachine'>
    jobs: VolumeJobs
    maintenances: Maintenances
    rollouts: Rollouts
    batches: Batches
  }>
  /** Tells when all chunks were last read again. */
  scrub?: Pick<Scrub, 'finishedAt'>
  /** LVM of this server. */
  storage?: StorageAdministration | undefined
  leases: Pick<Leases, 'all' | 'usage'>
  networks: readonly Network[]
  traces: Pick<Traces, 'newest' | 'get' | 'list' | 'why'>
  events: Events
  clock: Clock
  log: Log
  /** Switches machines, and keeps what drivers they have. */
  powers: Pick<
    Powers,
    | 'finder'
    | 'status'
    | 'reading'
    | 'perform'
    | 'bootOrder'
    | 'setBootOrder'
    | 'identify'
    | 'sensors'
    | 'hardwareEvents'
    | 'clearHardwareEvents'
    | 'fru'
    | 'media'
    | 'setMedia'
    | 'drivers'
    | 'putDriver'
    | 'removeDriver'
    | 'probe'
    | 'answerManual'
    | 'counts'
  >
  /** The BMCs that are answered for machines, and what answers them. */
  bmcs: Readonly<{
    gateway: Pick<
      Gateway,
      | 'list'
      | 'get'
      | 'create'
      | 'update'
      | 'remove'
      | 'setUser'
      | 'removeUser'
      | 'explain'
      | 'eventsOf'
      | 'rules'
      | 'putRule'
      | 'removeRule'
      | 'madeBy'
    >
    /** Resolves when what answers has followed the last change, so that its status is that of now. */
    follow: () => Promise<void>
    /** Whether a machine's BMC is reached by IPMI now, and why not. */
    statusOf: (machine: string) => Readonly<{ listening: boolean; problem: string }>
    /** What to tell IPMI clients; `address`: that of the BMC's own. */
    hostOf: (address: string | null) => string
    /** The machine's system in the Redfish service; `null`: there is none. */
    redfishOf: (machine: string) => string | null
    sessions: () => readonly BmcSession[]
    endSessions: (machine: string, user?: string) => void
  }>
  /** The running systems of machines. */
  guests?: Pick<Guests, 'facts' | 'setAccess' | 'setPassword' | 'setPasswordOffline' | 'reboot'> | undefined
  /** Templates that say what machines become. */
  configs: Configs
  /** The serial consoles of machines. */
  consoles: Pick<Consoles, 'attach' | 'sourceOf' | 'record' | 'search' | 'forget' | 'list'>
  /** A shell on the management OS of a machine that runs it now, for who asks for `?shell`. */
  agentShell?: ((machine: Machine) => OwnConsole | undefined) | undefined
  /** The boot script a machine would get now; records and consumes nothing. */
  previewScript: (machine: Machine) => Promise<ResponseOf<Contract['previewScript']>>
  /** Makes the server match a manifest, or says what that would change; what is refused has changed nothing. */
  applyManifest: (manifest: Manifest, how: ApplyHow) => Promise<ResponseOf<Contract['apply']>>
  /** The bytes of a backup, not packed; refused while another one is made. `release` when they were read, or will not be. */
  backup?: (
    parts: Readonly<{ images: boolean; volumes: boolean }>,
  ) => Promise<Readonly<{ content: AsyncGenerator<Uint8Array>; release(): Promise<void> }>>
  doctor: () => Promise<ResponseOf<Contract['doctor']>['findings']>
  settings: () => ResponseOf<Contract['listSettings']>['settings']
  /** `startedAt`: milliseconds since 1970. */
  server: Readonly<{
    version: string
    startedAt: number
    listeners: () => ResponseOf<Contract['getStatus']>['listeners']
  }>
  /** Why the server cannot do its work now, one sentence each; none: it is ready. */
  unready: () => readonly string[]
  /**
   * Numbers of the boot stages for `/metrics`, such as `dhcp_received_total` or `tftp_errors_total{code="1"}`; `reveille_` is
   * put before each. Names that end in `_total` count, others are measured.
   */
  counters: () => Readonly<Record<string, number>>
  /** Present when `lab.enabled`. */
  lab?: Pick<Lab, 'status' | 'up' | 'destroy' | 'list' | 'nameOf' | 'add' | 'change' | 'remove' | 'screen'> | undefined
  /** Builds the management OS; without it there is none to build. */
  management?: Pick<ManagementOs, 'build' | 'building' | 'newest'> | undefined
  /** Agents that were heard a short time ago. Times in milliseconds since 1970. */
  runningAgents?: () => readonly Readonly<{ machine: string; since: number; heardAt: number; doing: string }>[]
  /** Directory of the built console; without it a page says how to build it. */
  webDirectory: string
  maxUploadBytes: number
  /** Largest disk that an upload may hold, unpacked; 2 TiB if left out. */
  maxDiskBytes?: number
}>
