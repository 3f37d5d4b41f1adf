import type { Profile } from '../../api/contract/profiles.ts'
import { bytes } from '../parts/words.ts'
import { fromGiB, toGiB } from '../volumes/words.ts'

type Disk = Extract<Profile, { kind: 'diskless' }>['disks'][number]
type Overlay = Extract<Disk, { use: 'overlay' }>

/** One disk over iSCSI as a form holds it: what every use of it has, empty where nothing is said. */
export type DiskFields = {
  use: Disk['use']
  image: string
  /** In GiB, as people say it. */
  gib: number | null
  limitGib: number | null
  policy: Overlay['policy']
  volume: string
  access: 'shared-read-only' | 'exclusive'
  rotation: string
}

export const NEW_DISK: DiskFields = {
  ...{ use: 'overlay', image: '', gib: null, limitGib: null, policy: 'keep' },
  ...{ volume: '', access: 'shared-read-only', rotation: '' },
}

export const POLICY_WORDS: Readonly<Record<Overlay['policy'], string>> = {
  keep: 'kept',
  'reset-at-boot': 'dropped at every boot',
  'reset-on-demand': 'kept until somebody resets it',
}

export function diskFields(disk: Disk): DiskFields {
  switch (disk.use) {
    case 'overlay':
      return {
        ...NEW_DISK,
        ...{ use: 'overlay', image: disk.image, policy: disk.policy },
        gib: toGiB(disk.bytes),
        limitGib: toGiB(disk.limitBytes),
      }
    case 'volume':
      return { ...NEW_DISK, use: 'volume', volume: disk.volume, access: disk.access }
    case 'rotation':
      return { ...NEW_DISK, use: 'rotation', rotation: disk.rotation }
  }
}

/** Only the fields of its use: the API refuses others. */
export function diskOf(fields: DiskFields): Disk {
  switch (fields.use) {
    case 'overlay':
      return {
        use: 'overlay',
        image: fields.image,
        bytes: fromGiB(fields.gib),
        limitBytes: fromGiB(fields.limitGib),
        policy: fields.policy,
      }
    case 'volume':
      return { use: 'volume', volume: fields.volume, access: fields.access }
    case 'rotation':
      return { use: 'rotation', rotation: fields.rotation.trim() }
  }
}

/** What a machine finds as this disk, in a few words. */
export function diskText(disk: Disk): string {
  switch (disk.use) {
    case 'overlay': {
      const size = disk.bytes === null ? '' : `, ${bytes(disk.bytes)}`
      const limit = disk.limitBytes === null ? '' : `, at most ${bytes(disk.limitBytes)} of its own`
      return `${disk.image}${size}, writes ${POLICY_WORDS[disk.policy]}${limit}`
    }
    case 'volume':
      return `volume ${disk.volume}, ${disk.access === 'exclusive' ? 'writable for one' : 'read-only'}`
    case 'rotation':
      return `the next volume of rotation ${disk.rotation}`
  }
}

/** The list with one entry moved by one place: the place is the LUN. */
export function moved<T>(list: readonly T[], from: number, by: -1 | 1): T[] {
  const to = from + by
  const copy = [...list]
  const [item] = copy.splice(from, 1)
  if (item === undefined || to < 0 || to >= list.length) return [...list]
  copy.splice(to, 0, item)
  return copy
}
