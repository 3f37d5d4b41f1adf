import { createHash, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Backoff, type BackoffLimits } from '../../access/backoff.ts'
import type { ConfigDesk } from '../../configs/desk.ts'
import type { Image, ImageVersion } from '../../images/image.ts'
import type { Clock } from '../../kit/clock.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Machine, Sighting } from '../../machines/machine.ts'
import type { Profile } from '../../profiles/profile.ts'
import type { TraceEvent, TraceRecorder } from '../../traces/trace.ts'
import type { BootDisks, DiskDesk } from '../../volumes/boot-disks.ts'
import { type Grant, openGrant, sealGrant } from '../capability.ts'
import type { BootHandler, BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import { RateLimit } from '../rate.ts'
import { hasDisks } from './attach.ts'
import { type Admission, type Choice, chooseProfile, type DeploymentBoot, type MenuEntry } from './choose.ts'
import { type BootBinding, decideFor, type GrantUse, type ScriptDecision, type ScriptFacts } from './decide.ts'
import { type BootOrders, discProfile, named, told } from './disc.ts'
import { failureDetail, LOGIN_NOTED, markEvent, type Noted, scriptEvent } from './events.ts'
import { type FindGrubFile, grubWriter, type InspectKernel, logsIn, serveGrub } from './grub-serve.ts'
import { readRequest, type ScriptRequest, sightingOf } from './request.ts'
import { startText } from './start.ts'

/** How long a boot may take from its script to its launch: a large ISO over a slow line takes hours. */
const BOOT_MS = 24 * 3600_000
/** How long the booted system may read the profile's files. */
const FILE_MS = 2 * 3600_000
/** How long fetching the management OS may take before its pass must be fetched: 60 MB at 1 Mbit/s. */
const PASS_MS = 10 * 60_000
const LASTS_MS: Readonly<Record<GrantUse, number>> = {
  boot: BOOT_MS,
  'agent-boot': BOOT_MS,
  file: FILE_MS,
  agent: PASS_MS,
  login: PASS_MS,
  choice: BOOT_MS,
}
/** Of one address, for guessing the passwords of menus. */
const GUESSES: BackoffLimits = {
  free: 3,
  firstWaitMs: 10_000,
  longestWaitMs: 5 * 60_000,
  forgetMs: 15 * 60_000,
  keys: 10_000,
}
const BASE = /^https?:\/\/[A-Za-z0-9.:[\]-]{1,200}$/
const WHATS = { launch: 'mark.launch', failed: 'mark.failed', retry: 'mark.retry' } as const

export type ScriptStageDependencies = Readonly<{
  machines: {
    byMac(mac: Mac): Machine | undefined
    sight(sighting: Sighting): Promise<Machine>
    launched(id: string, nextBootId: string | null): Promise<void>
  }
  profiles: { get(name: string): Profile | undefined }
  images: { resolve(reference: string): { image: Image; version: ImageVersion } | undefined }
  deployments: {
    /** What the deployments of this machine (by id) want of its next boot. */
    bootFor(machine: string): DeploymentBoot | undefined
    /** The machine reported that it starts its own disk now. */
    launchedLocal(machine: string): Promise<void>
    /** The machine asked for its script and was given the management OS. */
    bootSeen(machine: string): Promise<void>
  }
  /** What BMCs that are answered here were told of the next boots of their machines. */
  bootOrders?: BootOrders | undefined
  /** What systems that boot are configured by. */
  configs?: ConfigDesk | undefined
  /** Gives machines their disks; without it, profiles that need some cannot be booted. */
  disks?: DiskDesk | undefined
  /** What is known of a kernel, for machines that load GRUB. */
  inspectKernel?: InspectKernel | undefined
  traces: TraceRecorder
  /** The setting: `park`, `ignore`, or the name of a profile. */
  unknownMachines: string
  /** 32 random bytes that outlive a restart, so that boots under way go on. */
  key: Uint8Array
  clock: Clock
  log: Log
  /** Requests a second from one address before they are refused; behind one address may be many machines. */
  perSecond?: number | undefined
  /** How long systems may take until they phone home, where they are told to. */
  homeMinutes?: number | undefined
}>

export type ScriptStage = Readonly<{
  /** Answers the start script, the scripts of machines, own scripts and marks. */
  handler: BootHandler
  /** The script that a machine would get now. Nothing is recorded, and its capabilities are blanks. */
  preview: (machine: Machine, base: string) => { script: string; reason: string }
  /** The same for a machine that loads GRUB, as with Secure Boot on. */
  previewGrub: (machine: Machine, base: string) => Promise<{ script: string; reason: string }>
  /** What GRUB asks for over TFTP. */
  grub: FindGrubFile
}>

type Answer = Readonly<{ status: number; body: string }>
type Decision = Omit<ScriptDecision, 'script'>

/** Stage 3: "what shall I run?". Whoever asks gets public boot code only; nothing here needs or gives a secret. */
export function serveScript(dependencies: ScriptStageDependencies): ScriptStage {
  const { machines, profiles, images, deployments, disks: desk, bootOrders, configs } = dependencies
  const { traces, unknownMachines, clock, log, homeMinutes = 20 } = dependencies
  const key = createSecretKey(dependencies.key)
  const rate = new RateLimit(clock, dependencies.perSecond ?? 500)
  const guesses = new Backoff(clock, GUESSES)
  const known = {
    unknownMachines,
    configs,
    profile: (name: string) => profiles.get(name),
    image: images.resolve.bind(images),
    deployment: (machine: string) => deployments.bootFor(machine),
    newBoot: () => `b_${randomBytes(8).toString('hex')}`,
    bootOrder: (machine: string) => bootOrders?.bootFor(machine),
    disc: (media: string) => discProfile(media, (reference) => images.resolve(reference)?.image.kind),
  }

  const record = (mac: Mac | undefined, address: string, event: Noted, more: Partial<TraceEvent> = {}) =>
    traces.record({ mac, address }, { ...event, ...more })

  const started = (client: string, bytes: number, who = 'iPXE') =>
    record(
      undefined,
      client,
      {
        kind: 'http.start',
        stage: 'script',
        outcome: 'ok',
        summary: `${who} asked for its first script`,
        reason: 'it is the same for every machine and asks who this one is',
      },
      { bytes, detail: { status: 200, by: who } },
    )

  const start = ({ base, client }: BootTarget): Answer => {
    const body = startText(base)
    started(client, body.length)
    return { status: 200, body }
  }

  const script = async (target: BootTarget): Promise<Answer> => {
    const request = readRequest(target.query, target.base)
    if (!request) return plain(400, 'The query names no MAC. Ask for /boot/start.ipxe first; it adds what is needed.')
    return {
      status: 200,
      body: (await decide(request, target, (choice, facts) => decideFor(choice, request, facts))).text,
    }
  }

  const decide = async (
    request: ScriptRequest,
    target: Pick<BootTarget, 'base' | 'client'>,
    write: (choice: Choice, facts: ScriptFacts) => Decision | Promise<Decision>,
    by: 'iPXE' | 'GRUB' = 'iPXE',
  ): Promise<Decision> => {
    const { mac } = request
    const attaches = by === 'GRUB' ? logsIn : hasDisks
    traces.learn(mac, target.client)
    const { machine, notRecorded } = await sighted(request, target.client)
    const grant = (use: GrantUse, binding: BootBinding) =>
      sealGrant({ use, mac, ...binding, expiresAt: clock.now() + LASTS_MS[use] }, key)
    const { admits, passes } = admission(request, machine, target.client)
    const facts = { ...known, machine, notRecorded, grant, admits, passes }
    const order = machine && bootOrders?.bootFor(machine.id)
    const choice = chooseProfile(request, facts)
    const booted = choice.what === 'boot' && attaches(choice.profile) ? choice : undefined
    const disks = booted && (await desk?.prepare(diskRequest(booted.machine.id, booted.profile, target)))
    const decision = await write(choice, { ...facts, disks })
    // An order to boot from the network was obeyed by asking here; others are when the machine launches what it was given.
    if (machine && order?.once && order.obeyed === 'network') await bootOrders?.obeyed(machine.id, order.id)
    if (decision.does === 'agent' && machine) await deployments.bootSeen(machine.id)
    traces.decided(mac, decision.profile)
    record(mac, target.client, scriptEvent(decision), {
      bytes: decision.text.length,
      detail: {
        status: 200,
        decision: decision.does,
        ...(decision.profile ? { profile: decision.profile } : {}),
        ...(decision.next ? { next: decision.next } : {}),
        ...(by === 'GRUB' ? { by } : {}),
      },
    })
    return decision
  }

  /** Who may choose the entries of menus that have passwords, and what says so at the next request. */
  const admission = (request: ScriptRequest, machine: Machine | undefined, client: string) => {
    const { mac, typed, passes } = request
    const given = passes.flatMap((word) => {
      const grant = openGrant(word, 'choice', key, clock.now())
      const good = typeof grant !== 'string' && grant.mac === mac && grant.machine === machine?.id
      return good ? [{ word, menu: grant.once, profile: grant.profile }] : []
    })
    let unread = typed
    const admits = (menu: string, entry: MenuEntry): Admission => {
      if (given.some((pass) => pass.menu === menu && pass.profile === entry.profile)) return 'admitted'
      if (!unread || !machine) return 'missing'
      const guess = unread.reveal()
      unread = undefined
      const wait = guesses.wait(client)
      if (wait > 0) return { laterSeconds: Math.ceil(wait / 1000) }
      guesses.fail(client)
      if (!same(guess, entry.password ?? '')) return 'wrong'
      guesses.forgive(client)
      const { profile } = entry
      const expiresAt = clock.now() + LASTS_MS.choice
      const word = sealGrant({ use: 'choice', machine: machine.id, mac, profile, once: menu, expiresAt }, key)
      given.push({ word, menu, profile })
      return 'admitted'
    }
    return { admits, passes: () => given.map(({ word }) => word) }
  }

  const sighted = async (request: ScriptRequest, address: string) => {
    if (unknownMachines === 'ignore' && !machines.byMac(request.mac)) return { machine: undefined }
    try {
      return { machine: await machines.sight(sightingOf(request, address)) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { machine: undefined, notRecorded: error }
    }
  }

  const own = ({ path }: BootTarget): Answer => {
    const grant = openGrant(path.slice(OWN.length), 'boot', key, clock.now())
    if (typeof grant === 'string') return plain(403, `This boot is ${grant}. Ask for /boot/start.ipxe again.`)
    const profile = profiles.get(grant.profile)
    if (profile?.kind !== 'script') return plain(404, `The profile ${grant.profile} has no own script any more.`)
    return { status: 200, body: profile.script.endsWith('\n') ? profile.script : `${profile.script}\n` }
  }

  const mark = async ({ path, query, client }: BootTarget): Promise<Answer> => {
    const [word = '', what = ''] = path.slice(MARK.length).split('/')
    const kind = Object.hasOwn(WHATS, what) ? WHATS[what as keyof typeof WHATS] : undefined
    if (!kind) return plain(404, 'There is no such mark. Marks are launch, failed and retry.')
    const agent = openGrant(word, 'agent-boot', key, clock.now())
    const grant = typeof agent === 'string' ? openGrant(word, 'boot', key, clock.now()) : agent
    if (typeof grant === 'string') return plain(403, `This boot is ${grant}. Ask for /boot/start.ipxe again.`)
    if (grant === agent) {
      const detail = { decision: 'agent', ...failureDetail(query) }
      record(grant.mac, client, markEvent(kind, 'the management OS', false, detail), { detail })
      return { status: 200, body: 'noted\n' }
    }
    const decision = profiles.get(grant.profile)?.kind
    const profile = named(grant.profile)
    const isAwaited = kind === 'mark.launch' && awaitsHome(grant)
    const detail = {
      ...(profile ? { profile } : {}),
      ...(decision ? { decision } : {}),
      ...(isAwaited ? { awaits: 'home', homeSeconds: homeMinutes * 60 } : {}),
      ...failureDetail(query),
    }
    if (kind === 'mark.launch') await launched(grant)
    record(grant.mac, client, markEvent(kind, told(grant.profile), grant.once !== null, detail), { detail })
    return { status: 200, body: 'noted\n' }
  }

  const awaitsHome = ({ machine, profile }: Grant) => {
    const wanted = deployments.bootFor(machine)
    if (wanted?.what === 'local') return wanted.awaitsHome === true
    return isAwaitedHome(profiles.get(profile), configs)
  }

  const launched = async ({ machine, once }: Grant) => {
    // Asked before the launch is saved, for it may end the deployment.
    const waits = deployments.bootFor(machine)?.what === 'local'
    await machines.launched(machine, once)
    if (once !== null) await bootOrders?.obeyed(machine, once)
    if (waits) await deployments.launchedLocal(machine)
  }

  const answer = async (target: BootTarget, agent: string): Promise<Answer> => {
    // Debian's installer takes the boot file that DHCP names for preconfiguration, before what its command line says.
    if (target.path === BOOT_PATHS.start) return /debian-installer/i.test(agent) ? plain(200, NOTHING) : start(target)
    if (target.path === BOOT_PATHS.script) return script(target)
    return target.path.startsWith(OWN) ? own(target) : mark(target)
  }

  const handler: BootHandler = (request, response, target) => {
    const { path, base, client } = target
    if (path !== BOOT_PATHS.start && path !== BOOT_PATHS.script && !path.startsWith(OWN) && !path.startsWith(MARK))
      return false
    const head = request.method === 'HEAD'
    if (!head && request.method !== 'GET') send(response, plain(405, 'Only GET is answered here.'), head)
    else if (!BASE.test(base)) send(response, plain(400, 'The Host header is no address and port.'), head)
    else if (!rate.allows(client)) send(response, plain(429, 'Too many requests; wait a second.'), head)
    else
      answer(target, request.headers['user-agent'] ?? '').then(
        (found) => send(response, found, head),
        (error: unknown) => {
          log.error({ path: path.slice(0, 30), client, error: String(error) }, 'a boot script failed')
          send(response, plain(503, 'Reveille could not decide now; its log says why. Ask again.'), head)
        },
      )
    return true
  }

  const inspect: InspectKernel = dependencies.inspectKernel ?? (async () => undefined)
  const login = (word: string, { client, base }: Pick<BootTarget, 'client' | 'base'>): BootDisks | undefined => {
    const grant = openGrant(word, 'login', key, clock.now())
    const profile = typeof grant === 'string' ? undefined : profiles.get(grant.profile)
    if (typeof grant === 'string' || !profile) return undefined
    record(grant.mac, client, LOGIN_NOTED, { detail: { file: 'login', role: 'initrd', over: 'tftp' } })
    return desk?.given(diskRequest(grant.machine, profile, { client, base }))
  }
  const grub = serveGrub({
    ...{ mark, login, inspect, allows: (client) => rate.allows(client) },
    decide: (request, target, how) => decide(request, target, how, 'GRUB'),
    started: (client, bytes) => started(client, bytes, 'GRUB'),
  })

  const previewed = (machine: Machine, request: ScriptRequest, attaches = hasDisks) => {
    const { base } = request
    const nobody = { admits: (): Admission => 'missing', passes: () => [] }
    const facts = { ...known, ...nobody, machine, grant: (use: GrantUse) => `preview-${use}` }
    const choice = chooseProfile(request, facts)
    const booted = choice.what === 'boot' && attaches(choice.profile) ? choice : undefined
    const client = machine.lastAddress ?? ''
    const disks = booted && desk?.preview(diskRequest(machine.id, booted.profile, { base, client }))
    return { choice, facts: { ...facts, disks } }
  }
  const preview: ScriptStage['preview'] = (machine, base) => {
    const request = requestOf(machine, base)
    const { choice, facts } = previewed(machine, request)
    const { text, reason } = decideFor(choice, request, facts)
    return { script: text, reason }
  }
  const previewGrub: ScriptStage['previewGrub'] = async (machine, base) => {
    const request = { ...requestOf(machine, base), secureBoot: true, inMenu: false }
    const { choice, facts } = previewed(machine, request, logsIn)
    const { text, reason } = await grubWriter(request, inspect)(choice, facts)
    return { script: text, reason }
  }

  return { handler, preview, previewGrub, grub }
}

/** An empty preconfiguration file: nothing but a comment. */
const NOTHING = '# The first script of Reveille is for iPXE. An installer finds nothing here'
const OWN = BOOT_PATHS.own('')
const MARK = '/boot/mark/'

function diskRequest(machine: string, profile: Profile, { base, client }: Pick<BootTarget, 'base' | 'client'>) {
  return { machine, profile, host: new URL(base).hostname, address: client }
}

/** Takes the same time however much is right. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** Whether what a profile starts is to phone home. */
function isAwaitedHome(profile: Profile | undefined, configs: ConfigDesk | undefined): boolean {
  if (profile?.kind !== 'live' && profile?.kind !== 'wim') return false
  const { cmdline, files, config } = { cmdline: '', files: [], ...profile }
  const texts = [cmdline, ...files.map(({ content }) => content)]
  return texts.some((text) => text.includes('{{home}}')) || (config !== null && configs?.phonesHome(config) === true)
}

/** As this machine would ask, for a preview. */
function requestOf(machine: Machine, base: string): ScriptRequest {
  return {
    mac: machine.macs[0]!,
    firmware: machine.firmware ?? 'bios',
    architecture: machine.architecture ?? undefined,
    uuid: machine.uuid ?? undefined,
    serial: undefined,
    manufacturer: undefined,
    product: undefined,
    choices: [],
    typed: undefined,
    passes: [],
    polls: 0,
    retries: 0,
    base,
  }
}

function plain(status: number, sentence: string): Answer {
  return { status, body: `${sentence}\n` }
}

function send(response: ServerResponse, { status, body }: Answer, head: boolean): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 429 ? { 'retry-after': '1' } : {}),
  })
  response.end(head ? undefined : body)
}
