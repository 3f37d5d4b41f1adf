import { z } from 'zod'
import { OUTCOMES, STAGES, TRACE_STATES } from '../../traces/trace.ts'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { route } from './route.ts'

export const TraceEvent = z
  .object({
    at: Time,
    stage: z.enum(STAGES),
    kind: z.string(),
    outcome: z.enum(OUTCOMES),
    summary: z.string(),
    reason: z.string(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    bytes: z.number().optional(),
    durationMs: z.number().optional(),
    count: z.number().int().optional(),
    lastAt: Time.optional(),
  })
  .meta({ id: 'TraceEvent' })
export type TraceEvent = z.infer<typeof TraceEvent>

export const Trace = z
  .object({
    id: z.string(),
    machine: z.object({ id: z.string(), name: z.string() }).nullable(),
    mac: z.string(),
    startedAt: Time,
    updatedAt: Time,
    stage: z.enum(STAGES),
    state: z.enum(TRACE_STATES),
    headline: z.string(),
    deadlineAt: Time.nullable(),
    profile: z.string().nullable(),
    bytesSent: z.number(),
    events: z.array(TraceEvent),
    dropped: z.number().int(),
  })
  .meta({ id: 'Trace' })
export type Trace = z.infer<typeof Trace>

/** The newest boot in plain sentences: what happened in order, the verdict, and what to do. */
export const Why = z
  .object({
    machine: z.object({ id: z.string(), name: z.string() }),
    trace: z.string().nullable(),
    state: z.enum(TRACE_STATES).nullable(),
    verdict: z.string(),
    sentences: z.array(z.object({ at: Time, text: z.string() })),
    next: z.array(z.string()),
  })
  .meta({ id: 'Why' })
export type Why = z.infer<typeof Why>

export const traceRoutes = {
  listTraces: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/traces',
    summary: 'Boot traces of a machine, newest first',
    group: 'machines',
    needs: 'viewer',
    params: MachineReference,
    query: PageQuery,
    response: page(Trace),
  }),
  getTrace: route({
    method: 'GET',
    path: '/api/v1/traces/{trace}',
    summary: 'Show one boot trace',
    group: 'machines',
    needs: 'viewer',
    params: z.object({ trace: z.string().max(100) }),
    response: Trace,
  }),
  why: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/why',
    summary: 'Explain the newest boot in sentences',
    group: 'machines',
    needs: 'viewer',
    params: MachineReference,
    response: Why,
  }),
} as const
