import type { ConfigDesk } from '../../configs/desk.ts'
import type { Image, ImageFile, ImageVersion } from '../../images/image.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Profile, ProfileKind } from '../../profiles/profile.ts'
import { encodeScript, type IpxeLine, type IpxeScript } from '../../protocols/ipxe/script.ts'
import { plainText, UnsafeText } from '../../protocols/ipxe/text.ts'
import type { BootDisks, DiskAnswer } from '../../volumes/boot-disks.ts'
import type { Grant } from '../capability.ts'
import { BOOT_PATHS } from '../paths.ts'
import { fillIn, wordsFor } from '../words.ts'
import { type AgentChoice, BUILD_AGAIN, planAgent } from './agent.ts'
import { attach, detach, FIRST_DRIVE, hasDisks } from './attach.ts'
import { type Choice, type ScriptFacts as ChoiceFacts, chooseProfile } from './choose.ts'
import { named, told } from './disc.ts'
import {
  askAgain,
  backOffSeconds,
  type Chosen,
  echo,
  forgetTyped,
  onFailure,
  reportLaunch,
  scriptUrl,
  step,
} from './lines.ts'
import { menuLines, passwordLines } from './menu.ts'
import type { ScriptRequest } from './request.ts'

/** What one boot is about: what its capabilities are bound to. As in `Grant`, where `profile` may be a deployment. */
export type BootBinding = Readonly<{ machine: string; profile: string; once: string | null }>

export type ScriptFacts = ChoiceFacts &
  Readonly<{
    image: (reference: string) => { image: Image; version: ImageVersion } | undefined
    /** Seals the capability of this boot for one use. */
    grant: (use: GrantUse, binding: BootBinding) => string
    /** The id of a new boot of the management OS. */
    newBoot: () => string
    configs?: Pick<ConfigDesk, 'deliveryOf' | 'deliveriesOf' | 'problemFor'> | undefined
    /** The disks of this boot, where its profile has some. */
    disks?: DiskAnswer | undefined
    /** What proves, from now on, that the passwords of the choices were typed. */
    passes: () => readonly string[]
  }>

/** A script as data and as text, the reason for it in one sentence, and what is booted. */
export type ScriptDecision = Readonly<{
  script: IpxeScript
  text: string
  reason: string
  /** What the script does: a kind of profile, or `ignore`. */
  does: ProfileKind | 'ignore' | 'agent'
  /** Name of the profile; `null` when the machine is parked without one. */
  profile: string | null
  /** Id of the next boot that the launch uses up. */
  once: string | null
  /** What would help a machine that is parked. */
  next?: string | undefined
  /** A password was not right. */
  refused?: boolean | undefined
}>

export type GrantUse = Exclude<Grant['use'], 'disc' | 'home'>
type Boot = Extract<Choice, { what: 'boot' }>

/** Decides the script for one request. Never throws: what cannot be booted is parked, with the reason on its screen. */
export function decideScript(request: ScriptRequest, facts: ScriptFacts): ScriptDecision {
  return decideFor(chooseProfile(request, facts), request, facts)
}

/** The same where the profile was chosen before: its disks took a while. */
export function decideFor(choice: Choice, request: ScriptRequest, facts: ScriptFacts): ScriptDecision {
  if (choice.what === 'park') return parked(request, facts.machine, choice)
  if (choice.what === 'ignore')
    return decided(leave(request), { reason: choice.reason, does: 'ignore', profile: null, once: null })
  if (choice.what === 'agent') return agent(request, choice, facts)
  if (choice.what === 'local') return ownDisk(request, choice, facts)
  if (choice.what === 'password') return askPassword(request, choice, facts)
  const { profile, once } = choice
  const reason = [choice.reason, ...(facts.disks?.outcome === 'disks' ? facts.disks.disks.remarks : [])].join('; ')
  if (facts.disks?.outcome === 'refused')
    return parked(request, facts.machine, {
      what: 'park',
      reason: `${profile.name} cannot be booted: ${facts.disks.reason}`,
      next: facts.disks.next,
      profile,
    })
  const script = bootScript(request, { ...choice, reason }, facts)
  try {
    if (typeof script !== 'string')
      return decided(script, { reason, does: profile.kind, profile: named(profile.name), once: once?.id ?? null })
  } catch (error) {
    if (!(error instanceof UnsafeText)) throw error
    return unbootable(request, facts.machine, profile, error.message)
  }
  return unbootable(request, facts.machine, profile, script)
}

