import { z } from 'zod'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { route } from './route.ts'

/** Records of consoles. The live console is the WebSocket of `CONSOLE_PATH`. */
export const consoleRoutes = {
  listConsoles: route({
    method: 'GET',
    path: '/api/v1/consoles',
    summary: 'Consoles that are open or recorded, who looks, and where the line comes from',
    group: 'console',
    needs: 'viewer',
    query: PageQuery.extend({
      q: z.string().max(100).optional().meta({ description: 'part of a machine or of who looks' }),
    }),
    response: page(
      z
        .object({
          machine: z.string(),
          name: z.string(),
          source: z.string(),
          state: z.enum(['closed', 'opening', 'open', 'failed']),
          problem: z.string(),
          recordedBytes: z.number().int(),
          lastAt: Time.nullable(),
          viewers: z.array(z.object({ who: z.string(), via: z.string(), mayType: z.boolean(), since: Time })),
        })
        .meta({ id: 'Console' }),
    ),
  }),
  consoleLog: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/console/log',
    summary: 'What its serial console printed so far (the newest 1 MiB)',
    group: 'console',
    needs: 'viewer',
    params: MachineReference,
    response: 'bytes',
  }),
  searchConsole: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/console/search',
    summary: 'Find lines in what its console printed, the newest first',
    group: 'console',
    needs: 'viewer',
    params: MachineReference,
    query: z.object({ q: z.string().min(1).max(200), limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    response: z.object({ items: z.array(z.object({ at: Time, offset: z.number().int(), line: z.string() })) }),
  }),
  forgetConsole: route({
    method: 'DELETE',
    path: '/api/v1/machines/{machine}/console/log',
    summary: 'Delete what was recorded of its console',
    group: 'console',
    needs: 'operator',
    params: MachineReference,
    response: 'nothing',
    status: 204,
    action: 'console.forget',
  }),
} as const

/** WebSocket: serial console of a machine, live. Binary frames both ways; the recorded end comes first. Typing needs role `operator`. */
export const CONSOLE_PATH = '/api/v1/machines/{machine}/console'
