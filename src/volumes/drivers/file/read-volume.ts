import { Refusal } from '../../../kit/errors.ts'
import { CHUNK_BYTES } from '../../../protocols/chunks/list.ts'
import type { BlockDevice } from '../../block-device.ts'
import { BLOCK_BYTES, CHUNK_BLOCKS } from './map-page.ts'
import type { Stack } from './stack.ts'

/** A volume, or a frozen state of one, that is only read. */
export class ReadVolume implements BlockDevice {
  readonly bytes: number
  readonly readOnly = true
  readonly stack: Stack
  readonly #end: number
  readonly #closed: () => Promise<void>
  #closing: Promise<void> | undefined

  /** From `end` on it reads as zeros. */
  constructor(stack: Stack, { bytes, end }: { bytes: number; end: number }, closed: () => Promise<void>) {
    this.stack = stack
    this.bytes = bytes
    this.#end = end
    this.#closed = closed
  }

  read(into: Uint8Array, at: number): undefined | Promise<void> {
    const inside = Math.min(into.length, Math.max(0, this.#end - at))
    if (inside === into.length) return this.stack.read(into, at)
    into.fill(0, inside)
    return inside > 0 ? this.stack.read(into.subarray(0, inside), at) : undefined
  }

  /** Whether a part of a chunk of the base is seen as it is there. */
  isBase(chunk: number): boolean {
    const covered = Math.min(this.bytes, this.stack.base?.list.bytes ?? 0, (chunk + 1) * CHUNK_BYTES)
    return this.stack.isBase(chunk) && this.#end >= covered
  }

  write(): never {
    throw new Refusal('forbidden', 'this volume is only for reading')
  }

  zero(): never {
    throw new Refusal('forbidden', 'this volume is only for reading')
  }

  async flush(): Promise<void> {}

  allocation(at: number): Readonly<{ mapped: boolean; bytes: number }> {
    if (at >= this.#end) return { mapped: false, bytes: this.bytes - at }
    return allocationOf(this.stack, at, this.#end)
  }

  cacheUse(): Readonly<{ hitBytes: number; missBytes: number }> {
    return this.stack.cacheUse
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stack.close()
      await this.#closed()
    })()
    return this.#closing
  }
}

/** Whether space is taken for what begins at `at`, and how far that stays so within its chunk. */
export function allocationOf(stack: Stack, at: number, bytes: number): Readonly<{ mapped: boolean; bytes: number }> {
  const chunk = Math.floor(at / CHUNK_BYTES)
  const first = Math.floor((at % CHUNK_BYTES) / BLOCK_BYTES)
  const mapped = !stack.isZeros(chunk, first)
  let block = first + 1
  while (block < CHUNK_BLOCKS && stack.isZeros(chunk, block) !== mapped) block++
  return { mapped, bytes: Math.min(bytes, chunk * CHUNK_BYTES + block * BLOCK_BYTES) - at }
}