function decided(script: IpxeScript, rest: Omit<ScriptDecision, 'script' | 'text'>): ScriptDecision {
  return { script, text: encodeScript(script), ...rest }
}

function askPassword(
  request: ScriptRequest,
  choice: Extract<Choice, { what: 'password' }>,
  facts: ScriptFacts,
): ScriptDecision {
  const { machine, menu, reason, admission } = choice
  const script = [
    ...banner(machine, request, `shows ${menu.name}`, reason),
    ...passwordLines(request, choice, facts.passes()),
  ]
  return decided(script, { reason, does: 'menu', profile: menu.name, once: null, refused: admission !== 'missing' })
}

function unbootable(
  request: ScriptRequest,
  machine: Machine | undefined,
  profile: Profile,
  problem: string,
): ScriptDecision {
  const reason = `${told(profile.name)} cannot be booted: ${problem}`
  return parked(request, machine, {
    what: 'park',
    reason,
    next: 'mend the profile or its image, or choose another',
    profile,
  })
}

function bootScript(request: ScriptRequest, boot: Boot, facts: ScriptFacts): IpxeScript | string {
  const { profile, machine } = boot
  const chosen: Chosen = { choices: boot.choices, passes: facts.passes() }
  const head = [
    ...banner(machine, request, `boots ${told(profile.name)}`, boot.reason),
    ...(chosen.passes.length > 0 ? forgetTyped() : []),
  ]
  if (profile.kind === 'menu') return [...head, ...menuLines(request, profile, chosen)]
  const disks = facts.disks?.outcome === 'disks' ? facts.disks.disks : undefined
  if (hasDisks(profile) && !disks) return 'there are no disks for it'
  const mark = facts.grant('boot', { machine: machine.id, profile: profile.name, once: boot.once?.id ?? null })
  const body = bodyOf(profile, request, boot, facts, mark, disks)
  if (typeof body === 'string') return body
  return [...head, ...body, ...onFailure(request, mark, chosen, disks ? detach(hidesGateway(profile)) : [])]
}

function hidesGateway(profile: Profile): boolean {
  return 'hideGateway' in profile && profile.hideGateway
}

function bodyOf(
  profile: Profile,
  request: ScriptRequest,
  boot: Boot,
  facts: ScriptFacts,
  mark: string,
  disks: BootDisks | undefined,
): IpxeScript | string {
  const launch = reportLaunch(request.base, mark)
  const attached = disks ? attach(disks, hidesGateway(profile)) : []
  switch (profile.kind) {
    case 'live': {
      const loaded = live(request, profile, boot, facts, disks, launch)
      return typeof loaded === 'string' ? loaded : [...attached, ...loaded]
    }
    case 'wim': {
      const loaded = wim(request, profile, boot, facts, launch)
      return typeof loaded === 'string' ? loaded : [...attached, ...loaded]
    }
    case 'diskless':
      return [
        ...attached,
        ...launch,
        ...step('san', { do: 'sanboot', from: { drive: FIRST_DRIVE } }),
        ...comesBack('san'),
      ]
    case 'iso': {
      const file = facts.image(profile.image)?.version.files.find(({ role }) => role === 'iso')
      const url = file ? blobUrl(request, file) : profile.image
      if (!url.includes('://')) return `the image ${profile.image} has no ISO`
      const from = { url }
      return [...launch, ...step('iso', { do: 'sanboot', from }), ...comesBack('iso')]
    }
    // Nothing reinstalls by itself: without an open deployment an installed machine boots what it has.
    case 'install':
    case 'local':
      return local(request, launch)
    case 'script': {
      const fetched = step('fetch', { do: 'fetch', name: 'own', url: `${request.base}${BOOT_PATHS.own(mark)}` })
      const ran = step('script', { do: 'run', name: 'own' })
      return [FORGET, ...fetched, ...launch, ...ran, echo('The own script has ended'), exit(request)]
    }
    default:
      return `a profile of kind ${profile.kind} has nothing to boot`
  }
}

function local(request: ScriptRequest, launch: IpxeScript): IpxeScript {
  if (request.firmware === 'uefi') return [...launch, exit(request)]
  return [...launch, ...step('local', { do: 'sanboot', from: { drive: 0x80 } }), ...comesBack('local')]
}

