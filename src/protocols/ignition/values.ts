/**
 * What a document says, in Ignition's names; sugar of Butane keeps its own until it is replaced. A name with the value `undefined`
 * is as good as absent.
 */
export type Struct = { [name: string]: Value | undefined }
export type Value = string | number | boolean | Struct | Struct[] | string[]

type Holder = Struct | undefined

export function textOf(struct: Holder, name: string): string | undefined {
  const value = struct?.[name]
  return typeof value === 'string' ? value : undefined
}

export function numberOf(struct: Holder, name: string): number | undefined {
  const value = struct?.[name]
  return typeof value === 'number' ? value : undefined
}

export function flagOf(struct: Holder, name: string): boolean | undefined {
  const value = struct?.[name]
  return typeof value === 'boolean' ? value : undefined
}

export function structOf(struct: Holder, name: string): Struct | undefined {
  const value = struct?.[name]
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined
}

/** The list itself, so that what is added to it stays; an empty one that belongs to nobody where there is none. */
export function structsOf(struct: Holder, name: string): Struct[] {
  const value = struct?.[name]
  return Array.isArray(value) && typeof value[0] === 'object' ? (value as Struct[]) : []
}

export function textsOf(struct: Holder, name: string): string[] {
  const value = struct?.[name]
  return Array.isArray(value) && typeof value[0] === 'string' ? (value as string[]) : []
}

/** Whether anything is said: Butane leaves out what is empty, and so what is empty counts as not said. */
export function isSaid(value: Value | undefined): boolean {
  if (value === undefined) return false
  if (Array.isArray(value)) return value.length > 0
  return typeof value !== 'object' || Object.values(value).some(isSaid)
}

/** Without what is empty, names in order: the same document gives the same text. */
export function tidy(struct: Struct): Struct {
  const tidied: Struct = {}
  for (const name of Object.keys(struct).sort()) {
    const value = struct[name]
    if (!isSaid(value)) continue
    if (!Array.isArray(value)) tidied[name] = typeof value === 'object' ? tidy(value) : value
    else if (typeof value[0] === 'object') tidied[name] = (value as Struct[]).map(tidy)
    else tidied[name] = [...(value as string[])]
  }
  return tidied
}
