import { type FSWatcher, statSync, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { run } from '../processes/run.ts'

/** How much of what a console printed is kept. */
export const RECORDED_BYTES = 1024 * 1024
const PIECE_BYTES = 64 * 1024
const MOST_UNREAD_BYTES = 64 * 1024

/** One reader's view of a console. */
export interface LabConsole {
  /** What it printed so far, the newest `RECORDED_BYTES` of it. */
  recorded(): Promise<Uint8Array>
  /**
   * Hands over what comes after the end of `recorded()`, or after now if that was not called; `ended` is called when the console is
   * gone. The returned function ends it.
   */
  follow(listener: (bytes: Uint8Array) => void, ended: () => void): () => void
  /** Types. Nothing happens while the machine is off, as with any keyboard. */
  type(bytes: Uint8Array): void
}

/**
 * The serial line of a lab machine. QEMU itself appends what is printed to a file, whether we run or not; readers follow that
 * file, so that they miss nothing and get nothing twice. Typing goes through QEMU's socket.
 */
export class SerialLine {
  readonly #file: string
  readonly #socketPath: string
  readonly #followers = new Set<Follower>()
  #socket: Socket | undefined
  /** Where in the file the space was given back up to. */
  #forgotten = 0

  constructor(file: string, socketPath: string) {
    this.#file = file
    this.#socketPath = socketPath
  }

  console(): LabConsole {
    let end: number | undefined
    return {
      recorded: async () => {
        const pieces: Uint8Array[] = []
        const file = await open(this.#file, 'r')
        try {
          const start = Math.max(0, (await file.stat()).size - RECORDED_BYTES)
          end = await readFrom(file, start, (bytes) => pieces.push(bytes))
        } finally {
          await file.close()
        }
        return Buffer.concat(pieces)
      },
      follow: (listener, ended) => {
        const start = end ?? statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0
        const follower = new Follower(this.#file, start, listener, () => {
          this.#followers.delete(follower)
          ended()
        })
        this.#followers.add(follower)
        return () => {
          this.#followers.delete(follower)
          follower.stop()
        }
      },
      type: (bytes) => {
        this.#socket ??= this.#connect()
        // A machine that does not read its serial line holds QEMU up; what is typed while too much waits is left out.
        if (this.#socket.writableLength + bytes.length <= MOST_UNREAD_BYTES) this.#socket.write(bytes)
      },
    }
  }

  /** Gives back the space of what is older than the newest `RECORDED_BYTES`. Offsets in the file stay what they were. */
  async forget(): Promise<void> {
    const size = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0
    const end = Math.floor((size - RECORDED_BYTES) / 4096) * 4096
    if (end - this.#forgotten < RECORDED_BYTES) return
    this.#forgotten = end
    // QEMU holds the file open and appends: cutting it short could lose what is printed this moment, a hole cannot.
    await run('fallocate', ['--punch-hole', '--offset', '0', '--length', String(end), this.#file])
  }

  /** The machine was switched off: the socket is gone, the record stays. */
  disconnect(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  /** Ends all readers. */
  close(): void {
    this.disconnect()
    for (const follower of [...this.#followers]) follower.end()
  }

  #connect(): Socket {
    const socket = connect(this.#socketPath)
    const gone = () => {
      if (this.#socket === socket) this.#socket = undefined
    }
    socket.once('error', gone)
    socket.once('close', gone)
    // QEMU sends here too what the file records; unread it would hold the machine up.
    socket.resume()
    return socket
  }
}

/** Follows the end of a file that only grows. */
class Follower {
  readonly #ended: () => void
  #watcher: FSWatcher | undefined
  #done = false

  constructor(path: string, start: number, listener: (bytes: Uint8Array) => void, ended: () => void) {
    this.#ended = ended
    this.#follow(path, start, listener).catch(() => this.end())
  }

  stop(): void {
    this.#done = true
    this.#watcher?.close()
  }

  end(): void {
    if (this.#done) return
    this.stop()
    this.#ended()
  }

  async #follow(path: string, start: number, listener: (bytes: Uint8Array) => void): Promise<void> {
    const file = await open(path, 'r')
    try {
      let at = start
      let wake: () => void = () => undefined
      let grown = false
      // Watched before the first read, so that nothing printed in between is waited for.
      const watcher = watch(path, { persistent: false }, () => {
        grown = true
        wake()
      })
      this.#watcher = watcher
      watcher.on('error', () => this.end())
      const closed = new Promise<void>((resolve) => watcher.once('close', resolve))
      while (!this.#done) {
        grown = false
        at = await readFrom(file, at, (bytes) => {
          if (!this.#done) listener(bytes)
        })
        if (grown || this.#done) continue
        const more = new Promise<void>((resolve) => {
          wake = resolve
        })
        if (!grown) await Promise.race([more, closed])
      }
      watcher.close()
    } finally {
      await file.close()
    }
  }
}

/** Reads to the end, piece by piece; returns where that was. */
async function readFrom(file: FileHandle, start: number, take: (bytes: Uint8Array) => void): Promise<number> {
  for (let at = start; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at)
    if (bytesRead === 0) return at
    at += bytesRead
    take(buffer.subarray(0, bytesRead))
  }
}
