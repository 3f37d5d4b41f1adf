import type { RenderedConfig } from '../../configs/config.ts'
import type { BootFacts } from '../../configs/facts.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Profile } from '../../profiles/profile.ts'
import type { BootDisks } from '../../volumes/boot-disks.ts'
import type { Grant } from '../capability.ts'
import { BOOT_PATHS } from '../paths.ts'
import { fillIn, wordsFor } from '../words.ts'

export type FileRequest = Readonly<{
  /** The name behind the capability. */
  name: string
  /** The capability as it was sent, and what it opens. */
  capability: string
  grant: Grant | 'forged' | 'expired'
  base: string
}>

export type FileFacts = Readonly<{
  machine: (id: string) => Machine | undefined
  profile: (name: string) => Profile | undefined
  /** How the system of this boot logs in to the profile's disks, where it has some. */
  disks?: ((machine: Machine, profile: Profile) => BootDisks | undefined) | undefined
  /** The same with the secret that it was given. */
  login?: ((machine: Machine, profile: Profile) => BootDisks | undefined) | undefined
  /** The profile's config, rendered for this machine and this boot. */
  config?: ((reference: string, machine: Machine, boot: BootFacts) => RenderedConfig) | undefined
  /** The name under which the first part of a config is delivered. */
  deliveryOf?: ((reference: string) => string | undefined) | undefined
}>

/** The file for one request, or why there is none and what to do. `reason` is one sentence. */
export type FileDecision =
  | Readonly<{
      status: 200
      content: string
      contentType: string
      machine: Machine
      grant: Grant
      reason: string
      /** It holds secrets and is given to this boot once, under this name. */
      once: string | null
    }>
  | Readonly<{ status: 403 | 404 | 409; reason: string; next: string; grant?: Grant | undefined }>

const TEXT = 'text/plain; charset=utf-8'

/** Decides whether this boot may read this file, and fills in what is particular to the machine. */
export function decideFile(request: FileRequest, facts: FileFacts): FileDecision {
  const { name, capability, grant, base } = request
  if (typeof grant === 'string')
    return {
      status: 403,
      reason:
        grant === 'expired' ? 'the capability of this boot has expired' : 'this is not a capability of this server',
      next: 'boot the machine again: its boot script brings a fresh one',
    }
  const machine = facts.machine(grant.machine)
  if (!machine)
    return {
      status: 404,
      reason: 'the machine was deleted after it booted',
      next: 'boot it again and approve it',
      grant,
    }
  const profile = facts.profile(grant.profile)
  const config = configPart(request, machine, profile, facts)
  if (config) return config.status === 200 ? { ...config, machine, grant } : { ...config, grant }
  const file = profile?.kind === 'live' ? profile.files.find((candidate) => candidate.name === name) : undefined
  if (!file)
    return {
      status: 404,
      reason: `the profile ${grant.profile} has no file ${name.slice(0, 100)}`,
      next: `see which it has: reveille profile show ${grant.profile}`,
      grant,
    }
  const disks = profile && facts.disks?.(machine, profile)
  const content = fillIn(
    file.content,
    wordsFor(machine, grant.mac, { base, capability, config: configName(profile, facts) }, disks),
  )
  return {
    status: 200,
    content,
    contentType: TEXT,
    once: null,
    machine,
    grant,
    reason: `it belongs to ${profile?.name}, which ${machine.name} booted`,
  }
}

function configName(profile: Profile | undefined, { deliveryOf }: FileFacts): string | undefined {
  return profile?.kind === 'live' && profile.config !== null ? deliveryOf?.(profile.config) : undefined
}

type Given = Omit<Extract<FileDecision, { status: 200 }>, 'machine' | 'grant'>
type Refused = Omit<Exclude<FileDecision, { status: 200 }>, 'grant'>

/** The part of the profile's config that is asked for; `undefined`: it is none. */
function configPart(
  { name, capability, base }: FileRequest,
  machine: Machine,
  profile: Profile | undefined,
  { config, login }: FileFacts,
): Given | Refused | undefined {
  if ((profile?.kind !== 'live' && profile?.kind !== 'wim') || profile.config === null || !config) return undefined
  const files = `${base}${BOOT_PATHS.files(capability)}`
  const home = `${base}${BOOT_PATHS.home(capability)}`
  const iscsi = iscsiOf(login?.(machine, profile))
  const rendered = config(profile.config, machine, { server: base, files, config: files, home, iscsi })
  const fault = rendered.problems.find(({ severity }) => severity === 'error')
  const part = rendered.parts.find((each) => each.name === name)
  if (fault && (part || rendered.parts.length === 0))
    return {
      status: 409,
      reason: `the config ${profile.config} does not fit ${machine.name}: ${fault.part}${fault.at ? ` line ${fault.at.line}` : ''}: ${fault.message}`,
      next: `see all of it: reveille config render ${rendered.config} --machine ${machine.name}`,
    }
  if (!part) return undefined
  const { content, contentType, secret } = part
  const reason = `it is version ${rendered.version} of the config ${rendered.config}, rendered for ${machine.name}`
  return { status: 200, content, contentType, once: secret ? name : null, reason }
}

function iscsiOf(disks: BootDisks | undefined): BootFacts['iscsi'] {
  if (!disks) return null
  const { initiator, target, host, port, firstLun, chap } = disks
  return { initiator, target, host, port, lun: firstLun, user: chap?.user ?? '', secret: chap?.secret ?? '' }
}
