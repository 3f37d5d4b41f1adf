import { z } from 'zod'

/** Milliseconds since 1970 become ISO 8601 text on the wire. */
export const Time = z.iso.datetime().meta({ description: 'ISO 8601, UTC', example: '2026-11-21T12:00:00.000Z' })

/** Lists answer one page and the cursor of the next. */
export const PageQuery = z.object({
  cursor: z.string().max(200).optional().meta({ description: '`next` of the page before' }),
  limit: z.coerce.number<number | string>().int().min(1).max(1000).default(100),
})

export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable(), total: z.number().int().optional() })
}

/** RFC 9457. `code` is stable; `next` says what to do. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    next: z.string().optional(),
    problems: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof Problem>

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 has 64 lower-case hex digits')
