import { execFile } from 'node:child_process'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Bed } from './bed.ts'
import type { Bridge } from './wire.ts'

/** Kept between runs: an installer asks for 300 files. */
const CACHE = '.cache/debian-mirror'
/** What never changes under its name. */
const LASTING = /^\/(pool\/|dists\/.*\/by-hash\/)[\w./+~:%-]+$/
/** Carries connections from a wire without a way out to a socket in the file system, behind which somebody has one. */
const RELAY = `const net = require('node:net')
net.createServer((near) => {
  const far = net.connect(process.argv[1])
  near.pipe(far).pipe(near)
  for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => other.destroy())
}).listen(80)`

/** Where apt of this computer gets Debian from: the base that `dists` and `pool` are below. */
export async function aptSite(): Promise<string> {
  const { stdout } = await promisify(execFile)('apt-get', [
    ...['indextargets', '--format', '$(SITE)', 'Created-By: Packages'],
  ])
  const site = /^http:\S+\/debian\/?$/m.exec(stdout)?.[0]
  if (site === undefined) throw new Error('apt of this computer has no mirror of Debian over HTTP')
  return site.replace(/\/$/, '')
}

/** A mirror of Debian on a wire, at `http://ADDRESS/debian`: what it is asked for it gets where apt gets it. */
export class DebianMirror {
  readonly #site: string
  readonly #server: Server
  readonly #directory: string
  readonly #underWay = new Map<string, Promise<string | number>>()
  /** What it could not give: path and status. */
  readonly missed: string[] = []

  private constructor(site: string, directory: string) {
    this.#site = site
    this.#directory = directory
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
  }

  static async make(bed: Bed, bridge: Bridge, address: string): Promise<DebianMirror> {
    const directory = await mkdtemp(join(tmpdir(), 'rv-mirror-'))
    const mirror = new DebianMirror(await aptSite(), directory)
    const socket = join(directory, 'socket')
    await new Promise<void>((resolve) => mirror.#server.listen(socket, resolve))
    const host = await bed.another()
    await bridge.plug(host, 'eth0', `${address}/24`)
    bed.run(host, process.execPath, ['-e', RELAY, socket])
    return mirror
  }

  async #answer({ url = '/', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = url.replace(/^\/debian/, '').replace(/^\/+/, '/')
    const found = await this.#file(path)
    if (typeof found === 'number') {
      this.missed.push(`${path} ${found}`)
      response.writeHead(found).end()
      return
    }
    if (method === 'HEAD') response.writeHead(200).end()
    else createReadStream(found).pipe(response)
  }

  /** The file that has it, or the status that there is instead. */
  #file(path: string): Promise<string | number> {
    const lasting = LASTING.test(path) && !path.includes('..')
    const kept = join(lasting ? CACHE : this.#directory, encodeURIComponent(path))
    if (existsSync(kept)) return Promise.resolve(kept)
    const under = this.#underWay.get(path) ?? this.#fetched(path, kept)
    this.#underWay.set(path, under)
    return under.finally(() => this.#underWay.delete(path))
  }

  async #fetched(path: string, kept: string): Promise<string | number> {
    const answer = await fetch(`${this.#site}${path}`)
    if (!answer.ok) return answer.status
    await mkdir(dirname(kept), { recursive: true })
    const part = `${kept}.${process.pid}`
    await writeFile(part, new Uint8Array(await answer.arrayBuffer()))
    await rename(part, kept)
    return kept
  }

  async remove(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
