import { type AddressInfo, connect, createServer } from 'node:net'

/** Where a server of ours can be reached: `HOST:PORT`, or the path of a UNIX socket. */
const place = (words: string) => {
  const [, host, port] = /^([^/]+):(\d+)$/.exec(words) ?? []
  return port === undefined ? { path: words } : { host, port: Number(port) }
}

/** A program of its own, `node forward.ts LISTEN CONNECT`: joins each connection to one that it makes. */
const [listen = '', to = ''] = process.argv.slice(2)
const server = createServer((near) => {
  const far = connect(place(to))
  for (const [from, into] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('error', () => into.destroy())
    from.on('close', () => into.destroy())
    from.pipe(into)
  }
})
server.listen(place(listen), () => console.log(server.address() as AddressInfo | string))
