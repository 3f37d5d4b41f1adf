import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { CHUNK_BYTES } from '../protocols/chunks/list.ts'

/** More would not be faster: the disk or the network is what they wait for then. */
const MOST_THREADS = 4
/** What is compared with zeros is read once; so many zeros stay in the processor's nearest cache. */
const ZEROS_BYTES = 16_384

/**
 * What each thread does. It is text, because the agent is a single file and a thread must not load all of it: a small heap of its own
 * is what makes large, short-lived buffers cheap. One byte more than a chunk keeps zlib from preparing for a second one.
 */
const SOURCE = `
const { parentPort } = require('node:worker_threads')
const { hash } = require('node:crypto')
const { zstdDecompressSync } = require('node:zlib')
const zeros = Buffer.alloc(${ZEROS_BYTES})
const isZero = (bytes) => {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const end = Math.min(at + zeros.length, bytes.length)
    if (zeros.compare(bytes, at, end, 0, end - at) !== 0) return false
  }
  return true
}
parentPort.on('message', ({ id, bytes, how }) => {
  try {
    if (how === 'look') {
      return parentPort.postMessage({ id, sha256: isZero(bytes) ? null : hash('sha256', bytes, 'hex') })
    }
    const options = { maxOutputLength: ${CHUNK_BYTES}, chunkSize: ${CHUNK_BYTES} + 1 }
    const raw = how === 'zstd' ? zstdDecompressSync(bytes, options) : bytes
    if (raw !== bytes) bytes.buffer.transfer(0)
    parentPort.postMessage({ id, raw, sha256: hash('sha256', raw, 'hex') }, [raw.buffer])
  } catch (error) {
    parentPort.postMessage({ id, error: String(error) })
  }
})
`

type Answer = Readonly<{ id: number; sha256: string | null; raw?: Uint8Array<ArrayBuffer>; error?: string }>
type Encoding = 'zstd' | 'identity'
type Waiting = Readonly<{ resolve(answer: Answer): void; reject(error: Error): void }>

class Thread {
  readonly waiting = new Map<number, Waiting>()
  readonly #worker = new Worker(SOURCE, { eval: true, execArgv: [] })
  #counter = 0
  #failed: Error | undefined

  constructor() {
    this.#worker.on('message', (answer: Answer) => {
      const waiting = this.waiting.get(answer.id)
      this.waiting.delete(answer.id)
      if (this.waiting.size === 0) this.#worker.unref()
      if (answer.error === undefined) waiting?.resolve(answer)
      else waiting?.reject(new Error(answer.error))
    })
    this.#worker.on('error', (error) => {
      this.#failed = error as Error
      for (const { reject } of this.waiting.values()) reject(error as Error)
      threads = undefined
    })
    this.#worker.unref()
  }

  ask(question: { bytes: Uint8Array; how: 'look' | Encoding }, give: ArrayBuffer[] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed)
      const id = this.#counter++
      this.#worker.postMessage({ id, ...question }, give)
      this.waiting.set(id, { resolve, reject })
      this.#worker.ref()
    })
  }
}

let threads: Thread[] | undefined

function idlest(): Thread {
  threads ??= Array.from({ length: Math.min(MOST_THREADS, availableParallelism()) }, () => new Thread())
  return threads.reduce((least, thread) => (thread.waiting.size < least.waiting.size ? thread : least))
}

/** Hex SHA-256, or `null` if all bytes are zero; computed in a thread, without a copy. The bytes must stay as they are until then. */
export async function contentOf(bytes: Uint8Array<SharedArrayBuffer>): Promise<string | null> {
  return (await idlest().ask({ bytes, how: 'look' })).sha256
}

/**
 * Unpacks at most a chunk in a thread, from a zstd frame or as it is, and hashes what was in it. `packed` is gone afterwards: it was
 * moved there. Rejects when it is no whole frame, or holds more.
 */
export async function unpackChunk(
  packed: Uint8Array,
  how: Encoding,
): Promise<{ raw: Uint8Array<ArrayBuffer>; sha256: string }> {
  // What shares its memory with others cannot be moved.
  const whole = packed.byteLength === packed.buffer.byteLength && packed.buffer instanceof ArrayBuffer
  const bytes = whole ? packed : new Uint8Array(packed)
  const { raw, sha256 } = await idlest().ask({ bytes, how }, [bytes.buffer as ArrayBuffer])
  return { raw: raw!, sha256: sha256! }
}

/** Frees the memory of a chunk at once, which is not to be used any more: waiting for the garbage collector takes it many times over. */
export function free(bytes: Uint8Array): void {
  const memory = bytes.buffer as ArrayBufferLike & { transfer?(length: number): unknown }
  if (bytes.byteLength >= CHUNK_BYTES / 2 && memory instanceof ArrayBuffer) memory.transfer?.(0)
}
