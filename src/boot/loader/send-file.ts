import { type FileHandle, open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { SharedPieces } from './shared-pieces.ts'

/** 1 MiB reads bring Node close to nginx; 64 KiB reads halve it (docs/benchmarks.md). */
const CHUNK = 1024 * 1024
/** So many downloads get buffers of that size; more of them get smaller ones, so that a thousand do not fill the memory. */
const LARGE_DOWNLOADS = 32
const SMALL_CHUNK = 128 * 1024
/** Large buffers kept for the next download. */
const KEPT = 8
/** A client that takes nothing for so long is gone. */
const STALLED_MS = 60_000

/** So many downloads at a time share what they read; a single one needs not, and more might hold too many pieces at once. */
const MOST_SHARING = 64

const spare: Buffer[] = []
const shared = new SharedPieces()
let running = 0

/** Bytes of a response that the kernel took, and whether those were all. */
export type Sent = Readonly<{ bytes: number; complete: boolean }>

/**
 * Sends `length` bytes of a file that never changes, from `start`, and ends the response. Two buffers take turns, one is read
 * while the other is sent; downloads at the same time share what they read.
 * Resolves when all is sent or the client went away; a file that cannot be read ends the connection, so that no client takes a
 * part for the whole.
 */
export async function sendFile(
  response: ServerResponse,
  path: string,
  { start, length }: { start: number; length: number },
): Promise<Sent> {
  const file = await open(path, 'r')
  running++
  const buffers = [takeBuffer(), takeBuffer()]
  let sent = 0
  response.setTimeout(STALLED_MS, () => response.destroy())
  try {
    const next = async (turn: number, at: number): Promise<Buffer> => {
      const most = start + length - at
      if (running < 2 || running > MOST_SHARING) return read(file, buffers[turn]!, at, most)
      return (await shared.from(path, file, at)).subarray(0, most)
    }
    let reading = next(0, start)
    for (let turn = 0; sent < length; turn = 1 - turn) {
      const chunk = await reading
      const after = sent + chunk.length
      reading = after < length ? next(1 - turn, start + after) : Promise.resolve(chunk)
      reading.catch(() => undefined)
      if (!(await written(response, chunk))) {
        await reading.catch(() => undefined)
        return { bytes: sent, complete: false }
      }
      sent = after
    }
    response.end()
    for (const buffer of buffers) if (buffer.length === CHUNK && spare.length < KEPT) spare.push(buffer)
    return { bytes: sent, complete: true }
  } catch (error) {
    response.destroy()
    throw error
  } finally {
    running--
    await file.close()
  }
}

function takeBuffer(): Buffer {
  if (running > LARGE_DOWNLOADS) return Buffer.allocUnsafeSlow(SMALL_CHUNK)
  return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK)
}

async function read(file: FileHandle, buffer: Buffer, position: number, most: number): Promise<Buffer> {
  const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, most), position)
  if (bytesRead === 0) throw new Error('the file became shorter while it was sent')
  return buffer.subarray(0, bytesRead)
}

/** Waits until the kernel took the chunk; false when the client went away first. */
function written(response: ServerResponse, chunk: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    if (response.destroyed || response.socket?.destroyed) {
      resolve(false)
      return
    }
    const gone = () => resolve(false)
    response.once('close', gone)
    response.write(chunk, (error) => {
      response.off('close', gone)
      resolve(!error)
    })
  })
}
