import type { ChunkShelf, InstallDesk } from '../boot/install/desk.ts'
import { type InstallStage, serveInstall } from '../boot/install/serve.ts'
import type { Config } from '../config/schema.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machines } from '../machines/machines.ts'
import { decodeChunkList } from '../protocols/chunks/list.ts'
import type { TraceRecorder } from '../traces/trace.ts'

/** Hashes that are asked of the store at once. */
const ASKED_AT_ONCE = 4096

type Around = Readonly<{
  deployments: Deployments
  images: Images
  machines: Machines
  traces: TraceRecorder
  key: Uint8Array
  agent: Config['agent']
  clock: Clock
  log: Log
}>

/** The conversation of the management OS over the deployments and the library. */
export function openInstall({ deployments, images, machines, agent, ...around }: Around): InstallStage {
  const { agents } = deployments
  const desk: InstallDesk = {
    takeBoot: (boot) => agents.takeBoot(boot),
    boot: (id) => agents.boot(id),
    greet: (id, hello, serverNonce) => agents.greet(id, hello, serverNonce),
    inventory: (boot, inventory) => agents.inventory(stored(boot), inventory),
    next: (boot) => agents.next(stored(boot)),
    progress: (boot, task, progress) => agents.progress(stored(boot), task, progress),
    result: (boot, task, result) => agents.result(stored(boot), task, result),
    log: (boot, lines) => agents.log(stored(boot), lines),
    remark: (boot, level, text) => agents.remark(boot, level, text),
    lists: (boot) => agents.lists(boot),
    captures: (boot) => agents.captures(boot),
    machine: (id) => {
      const machine = machines.get(id)
      return machine && { name: machine.name, mac: machine.macs[0] }
    },
  }
  return serveInstall({ ...around, desk, chunks: shelfOf(images), shell: agent.shell })
}

/** What the stage knows of a boot is part of what is kept of it. */
function stored(boot: Parameters<InstallDesk['next']>[0]) {
  return { ...boot, createdAt: 0 }
}

function shelfOf(images: Images): ChunkShelf {
  const { chunks, disks, blobs } = images
  return {
    readList: async (sha256) => {
      try {
        return await disks.encoded(sha256)
      } catch (error) {
        if (error instanceof Refusal && error.code === 'not-found') return undefined
        throw error
      }
    },
    async putList(sha256, encoded) {
      const { chunks: named } = decodeChunkList(encoded)
      const wanted = [...new Set(named.filter((hash) => hash !== null))]
      for (let at = 0; at < wanted.length; at += ASKED_AT_ONCE) {
        const lacking = await chunks.missing(wanted.slice(at, at + ASKED_AT_ONCE))
        if (lacking.length > 0)
          throw new Refusal('not-found', `the list names chunks that are not here, such as ${lacking[0]}`, {
            next: 'send them first',
          })
      }
      await blobs.put(once(encoded), { sha256, limit: encoded.length })
    },
    get: (sha256) => chunks.get(sha256),
    missing: (hashes) => chunks.missing(hashes),
    put: (sha256, chunk) => chunks.put(sha256, chunk),
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
