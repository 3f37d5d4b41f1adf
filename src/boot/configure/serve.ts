import { createHash, createSecretKey } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { ConfigDesk } from '../../configs/desk.ts'
import type { HomeCall } from '../../deployments/home.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Profile } from '../../profiles/profile.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import type { DiskDesk } from '../../volumes/boot-disks.ts'
import { openGrant } from '../capability.ts'
import type { BootHandler, BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import { decideFile, type FileDecision } from './decide.ts'

export type ConfigureStageDependencies = Readonly<{
  machines: {
    get(id: string): Machine | undefined
    launched(id: string, nextBootId: string | null): Promise<void>
  }
  profiles: { get(name: string): Profile | undefined }
  /** Hears that the system runs which a deployment has installed on a machine (ids). */
  deployments?: { phonedHome(machine: string, deployment: string): Promise<HomeCall> } | undefined
  /** Tells what the boot script told of its disks. */
  disks?: Pick<DiskDesk, 'preview' | 'given'> | undefined
  /** What profiles' configs are rendered by. */
  configs?: ConfigDesk | undefined
  traces: TraceRecorder
  /** The key of the script stage, which seals the capabilities. */
  key: Uint8Array
  clock: Clock
  log: Log
}>

const FILES = BOOT_PATHS.files('')
const HOME = BOOT_PATHS.home('')
/** How much longer than reading files a boot from the network may take until it phones home: installing over a slow line takes hours. */
const HOME_LATER_MS = 22 * 3600_000

const UNHEARD: HomeCall = { counts: false, reason: 'nothing is deployed by this server' }

/**
 * Stage 6: "what am I to become?". Gives the profile's files to the boot whose capability the URL holds. Such a request also
 * proves that the boot was launched, should the report have been lost.
 */
export function serveConfigure(dependencies: ConfigureStageDependencies): BootHandler {
  const { machines, profiles, disks: desk, configs, traces, clock, log } = dependencies
  const key = createSecretKey(dependencies.key)
  const facts = {
    machine: (id: string) => machines.get(id),
    profile: (name: string) => profiles.get(name),
    config: configs?.render.bind(configs),
    deliveryOf: configs?.deliveryOf.bind(configs),
  }
  const disksAt = ({ base, client }: BootTarget) => {
    const asked = (machine: Machine, profile: Profile) =>
      'disks' in profile && profile.disks.length > 0
        ? { machine: machine.id, profile, host: new URL(base).hostname, address: client }
        : undefined
    return {
      disks: (machine: Machine, profile: Profile) => {
        const request = asked(machine, profile)
        const answer = request && desk?.preview(request)
        return answer?.outcome === 'disks' ? answer.disks : undefined
      },
      login: (machine: Machine, profile: Profile) => {
        const request = asked(machine, profile)
        return request && desk?.given(request)
      },
    }
  }

  const decide = (target: BootTarget): { name: string; decision: FileDecision } => {
    const [capability = '', ...rest] = target.path.slice(FILES.length).split('/')
    const name = rest.join('/')
    const grant = openGrant(capability, 'file', key, clock.now())
    return {
      name,
      decision: decideFile({ name, capability, grant, base: target.base }, { ...facts, ...disksAt(target) }),
    }
  }

  const launched = (machine: string, once: string | null) => {
    machines.launched(machine, once).catch((error: unknown) => {
      log.error({ machine, error: String(error) }, 'a launch could not be saved')
    })
  }

  /** The booted system says that it is what it was to become. Any method: not every installer can send a POST. */
  const home: BootHandler = (request, response, target) => {
    const word = target.path.slice(HOME.length)
    const installed = openGrant(word, 'home', key, clock.now())
    const grant = typeof installed === 'string' ? openGrant(word, 'file', key, clock.now() - HOME_LATER_MS) : installed
    const known = typeof grant === 'string' ? undefined : machines.get(grant.machine)
    request.resume()
    const answer = (status: number, call: HomeCall) => {
      send(response, request.method, status, TEXT, status === 204 ? '' : `${sentence(call.reason)}\n`)
      traces.record(
        { mac: typeof grant === 'string' ? undefined : grant.mac, address: target.client },
        {
          kind: 'http.home',
          stage: 'system',
          outcome: status !== 204 ? 'refused' : call.counts ? 'ok' : 'ignored',
          summary: known ? 'the booted system says that it is ready' : 'somebody phoned home without a capability',
          reason: call.reason,
          detail: { status },
        },
      )
    }
    if (!known || typeof grant === 'string') {
      answer(403, { counts: false, reason: 'the address belongs to no boot that we know' })
    } else if (grant.use === 'file') {
      answer(204, { counts: true, reason: `it was given the address for ${known.name}` })
      launched(known.id, grant.once)
    } else {
      // Firmware that starts the disk by itself tells nobody else. Answered when it is recorded: else it is to call again.
      const heard = dependencies.deployments?.phonedHome(known.id, grant.profile) ?? Promise.resolve(UNHEARD)
      heard
        .then((call) => answer(204, call))
        .catch((error: unknown) => {
          log.error(
            { machine: known.id, error: String(error) },
            'the call of an installed system could not be recorded',
          )
          send(response, request.method, 503, TEXT, 'Reveille failed; its log says more.\n')
        })
    }
    return true
  }

  const give = async (
    decision: Extract<FileDecision, { status: 200 }>,
    capability: string,
    response: ServerResponse,
  ) => {
    if (decision.once === null || !configs) return true
    const boot = createHash('sha256').update(capability).digest('base64url')
    if (!(await configs.takeOnce(boot, decision.once))) return false
    // What did not arrive may be asked for again.
    response.once('close', () => {
      if (response.writableFinished) return
      configs
        .giveBack(boot, decision.once!)
        .catch((error: unknown) => log.warn({ error }, 'a config is not given again'))
    })
    return true
  }

  return (request, response, target) => {
    if (target.path.startsWith(HOME)) return home(request, response, target)
    if (!target.path.startsWith(FILES)) return false
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      send(response, request.method, 405, TEXT, '')
      return true
    }
    const capability = target.path.slice(FILES.length).split('/')[0] ?? ''
    const { name, decision } = decide(target)
    // Windows PE is given its files by iPXE, which has started nothing then.
    const isLoader = /^iPXE\//.test(request.headers['user-agent'] ?? '')
    const answer = async () => {
      const isGiven =
        decision.status === 200 && (request.method === 'HEAD' || (await give(decision, capability, response)))
      const { status, reason, next, content, contentType } = answerOf(decision, isGiven)
      send(response, request.method, status, contentType, content ?? `${sentence(reason)} ${sentence(next)}\n`)
      if (request.method !== 'GET') return
      traces.record(
        { mac: decision.grant?.mac, address: target.client },
        {
          kind: 'http.file',
          stage: isLoader ? 'script' : 'system',
          outcome: status === 200 ? 'ok' : 'refused',
          summary: `${isLoader ? 'iPXE' : 'the booted system'} asked for the file ${printable(name)}`,
          reason,
          detail: { file: printable(name), status },
          ...(status === 200 ? { bytes: Buffer.byteLength(content ?? '') } : {}),
        },
      )
      if (status === 200 && decision.grant && !isLoader) launched(decision.grant.machine, decision.grant.once)
    }
    answer().catch((error: unknown) => {
      log.error({ error, file: printable(name) }, 'a file could not be given')
      if (!response.headersSent) send(response, request.method, 500, TEXT, 'Reveille failed; its log says more.\n')
      else response.destroy()
    })
    return true
  }
}

type Answer = Readonly<{ status: number; reason: string; next: string; content?: string; contentType: string }>

const TEXT = 'text/plain; charset=utf-8'

function answerOf(decision: FileDecision, isGiven: boolean): Answer {
  if (decision.status !== 200) return { ...decision, contentType: TEXT }
  const { status, reason, content, contentType } = decision
  if (isGiven) return { status, reason, content, contentType, next: '' }
  return {
    status: 410,
    reason: 'it holds secrets, and this boot was given it before',
    next: 'boot the machine again: its boot script brings a fresh address',
    contentType: TEXT,
  }
}

function send(response: ServerResponse, method: string | undefined, status: number, contentType: string, body: string) {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(method === 'HEAD' ? undefined : body)
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
}
