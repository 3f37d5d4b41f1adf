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
  readonly #closed: () => Promise<void>
  #closing: Promise<void> | undefined

  constructor(stack: Stack, bytes: number, closed: () => Promise<void>) {
    this.stack = stack
    this.bytes = bytes
    this.#closed = closed
  }

  read(into: Uint8Array, at: number): undefined | Promise<void> {
    return this.stack.read(into, at)
  }

  write(): never {
    throw new Refusal('forbidden', 'this volume is only for reading')
  }

  zero(): never {
    throw new Refusal('forbidden', 'this volume is only for reading')
  }

  async flush(): Promise<void> {}

  allocation(at: number): Readonly<{ mapped: boolean; bytes: number }> {
    return allocationOf(this.stack, at, this.bytes)
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
