import type { FastifyInstance } from 'fastify'
import type { ApiDependencies } from './dependencies.ts'

/** `/healthz`: the process answers. `/readyz`: it can do its work, else 503 with the reasons. Both are public and hold nothing else. */
export function serveHealth(app: FastifyInstance, { unready }: Pick<ApiDependencies, 'unready'>): void {
  app.get('/healthz', async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const reasons = unready()
    reply.code(reasons.length === 0 ? 200 : 503).header('cache-control', 'no-store')
    return { status: reasons.length === 0 ? 'ready' : 'not ready', reasons }
  })
}
