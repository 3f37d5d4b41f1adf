import type { ImageFile } from '../../images/image.ts'
import type { Profile } from '../../profiles/profile.ts'
import { encodeScript, type GrubCommand, type GrubScript } from '../../protocols/grub/script.ts'
import { type GrubText, plainText, UnsafeText } from '../../protocols/grub/text.ts'
import type { KernelFacts } from '../../protocols/pe/secure-boot.ts'
import { BOOT_PATHS } from '../paths.ts'
import { fillIn, wordsFor } from '../words.ts'
import { type AgentChoice, type AgentProblem, BUILD_AGAIN, MANAGEMENT_OS, planAgent } from './agent.ts'
import { hasDisks } from './attach.ts'
import type { Choice } from './choose.ts'
import type { ScriptDecision, ScriptFacts } from './decide.ts'
import { named, told } from './disc.ts'
import { QUERY, type ScriptRequest } from './request.ts'

/** What GRUB says besides. */
export type GrubRequest = ScriptRequest &
  Readonly<{
    /** Secure Boot is on: GRUB then starts only what shim accepts. */
    secureBoot: boolean
    /** It opens the menu that an earlier script told it to. */
    inMenu: boolean
  }>

/** `kernel`: what was found out about a kernel before; `undefined` for a file that is gone. */
export type GrubFacts = ScriptFacts & Readonly<{ kernel: (sha256: string) => KernelFacts | undefined }>
export type GrubDecision = Omit<ScriptDecision, 'script'>
type Boot = Extract<Choice, { what: 'boot' }>

/** Names that GRUB asks for by TFTP. */
export const GRUB_PATHS = { first: 'grub/grub.cfg', script: 'grub/for', menu: 'grub/menu' } as const
/** Query parameter: GRUB's variable `lockdown`, which is `y` while Secure Boot is on. */
export const LOCKDOWN = 'lockdown'

/** Seconds until a machine asks again: while it is parked, and after a failure. GRUB cannot count, so it is always the same. */
const PARKED_SECONDS = 15
const FAILED_SECONDS = 20

/** Boot loaders on disks, those of systems first: `BOOTX64.EFI` beside them may change the boot order of the firmware. */
const ON_DISK = ['debian', 'ubuntu', 'fedora', 'redhat', 'centos', 'rocky', 'almalinux', 'opensuse', 'sles']
const LOADERS_ON_DISK = (suffix: string) => [
  ...ON_DISK.map((system) => `/EFI/${system}/shim${suffix.toLowerCase()}.efi`),
  '/EFI/Microsoft/Boot/bootmgfw.efi',
  `/EFI/BOOT/BOOT${suffix}.EFI`,
]

/** The first script, the same for every machine: it tells who asks, does what it is told, and asks again for ever. */
export function firstScript(): string {
  const path: GrubText = [
    `/${GRUB_PATHS.script}?${QUERY.mac}=`,
    { variable: 'net_default_mac' },
    `&${QUERY.platform}=efi&${QUERY.architecture}=`,
    { variable: 'grub_cpu' },
    `&${QUERY.uuid}=`,
    { variable: 'uuid' },
    `&${LOCKDOWN}=`,
    { variable: 'lockdown' },
  ]
  return encodeScript([
    { when: [{ do: 'smbios-uuid' }], yes: [] },
    {
      forever: [
        set('wait', String(FAILED_SECONDS)),
        { when: [{ do: 'source', path }], yes: [], no: [echo('Reveille: the server gave no script')] },
        { run: { do: 'sleep', seconds: { variable: 'wait' } } },
      ],
    },
  ])
}

