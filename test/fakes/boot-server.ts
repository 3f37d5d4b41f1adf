import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BootHandler } from '../../src/boot/http.ts'

/** A server on loopback with nothing but boot handlers, for tests that speak real HTTP to them. */
export async function serveHandlers(
  ...handlers: readonly BootHandler[]
): Promise<{ base: string; close(): Promise<void> }> {
  const listener: RequestListener = (request, response) => {
    const url = new URL(request.url ?? '/', 'http://boot')
    const base = `http://${request.headers.host}`
    const target = { path: decodeURIComponent(url.pathname), query: url.searchParams, client: '10.0.0.9', base }
    if (!handlers.some((handler) => handler(request, response, target))) response.writeHead(404).end('nobody\n')
  }
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
