import type { Profile } from '../api/contract/profiles.ts'
import type { SentBodyOf } from '../api/contract/route.ts'
import type { Contract } from '../api/contract.ts'
import { type CliCommand, collect } from './command.ts'
import { WrongUse } from './failure.ts'
import { sizeInBytes } from './size-option.ts'
import type { Cell } from './table.ts'
import { bytes } from './units.ts'

type Disk = Extract<Profile, { kind: 'diskless' }>['disks'][number]
type SentDisk = Extract<SentBodyOf<Contract['createProfile']>, { kind: 'diskless' }>['disks'][number]

/** What profiles that attach disks over iSCSI have. */
export type DisklessOptions = { disk?: string[]; hideGateway?: boolean; wim?: string }

export function disklessOptions(command: CliCommand): CliCommand {
  return command
    .option(
      '--disk <disk>',
      'diskless, live, wim: a disk over iSCSI; may be given several times, the first is LUN 0: overlay:IMAGE[@N][,policy=P][,size=20G][,limit=5G], volume:NAME,read-only, volume:NAME,exclusive or rotation:NAME; P is keep, reset-at-boot or reset-on-demand',
      collect,
    )
    .option('--hide-gateway', 'diskless, wim: name no gateway, for Windows whose iSCSI must not go through one')
    .option('--no-hide-gateway', 'diskless, wim: name the gateway')
    .option('--wim <image>', 'wim: an image of kind wim that takes the place of boot.wim')
}

const FORMS =
  'overlay:IMAGE[@N][,policy=P][,size=20G][,limit=5G], volume:NAME,read-only, volume:NAME,exclusive, rotation:NAME'
const POLICIES = ['keep', 'reset-at-boot', 'reset-on-demand'] as const

/** One `--disk`. */
export function readDisk(text: string): SentDisk {
  const [head = '', ...words] = text.split(',')
  const [, use, name = ''] = /^(overlay|volume|rotation):(.+)$/.exec(head) ?? []
  switch (use) {
    case 'overlay':
      return { use, image: name, ...overlayWords(words) }
    case 'volume': {
      const [access] = words
      // Which of the two is meant decides whether two machines may have it at once: not to be guessed.
      if (words.length !== 1 || (access !== 'read-only' && access !== 'exclusive'))
        throw new WrongUse(
          `say how ${head} is given: ${head},read-only for any number of machines, or ${head},exclusive`,
        )
      return { use, volume: name, access: access === 'read-only' ? 'shared-read-only' : access }
    }
    case 'rotation':
      if (words.length > 0) throw new WrongUse(`${head} takes no more words, but there is ${words.join(',')}`)
      return { use, rotation: name }
    default:
      throw new WrongUse(`a disk is written ${FORMS}, not ${JSON.stringify(text)}`)
  }
}

function overlayWords(
  words: readonly string[],
): Pick<Extract<SentDisk, { use: 'overlay' }>, 'policy' | 'bytes' | 'limitBytes'> {
  const given: { policy?: (typeof POLICIES)[number]; bytes?: number; limitBytes?: number } = {}
  for (const part of words) {
    const [, word, value = ''] = /^(policy|size|limit)=(.+)$/.exec(part) ?? []
    if (word === 'policy') given.policy = policyOf(value)
    else if (word === 'size') given.bytes = sizeOf(part, value)
    else if (word === 'limit') given.limitBytes = sizeOf(part, value)
    else throw new WrongUse(`an overlay knows policy=, size= and limit=, not ${JSON.stringify(part)}`)
  }
  return given
}

function policyOf(text: string): (typeof POLICIES)[number] {
  const found = POLICIES.find((policy) => policy === text)
  if (found === undefined) throw new WrongUse(`a policy is one of ${POLICIES.join(', ')}, not ${text}`)
  return found
}

function sizeOf(part: string, value: string): number {
  try {
    return sizeInBytes(value)
  } catch {
    throw new WrongUse(`${part}: a size is written 20G or 500M`)
  }
}

/** A disk of a profile as `--disk` takes it. */
export function diskText(disk: Disk): string {
  switch (disk.use) {
    case 'overlay': {
      const size = disk.bytes === null ? [] : [bytes(disk.bytes)]
      const limit = disk.limitBytes === null ? [] : [`at most ${bytes(disk.limitBytes)} of its own`]
      return [`overlay of ${disk.image}`, disk.policy, ...size, ...limit].join(', ')
    }
    case 'volume':
      return `volume ${disk.volume}, ${disk.access === 'exclusive' ? 'exclusive' : 'read-only'}`
    case 'rotation':
      return `rotation ${disk.rotation}`
  }
}

export function disksDetails(disks: readonly Disk[]): [string, Cell][] {
  return disks.map((disk, lun) => [`LUN ${lun}`, diskText(disk)])
}