/** Decides the script of a machine that runs GRUB. Never throws: what cannot be booted is parked, with the reason on its screen. */
export function decideGrub(choice: Choice, request: GrubRequest, facts: GrubFacts): GrubDecision {
  const name = facts.machine?.name ?? 'this machine'
  const head = (does: string, reason: string): GrubScript => [
    echo(' '),
    echo(`Reveille: ${name} (${request.mac}) ${does}`),
    echo(`Why: ${reason}`),
  ]
  const parked = (reason: string, next: string, profile: string | null = null): GrubDecision => ({
    ...{ reason, next, profile, does: 'park', once: null },
    text: encodeScript([
      ...head('waits', reason),
      echo(`What to do: ${next}`),
      echo(`Asking again in ${PARKED_SECONDS} s`),
      set('wait', String(PARKED_SECONDS)),
    ]),
  })
  if (choice.what === 'park') return parked(choice.reason, choice.next, choice.profile?.name)
  const { reason } = choice
  if (choice.what === 'ignore') {
    const text = encodeScript([...head('is not served', reason), { run: { do: 'exit' } }])
    return { reason, text, does: 'ignore', profile: null, once: null }
  }
  if (choice.what === 'agent') {
    const body = agent(choice, request, facts)
    if ('problem' in body) return parked(`${reason}, but ${body.problem}`, body.next)
    const text = encodeScript([...head('boots the management OS', reason), ...body.lines])
    return { reason, text, does: 'agent', profile: null, once: null }
  }
  if (choice.what === 'password')
    return parked(
      `${choice.entry.profile} has a password, which GRUB cannot ask for here`,
      'choose another entry, or take the password away',
      choice.menu.name,
    )
  if (choice.what === 'local') {
    const mark = facts.grant('boot', { machine: choice.machine.id, profile: choice.profile, once: choice.once ?? null })
    const text = encodeScript([...head('boots its own disk', reason), ...local(request, mark)])
    return { reason, text, does: 'local', profile: named(choice.profile), once: choice.once ?? null }
  }
  const { profile, once } = choice
  if (facts.disks?.outcome === 'refused')
    return parked(`${profile.name} cannot be booted: ${facts.disks.reason}`, facts.disks.next, profile.name)
  try {
    const body = bodyOf(profile, choice, request, facts)
    if (typeof body !== 'string') {
      const done = facts.disks?.outcome === 'disks' ? facts.disks.disks.remarks : []
      const remark = [reason, ...done, ...(body.remark === undefined ? [] : [body.remark])].join('; ')
      const text = encodeScript(body.whole ?? [...head(`boots ${told(profile.name)}`, remark), ...body.lines])
      return { reason: remark, text, does: profile.kind, profile: named(profile.name), once: once?.id ?? null }
    }
    return parked(`${told(profile.name)} cannot be booted: ${body}`, NEXT, profile.name)
  } catch (error) {
    if (!(error instanceof UnsafeText)) throw error
    return parked(`${told(profile.name)} cannot be booted: ${error.message}`, NEXT, profile.name)
  }
}

const NEXT = 'mend the profile or its image, choose another, or let the machine boot iPXE without Secure Boot'

/** Why GRUB as Debian signs it, which loads kernels and initrds over TFTP alone, does not boot these; and what would. */
const NEEDS_IPXE: Readonly<Record<Exclude<Profile['kind'], 'live' | 'install' | 'local' | 'menu'>, string>> = {
  diskless:
    'its disks become drives of the firmware by iPXE, and this machine loads GRUB, which cannot do that; a live profile with the same disks, whose kernel and initrd are an image, works',
  wim: 'Windows PE is started by wimboot, which runs in iPXE alone and is not signed, and this machine loads GRUB; Windows can be written to its disk as an image instead',
  iso: 'an ISO becomes a drive of the firmware by iPXE, and this machine loads GRUB, which cannot do that; make a live profile of the kernel and the initrd that are on it',
  script: 'its script is written for iPXE, and this machine loads GRUB',
  park: 'it has nothing to boot',
}

type Body = Readonly<{ lines: GrubScript; remark?: string | undefined; whole?: GrubScript | undefined }>

/** A sentence says why not. */
function bodyOf(profile: Profile, boot: Boot, request: GrubRequest, facts: GrubFacts): Body | string {
  const mark = () =>
    facts.grant('boot', { machine: boot.machine.id, profile: profile.name, once: boot.once?.id ?? null })
  switch (profile.kind) {
    case 'live':
      return live(profile, boot, request, facts, mark())
    case 'install':
    case 'local':
      return { lines: local(request, mark()) }
    case 'menu': {
      if (request.inMenu) return { lines: [], whole: menu(profile, boot, request) }
      return { lines: [{ run: { do: 'configfile', path: pathFor(request, GRUB_PATHS.menu, boot.choices) } }] }
    }
    default:
      return NEEDS_IPXE[profile.kind]
  }
}

