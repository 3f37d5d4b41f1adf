import { Refusal } from '../../kit/errors.ts'

type PageOf<T> = { items: T[]; next: string | null; total: number }

/** A cursor is the key of the last item shown: it stays valid whatever is added or removed meanwhile. */
export function writeCursor(key: string): string {
  return Buffer.from(key).toString('base64url')
}

export function readCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString()
  if (writeCursor(key) !== cursor)
    throw new Refusal('validation-failed', 'the cursor is not one of ours', {
      next: 'begin without a cursor, then use `next` of each page',
      problems: [{ path: 'cursor', message: 'not a cursor of this list' }],
    })
  return key
}

/** One page of a list that is sorted by `keyOf`, ascending or all of it descending, and without equals; only what is shown is mapped. */
export function pageOf<T, W>(
  sorted: readonly T[],
  query: Readonly<{ cursor?: string | undefined; limit: number; order?: 'asc' | 'desc' | undefined }>,
  keyOf: (item: T) => string,
  map: (item: T) => W,
): PageOf<W> {
  const start =
    query.cursor === undefined ? 0 : firstBehind(sorted, readCursor(query.cursor), keyOf, query.order === 'desc')
  const shown = sorted.slice(start, start + query.limit)
  const last = shown.at(-1)
  const more = start + query.limit < sorted.length && last !== undefined
  return { items: shown.map(map), next: more ? writeCursor(keyOf(last)) : null, total: sorted.length }
}

/** Whether one of some texts holds what is searched for, in any case of letters; nothing searched for is held by all. */
export function says(q: string | undefined, ...texts: readonly (string | null)[]): boolean {
  const wanted = q?.toLowerCase() ?? ''
  return wanted === '' || texts.some((text) => text?.toLowerCase().includes(wanted) === true)
}

/** A whole list that is too short for pages. */
export function onePage<W>(items: W[]): PageOf<W> {
  return { items, next: null, total: items.length }
}

function firstBehind<T>(sorted: readonly T[], key: string, keyOf: (item: T) => string, descending: boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = keyOf(sorted[middle]!)
    if (descending ? at >= key : at <= key) low = middle + 1
    else high = middle
  }
  return low
}
