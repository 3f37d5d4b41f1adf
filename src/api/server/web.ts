import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { Refusal } from '../../kit/errors.ts'

/** Paths that are never pages of the console: an unknown one is a 404 for programs, not a page. */
const PROGRAMS = /^\/(api|boot|agent|metrics|healthz|readyz)(\/|$)/

/** Vite puts files into `assets/` and right into the root; what begins with a dot is never a page. */
const FILES = /^assets\/|^[^/]+\.[a-z0-9]{1,5}$|(^|\/)\./i

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Reveille</title>
<body>
<h1>Reveille is running, but its console is not built</h1>
<p>In a checkout, run <code>make run</code> or <code>npx vite build src/web</code>. The API works: see <a href="/api/docs/">/api/docs</a>.</p>
</body>
</html>
`

/** The console's files: those with a hash in their name for ever, the page itself always fresh, and for every address it knows. */
export async function serveConsolePages(app: FastifyInstance, directory: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: directory,
    serve: false,
    index: false,
    dotfiles: 'ignore',
    cacheControl: false,
  })
  const built = (path: string) =>
    stat(join(directory, path)).then(
      (found) => found.isFile(),
      () => false,
    )
  app.get('/*', async (request, reply) => {
    const path = (request.params as { '*': string })['*']
    if (PROGRAMS.test(`/${path}`)) return reply.callNotFound()
    if (path !== '' && /^[\w./@+-]+$/.test(path) && !path.includes('..') && (await built(path))) {
      // Vite puts a hash of the content into the names below assets/.
      const lasting = path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
      return reply.header('cache-control', lasting).sendFile(path)
    }
    // A missing script or picture is missing; any other address is one that the console itself understands, dots in names included.
    if (FILES.test(path)) throw new Refusal('not-found', `there is no file /${path}`)
    reply.header('cache-control', 'no-cache')
    if (await built('index.html')) return reply.sendFile('index.html')
    return reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT)
  })
}
