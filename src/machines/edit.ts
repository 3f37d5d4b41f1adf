import { Refusal } from '../kit/errors.ts'
import { formatIpv4, parseIpv4 } from '../kit/ip.ts'
import { type Mac, parseMac } from '../kit/mac.ts'
import { Name } from '../profiles/profile.ts'
import type { Architecture, BootLoader, Firmware, Machine } from './machine.ts'

/** What a person may say of a machine. Absent fields are left alone. */
type Editable = Readonly<{
  tags: readonly string[]
  notes: string
  /** A fixed address, dotted decimal. */
  ip: string | null
  hostname: string | null
  profile: string | null
  uuid: string | null
  serial: string | null
  architecture: Architecture | null
  firmware: Firmware | null
  bootLoader: BootLoader
}>

/** MACs in any usual spelling; the name is made from the pattern when left out. */
export type NewMachine = Partial<Editable> & Readonly<{ name?: string | undefined; macs: readonly string[] }>

export type MachinePatch = Partial<Editable> &
  Readonly<{
    name?: string | undefined
    macs?: readonly string[] | undefined
    state?: 'ready' | 'maintenance' | 'retired' | undefined
  }>

/** One machine of a manifest: named, and whole. */
export type DeclaredMachine = NewMachine & Readonly<{ name: string }>

export function blankMachine(id: string, name: string, now: number): Machine {
  return {
    id,
    name,
    state: 'ready',
    macs: [],
    uuid: null,
    serial: null,
    manufacturer: null,
    product: null,
    architecture: null,
    firmware: null,
    bootLoader: 'auto',
    tags: [],
    notes: '',
    ip: null,
    hostname: null,
    profile: null,
    nextBoot: null,
    createdAt: now,
    updatedAt: now,
    lastSeenAt: null,
    lastAddress: null,
  }
}

/** The machine with a patch applied, all but its state, in the one spelling used inside. What is malformed is a `Refusal`. */
export function edited(machine: Machine, patch: MachinePatch, hasProfile: (name: string) => boolean): Machine {
  const { state: _, macs, ...rest } = patch
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const next: Machine = { ...machine, ...given, macs: macs ? readMacs(macs) : machine.macs }
  if (!Name.safeParse(next.name).success)
    refuse('name', `${JSON.stringify(next.name)} is not a machine name`, 'use 1 to 63 of a-z 0-9 . _ -')
  if (patch.profile && !hasProfile(patch.profile))
    refuse('profile', `there is no profile ${JSON.stringify(patch.profile)}`, 'list them: reveille profile list')
  return { ...next, ip: readAddress(next.ip), uuid: next.uuid?.toLowerCase() ?? null, tags: [...new Set(next.tags)] }
}

/** Names of the fields that differ, in the order of the type; times are not compared. */
export function changedFields(before: Machine, after: Machine): string[] {
  const differs = (field: keyof Machine) =>
    // Most fields are the same value, and every sighting asks.
    before[field] !== after[field] &&
    field !== 'updatedAt' &&
    field !== 'lastSeenAt' &&
    JSON.stringify(before[field]) !== JSON.stringify(after[field])
  return (Object.keys(after) as (keyof Machine)[]).filter(differs)
}

function readMacs(texts: readonly string[]): Mac[] {
  const macs = texts.map((text, i) => {
    const mac = parseMac(text)
    return (
      mac ?? refuse(`macs.${i}`, `${JSON.stringify(text)} is not a station's MAC`, 'write it like 52:54:00:12:34:56')
    )
  })
  if (macs.length === 0 || macs.length > 16)
    refuse('macs', `a machine has 1 to 16 MACs, not ${macs.length}`, 'give the MACs of its network cards')
  return [...new Set(macs)]
}

function readAddress(text: string | null): string | null {
  if (text === null) return null
  const address = parseIpv4(text)
  if (address === undefined || address === 0 || address >>> 28 >= 14)
    return refuse('ip', `${JSON.stringify(text)} is not a station's IPv4 address`, 'write it like 10.0.0.17')
  return formatIpv4(address)
}

function refuse(path: string, message: string, next: string): never {
  throw new Refusal('validation-failed', message, { next, problems: [{ path, message }] })
}
