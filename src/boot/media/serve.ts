import { createHash, createSecretKey } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../kit/clock.ts'
import { Refusal } from '../../kit/errors.ts'
import { contains, maskOf, parseIpv4 } from '../../kit/ip.ts'
import type { Log } from '../../kit/log.ts'
import { type Pieces, readPieces } from '../../kit/pieces.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Network } from '../../networks/network.ts'
import { decideRange } from '../../protocols/http/range.ts'
import { openGrant, sealGrant } from '../capability.ts'
import type { BootHandler, BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import { bootDisc, type DiscPrograms } from './build.ts'
import type { DiscNetwork } from './script.ts'

/** How long a disc may be in a drive; a BMC reads it whenever the machine does. */
const LASTS_MS = 30 * 86_400_000
/** Discs that are kept as they were first read; each is some kilobytes beside the programs that they share. */
const MOST_KEPT = 64
/** Sent at a time, so that a disc that is read slowly is not held in memory. */
const CHUNK = 65_536
const PREFIX = '/boot/disc/'

export type MediaParts = Readonly<{
  machine(id: string): Machine | undefined
  networks(): readonly Network[]
  /** Programs that a disc boots with; throws a `Refusal` when they are not there. */
  programs(): Promise<DiscPrograms>
  /** `http://ADDRESS:PORT` by which machines and BMCs reach us. */
  base(): string
  /** 32 random bytes that outlive a restart, so that discs in drives go on being discs. */
  key: Uint8Array
  clock: Clock
  log: Log
}>

type Disc = Readonly<{ content: Pieces; etag: string }>

/** Discs that boot one machine from this server without DHCP, fetched by BMCs as their virtual media. */
export class BootDiscs {
  readonly #parts: MediaParts
  readonly #key
  readonly #kept = new Map<string, Promise<Disc>>()
  #programs: Promise<DiscPrograms> | undefined

  constructor(parts: MediaParts) {
    this.#parts = parts
    this.#key = createSecretKey(parts.key)
  }

  /** Where a BMC fetches the disc of a machine. Refuses for a machine without a MAC, and where no disc can be made. */
  async urlFor(machine: Pick<Machine, 'id' | 'name' | 'macs'>): Promise<string> {
    const [mac] = machine.macs
    if (mac === undefined)
      throw new Refusal('wrong-state', `${machine.name} has no MAC, by which its disc would know its card`, {
        next: 'add the MAC of its network card',
      })
    await this.#load()
    const expiresAt = this.#parts.clock.now() + LASTS_MS
    const word = sealGrant({ use: 'disc', machine: machine.id, mac, profile: '', once: null, expiresAt }, this.#key)
    return this.#parts.base() + BOOT_PATHS.disc(word)
  }

  readonly handler: BootHandler = (request, response, target) => {
    if (!target.path.startsWith(PREFIX)) return false
    this.#answer(request, response, target).catch((error: unknown) => {
      if (error instanceof Refusal) return plain(response, 503, error.message)
      this.#parts.log.error({ error: String(error) }, 'a boot disc could not be sent')
      if (response.headersSent) response.destroy()
      else plain(response, 500, 'the disc cannot be made; the log of the server says why')
    })
    return true
  }

  async #answer(request: IncomingMessage, response: ServerResponse, { path, client }: BootTarget): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response, 405, 'only GET and HEAD are answered here')
    const [word = ''] = path.slice(PREFIX.length).split('/')
    const disc = await this.#disc(word, client)
    if (!disc) return plain(response, 404, 'there is no such disc, or no longer')
    const { range, 'if-range': ifRange } = request.headers
    const { size } = disc.content
    const answer = decideRange({ range, ifRange: ifRange as string | undefined }, { size, etag: disc.etag })
    const common = { etag: disc.etag, 'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff' }
    if (answer.status === 416)
      return plain(response, 416, `the disc has ${size} bytes`, { 'content-range': `bytes */${size}` })
    const part = answer.status === 206 ? { start: answer.start, end: answer.end + 1 } : { start: 0, end: size }
    response.writeHead(answer.status, {
      ...common,
      'content-type': 'application/octet-stream',
      'content-length': part.end - part.start,
      ...(answer.status === 206 ? { 'content-range': `bytes ${part.start}-${part.end - 1}/${size}` } : {}),
    })
    if (request.method === 'HEAD') response.end()
    else send(response, disc.content, part)
  }

  async #disc(word: string, client: string): Promise<Disc | undefined> {
    const grant = openGrant(word, 'disc', this.#key, this.#parts.clock.now())
    if (typeof grant === 'string') return undefined
    const machine = this.#parts.machine(grant.machine)
    if (!machine) return undefined
    const kept = this.#kept.get(word)
    // A disc that is being read stays what it is, whatever happens to the machine's address.
    if (kept) return kept
    const made = this.#make(machine)
    this.#kept.set(word, made)
    made.catch(() => this.#kept.delete(word))
    for (const old of this.#kept.keys()) if (this.#kept.size > MOST_KEPT) this.#kept.delete(old)
    this.#parts.log.info({ machine: machine.name, client }, 'the boot disc of a machine is fetched')
    return made
  }

  async #make(machine: Machine): Promise<Disc> {
    const programs = await this.#load()
    const { macs } = machine
    const network = networkOf(machine.ip, this.#parts.networks())
    const content = bootDisc(programs, { macs, network, base: this.#parts.base() })
    if (machine.firmware === 'uefi' && network && !readsScripts(programs.efi))
      this.#parts.log.warn(
        { machine: machine.name },
        'this iPXE reads no script from a disc under UEFI: the machine will ask DHCP; iPXE of 2021 and later does without',
      )
    const hash = createHash('sha256')
    for (const { at, bytes } of content.pieces) hash.update(`${at} `).update(bytes)
    return { content, etag: `"${hash.digest('hex')}"` }
  }

  async #load(): Promise<DiscPrograms> {
    const loading = this.#programs ?? this.#parts.programs()
    this.#programs = loading
    try {
      return await loading
    } catch (error) {
      this.#programs = undefined
      throw error
    }
  }
}

/** The fixed address of a machine and what belongs to it; without one, or in none of our networks, its disc asks DHCP. */
export function networkOf(address: string | null, networks: readonly Network[]): DiscNetwork | null {
  const ip = address === null ? undefined : parseIpv4(address)
  const network = ip === undefined ? undefined : networks.find(({ subnet }) => contains(subnet, ip))
  if (ip === undefined || !network) return null
  return { ip, netmask: maskOf(network.subnet.prefix), gateway: network.router, dns: network.dns[0] ?? null }
}

/** Whether this iPXE runs `autoexec.ipxe`: then it holds the name. */
const readsScripts = (efi: Uint8Array) => Buffer.from(efi.buffer, efi.byteOffset, efi.length).includes('autoexec.ipxe')

function send(response: ServerResponse, content: Pieces, part: { start: number; end: number }): void {
  let at = part.start
  const more = () => {
    while (at < part.end) {
      const length = Math.min(CHUNK, part.end - at)
      const bytes = readPieces(content, at, length)
      at += length
      if (!response.write(bytes)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
}

function plain(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers })
  response.end(`${text}\n`)
}
