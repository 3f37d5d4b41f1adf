import { createHash, webcrypto } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import { MissingAnswer } from '../../api/contract/agent.ts'
import {
  CHUNK_BYTES,
  type ChunkList,
  decodeChunkList,
  encodeChunkList,
  MOST_CHUNKS,
} from '../../protocols/chunks/list.ts'
import { type ChunkSink, type ChunkSource, TaskFailure } from '../task.ts'
import { free, unpackChunk } from '../threads.ts'
import { AskRefused, type Talk } from './talk.ts'
import type { WireAnswer } from './wire.ts'

const compress = promisify(zstdCompress)

/** How often a chunk that arrived damaged is fetched again. */
const DAMAGED_TRIES = 3
/** A frame may be a little longer than what is in it. */
const MOST_BODY = CHUNK_BYTES + 64 * 1024
const ASK_AT_ONCE = 4096
/** Fast: the network is seldom slower than this level. */
const LEVEL = 3

/** Bytes of chunks over the wire, both ways. */
export type Traffic = { bytes: number }

/** Chunks and lists from the server, checked. */
export class ServerChunks implements ChunkSource {
  readonly #talk: Talk
  readonly #signal: AbortSignal
  readonly #traffic: Traffic
  readonly #retried: (text: string) => void

  constructor(talk: Talk, signal: AbortSignal, traffic: Traffic, retried: (text: string) => void = () => undefined) {
    this.#talk = talk
    this.#signal = signal
    this.#traffic = traffic
    this.#retried = retried
  }

  async list(sha256: string): Promise<ChunkList> {
    return this.#checked(
      `chunk-lists/${sha256}`,
      `the chunk list ${sha256}`,
      MOST_CHUNKS * 32 + 32,
      async ({ body }) => ((await digest(body)) === sha256 ? decodeChunkList(body) : undefined),
    )
  }

  async chunk(sha256: string): Promise<Uint8Array> {
    return this.#checked(`chunks/${sha256}`, `the chunk ${sha256}`, MOST_BODY, async (answer) => {
      const how = answer.header('x-chunk-encoding') === 'zstd' ? 'zstd' : 'identity'
      const { raw, sha256: found } = await unpackChunk(answer.body, how)
      return found === sha256 ? raw : undefined
    })
  }

  free(chunk: Uint8Array): void {
    free(chunk)
  }

  /** Fetches until what came is right. The wire may have spoiled it; when it is wrong every time, the server's copy is. */
  async #checked<T>(
    path: string,
    what: string,
    most: number,
    read: (answer: WireAnswer) => Promise<T | undefined>,
  ): Promise<T> {
    let problem = ''
    for (let tries = 0; tries <= DAMAGED_TRIES; tries++) {
      try {
        const answer = await this.#talk.carry({ method: 'GET', path, most, signal: this.#signal })
        this.#traffic.bytes += answer.body.length
        const good = await read(answer).catch(() => undefined)
        if (good !== undefined) return good
        problem = 'it arrived damaged'
      } catch (error) {
        if (!(error instanceof AskRefused)) throw error
        if (error.code !== 'corrupt')
          throw new TaskFailure(`${what} cannot be fetched: ${error.message}`, { detail: { code: error.code } })
        problem = error.message
      }
      if (tries < DAMAGED_TRIES) this.#retried(`${what} is fetched again: ${problem}`)
    }
    const mend = 'push its image again, then order the deployment again'
    throw new TaskFailure(`${what} is damaged, ${DAMAGED_TRIES + 1} times in a row: ${problem}; ${mend}`, {
      detail: { code: 'corrupt' },
    })
  }
}

/** Chunks and lists to the server. */
export class ServerUploads implements ChunkSink {
  readonly #talk: Talk
  readonly #signal: AbortSignal
  readonly #traffic: Traffic

  constructor(talk: Talk, signal: AbortSignal, traffic: Traffic) {
    this.#talk = talk
    this.#signal = signal
    this.#traffic = traffic
  }

  async missing(hashes: readonly string[]): Promise<Set<string>> {
    const all = new Set<string>()
    const unique = [...new Set(hashes)]
    for (let at = 0; at < unique.length; at += ASK_AT_ONCE) {
      const chunks = unique.slice(at, at + ASK_AT_ONCE)
      const { missing } = await this.#guard(() =>
        this.#talk.ask('chunks/missing', { chunks }, MissingAnswer, this.#signal),
      )
      for (const hash of missing) all.add(hash)
    }
    return all
  }

  async put(sha256: string, raw: Uint8Array): Promise<void> {
    const frame = await compress(raw, {
      chunkSize: CHUNK_BYTES,
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
    })
    const smaller = frame.length < raw.length
    const body = smaller ? frame : raw
    const headers = {
      'content-type': 'application/octet-stream',
      'x-chunk-encoding': smaller ? 'zstd' : 'identity',
    }
    await this.#guard(() =>
      this.#talk.carry({ method: 'PUT', path: `chunks/${sha256}`, headers, body, most: 65_536, signal: this.#signal }),
    )
    this.#traffic.bytes += body.length
  }

  async putList(list: ChunkList): Promise<string> {
    const body = encodeChunkList(list)
    const sha256 = await digest(body)
    const headers = { 'content-type': 'application/octet-stream' }
    await this.#guard(() =>
      this.#talk.carry({
        method: 'PUT',
        path: `chunk-lists/${sha256}`,
        headers,
        body,
        most: 65_536,
        signal: this.#signal,
      }),
    )
    return sha256
  }

  async #guard<T>(asking: () => Promise<T>): Promise<T> {
    try {
      return await asking()
    } catch (error) {
      if (!(error instanceof AskRefused)) throw error
      throw new TaskFailure(`the server does not take the content of the disk: ${error.message}`, {
        detail: { code: error.code },
      })
    }
  }
}

/** SHA-256 in hex; large ones away from the main thread. */
async function digest(bytes: Uint8Array): Promise<string> {
  if (bytes.length < 65_536) return createHash('sha256').update(bytes).digest('hex')
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')
}
