import { watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { Refusal } from '../kit/errors.ts'
import { run } from './run.ts'

/** How much of what a console printed is kept. */
export const RECORDED_BYTES = 1024 * 1024
const PIECE_BYTES = 64 * 1024

/**
 * The serial console of a lab machine. QEMU itself appends what is printed to a file, whether we run or not; reading follows
 * that file, so that nothing is missing and nothing comes twice. Typing goes through QEMU's socket.
 */
export class LabConsole {
  readonly #file: string
  readonly #socketPath: string
  #socket: Promise<Socket> | undefined
  /** Where in the file the space was given back up to. */
  #forgotten = 0

  constructor(file: string, socketPath: string) {
    this.#file = file
    this.#socketPath = socketPath
  }

  /** What it printed so far, the newest `RECORDED_BYTES` of it. */
  async recorded(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    const follower = await this.#reader((bytes) => pieces.push(bytes))
    await follower.read()
    await follower.close()
    return Buffer.concat(pieces)
  }

  /** Hands over what was recorded, then everything as it is printed, until the returned function is called. */
  async follow(listener: (bytes: Uint8Array) => void): Promise<() => void> {
    const reader = await this.#reader(listener)
    let reading: Promise<void> = Promise.resolve()
    let ended = false
    const readOn = () => {
      reading = reading.then(async () => {
        if (!ended) await reader.read()
      })
      reading.catch(() => stop())
    }
    const watcher = watch(this.#file, { persistent: false }, readOn)
    const stop = () => {
      if (ended) return
      ended = true
      watcher.close()
      reading.then(reader.close, reader.close)
    }
    watcher.on('error', stop)
    readOn()
    await reading
    return stop
  }

  /** Types; refused (`wrong-state`) while the machine is off. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#socket ??= this.#connect()
    const socket = await this.#socket
    await new Promise<void>((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())))
  }

  /** Gives back the space of what is older than the newest `RECORDED_BYTES`. Offsets in the file stay what they were. */
  async forget(): Promise<void> {
    const file = await open(this.#file, 'r')
    const { size } = await file.stat()
    await file.close()
    const end = Math.floor((size - RECORDED_BYTES) / 4096) * 4096
    if (end - this.#forgotten < RECORDED_BYTES) return
    // QEMU holds the file open and appends: cutting it short could lose what is printed this moment, a hole cannot.
    await run('fallocate', ['--punch-hole', '--offset', '0', '--length', String(end), this.#file])
    this.#forgotten = end
  }

  close(): void {
    this.#socket?.then(
      (socket) => socket.destroy(),
      () => undefined,
    )
    this.#socket = undefined
  }

  async #reader(listener: (bytes: Uint8Array) => void) {
    const file = await open(this.#file, 'r')
    let at = Math.max(0, (await file.stat()).size - RECORDED_BYTES)
    return {
      read: async () => {
        for (;;) {
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at)
          if (bytesRead === 0) return
          at += bytesRead
          listener(buffer.subarray(0, bytesRead))
          if (at - this.#forgotten > 4 * RECORDED_BYTES) await this.forget()
        }
      },
      close: () => file.close(),
    }
  }

  #connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#socketPath)
      socket.once('connect', () => resolve(socket))
      socket.once('error', () => {
        this.#socket = undefined
        reject(
          new Refusal('wrong-state', 'the machine is off, so nothing can be typed', { next: 'switch it on first' }),
        )
      })
      socket.once('close', () => {
        this.#socket = undefined
      })
      // QEMU sends here too what the file records; unread it would hold the machine up.
      socket.resume()
    })
  }
}