/** Whether the kernel would be started here: a sentence says why not, `remark` what to know of its signature. */
function judge(
  kernel: ImageFile,
  image: string,
  request: GrubRequest,
  facts: GrubFacts,
): string | Readonly<{ remark: string | undefined }> {
  const seen = facts.kernel(kernel.sha256)
  if (!seen) return `the kernel ${kernel.name} of ${image} cannot be read`
  if (seen.machine !== null && request.architecture !== undefined && seen.machine !== request.architecture)
    return `the kernel ${kernel.name} of ${image} is for ${seen.machine}, and the machine is ${request.architecture}`
  if (request.secureBoot && seen.verdict === 'refused')
    return `the kernel ${kernel.name} of ${image} ${seen.reason}, and Secure Boot is on: it would be refused`
  const doubtful = request.secureBoot && seen.verdict === 'unknown'
  return { remark: doubtful ? `Secure Boot is on, and the kernel ${seen.reason}` : undefined }
}

/** Loads a kernel and initrds, reports the launch, and starts it. GRUB aligns initrds, and opens all of them before it reads one. */
function load(kernel: ImageFile, args: readonly string[], initrds: readonly Initrd[], mark: string): GrubScript {
  const start: GrubScript = [...launch(mark), set('step', 'boot'), { run: { do: 'boot' } }]
  const withInitrds: GrubScript =
    initrds.length === 0
      ? start
      : [
          set('step', 'initrd'),
          echo(`Loading ${initrds.map(({ name }) => name).join(', ')}`),
          { when: [{ do: 'initrd', paths: initrds.map(({ path }) => path) }], yes: start },
        ]
  return [
    set('step', 'kernel'),
    echo(`Loading ${kernel.name}`),
    { when: [{ do: 'linux', path: blobPath(kernel), args }], yes: withInitrds },
    ...failure(mark),
  ]
}

type Initrd = Readonly<{ name: string; path: string }>
const initrdOf = (file: ImageFile): Initrd => ({ name: file.name, path: blobPath(file) })

/** The management OS. The pass is fetched first, for GRUB holds up what it opened while it reads something else. */
function agent(
  choice: AgentChoice,
  request: GrubRequest,
  facts: GrubFacts,
): Readonly<{ lines: GrubScript }> | AgentProblem {
  const plan = planAgent(request, choice, facts)
  if ('problem' in plan) return plan
  const judged = judge(plan.kernel, MANAGEMENT_OS, request, facts)
  if (typeof judged === 'string') return { problem: judged, next: BUILD_AGAIN }
  const initrds = [{ name: 'pass', path: plan.pass }, ...plan.initrds.map(initrdOf)]
  try {
    const lines = load(plan.kernel, plan.args.split(' '), initrds, plan.mark)
    encodeScript(lines)
    return { lines }
  } catch (error) {
    if (!(error instanceof UnsafeText)) throw error
    return { problem: error.message, next: BUILD_AGAIN }
  }
}

function live(
  profile: Extract<Profile, { kind: 'live' }>,
  boot: Boot,
  request: GrubRequest,
  facts: GrubFacts,
  mark: string,
): Body | string {
  const { machine } = boot
  const version = facts.image(profile.image)?.version
  const kernel = version?.files.find(({ role }) => role === 'kernel')
  if (!version || !kernel) return `the image ${profile.image} has no kernel`
  const judged = judge(kernel, profile.image, request, facts)
  if (typeof judged === 'string') return judged
  const unfit =
    profile.config === null ? undefined : facts.configs?.problemFor(profile.config, machine, hasDisks(profile))
  if (unfit !== undefined) return unfit
  const config = profile.config === null ? undefined : facts.configs?.deliveryOf(profile.config)
  const own = facts.grant('file', { machine: machine.id, profile: profile.name, once: boot.once?.id ?? null })
  const disks = facts.disks?.outcome === 'disks' ? facts.disks.disks : undefined
  if (hasDisks(profile) && !disks) return 'there are no disks for it'
  const words = wordsFor(machine, request.mac, { base: request.base, capability: own, config }, disks)
  const args = [version.cmdline, profile.cmdline]
    .flatMap((text) => fillIn(text, words).split(' '))
    .filter((word) => word !== '')
  const initrds = version.files.filter(({ role }) => role === 'initrd').map(initrdOf)
  // Last, for what it holds takes the place of what the system would do by itself: look for an iBFT.
  if (disks)
    initrds.push({
      name: 'login',
      path: BOOT_PATHS.diskLogin(
        facts.grant('login', { machine: machine.id, profile: profile.name, once: boot.once?.id ?? null }),
      ),
    })
  return { lines: load(kernel, args, initrds, mark), remark: judged.remark }
}

