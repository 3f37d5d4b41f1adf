import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { loaderHandler } from '../../src/boot/loader/http.ts'
import { parseTarget, serveBoot } from '../../src/boot/loader/target.ts'
import { SILENT } from '../../src/kit/log.ts'
import { decideRange, noneMatchHits } from '../../src/protocols/http/range.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const text = new TextEncoder()
const hash = 'ab'.repeat(32)
const PATHS = [
  '/boot/program/snponly.efi',
  '/boot/program//undionly.kpxe',
  `/boot/blob/${hash}/linux`,
  `/boot/blob/${hash}/net%20boot.iso?x=1`,
  '/boot/script.ipxe?mac=52:54:00:12:34:56&uuid=0&serial=a%2Fb',
  '/boot/program/..%2f..%2fetc/passwd',
  'http://10.0.0.1:8080/boot/start.ipxe',
].map((path) => text.encode(path))
const RANGES = ['bytes=0-99', 'bytes=-5', 'bytes=5-', 'bytes=0-0,2-3'].map((range) => text.encode(range))

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

test('targets and ranges: whatever is asked, nothing is thrown, climbs or lies outside the file', () => {
  const mutator = new Mutator(fuzzSeed('boot paths'))
  const socket = { remoteAddress: '10.0.0.7', localAddress: '10.0.0.1', localPort: 80 }
  let read = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const target = parseTarget({ url: latin1(mutator.mutate(mutator.pick(PATHS))), socket })
    if ('path' in target) {
      read++
      expect(target.path.startsWith('/')).toBe(true)
      expect(target.path.split('/')).not.toContain('..')
      expect(target.path.includes('//')).toBe(false)
    }
    const size = mutator.below(200)
    const range = latin1(mutator.mutate(mutator.pick(RANGES)))
    const answer = decideRange({ range }, { size, etag: '"x"' })
    if (answer.status === 206) {
      expect(answer.start).toBeGreaterThanOrEqual(0)
      expect(answer.end).toBeGreaterThanOrEqual(answer.start)
      expect(answer.end).toBeLessThan(size)
    }
    noneMatchHits(range, '"x"')
  }
  expect(read).toBeGreaterThan(fuzzCount() / 10)
})

test('a server under damaged requests goes on serving', async () => {
  const mutator = new Mutator(fuzzSeed('boot http'))
  const loader = loaderHandler({
    find: (name) => (name === 'good.efi' ? { bytes: text.encode('good') } : undefined),
    blobs: { stat: async () => undefined, path: async () => undefined },
    describe: () => undefined,
    trace: { record() {} },
    log: SILENT,
  })
  const server = createServer(serveBoot({ handlers: [loader], log: SILENT }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const heads = PATHS.map((path) =>
      text.encode(`GET ${latin1(path)} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n`),
    )
    for (let i = 0; i < Math.min(fuzzCount() / 20, 5000); i++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.resume()
      socket.end(mutator.mutate(mutator.pick(heads)))
      await once(socket, 'close')
    }
    const response = await fetch(`http://127.0.0.1:${port}/boot/program/good.efi`)
    expect(await response.text()).toBe('good')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
