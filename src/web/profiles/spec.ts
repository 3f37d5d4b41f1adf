import type { Profile } from '../../api/contract/profiles.ts'
import type { SentBodyOf } from '../../api/contract/route.ts'
import type { Contract } from '../../api/contract.ts'
import { type DiskFields, diskFields, diskOf, diskText, NEW_DISK } from './disks.ts'
import {
  type IdentityFields,
  identityFields,
  identityOf,
  NEW_TARGET,
  NO_IDENTITY,
  type TargetFields,
  targetFields,
  targetOf,
  targetText,
} from './target.ts'

/** A profile as the API takes it. */
export type Spec = SentBodyOf<Contract['createProfile']>
export type Kind = Profile['kind']

/** Every kind with what it does, in the order in which people need them. */
export const KINDS: readonly (readonly [Kind, string])[] = [
  ['diskless', 'disks over iSCSI: its own writes over an image'],
  ['live', 'a kernel and initrds of an image'],
  ['install', 'its own disk, with images written to it when it is deployed'],
  ['local', 'its own disk'],
  ['iso', 'an ISO image'],
  ['wim', 'Windows PE, with wimboot'],
  ['menu', 'a choice on its screen'],
  ['script', 'an iPXE script of your own'],
  ['park', 'nothing: it waits and asks again'],
]

/** All fields that any kind has, as a form holds them. */
export type Fields = {
  name: string
  description: string
  kind: Kind
  image: string
  cmdline: string
  files: { name: string; content: string }[]
  config: string | null
  disks: DiskFields[]
  hideGateway: boolean
  wim: string | null
  targets: TargetFields[]
  holes: 'zero' | 'discard'
  verify: 'sampled' | 'full'
  grow: boolean
  finish: 'reboot' | 'power-off' | 'kexec'
  identity: IdentityFields
  script: string
  title: string
  items: { profile: string; label: string; password?: string | null }[]
  default: string
  timeoutSeconds: number
  message: string
}

export type SetField = <F extends keyof Fields>(field: F, value: Fields[F]) => void
/** What each part of the form is given. */
export type Part = { fields: Fields; set: SetField; error: Error | null }

export const NEW: Fields = {
  name: '',
  description: '',
  kind: 'live',
  image: '',
  cmdline: '',
  files: [],
  config: null,
  disks: [],
  hideGateway: false,
  wim: null,
  targets: [NEW_TARGET],
  holes: 'zero',
  verify: 'full',
  grow: false,
  finish: 'reboot',
  identity: NO_IDENTITY,
  script: '#!ipxe\n\n',
  title: '',
  items: [],
  default: '',
  timeoutSeconds: 10,
  message: '',
}

export function fieldsOf(profile: Profile): Fields {
  switch (profile.kind) {
    case 'install':
      return {
        ...NEW,
        ...profile,
        targets: profile.targets.map(targetFields),
        identity: identityFields(profile.identity),
      }
    case 'diskless':
    case 'live':
    case 'wim':
      return { ...NEW, ...profile, disks: profile.disks.map(diskFields) }
    default:
      return { ...NEW, ...profile }
  }
}

/** The fields of another kind: one that boots a disk has one from the beginning. */
export const ofKind = (fields: Fields, kind: Kind): Fields => ({
  ...fields,
  kind,
  disks: kind === 'diskless' && fields.disks.length === 0 ? [NEW_DISK] : fields.disks,
})

/** Only the fields of the chosen kind: the API refuses others. */
export function specOf(fields: Fields): Spec {
  const { name, description, kind } = fields
  const common = { name, description }
  switch (kind) {
    case 'local':
      return { ...common, kind }
    case 'install':
      return {
        ...common,
        kind,
        targets: fields.targets.map(targetOf),
        holes: fields.holes,
        verify: fields.verify,
        grow: fields.grow,
        finish: fields.finish,
        identity: identityOf(fields.identity),
        config: fields.config,
      }
    case 'live':
      return {
        ...common,
        kind,
        image: fields.image,
        cmdline: fields.cmdline,
        files: fields.files,
        config: fields.config,
        disks: fields.disks.map(diskOf),
      }
    case 'diskless':
      return { ...common, kind, disks: fields.disks.map(diskOf), hideGateway: fields.hideGateway }
    case 'wim':
      return {
        ...common,
        kind,
        image: fields.image,
        wim: fields.wim,
        config: fields.config,
        disks: fields.disks.map(diskOf),
        hideGateway: fields.hideGateway,
      }
    case 'iso':
      return { ...common, kind, image: fields.image }
    case 'script':
      return { ...common, kind, script: fields.script }
    case 'menu':
      return {
        ...common,
        kind,
        title: fields.title,
        items: fields.items.map((item) => ({ ...item, password: item.password || null })),
        default: fields.default,
        timeoutSeconds: fields.timeoutSeconds,
      }
    case 'park':
      return { ...common, kind, message: fields.message }
  }
}

/** What a profile boots, in a few words. */
export function summary(profile: Profile): string {
  switch (profile.kind) {
    case 'local':
      return 'its own disk'
    case 'install':
      return profile.targets.map(targetText).join('; ')
    case 'live':
      return profile.cmdline ? `${profile.image} with ${profile.cmdline}` : profile.image
    case 'diskless':
      return profile.disks.map(diskText).join('; ')
    case 'wim':
      return [profile.image, profile.wim && `with ${profile.wim}`, ...profile.disks.map(diskText)]
        .filter(Boolean)
        .join('; ')
    case 'iso':
      return profile.image
    case 'script':
      return `an iPXE script of ${profile.script.split('\n').length} lines`
    case 'menu':
      return `a choice of ${profile.items.map((item) => item.profile).join(', ')}`
    case 'park':
      return profile.message || 'nothing: it waits'
  }
}
