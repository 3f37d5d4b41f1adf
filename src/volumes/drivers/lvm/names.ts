import { createHash } from 'node:crypto'
import { Refusal } from '../../../kit/errors.ts'
import type { LogicalVolume } from './report.ts'

/** Every logical volume of ours has this tag; none without it is ever touched. */
export const TAG = 'reveille'

/**
 * What one of our logical volumes is. The names of what is half done begin differently: `rvt` is being made, `rvo` is being
 * replaced. LVM reserves some words in names (lvm(8)), so ids are written without underscores and what a person chose as a hash.
 */
export type Place =
  | Readonly<{
      kind: 'volume'
      id: string
      bytes: number
      base: string | null
      baseBytes: number
      limit: number | null
    }>
  | Readonly<{ kind: 'snapshot'; id: string; snapshot: string; bytes: number }>
  | Readonly<{ kind: 'base'; chunks: string; bytes: number }>

const ID = /^[A-Za-z0-9][A-Za-z0-9_]{0,79}$/

export function checkId(id: string): void {
  if (!ID.test(id)) throw new Refusal('validation-failed', `${JSON.stringify(id)} is no id of a volume`)
}

export const volumeName = (id: string): string => `rv.${id.replaceAll('_', '.')}`
/** Where a volume is made before it has its name. */
export const makingName = (name: string): string => `rvt.${name}`
/** What it is called until the one that replaces it has its name. */
export const replacedName = (name: string): string => `rvo.${name}`
export const baseName = (chunks: string): string => `rvb.${chunks.slice(0, 40)}`
export const snapshotName = (id: string, snapshot: string): string =>
  `rvs.${id.replaceAll('_', '.')}.${createHash('sha256').update(snapshot).digest('hex').slice(0, 16)}`

/** Facts are kept as tags: `reveille:NAME=VALUE` (lvm(8) allows letters, digits and _+.-/=!:#&). */
export function tagsOf(place: Place): string[] {
  const facts: Record<string, string | number | null> =
    place.kind === 'volume'
      ? {
          ...{ volume: place.id, bytes: place.bytes, base: place.base, limit: place.limit },
          baseBytes: place.base === null ? null : place.baseBytes,
        }
      : place.kind === 'snapshot'
        ? { of: place.id, snapshot: Buffer.from(place.snapshot).toString('hex'), bytes: place.bytes }
        : { chunks: place.chunks, bytes: place.bytes }
  const tags = Object.entries(facts).flatMap(([name, value]) => (value === null ? [] : [`${TAG}:${name}=${value}`]))
  return [TAG, ...tags]
}

/** What our tags say; `undefined` for what is not ours. */
export function placeOf(volume: LogicalVolume): Place | undefined {
  if (!volume.tags.includes(TAG)) return undefined
  const facts = new Map<string, string>()
  for (const tag of volume.tags) {
    const found = /^reveille:([A-Za-z]+)=(.*)$/.exec(tag)
    if (found) facts.set(found[1]!, found[2]!)
  }
  const bytes = Number(facts.get('bytes') ?? volume.bytes)
  if (!Number.isSafeInteger(bytes)) return undefined
  const [id, of, chunks, snapshot] = ['volume', 'of', 'chunks', 'snapshot'].map((name) => facts.get(name))
  const limit = facts.get('limit')
  if (id !== undefined)
    return {
      ...{ kind: 'volume', id, bytes, base: facts.get('base') ?? null },
      ...{ baseBytes: Number(facts.get('baseBytes') ?? 0), limit: limit === undefined ? null : Number(limit) },
    }
  if (of !== undefined && snapshot !== undefined)
    return { kind: 'snapshot', id: of, snapshot: Buffer.from(snapshot, 'hex').toString(), bytes }
  return chunks === undefined ? undefined : { kind: 'base', chunks, bytes }
}