/** GRUB cannot hand back to a UEFI firmware so that it goes on with its next boot option: it starts what is on the disk itself. */
function local(request: GrubRequest, mark: string): GrubScript {
  return [
    set('step', 'local'),
    {
      each: 'file',
      of: LOADERS_ON_DISK(request.architecture === 'arm64' ? 'AA64' : 'X64'),
      run: [
        {
          when: [{ do: 'search' }],
          yes: [
            set('net', [{ variable: 'root' }]),
            set('root', [{ variable: 'disk' }]),
            {
              when: [{ do: 'chainloader' }],
              yes: [set('root', [{ variable: 'net' }]), ...launch(mark), { run: { do: 'boot' } }],
              no: [set('root', [{ variable: 'net' }])],
            },
          ],
        },
      ],
    },
    echo('Reveille: no disk has a boot loader that is known here and may be started'),
    ...failure(mark),
  ]
}

/** An entry that did not boot leads back here. GRUB forgets the timeout once it was used, and nobody may be there to choose. */
function menu(profile: Extract<Profile, { kind: 'menu' }>, boot: Boot, request: GrubRequest): GrubScript {
  const timeout = set('timeout', String(profile.timeoutSeconds === 0 ? -1 : profile.timeoutSeconds))
  return [
    set('default', profile.default),
    timeout,
    ...profile.items.map((item) => ({
      entry: item.profile,
      title: plainText(`${item.label || item.profile}${item.password === null ? '' : ' (has a password: needs iPXE)'}`),
      run: [
        { run: { do: 'source', path: pathFor(request, GRUB_PATHS.script, [...boot.choices, item.profile]) } },
        { run: { do: 'sleep', seconds: { variable: 'wait' } } },
        timeout,
      ] as const,
    })),
  ]
}

/** The name of the script for the machine that asked, to ask again. */
function pathFor(request: GrubRequest, path: string, choices: readonly string[]): string {
  const pairs = [
    [QUERY.mac, request.mac],
    [QUERY.platform, 'efi'],
    ...(request.architecture === undefined ? [] : [[QUERY.architecture, request.architecture]]),
    [LOCKDOWN, request.secureBoot ? 'y' : ''],
    ...choices.map((choice) => [QUERY.choice, choice]),
  ]
  return `/${path}?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`
}

/** GRUB reports by asking for a script: fetching its name is the report. What it says in return does nothing. */
function launch(mark: string): GrubScript {
  return [{ when: [{ do: 'source', path: BOOT_PATHS.mark(mark, 'launch') }], yes: [] }]
}

function failure(mark: string): GrubScript {
  const path: GrubText = [`${BOOT_PATHS.mark(mark, 'failed')}?step=`, { variable: 'step' }]
  return [
    echo(['Reveille: the step ', { variable: 'step' }, ' failed; the line above says why']),
    { when: [{ do: 'source', path }], yes: [] },
    echo(`Asking again in ${FAILED_SECONDS} s`),
    set('wait', String(FAILED_SECONDS)),
  ]
}

function blobPath(file: ImageFile): string {
  return BOOT_PATHS.blob(file.sha256, file.name.replace(/[^A-Za-z0-9._~-]/g, '-'))
}

function echo(text: GrubText): { run: GrubCommand } {
  return { run: { do: 'echo', text: typeof text === 'string' ? plainText(text) : text } }
}

function set(
  variable: 'wait' | 'step' | 'default' | 'timeout' | 'root' | 'net',
  value: GrubText,
): { run: GrubCommand } {
  return { run: { do: 'set', variable, value } }
}
