import type { IncomingMessage, ServerResponse } from 'node:http'
import { MissingQuestion } from '../../api/contract/agent.ts'
import { DecodeError, Refusal } from '../../kit/errors.ts'
import { decodeChunkList } from '../../protocols/chunks/list.ts'
import { readBody, readJson, sendJson } from './answers.ts'
import { ChunkIndex, MOST_CHUNK_BODY } from './chunk-index.ts'
import type { AgentBoot, ChunkShelf, InstallDesk } from './desk.ts'
import { Slots } from './slots.ts'

/** Chunks in memory on their way, of all machines together: at most 4 MiB each. */
const CHUNKS_AT_ONCE = 24
/** A chunk that takes longer no longer counts: a slow machine must not keep the others waiting. */
const SLOT_MS = 10_000
/** Without a byte for so long, the machine is gone. */
const SILENCE_MS = 30_000
/** Chunk lists known by heart, in bytes; beyond, those not asked for longest are forgotten. */
const MOST_INDEXED = 64 * 1024 * 1024
/** A list that cannot be read is looked for again after this long. */
const UNREADABLE_MS = 30_000
/** A list of a 64 TiB disk has 512 MiB; a captured disk may have 2 TiB. */
const MOST_LIST_BODY = 16 * 1024 * 1024 + 32
const MOST_QUESTION = 4096 * 70

/** Chunks and their lists for booted agents: only those of their own deployment, and to send only while they capture. */
export class Chunks {
  readonly #shelf: ChunkShelf
  readonly #desk: Pick<InstallDesk, 'lists' | 'captures'>
  readonly #slots = new Slots(CHUNKS_AT_ONCE)
  /** By the SHA-256 of the list; the last used last. */
  readonly #indexes = new Map<string, Promise<ChunkIndex | undefined>>()
  #indexed = 0

  constructor(shelf: ChunkShelf, desk: Pick<InstallDesk, 'lists' | 'captures'>) {
    this.#shelf = shelf
    this.#desk = desk
  }

  async give(boot: AgentBoot, sha256: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!(await this.#belongs(boot, sha256)))
      throw new Refusal('not-found', `the chunk ${sha256} belongs to no image of this deployment`)
    const free = await this.#slots.take()
    try {
      // It may have gone while this stood in line.
      if (request.socket.destroyed) return
      const chunk = await this.#shelf.get(sha256)
      if (!chunk)
        throw new Refusal('not-found', `the chunk ${sha256} is not in the library any more`, {
          next: 'push the image again: only what is missing is sent',
        })
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': chunk.payload.length,
        'x-chunk-encoding': chunk.encoding,
      })
      response.end(chunk.payload)
      await sent(response)
    } finally {
      free()
    }
  }

  async giveList(boot: AgentBoot, sha256: string, response: ServerResponse): Promise<void> {
    const list = this.#desk.lists(boot).includes(sha256) ? await this.#shelf.readList(sha256) : undefined
    if (!list) throw new Refusal('not-found', `the chunk list ${sha256} belongs to no task of this deployment`)
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': list.length })
    response.end(list)
    await sent(response)
  }

  async missing(boot: AgentBoot, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#mustCapture(boot)
    const { chunks } = await readJson(request, MissingQuestion, MOST_QUESTION)
    sendJson(response, 200, { missing: await this.#shelf.missing(chunks) })
  }

  async take(boot: AgentBoot, sha256: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#mustCapture(boot)
    const encoding = request.headers['x-chunk-encoding']
    if (encoding !== 'zstd' && encoding !== 'identity')
      throw new Refusal('validation-failed', 'the header x-chunk-encoding must be zstd or identity')
    const free = await this.#slots.take()
    const late = setTimeout(free, SLOT_MS)
    try {
      const payload = await readBody(request, MOST_CHUNK_BODY)
      const { added } = await this.#shelf.put(sha256, { encoding, payload })
      sendJson(response, 200, { added })
    } finally {
      clearTimeout(late)
      free()
    }
  }

  async takeList(boot: AgentBoot, sha256: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#mustCapture(boot)
    const list = await readBody(request, MOST_LIST_BODY)
    try {
      await this.#shelf.putList(sha256, list)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new Refusal('validation-failed', `this is no chunk list: ${error.message}`)
    }
    sendJson(response, 200, {})
  }

  #mustCapture(boot: AgentBoot): void {
    if (!this.#desk.captures(boot))
      throw new Refusal('wrong-state', 'chunks are taken only while a capture runs', {
        next: 'ask for the next task',
      })
  }

  async #belongs(boot: AgentBoot, sha256: string): Promise<boolean> {
    for (const list of this.#desk.lists(boot)) if ((await this.#index(list))?.has(sha256)) return true
    return false
  }

  async #index(list: string): Promise<ChunkIndex | undefined> {
    const known = this.#indexes.get(list)
    if (known) {
      this.#indexes.delete(list)
      this.#indexes.set(list, known)
      return known
    }
    const loading = this.#load(list)
    this.#indexes.set(list, loading)
    const index = await loading
    if (!index) setTimeout(() => this.#indexes.delete(list), UNREADABLE_MS).unref()
    this.#indexed += index?.bytes ?? 0
    for (const oldest of this.#indexes.keys()) {
      if (this.#indexed <= MOST_INDEXED || oldest === list) break
      await this.#forget(oldest)
    }
    return index
  }

  /** A list that went with its image, or is damaged, names nothing: that of another disk is no loss. */
  async #load(list: string): Promise<ChunkIndex | undefined> {
    try {
      const encoded = await this.#shelf.readList(list)
      if (!encoded) return undefined
      decodeChunkList(encoded)
      return new ChunkIndex(encoded)
    } catch {
      return undefined
    }
  }

  async #forget(list: string): Promise<void> {
    const index = await this.#indexes.get(list)
    if (this.#indexes.delete(list)) this.#indexed -= index?.bytes ?? 0
  }
}

/** Until it is all on its way, or has taken so long that others may go on; a machine that went away is cut off. */
function sent(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, SLOT_MS)
    let before = response.socket?.bytesWritten ?? 0
    const watch = setInterval(() => {
      const now = response.socket?.bytesWritten ?? 0
      if (now === before) response.destroy()
      before = now
    }, SILENCE_MS)
    response.once('close', () => {
      clearTimeout(late)
      clearInterval(watch)
      resolve()
    })
  })
}
