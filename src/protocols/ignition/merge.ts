import type { Findings } from './findings.ts'
import { type Struct, textOf, type Value } from './values.ts'

const partitionKey = (partition: Struct) =>
  typeof partition.number === 'number' && partition.number !== 0
    ? `number ${partition.number}`
    : `label ${textOf(partition, 'label') ?? ''}`

/** By what entries of these lists are the same one. */
const KEYS: Readonly<Record<string, (entry: Struct) => string>> = {
  disks: (entry) => textOf(entry, 'device') ?? '',
  partitions: partitionKey,
  raid: (entry) => textOf(entry, 'name') ?? '',
  luks: (entry) => textOf(entry, 'name') ?? '',
  filesystems: (entry) => textOf(entry, 'device') ?? '',
  files: (entry) => textOf(entry, 'path') ?? '',
  units: (entry) => textOf(entry, 'name') ?? '',
}

/**
 * Lays what the document says over what was made out of its sugar, as Ignition merges a child over its parent: fields of the child
 * win, entries with the same key become one, what only one of them has stays; the parent's entries come first.
 */
export function mergeOver(made: Struct, said: Struct, findings: Findings): Struct {
  const merged: Struct = { ...made }
  findings.inherit(merged, made)
  findings.inherit(merged, said)
  for (const [name, value] of Object.entries(said)) {
    if (value === undefined) continue
    merged[name] = mergeValue(name, made[name], value, findings)
  }
  return merged
}

function mergeValue(name: string, made: Value | undefined, said: Value, findings: Findings): Value {
  if (made === undefined || typeof made !== 'object' || typeof said !== 'object') return said
  if (!Array.isArray(made) && !Array.isArray(said)) return mergeOver(made, said, findings)
  if (!Array.isArray(made) || !Array.isArray(said)) return said
  const key = KEYS[name]
  if (!key) return [...(made as Struct[]), ...(said as Struct[])]
  const rest = new Map<string, Struct>()
  // The first of several: the others stay as they are, and are told as doubles.
  for (const entry of said as Struct[]) if (!rest.has(key(entry))) rest.set(key(entry), entry)
  const used = new Set<Struct>()
  const entries = (made as Struct[]).map((entry) => {
    const over = rest.get(key(entry))
    if (!over || used.has(over)) return entry
    used.add(over)
    return mergeOver(entry, over, findings)
  })
  return [...entries, ...(said as Struct[]).filter((entry) => !used.has(entry))]
}
