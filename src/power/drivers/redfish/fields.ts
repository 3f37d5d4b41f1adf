/** Looks into documents that may hold anything anywhere. Names are own properties only. */
export type Document = Readonly<Record<string, unknown>>

export function object(value: unknown): Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Document) : {}
}

export function field(value: unknown, ...names: readonly string[]): unknown {
  let at = value
  for (const name of names) {
    const inside = object(at)
    at = Object.hasOwn(inside, name) ? inside[name] : undefined
  }
  return at
}

/** Printable text, bounded; `null` for empty and for anything else. */
export function text(value: unknown, most = 200): string | null {
  if (typeof value !== 'string') return null
  const plain = value
    .replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')
    .trim()
    .slice(0, most)
  return plain === '' ? null : plain
}

export function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** At most `most` members of a list. */
export function list(value: unknown, most = 1000): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, most) : []
}

export function texts(value: unknown): readonly string[] {
  return list(value).flatMap((one) => text(one) ?? [])
}

/** Where a link leads: a path of this service; `undefined` for none and for what could lead elsewhere. */
export function linkOf(value: unknown): string | undefined {
  const path = field(value, '@odata.id')
  return typeof path === 'string' && isPath(path) ? path : undefined
}

export function isPath(path: string): boolean {
  return /^\/(?!\/)[\x21-\x7e]{0,2000}$/.test(path) && !path.includes('\\')
}

export function links(value: unknown, most = 1000): readonly string[] {
  return list(value, most).flatMap((one) => linkOf(one) ?? [])
}
