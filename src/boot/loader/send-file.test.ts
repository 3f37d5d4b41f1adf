import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sendFile } from './send-file.ts'

test.each([1, 8, 80])('%i downloads at a time, from different positions: each gets its own bytes', async (count) => {
  const folder = await mkdtemp(join(tmpdir(), 'rv-send-'))
  const content = randomBytes(3_500_000)
  const path = join(folder, 'blob')
  await writeFile(path, content)
  const server = createServer((request, response) => {
    const start = Number(request.url?.slice(1))
    void sendFile(response, path, { start, length: content.length - start - 7 })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const start = (i * 123_457) % 2_000_000
        const got = Buffer.from(await (await fetch(`http://127.0.0.1:${port}/${start}`)).arrayBuffer())
        expect(got.equals(content.subarray(start, content.length - 7))).toBe(true)
      }),
    )
  } finally {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  }
})