/** A deployment has written everything and waits to see the machine boot its own disk, or its BMC was told so. */
function ownDisk(
  request: ScriptRequest,
  { machine, profile, reason, once: used }: Extract<Choice, { what: 'local' }>,
  facts: ScriptFacts,
): ScriptDecision {
  const once = used ?? null
  const mark = facts.grant('boot', { machine: machine.id, profile, once })
  const script = [
    ...banner(machine, request, 'boots its own disk', reason),
    ...local(request, reportLaunch(request.base, mark)),
    ...onFailure(request, mark),
  ]
  return decided(script, { reason, does: 'local', profile: named(profile), once })
}

/** The management OS, with a further initrd that proves which boot of which machine it is. */
function agent(request: ScriptRequest, choice: AgentChoice, facts: ScriptFacts): ScriptDecision {
  const { machine, reason } = choice
  const cannot = (problem: string, next: string) =>
    parked(request, machine, { what: 'park', reason: `${reason}, but ${problem}`, next })
  const plan = planAgent(request, choice, facts)
  if ('problem' in plan) return cannot(plan.problem, plan.next)
  const initrds = plan.initrds.map((file, i) => ({ name: `initrd${i}`, url: blobUrl(request, file) }))
  // First on the command line, for an EFI stub lays initrds end to end and only an uncompressed archive keeps the next one aligned;
  // last to be fetched, so that its word need not outlive the fetching of the others.
  const args = ['initrd=pass', ...initrds.map(({ name }) => `initrd=${name}`), plan.args].join(' ')
  try {
    const script = [
      ...banner(machine, request, 'boots the management OS', reason),
      FORGET,
      ...step('kernel', { do: 'kernel', url: blobUrl(request, plan.kernel), args }),
      ...initrds.flatMap(({ name, url }) => step(name, { do: 'initrd', name, url })),
      ...step('pass', { do: 'initrd', name: 'pass', url: `${request.base}${plan.pass}` }),
      ...reportLaunch(request.base, plan.mark),
      ...step('boot', { do: 'boot' }),
      ...comesBack('boot'),
      ...onFailure(request, plan.mark),
    ]
    return decided(script, { reason, does: 'agent', profile: null, once: null })
  } catch (error) {
    if (!(error instanceof UnsafeText)) throw error
    return cannot(error.message, BUILD_AGAIN)
  }
}

/** Hands back to the firmware. UEFI tries its next boot option only after a failure; success would begin with the first again. */
function exit(request: ScriptRequest): IpxeLine {
  return { run: [{ do: 'exit', status: request.firmware === 'uefi' ? 1 : 0 }] }
}

const FORGET: IpxeLine = { run: [{ do: 'free' }], otherwise: 'next' }

/** The name in it is for people; a plus sign would be escaped, and iPXE does not send escapes unchanged. */
function blobUrl(request: ScriptRequest, file: ImageFile): string {
  return `${request.base}${BOOT_PATHS.blob(file.sha256, file.name.replaceAll('+', '-'))}`
}

/** What was started came back without an error: that too must not end at a prompt, so the script falls through to `failed`. */
function comesBack(name: string): IpxeScript {
  return [{ run: [{ do: 'set', setting: 'step', value: `${name}-came-back` }] }]
}

function live(
  request: ScriptRequest,
  profile: Extract<Profile, { kind: 'live' }>,
  boot: Boot,
  facts: ScriptFacts,
  disks: BootDisks | undefined,
  launch: IpxeScript,
): IpxeScript | string {
  const files = facts.image(profile.image)?.version.files ?? []
  const kernel = files.find(({ role }) => role === 'kernel')
  if (!kernel) return `the image ${profile.image} has no kernel`
  const initrds = files
    .filter(({ role }) => role === 'initrd')
    .map((file, i) => ({ name: `initrd${i}`, url: blobUrl(request, file) }))
  const own = facts.grant('file', { machine: boot.machine.id, profile: profile.name, once: boot.once?.id ?? null })
  const unfit =
    profile.config === null ? undefined : facts.configs?.problemFor(profile.config, boot.machine, hasDisks(profile))
  if (unfit !== undefined) return unfit
  const config = profile.config === null ? undefined : facts.configs?.deliveryOf(profile.config)
  const words = wordsFor(boot.machine, request.mac, { base: request.base, capability: own, config }, disks)
  const image = facts.image(profile.image)?.version.cmdline ?? ''
  // The EFI stub of a kernel finds what iPXE loaded only by these names; a BIOS boot does not mind them.
  const args = [...initrds.map(({ name }) => `initrd=${name}`), fillIn(image, words), fillIn(profile.cmdline, words)]
    .filter((part) => part !== '')
    .join(' ')
  return [
    FORGET,
    ...step('kernel', { do: 'kernel', url: blobUrl(request, kernel), args }),
    ...initrds.flatMap(({ name, url }) => step(name, { do: 'initrd', name, url })),
    ...launch,
    ...step('boot', { do: 'boot' }),
    ...comesBack('boot'),
  ]
}

