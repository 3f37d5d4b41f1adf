import type { DeviceNode, LoadOption } from '../../protocols/efi/load-option.ts'

/** What is to be written to the firmware's variables; `undefined` where nothing changes. */
export type BootPlan = Readonly<{
  number: string
  create: boolean
  order: readonly string[] | undefined
  remove: readonly string[]
}>

type Wanted = Readonly<{ name: string; partition: Extract<DeviceNode, { kind: 'partition' }>; file: string }>

/**
 * Where the entry of the disk goes. The order of the others stays; a new entry comes directly behind the one that booted this machine
 * from the network, or else behind the last network entry: the network is asked first and the disk is next. An entry for the same
 * file on the same partition is used again; older ones of ours for this disk go.
 */
export function planBoot(
  entries: ReadonlyMap<string, LoadOption>,
  order: readonly string[],
  current: string | undefined,
  wanted: Wanted,
): BootPlan {
  const same = [...entries].find(([, entry]) => entry.active && leadsTo(entry, wanted))
  const ours = [...entries]
    .filter(([number, entry]) => entry.name === wanted.name && number !== same?.[0])
    .map(([number]) => number)
  const number = same?.[0] ?? ours[0] ?? freeNumber(entries)
  const remove = ours.filter((each) => each !== number)
  const kept = order.filter((each) => entries.has(each) && !remove.includes(each))
  const without = kept.filter((each) => each !== number)
  const network = (each: string) => isNetwork(entries.get(each)!)
  const currentAt = current !== undefined && entries.has(current) && network(current) ? without.indexOf(current) : -1
  const after = currentAt >= 0 ? currentAt : without.findLastIndex(network)
  const first = without.findIndex(network)
  // An entry that stands behind the network is where its owner wants it; one before it would end remote control.
  const standing = kept.indexOf(number)
  const placed = standing > first ? kept : [...without.slice(0, after + 1), number, ...without.slice(after + 1)]
  const changed = placed.length !== order.length || placed.some((each, i) => each !== order[i])
  return { number, create: same === undefined, order: changed ? placed : undefined, remove }
}

/** Whether the firmware would boot from the network by it. */
export function isNetwork({ path }: LoadOption): boolean {
  // Messaging nodes 12, 13 and 24: IPv4, IPv6 and URI (UEFI 2.10, section 10.3.4).
  return path.some(
    (node) => node.kind === 'mac' || (node.kind === 'other' && node.type === 3 && [12, 13, 24].includes(node.subtype)),
  )
}

function leadsTo({ path }: LoadOption, wanted: Wanted): boolean {
  const partition = path.find((node) => node.kind === 'partition')
  const file = path.find((node) => node.kind === 'file')
  if (partition?.kind !== 'partition' || file?.kind !== 'file') return false
  return (
    Buffer.from(partition.guid).equals(wanted.partition.guid) &&
    partition.number === wanted.partition.number &&
    partition.firstLba === wanted.partition.firstLba &&
    file.path.toLowerCase() === wanted.file.toLowerCase()
  )
}

function freeNumber(entries: ReadonlyMap<string, LoadOption>): string {
  for (let number = 0; number < 0x10000; number++) {
    const text = number.toString(16).toUpperCase().padStart(4, '0')
    if (!entries.has(text)) return text
  }
  throw new RangeError('the firmware has no free boot entry')
}
