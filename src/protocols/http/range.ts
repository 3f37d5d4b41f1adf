/** What a GET of `size` bytes gets: all, the bytes from `start` to `end` (inclusive), or status 416. */
export type RangeAnswer = Readonly<{ status: 200 } | { status: 206; start: number; end: number } | { status: 416 }>

/**
 * Answers `Range` (RFC 9110 §14.2) for a representation with this strong ETag. Several ranges, other units and what cannot be
 * read are answered with the whole, as the RFC allows. A Range whose `If-Range` names another ETag counts as absent.
 */
export function decideRange(
  asked: Readonly<{ range?: string | undefined; ifRange?: string | undefined }>,
  content: Readonly<{ size: number; etag: string }>,
): RangeAnswer {
  const whole = { status: 200 } as const
  if (asked.range === undefined) return whole
  // RFC 9110 §13.1.5: strong comparison; a date never matches, for we give none.
  if (asked.ifRange !== undefined && asked.ifRange.trim() !== content.etag) return whole
  const parts = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(asked.range)
  if (!parts) return whole
  const [, first = '', last = ''] = parts
  if (first === '') {
    if (last === '') return whole
    // The last N bytes; more than there are means all of them.
    const count = Math.min(Number(last), content.size)
    return count === 0 ? { status: 416 } : { status: 206, start: content.size - count, end: content.size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return whole
  if (start >= content.size) return { status: 416 }
  return { status: 206, start, end: last === '' ? content.size - 1 : Math.min(Number(last), content.size - 1) }
}

/** Whether `If-None-Match` names this ETag, so that 304 is the answer (RFC 9110 §13.1.2, weak comparison). */
export function noneMatchHits(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((part) => {
    const tag = part.trim()
    return tag === '*' || tag === etag || tag === `W/${etag}`
  })
}