/**
 * wimboot and the files of Windows PE. On BIOS they are unpacked from one archive, in which each needs its name; on UEFI they are
 * found by the names of the images.
 */
function wim(
  request: ScriptRequest,
  profile: Extract<Profile, { kind: 'wim' }>,
  boot: Boot,
  facts: ScriptFacts,
  launch: IpxeScript,
): IpxeScript | string {
  const bundle = facts.image(profile.image)?.version
  const wimboot = bundle?.files.find(({ role }) => role === 'kernel')
  if (!bundle || !wimboot) return `the image ${profile.image} has no kernel, which would be wimboot`
  const own =
    profile.wim === null ? undefined : facts.image(profile.wim)?.version.files.find(({ role }) => role === 'wim')
  if (profile.wim !== null && !own) return `the image ${profile.wim} has no WIM`
  const written = configFiles(request, profile, boot, facts)
  if (typeof written === 'string') return written
  const replaced = new Set([...(own ? ['boot.wim'] : []), ...written.map(({ name }) => name)])
  const files = bundle.files
    .filter(({ role, name }) => role === 'initrd' && !replaced.has(name.toLowerCase()))
    .concat(own ? [{ ...own, name: 'boot.wim' }] : [])
    .map((file) => ({ name: file.name, url: blobUrl(request, file) }))
  const named = [...files, ...written]
  return [
    FORGET,
    ...step('wimboot', { do: 'kernel', url: blobUrl(request, wimboot), args: bundle.cmdline }),
    ...named.flatMap(({ name, url }, i) => step(`file${i + 1}`, { do: 'initrd', name, url, wrap: name })),
    ...launch,
    ...step('boot', { do: 'boot' }),
    ...comesBack('boot'),
  ]
}

/** What the config of the profile puts into Windows PE: wimboot takes whatever it does not know itself to `X:\Windows\System32`. */
function configFiles(
  request: ScriptRequest,
  { name: profile, config, disks }: Extract<Profile, { kind: 'wim' }>,
  { machine, once }: Boot,
  { configs, grant }: ScriptFacts,
): readonly Readonly<{ name: string; url: string }>[] | string {
  if (config === null || !configs) return []
  const unfit = configs.problemFor(config, machine, disks.length > 0)
  if (unfit !== undefined) return unfit
  const names = configs.deliveriesOf(config)
  if (names[0] !== 'unattend.xml') return `the config ${config} is not of kind unattend`
  const files = `${request.base}${BOOT_PATHS.files(grant('file', { machine: machine.id, profile, once: once?.id ?? null }))}`
  return names.map((name) => ({ name, url: `${files}/${name}` }))
}

function parked(
  request: ScriptRequest,
  machine: Machine | undefined,
  choice: Extract<Choice, { what: 'park' }>,
): ScriptDecision {
  const again = scriptUrl(request, undefined, { polls: request.polls + 1 })
  const script = [
    ...banner(machine, request, 'waits', choice.reason),
    echo(plainText(`What to do: ${choice.next}`)),
    ...askAgain(again, backOffSeconds(request.polls), 'Asking again'),
  ]
  return decided(script, {
    reason: choice.reason,
    does: 'park',
    profile: choice.profile?.name ?? null,
    once: null,
    next: choice.next,
  })
}

function leave(request: ScriptRequest): IpxeScript {
  return [echo(`Reveille does not serve this machine (${request.mac}): it is unknown`), exit(request)]
}

function banner(machine: Machine | undefined, request: ScriptRequest, does: string, reason: string): IpxeScript {
  const name = machine?.name ?? 'this machine'
  return [echo(), echo(`Reveille: ${name} (${request.mac}) ${does}`), echo(plainText(`Why: ${reason}`))]
}
