import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { AgentTask } from '../src/api/contract/agent.ts'
import type { AgentBoot, InstallDesk } from '../src/boot/install/desk.ts'
import { serveInstall } from '../src/boot/install/serve.ts'
import { FileChunks } from '../src/images/drivers/chunk-files.ts'
import { chunkStream } from '../src/images/ingest/chunk-up.ts'
import { hex } from '../src/kit/bytes.ts'
import { SILENT } from '../src/kit/log.ts'
import { encodeChunkList } from '../src/protocols/chunks/list.ts'

/**
 * The server's stage for the management OS on its chunk store, with a desk that gives every boot named `boot-LIST-BYTES` the same flash:
 * `node bench/flash-server.ts serve PORT DIRECTORY`, and `... import DIRECTORY RAW...` puts images in and prints their lists.
 */
const [what = '', ...rest] = process.argv.slice(2)
/** Not a secret: measured agents need it too. */
const KEY = new Uint8Array(32).fill(7)

if (what === 'import') {
  const [directory = '', ...files] = rest
  const store = await FileChunks.open(join(directory, 'chunks'))
  for (const file of files) {
    const { list } = await chunkStream(createReadStream(file, { highWaterMark: 1 << 20 }), { store, limit: 2 ** 40 })
    const encoded = encodeChunkList(list)
    const sha256 = hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(encoded))))
    await writeFile(join(directory, sha256), encoded)
    console.log(sha256)
  }
} else if (what === 'serve') {
  const [port = '8100', directory = ''] = rest
  const store = await FileChunks.open(join(directory, 'chunks'))
  const boots = new Map<string, AgentBoot>()
  const listOf = (boot: string) => boot.split('-')[1]!
  const bytesOf = (boot: string) => Number(boot.split('-')[2])
  const done = new Set<string>()
  const desk: InstallDesk = {
    takeBoot: async () => true,
    boot(id) {
      if (!boots.has(id))
        boots.set(id, { id, machine: id, deployment: id, expiresAt: Infinity, nonce: null, serverNonce: null })
      return boots.get(id)
    },
    async greet(id, { nonce }, serverNonce) {
      const kept = { ...boots.get(id)!, nonce, serverNonce }
      boots.set(id, kept)
      return kept
    },
    async inventory() {},
    async next({ id }) {
      if (done.has(id)) return { do: 'task', id: 'end', task: { kind: 'finish', how: 'power-off' } }
      const to = { serial: 'BENCH', bytes: bytesOf(id), fingerprint: null, partition: null }
      const how = { holes: 'zero' as const, verify: 'sampled' as const, grow: false, local: [] }
      const task: AgentTask = { kind: 'flash', image: 'bench@1', chunks: listOf(id), to, ...how }
      return { do: 'task', id: 'flash', task }
    },
    progress: async () => ({ stop: false, shell: false }),
    async result({ id }) {
      done.add(id)
    },
    async log() {},
    remark() {},
    lists: ({ id }) => [listOf(id)],
    captures: () => false,
    machine: (id) => ({ name: id, mac: undefined }),
  }
  const shelf = {
    readList: (sha256: string) => readFile(join(directory, sha256)),
    putList: async () => undefined,
    get: (sha256: string) => store.get(sha256),
    missing: (hashes: readonly string[]) => store.missing(hashes),
    put: (sha256: string, chunk: Parameters<FileChunks['put']>[1]) => store.put(sha256, chunk),
  }
  const traces = { record() {}, learn() {}, macAt: () => undefined, decided() {} }
  const clock = { now: () => Date.now() }
  const stage = serveInstall({ desk, chunks: shelf, traces, key: KEY, shell: false, clock, log: SILENT })
  createServer(stage.answer).listen(Number(port), '0.0.0.0')
}
