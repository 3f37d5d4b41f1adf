import { baseName, makingName, type Place, placeOf, replacedName, TAG } from './names.ts'
import type { LogicalVolume } from './report.ts'

/** A logical volume of ours and what its tags say. */
export type Held = Readonly<{ volume: LogicalVolume; place: Place }>

/** A program of LVM with its arguments; names of ours are without their group. */
export type Repair = Readonly<{ args: readonly string[] }>

const [MAKING, REPLACED] = [makingName(''), replacedName('')]

/**
 * What a server that was killed left half done, and how it is ended: what was being made goes; what was being replaced comes back unless its
 * successor has its name already; snapshots without a volume go, and bases without one.
 */
export function recovery(all: readonly LogicalVolume[]): Repair[] {
  const ours = all.filter(({ tags }) => tags.includes(TAG))
  const names = new Set(ours.map(({ name }) => name))
  const repairs: Repair[] = []
  const remove = (name: string) => repairs.push({ args: ['lvremove', '-y', '-qq', name] })
  for (const name of names) if (name.startsWith(MAKING)) remove(name)
  for (const name of names) {
    if (!name.startsWith(REPLACED)) continue
    const proper = name.slice(REPLACED.length)
    if (names.has(proper)) remove(name)
    else {
      repairs.push({ args: ['lvrename', '-y', '-qq', name, proper] })
      names.add(proper)
    }
  }
  const ids = new Set<string>()
  for (const volume of ours) {
    const place = placeOf(volume)
    if (place?.kind === 'volume' && !volume.name.startsWith(MAKING)) ids.add(place.id)
  }
  for (const volume of ours) {
    const place = placeOf(volume)
    if (place?.kind === 'snapshot' && !ids.has(place.id)) remove(volume.name)
  }
  for (const name of idleBases(ours)) remove(name)
  return repairs
}

/** Bases that no volume lies over any more. */
export function idleBases(all: readonly LogicalVolume[]): string[] {
  const places = all.map((volume) => ({ name: volume.name, place: placeOf(volume) }))
  const needed = new Set(places.map(({ place }) => (place?.kind === 'volume' ? place.base : null)))
  return places.flatMap(({ name, place }) =>
    place?.kind === 'base' && name === baseName(place.chunks) && !needed.has(place.chunks) ? [name] : [],
  )
}
