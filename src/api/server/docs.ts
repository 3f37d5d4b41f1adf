import fastifySwagger, { type StaticDocumentSpec } from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { openapiDocument } from './openapi.ts'

/** The document at `/api/openapi.json` and pages made of it at `/api/docs`. Both are public: they say what the sources say. */
export async function serveDocumentation(app: FastifyInstance, version: string): Promise<void> {
  const document = openapiDocument(version)
  const text = JSON.stringify(document)
  app.get('/api/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache').send(text),
  )
  await app.register(async (scope) => {
    await scope.register(fastifySwagger, {
      mode: 'static',
      specification: { document: document as unknown as StaticDocumentSpec['document'] },
    })
    await scope.register(fastifySwaggerUi, { routePrefix: '/api/docs', uiConfig: {} })
  })
}
