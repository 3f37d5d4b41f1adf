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
}>

/** The file for one request, or why there is none and what to do. `reason` is one sentence. */
export type FileDecision =
  | Readonly<{ status: 200; content: string; machine: Machine; grant: Grant; reason: string }>
  | Readonly<{ status: 403 | 404; reason: string; next: string; grant?: Grant | undefined }>

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
  const file = profile?.kind === 'live' ? profile.files.find((candidate) => candidate.name === name) : undefined
  if (!file)
    return {
      status: 404,
      reason: `the profile ${grant.profile} has no file ${name.slice(0, 100)}`,
      next: `see which it has: reveille profile show ${grant.profile}`,
      grant,
    }
  const files = `${base}${BOOT_PATHS.files(capability)}`
  const disks = profile && facts.disks?.(machine, profile)
  const content = fillIn(file.content, wordsFor(machine, grant.mac, base, files, disks))
  return {
    status: 200,
    content,
    machine,
    grant,
    reason: `it belongs to ${profile?.name}, which ${machine.name} booted`,
  }
}
