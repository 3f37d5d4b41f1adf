import { readFile } from 'node:fs/promises'
import type { Profile } from '../api/contract/profiles.ts'
import type { SentBodyOf } from '../api/contract/route.ts'
import type { Contract } from '../api/contract.ts'
import { type CliCommand, choice, collect } from './command.ts'
import { readHints } from './disk-options.ts'
import { WrongUse } from './failure.ts'
import type { Cell } from './table.ts'

type Install = Extract<Profile, { kind: 'install' }>
type SentInstall = Extract<SentBodyOf<Contract['createProfile']>, { kind: 'install' }>

/** What only profiles of kind `install` have. */
export type InstallOptions = {
  target?: string[]
  holes?: Install['holes']
  verify?: Install['verify']
  grow?: boolean
  finish?: Install['finish']
  setHostname?: boolean
  sshKey?: string[]
  passwordHash?: string
  userData?: string
  metaData?: string
  ignition?: string
}
export const INSTALL_FIELDS = [
  'target',
  'holes',
  'verify',
  'grow',
  'finish',
  'setHostname',
  'sshKey',
  'passwordHash',
  'userData',
  'metaData',
  'ignition',
] as const satisfies readonly (keyof InstallOptions)[]

export function installOptions(command: CliCommand): CliCommand {
  return command
    .option(
      '--target <image>',
      'install: an image and where it goes: NAME[@N][,partition=N][,write-back][,serial=S][,model=M]...; may be given several times',
      collect,
    )
    .addOption(
      choice('--holes <how>', 'install: make holes of the image zero, or only discard them', ['zero', 'discard']),
    )
    .addOption(choice('--verify <how>', 'install: how much is read back', ['sampled', 'full']))
    .option('--grow', 'install: let the last partition and its filesystem fill the disk')
    .option('--no-grow', 'install: leave partitions as they are in the image')
    .addOption(choice('--finish <how>', 'install: what the machine does then', ['reboot', 'power-off', 'kexec']))
    .option('--set-hostname', "install: write the machine's host name into the system")
    .option('--ssh-key <path>', 'install: a public key file for root; may be given several times', collect)
    .option('--password-hash <hash>', 'install: password of root, as openssl passwd -6 prints it')
    .option('--user-data <path>', 'install: cloud-init user-data')
    .option('--meta-data <path>', 'install: cloud-init meta-data')
    .option('--ignition <path>', 'install: an Ignition configuration')
}

/** The fields of a profile that these options give, laid over the identity it had. */
export async function installFields(
  options: InstallOptions & { image?: string },
  before: Install['identity'] | undefined,
): Promise<Partial<SentInstall>> {
  const { holes, verify, grow, finish, image } = options
  const targets = options.target?.map(readTarget) ?? (image === undefined ? undefined : [{ image }])
  const file = (path: string | undefined) => (path === undefined ? undefined : readFile(path, 'utf8'))
  const identity = Object.fromEntries(
    Object.entries({
      hostname: options.setHostname,
      sshKeys: options.sshKey && (await Promise.all(options.sshKey.map(readKeys))).flat(),
      passwordHash: options.passwordHash,
      userData: await file(options.userData),
      metaData: await file(options.metaData),
      ignition: await file(options.ignition),
    }).filter(([, value]) => value !== undefined),
  )
  const fields = {
    targets,
    holes,
    verify,
    grow,
    finish,
    identity: Object.keys(identity).length > 0 ? { ...before, ...identity } : undefined,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

async function readKeys(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim())
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (keys.some((key) => key.includes('PRIVATE KEY')))
    throw new WrongUse(`${path} is a private key; give the public one, which ends in .pub`)
  return keys
}

function readTarget(text: string): SentInstall['targets'][number] {
  const [image = '', ...parts] = text.split(/(?<!\\),/)
  const words = parts.filter((part) => part !== 'write-back' && !part.startsWith('partition='))
  const partition = parts.find((part) => part.startsWith('partition='))?.slice('partition='.length)
  if (partition !== undefined && !/^[1-9]\d{0,2}$/.test(partition))
    throw new WrongUse(`a partition is a number from 1 on, not ${partition}`)
  return {
    image,
    disk: readHints(words.join(',')),
    partition: partition === undefined ? null : Number(partition),
    writeBack: parts.includes('write-back'),
  }
}

export function installDetails(profile: Install): [string, Cell][] {
  const targets = profile.targets.map(({ image, disk, partition, writeBack }) => {
    const hints = Object.entries(disk).map(([word, value]) => `${word}=${value}`)
    const where = [...hints, ...(partition === null ? [] : [`partition ${partition}`])].join(', ')
    return `${image} to ${where || 'the armed disk'}${writeBack ? ', saved before the next deployment' : ''}`
  })
  const { identity } = profile
  const given = identity && [
    ...(identity.hostname ? ['host name'] : []),
    ...(identity.sshKeys.length > 0 ? [`${identity.sshKeys.length} SSH keys`] : []),
    ...(identity.passwordHash ? ['password'] : []),
    ...(identity.userData ? ['user-data'] : []),
    ...(identity.metaData ? ['meta-data'] : []),
    ...(identity.ignition ? ['Ignition'] : []),
  ]
  return [
    ['writes', targets.join('; ')],
    ['verifies', profile.verify === 'full' ? 'everything' : 'samples'],
    ['holes', profile.holes],
    ['grows', profile.grow ? 'the last partition' : 'nothing'],
    ['gives', given?.join(', ') ?? ''],
    ['then', profile.finish],
  ]
}
