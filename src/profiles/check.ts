import type { ImageKind } from '../images/image.ts'
import { Refusal } from '../kit/errors.ts'
import { refuseText } from '../protocols/ipxe/text.ts'
import type { DisklessDisk, ProfileSpec } from './profile.ts'

/** What a profile may name, as it will be once all profiles that come together are saved. */
type Known = Readonly<{
  profile: (name: string) => ProfileSpec | undefined
  imageKind: (reference: string) => ImageKind | undefined
  hasVolume: (name: string) => boolean
  hasConfig: (reference: string) => boolean
}>

/** Words of the setting `unknownMachines`; a profile of that name could not be told from them. */
const RESERVED = new Set(['park', 'ignore'])
const IMAGE_KIND = { live: 'bundle', wim: 'bundle', iso: 'iso' } as const

/** Throws a `Refusal` when a profile names what is not there, or holds text that has no place in a boot script. */
export function refuseSpec(spec: ProfileSpec, known: Known): void {
  if (RESERVED.has(spec.name))
    refuse('name', `${JSON.stringify(spec.name)} is a word of the setting unknownMachines`, 'choose another name')
  if (spec.kind === 'live' || spec.kind === 'iso' || spec.kind === 'wim') refuseImage(spec, known)
  if (spec.kind === 'wim' && spec.wim !== null) refuseKind('wim', spec.wim, 'wim', known)
  if (spec.kind === 'install') refuseTargets(spec, known)
  if ('disks' in spec) refuseDisks(spec.disks, known)
  if (spec.kind === 'live') refuseInScript('cmdline', spec.cmdline)
  if (spec.kind === 'live')
    refuseTwins(
      'files',
      spec.files.map((file) => file.name),
    )
  if ('config' in spec && spec.config !== null && !known.hasConfig(spec.config))
    refuse('config', `there is no config ${spec.config}`, 'add it first: reveille config add')
  if (spec.kind === 'install') refuseTwoConfigs(spec)
  if (spec.kind === 'park') refuseInScript('message', spec.message)
  if (spec.kind === 'menu') refuseMenu(spec, known)
}

function refuseImage(spec: Extract<ProfileSpec, { image: string }>, known: Known): void {
  refuseKind('image', spec.image, IMAGE_KIND[spec.kind], known, `a ${spec.kind} profile`)
}

function refuseKind(path: string, image: string, wanted: ImageKind, known: Known, who = 'this'): void {
  const kind = known.imageKind(image)
  if (kind === undefined) refuse(path, `there is no image version ${image}`, 'push it first: reveille image push')
  if (kind !== wanted) refuse(path, `the image ${image} is of kind ${kind}; ${who} needs ${wanted}`)
}

/** Volumes of a rotation may come later: they are found by their labels when a machine boots. */
function refuseDisks(disks: readonly DisklessDisk[], known: Known): void {
  for (const [i, disk] of disks.entries()) {
    if (disk.use === 'overlay') refuseKind(`disks.${i}.image`, disk.image, 'disk', known, 'a copy-on-write disk')
    if (disk.use === 'volume' && !known.hasVolume(disk.volume))
      refuse(`disks.${i}.volume`, `there is no volume ${disk.volume}`, 'create it first: reveille volume create')
  }
  refuseTwins(
    'disks',
    disks.flatMap((disk) => (disk.use === 'volume' ? disk.volume : [])),
  )
}

function refuseTwoConfigs({ config, identity }: Extract<ProfileSpec, { kind: 'install' }>): void {
  if (config === null || !identity) return
  for (const key of ['userData', 'metaData', 'ignition'] as const)
    if (identity[key] !== null)
      refuse(`identity.${key}`, `the config ${config} would take the place of this`, 'leave one of both out')
}

function refuseTargets({ targets }: Extract<ProfileSpec, { kind: 'install' }>, known: Known): void {
  for (const [i, { image, partition, writeBack }] of targets.entries()) {
    const path = `targets.${i}.image`
    const kind = known.imageKind(image)
    if (kind === undefined) refuse(path, `there is no image version ${image}`, 'push it first: reveille image push')
    if (kind !== 'disk' && kind !== 'partition')
      refuse(path, `the image ${image} is of kind ${kind}; only a disk or a partition can be written to a disk`)
    if (partition === null && kind === 'partition')
      refuse(
        path,
        `the image ${image} is of a partition, so the target must name one`,
        'add the number of the partition',
      )
    if (partition !== null && kind === 'disk')
      refuse(path, `the image ${image} is of a whole disk and does not go into partition ${partition}`)
    if (writeBack && image.includes('@'))
      refuse(path, `${image} is one version; what is written back becomes the newest one`, 'name the image without @N')
  }
  refuseTwins(
    'targets',
    targets.map(({ disk, partition }) => JSON.stringify([disk, partition])),
  )
}

function refuseMenu(menu: Extract<ProfileSpec, { kind: 'menu' }>, known: Known): void {
  refuseInScript('title', menu.title)
  refuseTwins(
    'items',
    menu.items.map((item) => item.profile),
  )
  for (const [i, item] of menu.items.entries()) {
    refuseInScript(`items.${i}.label`, item.label)
    if (!known.profile(item.profile))
      refuse(`items.${i}.profile`, `there is no profile ${item.profile}`, 'create it first, or apply both together')
  }
  if (!menu.items.some((item) => item.profile === menu.default))
    refuse('default', `the default ${menu.default} is none of the items`, 'name one of the items')
  const preset = menu.items.find((item) => item.profile === menu.default)
  if (preset?.password && menu.timeoutSeconds > 0)
    refuse(
      'default',
      `the default ${menu.default} has a password, and nobody may be there to type it when the time is up`,
      'make another item the default, or let the menu wait for ever: timeoutSeconds 0',
    )
  const loop = cycle(menu, known, [], new Set())
  if (loop) refuse('items', `the menus lead back to themselves: ${loop.join(' -> ')}`, 'take one of these items out')
}

/** The names along a way that leads back to itself. `clear` holds what was searched before, so that each is searched once. */
function cycle(spec: ProfileSpec, known: Known, path: readonly string[], clear: Set<string>): string[] | undefined {
  if (path.includes(spec.name)) return [...path.slice(path.indexOf(spec.name)), spec.name]
  if (spec.kind !== 'menu' || clear.has(spec.name)) return undefined
  for (const item of spec.items) {
    const next = known.profile(item.profile)
    const loop = next && cycle(next, known, [...path, spec.name], clear)
    if (loop) return loop
  }
  clear.add(spec.name)
  return undefined
}

function refuseInScript(path: string, text: string): void {
  const problem = refuseText(text)
  if (problem !== undefined) refuse(path, `${path} ${problem}`, 'iPXE would read this as something else than text')
}

function refuseTwins(path: string, names: readonly string[]): void {
  const twin = names.find((name, i) => names.indexOf(name) !== i)
  if (twin !== undefined) refuse(path, `${JSON.stringify(twin)} is there twice`, 'name each just once')
}

function refuse(path: string, message: string, next?: string): never {
  throw new Refusal('validation-failed', message, { ...(next ? { next } : {}), problems: [{ path, message }] })
}
