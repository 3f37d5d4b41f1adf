import type { Profile } from '../../api/contract/profiles.ts'
import { hintsText } from '../deployments/words.ts'

type Install = Extract<Profile, { kind: 'install' }>
type Target = Install['targets'][number]
type Identity = Install['identity']
type Hints = Target['disk']

/** One image for one disk or partition as a form holds it: all texts, empty where nothing is said. */
export type TargetFields = {
  image: string
  partition: number | null
  writeBack: boolean
  serial: string
  wwn: string
  model: string
  byPath: string
  transport: Hints['transport'] | null
  rotational: boolean | null
  /** In GiB, as people say it. */
  leastGiB: number | null
  mostGiB: number | null
}

export const NEW_TARGET: TargetFields = {
  ...{ image: '', partition: null, writeBack: false, serial: '', wwn: '', model: '', byPath: '' },
  ...{ transport: null, rotational: null, leastGiB: null, mostGiB: null },
}

export type IdentityFields = {
  hostname: boolean
  sshKeys: string
  passwordHash: string
  userData: string
  metaData: string
  ignition: string
}

export const NO_IDENTITY: IdentityFields = {
  ...{ hostname: false, sshKeys: '', passwordHash: '', userData: '', metaData: '', ignition: '' },
}

const GIB = 1024 ** 3

export function targetFields({ image, partition, writeBack, disk }: Target): TargetFields {
  return {
    image,
    partition,
    writeBack,
    serial: disk.serial ?? '',
    wwn: disk.wwn ?? '',
    model: disk.model ?? '',
    byPath: disk.byPath ?? '',
    transport: disk.transport ?? null,
    rotational: disk.rotational ?? null,
    leastGiB: disk.leastBytes === undefined ? null : disk.leastBytes / GIB,
    mostGiB: disk.mostBytes === undefined ? null : disk.mostBytes / GIB,
  }
}

export function targetOf(fields: TargetFields): Target {
  const { image, partition, writeBack, transport, rotational, leastGiB, mostGiB } = fields
  const disk: Hints = {}
  for (const hint of ['serial', 'wwn', 'model', 'byPath'] as const) {
    const text = fields[hint].trim()
    if (text) disk[hint] = text
  }
  if (transport) disk.transport = transport
  if (rotational !== null) disk.rotational = rotational
  if (leastGiB !== null) disk.leastBytes = Math.round(leastGiB * GIB)
  if (mostGiB !== null) disk.mostBytes = Math.round(mostGiB * GIB)
  return { image, partition, writeBack, disk }
}

export function identityFields(identity: Identity): IdentityFields {
  if (!identity) return NO_IDENTITY
  return {
    hostname: identity.hostname,
    sshKeys: identity.sshKeys.join('\n'),
    passwordHash: identity.passwordHash ?? '',
    userData: identity.userData ?? '',
    metaData: identity.metaData ?? '',
    ignition: identity.ignition ?? '',
  }
}

/** `null` where nothing is to be written: the image then keeps what it says of itself. */
export function identityOf(fields: IdentityFields): Identity {
  const sshKeys = fields.sshKeys
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const identity = {
    hostname: fields.hostname,
    sshKeys,
    passwordHash: fields.passwordHash.trim() || null,
    userData: fields.userData || null,
    metaData: fields.metaData || null,
    ignition: fields.ignition || null,
  }
  const said =
    identity.hostname || sshKeys.length > 0 || Object.values(identity).some((each) => typeof each === 'string')
  return said ? identity : null
}

/** `debian@3 to nvme, at least 100 GiB`; `data to partition 2 of …, saved before the next`. */
export function targetText({ image, disk, partition, writeBack }: Target): string {
  const where = hintsText(disk)
  const to = partition === null ? where : `partition ${partition} of ${where}`
  return `${image} to ${to}${writeBack ? ', saved before the next' : ''}`
}
