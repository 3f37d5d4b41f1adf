import type { Profile } from '../../profiles/profile.ts'
import type { KernelFacts } from '../../protocols/pe/secure-boot.ts'
import type { BootDisks } from '../../volumes/boot-disks.ts'
import type { BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import { MANAGEMENT_OS } from './agent.ts'
import { hasDisks } from './attach.ts'
import type { Choice } from './choose.ts'
import type { ScriptFacts } from './decide.ts'
import { decideGrub, firstScript, GRUB_PATHS, type GrubDecision, type GrubRequest, LOCKDOWN } from './grub.ts'
import { loginArchive } from './login.ts'
import { readRequest, type ScriptRequest } from './request.ts'

/** A script, sent as it is; the stage tells of it itself. */
export type GrubFile = Readonly<{ bytes: Uint8Array; told: 'nothing' }>
/** Answers what GRUB asks for by name over TFTP: `undefined` for names that are not of this stage. `base` as in `BootTarget`. */
export type FindGrubFile = (name: string, client: string, base: string) => Promise<GrubFile | undefined> | undefined

/** Finds out about a kernel by its SHA-256; `undefined` when there is none (any more). */
export type InspectKernel = (sha256: string) => Promise<KernelFacts | undefined>

/** Whether machines that load GRUB boot this profile with its disks: its system logs in to them by itself. */
export function logsIn(profile: Profile): boolean {
  return profile.kind === 'live' && hasDisks(profile)
}

export type GrubParts = Readonly<{
  /** Whether this address may ask now. */
  allows: (client: string) => boolean
  decide: (
    request: ScriptRequest,
    target: Pick<BootTarget, 'base' | 'client'>,
    how: (choice: Choice, facts: ScriptFacts) => Promise<GrubDecision>,
  ) => Promise<GrubDecision>
  /** Takes a report and says its status. */
  mark: (target: BootTarget) => Promise<Readonly<{ status: number }>>
  /** The disks that the boot with this word was given; `undefined`: the word is not good any more. */
  login: (word: string, target: Pick<BootTarget, 'base' | 'client'>) => BootDisks | undefined
  /** GRUB asked for its first script. */
  started: (client: string, bytes: number) => void
  inspect: InspectKernel
}>

const MARK = 'boot/mark/'
const [LOGIN = '', LOGIN_END = ''] = BOOT_PATHS.diskLogin('\0').slice(1).split('\0')
const NOTED = '# noted\n'

/** Stage 3 for machines that load GRUB: the same decisions, written for it, and its reports. */
export function serveGrub(parts: GrubParts): FindGrubFile {
  const answer = async (path: string, query: URLSearchParams, client: string, base: string) => {
    if (path.startsWith(MARK)) {
      const { status } = await parts.mark({ path: `/${path}`, query, client, base })
      return status === 200 ? NOTED : undefined
    }
    const asked = readRequest(query, base)
    if (!asked) return undefined
    const request: GrubRequest = {
      ...asked,
      secureBoot: query.get(LOCKDOWN) === 'y',
      inMenu: path === GRUB_PATHS.menu,
    }
    return (await parts.decide(asked, { base, client }, grubWriter(request, parts.inspect))).text
  }
  return (name, client, base) => {
    const [path = '', ...rest] = name.split('?')
    if (path.startsWith(LOGIN) && path.endsWith(LOGIN_END)) {
      const word = path.slice(LOGIN.length, -LOGIN_END.length)
      const disks = parts.allows(client) ? parts.login(word, { base, client }) : undefined
      return Promise.resolve(disks && { bytes: loginArchive(disks), told: 'nothing' })
    }
    const first = path === GRUB_PATHS.first
    if (!first && path !== GRUB_PATHS.script && path !== GRUB_PATHS.menu && !path.startsWith(MARK)) return undefined
    if (!parts.allows(client)) return Promise.resolve(undefined)
    if (!first) return answer(path, new URLSearchParams(rest.join('?')), client, base).then(fileOf)
    const text = firstScript()
    parts.started(client, text.length)
    return Promise.resolve(fileOf(text))
  }
}

/** Looks at the kernel first, where one is to be booted. */
export function grubWriter(
  request: GrubRequest,
  inspect: InspectKernel,
): (choice: Choice, facts: ScriptFacts) => Promise<GrubDecision> {
  return async (choice, facts) => {
    const live = choice.what === 'boot' && choice.profile.kind === 'live' ? choice.profile.image : undefined
    const image = choice.what === 'agent' ? MANAGEMENT_OS : live
    const file =
      image === undefined ? undefined : facts.image(image)?.version.files.find((each) => each.role === 'kernel')
    const seen = file && (await inspect(file.sha256))
    return decideGrub(choice, request, { ...facts, kernel: () => seen })
  }
}

function fileOf(text: string | undefined): GrubFile | undefined {
  return text === undefined ? undefined : { bytes: new TextEncoder().encode(text), told: 'nothing' }
}
