import { CHUNK_BYTES } from '../protocols/chunks/list.ts'

const ZEROS = Buffer.alloc(CHUNK_BYTES)

/** Whether all bytes are zero; at most a chunk of them. */
export function allZero(bytes: Uint8Array): boolean {
  return ZEROS.subarray(0, bytes.length).equals(bytes)
}

/** A fixed number of buffers of one chunk each: who wants one waits until another gives one back. So transfers need bounded memory. */
export class Buffers {
  readonly #free: Uint8Array[] = []
  readonly #waiting: { resolve: (buffer: Uint8Array) => void; reject: (reason: unknown) => void }[] = []
  #unmade: number
  #failure: { reason: unknown } | undefined

  constructor(count: number) {
    this.#unmade = count
  }

  take(): Promise<Uint8Array> {
    if (this.#failure) return Promise.reject(this.#failure.reason)
    const free = this.#free.pop()
    if (free) return Promise.resolve(free)
    if (this.#unmade > 0) {
      this.#unmade--
      return Promise.resolve(new Uint8Array(CHUNK_BYTES))
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  give(buffer: Uint8Array): void {
    const next = this.#waiting.shift()
    if (next) next.resolve(buffer)
    else this.#free.push(buffer)
  }

  /** From now on nobody gets one: those who wait are told why. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
  }
}
