import type { DocumentEntry, DocumentNode } from './document.ts'
import type { Findings, Path } from './findings.ts'
import { nearest } from './nearest.ts'
import {
  EDITIONS,
  type Edition,
  type Field,
  type FieldType,
  fieldNamed,
  knows,
  nameIn,
  type Shape,
  titleOf,
} from './schema.ts'
import type { Struct, Value } from './values.ts'

const KINDS = { map: 'a map', list: 'a list', scalar: 'a single value' } as const
const MOST_NAMES = 16
/** Go's reader takes these for truth where a truth is wanted (yaml.v3, "YAML 1.1 bools"). */
const TRUE = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True', 'TRUE'])
const FALSE = new Set(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'])

/** Reads a document by the tables. What does not fit is told and left out; so later checks see only values of the right type. */
export class Reader {
  readonly #edition: Edition
  readonly #findings: Findings

  constructor(edition: Edition, findings: Findings) {
    this.#edition = edition
    this.#findings = findings
  }

  struct(node: DocumentNode, shape: Shape, path: Path, skip: ReadonlySet<string> = new Set()): Struct | undefined {
    if (node.kind !== 'map') return this.#misfit(node, path, `${shape.what} is a map of fields`)
    const { language } = this.#edition
    const struct: Struct = {}
    this.#findings.place(struct, { path, at: node.at }, shape)
    const missing = new Set(shape.fields.filter((field) => field.required && knows(this.#edition, field)))
    for (const entry of node.entries) {
      if (skip.has(entry.key)) continue
      const field = fieldNamed(language, shape, entry.key)
      if (!field || !knows(this.#edition, field)) {
        this.#unknown(entry, shape, { above: path, step: entry.key })
        continue
      }
      // What is there but wrong is not missing too. Null is as good as absent, for Go as well.
      if (!isNull(entry.value)) missing.delete(field)
      const inside = { above: path, step: entry.key }
      const value = this.#value(entry.value, field.type, inside)
      if (value === undefined) continue
      struct[field.json] = value
      this.#findings.placeField(struct, field.json, { path: inside, at: entry.value.at })
    }
    for (const field of missing) {
      const name = nameIn(language, field)
      this.#findings.error({ path: { above: path, step: name }, at: node.at }, `${name} is required`, `say ${name}`)
    }
    return struct
  }

  #value(node: DocumentNode, type: FieldType, path: Path): Value | undefined {
    if (isNull(node)) return undefined
    if (type === 'text') return this.#text(node, path)
    if (type === 'number') return this.#number(node, path)
    if (type === 'flag') return this.#flag(node, path)
    if (type === 'texts') {
      const texts = this.#list(node, path, (item, inside) => this.#text(item, inside))
      return texts
    }
    if ('each' in type) return this.#list(node, path, (item, inside) => this.struct(item, type.each, inside))
    return this.struct(node, type, path)
  }

  #list<T extends Struct | string>(
    node: DocumentNode,
    path: Path,
    read: (item: DocumentNode, path: Path) => T | undefined,
  ): T[] | undefined {
    if (node.kind !== 'list') return this.#misfit(node, path, 'this is a list')
    const values: T[] = []
    this.#findings.place(values, { path, at: node.at }, null)
    node.items.forEach((item, index) => {
      const inside = { above: path, step: index }
      if (isNull(item)) {
        const hint = 'leave it out or fill it in'
        this.#findings.error({ path: inside, at: item.at }, 'an item of the list is empty', hint)
        return
      }
      const value = read(item, inside)
      if (value === undefined) return
      this.#findings.placeField(values, String(values.length), { path: inside, at: item.at })
      values.push(value)
    })
    return values
  }

  #text(node: DocumentNode, path: Path): string | undefined {
    if (node.kind !== 'scalar') return this.#misfit(node, path, 'this is a text')
    if (typeof node.value === 'string') return node.value
    // Go's YAML takes any scalar as it was written, its JSON does not.
    if (this.#edition.language !== 'ignition') return node.text
    const hint = 'write it in quotes'
    this.#findings.error({ path, at: node.at }, `this is a text, and ${shown(node.text)} is none`, hint)
    return undefined
  }

  #number(node: DocumentNode, path: Path): number | undefined {
    if (node.kind !== 'scalar') return this.#misfit(node, path, 'this is a whole number')
    if (typeof node.value === 'number' && Number.isSafeInteger(node.value)) return node.value
    const looks = node.quoted && /^[-+]?\d+$/.test(node.text)
    const hint = looks ? 'write it without quotes' : ''
    this.#findings.error({ path, at: node.at }, `this is a whole number, and ${shown(node.text)} is none`, hint)
    return undefined
  }

  #flag(node: DocumentNode, path: Path): boolean | undefined {
    if (node.kind !== 'scalar') return this.#misfit(node, path, 'this is true or false')
    if (typeof node.value === 'boolean') return node.value
    if (this.#edition.language !== 'ignition' && !node.quoted) {
      if (TRUE.has(node.text)) return true
      if (FALSE.has(node.text)) return false
    }
    const hint = node.quoted ? 'write true or false without quotes' : 'write true or false'
    this.#findings.error({ path, at: node.at }, `this is true or false, and ${shown(node.text)} is neither`, hint)
    return undefined
  }

  #misfit(node: DocumentNode, path: Path, wanted: string): undefined {
    this.#findings.error({ path, at: node.at }, `${wanted}, not ${KINDS[node.kind]}`)
    return undefined
  }

  #unknown({ key, keyAt }: DocumentEntry, shape: Shape, path: Path): void {
    const message = `unknown field ${shown(key)}: ${titleOf(this.#edition)} does not know it in ${shape.what}`
    this.#findings.error({ path, at: keyAt }, message, this.#hintFor(key, shape))
  }

  #hintFor(key: string, shape: Shape): string {
    const { language } = this.#edition
    const field = shape.byName.get(key) ?? shape.byJson.get(key)
    if (field && knows(this.#edition, field)) return `write ${nameIn(language, field)}`
    if (field) return whoKnows(field, this.#edition)
    const names = shape.fields.filter((each) => knows(this.#edition, each)).map((each) => nameIn(language, each))
    const near = nearest(key, names)
    if (near) return `did you mean ${near}?`
    return `it knows ${names.slice(0, MOST_NAMES).join(', ')}`
  }
}

/** Which version or language has a field that this one lacks. */
function whoKnows(field: Field, { language }: Edition): string {
  if (field.notFlatcar && language === 'flatcar') return 'Flatcar does not support it; leave it out'
  const later = EDITIONS.find((each) => each.language === language && knows(each, field))
  if (later) return `${titleOf(later)} has it: raise the version`
  if (field.fcos !== null) return 'only variant fcos has it'
  if (field.sugar) return 'this is of Butane: write it in a config of kind butane'
  const other = EDITIONS.find((each) => knows(each, field))
  return other ? `${titleOf(other)} has it` : ''
}

const isNull = (node: DocumentNode) => node.kind === 'scalar' && node.value === null

export function shown(text: string): string {
  const most = 60
  const line = text.replace(/[\u0000-\u001f\u007f]/g, ' ')
  return `"${line.length > most ? `${line.slice(0, most)}…` : line}"`
}
