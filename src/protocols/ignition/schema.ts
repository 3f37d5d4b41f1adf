/** The languages whose field tables are in `fields.ts`. `flatcar` and `fcos` are the variants of Butane. */
export type Language = 'flatcar' | 'fcos' | 'ignition'

/** One version of one language. */
export type Edition = Readonly<{
  language: Language
  version: string
  /** The minor number of `version`. */
  own: number
  /** The minor number of the Ignition 3 specification that it is, or is made into. */
  ignition: number
}>

const edition = (language: Language, major: number) => (ignition: number, own: number) => {
  return { language, version: `${major}.${own}.0`, own, ignition }
}

/** Every version that can be read, oldest first. */
export const EDITIONS: readonly Edition[] = [
  ...[3, 4].map(edition('flatcar', 1)),
  ...[0, 1, 2, 2, 3, 4, 5].map(edition('fcos', 1)),
  ...[0, 1, 2, 3, 4, 5].map(edition('ignition', 3)),
]

/** `text`, `number` (a whole one), `flag`, `texts` (a list), another table, or a list of those. */
export type FieldType = 'text' | 'number' | 'flag' | 'texts' | Shape | Readonly<{ each: Shape }>

export type Field = Readonly<{
  /** As Butane writes it. */
  name: string
  /** As Ignition writes it; sugar of Butane keeps its name. */
  json: string
  type: FieldType
  required: boolean
  /** The first minor number of Ignition 3 whose edition knows it. */
  since: number
  /** Fedora CoreOS alone knows it, from this minor number of its own on. */
  fcos: number | null
  /** Sugar, which Ignition itself does not know. */
  sugar: boolean
  /** Flatcar's initial RAM disk cannot do it. */
  notFlatcar: boolean
}>

export type Shape = Readonly<{
  /** What one of it is called in messages. */
  what: string
  fields: readonly Field[]
  byName: ReadonlyMap<string, Field>
  byJson: ReadonlyMap<string, Field>
}>

type Options = Partial<Omit<Field, 'name' | 'type'>>

/** Ignition's names are Butane's in camel case, but for units of size. */
const ODD_NAMES: Readonly<Record<string, string>> = { size_mib: 'sizeMiB', start_mib: 'startMiB' }

const camelCase = (name: string) => ODD_NAMES[name] ?? name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

/** A table: each field by its name in Butane, its type, and what is special about it. */
export function shape(what: string, table: Record<string, FieldType | readonly [FieldType, Options]>): Shape {
  const fields = Object.entries(table).map(([name, value]): Field => {
    const [type, options] = Array.isArray(value) ? (value as [FieldType, Options]) : [value as FieldType, {}]
    const json = options.sugar ? name : camelCase(name)
    return { name, json, type, required: false, since: 0, fcos: null, sugar: false, notFlatcar: false, ...options }
  })
  const byName = new Map(fields.map((field) => [field.name, field]))
  return { what, fields, byName, byJson: new Map(fields.map((field) => [field.json, field])) }
}

export function knows({ language, own, ignition }: Edition, field: Field): boolean {
  if (language === 'ignition' && field.sugar) return false
  if (language === 'flatcar' && field.notFlatcar) return false
  if (field.fcos !== null && (language !== 'fcos' || own < field.fcos)) return false
  return field.since <= ignition
}

/** How a field is written in a language. */
export const nameIn = (language: Language, { name, json }: Field) => (language === 'ignition' ? json : name)

export function fieldNamed(language: Language, { byName, byJson }: Shape, name: string): Field | undefined {
  return (language === 'ignition' ? byJson : byName).get(name)
}

export const titleOf = ({ language, version }: Edition) => `${language} ${version}`
