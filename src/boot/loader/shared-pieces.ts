import type { FileHandle } from 'node:fs/promises'

/** Length of a piece, in bytes. Pieces begin at multiples of it. */
const PIECE = 1024 * 1024
/** Most pieces that are kept: 64 MiB. */
const MOST_PIECES = 64
/** Kept pieces are given back when nobody asked for one so long. */
const IDLE_MS = 3000

/**
 * Pieces of files that several downloads read at about the same time: a room that is switched on asks for one kernel and one
 * initrd, and each piece of them is then read once for all. Only for files that never change, such as blobs.
 */
export class SharedPieces {
  readonly #pieces = new Map<string, Promise<Buffer>>()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** What the piece around `position` holds from there on. Do not write into it: others send the same bytes. */
  async from(path: string, file: FileHandle, position: number): Promise<Buffer> {
    const index = Math.floor(position / PIECE)
    const piece = await this.#piece(`${index}:${path}`, file, index)
    const rest = piece.subarray(position - index * PIECE)
    if (rest.length === 0) throw new Error('the file became shorter while it was sent')
    return rest
  }

  #piece(key: string, file: FileHandle, index: number): Promise<Buffer> {
    this.#timer ??= setTimeout(() => this.#forget(), IDLE_MS).unref()
    this.#timer.refresh()
    const known = this.#pieces.get(key)
    if (known) return known
    const fresh = readPiece(file, index)
    this.#pieces.set(key, fresh)
    if (this.#pieces.size > MOST_PIECES) this.#pieces.delete(this.#pieces.keys().next().value!)
    fresh.catch(() => this.#pieces.delete(key))
    return fresh
  }

  #forget(): void {
    this.#timer = undefined
    this.#pieces.clear()
  }
}

async function readPiece(file: FileHandle, index: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(PIECE)
  const { bytesRead } = await file.read(buffer, 0, PIECE, index * PIECE)
  return buffer.subarray(0, bytesRead)
}
