import { z } from 'zod'
import { PageQuery, page, Time } from './common.ts'
import { route } from './route.ts'

export const Pool = z
  .object({
    name: z.string(),
    kind: z.string(),
    totalBytes: z.number(),
    freeBytes: z.number(),
    usedBytes: z.number(),
    state: z.enum(['ok', 'warning', 'full']),
    detail: z.string(),
  })
  .meta({ id: 'Pool' })

export const IscsiSession = z
  .object({
    id: z.string(),
    target: z.string(),
    initiator: z.string(),
    address: z.string(),
    machine: z.string().nullable(),
    volumes: z.array(z.string()),
    since: Time,
    reads: z.number(),
    writes: z.number(),
    bytesRead: z.number(),
    bytesWritten: z.number(),
    readsPerSecond: z.number(),
    writesPerSecond: z.number(),
    readBytesPerSecond: z.number(),
    writtenBytesPerSecond: z.number(),
    readP50: z.number().meta({ description: 'microseconds, of the last minute' }),
    readP99: z.number(),
    writeP50: z.number(),
    writeP99: z.number(),
    inFlight: z.number().int(),
    dirtyBytes: z.number().nullable(),
    cacheHitBytes: z.number(),
    cacheMissBytes: z.number(),
  })
  .meta({ id: 'IscsiSession' })
export type IscsiSession = z.infer<typeof IscsiSession>

/** Who uses volumes now, and where volumes are kept. */
export const iscsiRoutes = {
  listSessions: route({
    method: 'GET',
    path: '/api/v1/volumes/sessions',
    summary: 'Who is logged in, since when, and how busy',
    group: 'volumes',
    needs: 'viewer',
    query: PageQuery,
    response: page(IscsiSession),
  }),
  endSession: route({
    method: 'DELETE',
    path: '/api/v1/volumes/sessions/{session}',
    summary: 'End a session; the initiator may log in again',
    group: 'volumes',
    needs: 'operator',
    params: z.object({ session: z.string().max(100) }),
    response: 'nothing',
    status: 204,
    action: 'volume.session.end',
  }),
  listPools: route({
    method: 'GET',
    path: '/api/v1/pools',
    summary: 'Where volumes are kept, and how full it is',
    group: 'volumes',
    needs: 'viewer',
    query: PageQuery,
    response: page(Pool),
  }),
} as const
