import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { ConsoleMatch, ConsoleRecords } from '../console.ts'
import { findLines } from '../lines.ts'

/** A record is a row of files of this size; dropping the oldest is how it is kept bounded. */
const PIECE_BYTES = 1024 * 1024
const FLUSH_MS = 100
/** What waits for a slow disk, for each console; what comes beyond is shown but not recorded. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024
/** An entry of a piece's times: offset in the record and milliseconds since 1970, both 64-bit little endian. */
const TIME_BYTES = 16
const DAY_MS = 86_400_000

/** `base`: bytes of the record before this piece. */
type Piece = { readonly base: number; bytes: number; lastAt: number }
type Record = {
  pieces: Piece[]
  waiting: { at: number; bytes: Uint8Array }[]
  waitingBytes: number
  /** The writes so far, one after the other. */
  written: Promise<void>
}

type Options = Readonly<{ directory: string; keepDays: number; maxBytes: number; clock: Clock; log: Log }>

/**
 * Records of consoles as files: `DIRECTORY/MACHINE/BASE.log` with what was printed and `BASE.times` with when. Writes are
 * gathered for a tenth of a second: a `kill -9` loses that much.
 */
export class FileRecords implements ConsoleRecords {
  readonly #with: Options
  readonly #records = new Map<string, Record>()
  #timer: ReturnType<typeof setTimeout> | undefined

  private constructor(options: Options) {
    this.#with = options
  }

  static async open(options: Options): Promise<FileRecords> {
    const records = new FileRecords(options)
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    for (const machine of await readdir(options.directory)) await records.#load(machine)
    return records
  }

  append(machine: string, at: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const record = this.#of(machine)
    if (record.waitingBytes + bytes.length > MOST_WAITING_BYTES) return
    // What a driver hands over may be reused by it.
    record.waiting.push({ at, bytes: bytes.slice() })
    record.waitingBytes += bytes.length
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      for (const [each, { waiting }] of this.#records) if (waiting.length > 0) void this.#flush(each)
    }, FLUSH_MS)
    this.#timer.unref?.()
  }

  async tail(machine: string, bytes: number): Promise<Uint8Array> {
    const record = this.#records.get(machine)
    if (!record) return new Uint8Array()
    // Where it ends now, before anything else comes.
    const end = endOf(record) + record.waitingBytes
    await this.#flush(machine)
    const start = Math.max(record.pieces[0]?.base ?? 0, end - bytes)
    const parts: Uint8Array[] = []
    for (const piece of [...record.pieces]) {
      if (piece.base + piece.bytes <= start || piece.base >= end) continue
      const content = await this.#read(machine, piece)
      parts.push(content.subarray(Math.max(0, start - piece.base), end - piece.base))
    }
    return Buffer.concat(parts)
  }

  async search(machine: string, text: string, limit: number): Promise<readonly ConsoleMatch[]> {
    const record = this.#records.get(machine)
    if (!record) return []
    await this.#flush(machine)
    const found: ConsoleMatch[] = []
    for (const piece of [...record.pieces].reverse()) {
      const times = await this.#times(machine, piece)
      const matches = findLines(await this.#read(machine, piece), piece.base, text, times)
      found.push(...matches.reverse().slice(0, limit - found.length))
      if (found.length >= limit) break
    }
    return found
  }

  extent(machine: string): Readonly<{ bytes: number; lastAt: number | null }> {
    const record = this.#records.get(machine)
    if (!record) return { bytes: 0, lastAt: null }
    const bytes = record.pieces.reduce((sum, piece) => sum + piece.bytes, record.waitingBytes)
    return { bytes, lastAt: record.waiting.at(-1)?.at ?? record.pieces.at(-1)?.lastAt ?? null }
  }

  async prune(): Promise<void> {
    const { keepDays, clock } = this.#with
    const oldest = clock.now() - keepDays * DAY_MS
    for (const [machine, record] of this.#records) {
      for (const piece of record.pieces.filter(({ lastAt }) => lastAt < oldest))
        await this.#drop(machine, record, piece)
      if (record.pieces.length === 0 && record.waiting.length === 0) await this.forget(machine)
    }
  }

  async forget(machine: string): Promise<void> {
    const record = this.#records.get(machine)
    if (!record) return
    record.waiting = []
    record.waitingBytes = 0
    this.#records.delete(machine)
    await record.written
    // Something may have been printed since.
    if (!this.#records.has(machine)) await rm(join(this.#with.directory, machine), { recursive: true, force: true })
  }

  machines(): readonly string[] {
    return [...this.#records.keys()]
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const machine of this.#records.keys()) await this.#flush(machine)
  }

  #of(machine: string): Record {
    const known = this.#records.get(machine)
    if (known) return known
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(machine)) throw new Error('this cannot name a folder')
    const record: Record = { pieces: [], waiting: [], waitingBytes: 0, written: Promise.resolve() }
    this.#records.set(machine, record)
    return record
  }

  #flush(machine: string): Promise<void> {
    const record = this.#records.get(machine)
    if (!record) return Promise.resolve()
    const waiting = record.waiting
    record.waiting = []
    const bytes = record.waitingBytes
    record.waitingBytes = 0
    if (waiting.length === 0) return record.written
    // The place of these bytes is taken now: whoever asks for the end counts them.
    const piece = this.#pieceFor(record)
    const base = piece.base + piece.bytes
    piece.bytes += bytes
    piece.lastAt = waiting.at(-1)?.at ?? piece.lastAt
    record.written = record.written
      .then(() => this.#write(machine, piece, base, waiting))
      .then(() => this.#shorten(machine, record))
      .catch((error: unknown) => this.#with.log.warn({ machine, error }, 'what a console printed was not recorded'))
    return record.written
  }

  #pieceFor(record: Record): Piece {
    const last = record.pieces.at(-1)
    if (last && last.bytes < PIECE_BYTES) return last
    const piece = { base: endOf(record), bytes: 0, lastAt: 0 }
    record.pieces.push(piece)
    return piece
  }

  async #write(machine: string, piece: Piece, base: number, waiting: readonly { at: number; bytes: Uint8Array }[]) {
    const directory = join(this.#with.directory, machine)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const times = Buffer.alloc(TIME_BYTES * waiting.length)
    let offset = base
    waiting.forEach(({ at, bytes }, index) => {
      times.writeBigUInt64LE(BigInt(offset), index * TIME_BYTES)
      times.writeBigUInt64LE(BigInt(at), index * TIME_BYTES + 8)
      offset += bytes.length
    })
    const content = Buffer.concat(waiting.map(({ bytes }) => bytes))
    // At their places: what a crash left half written behind them is written over.
    await writeAt(this.#path(machine, piece, 'log'), base - piece.base, content)
    await append(this.#path(machine, piece, 'times'), times)
  }

  async #shorten(machine: string, record: Record): Promise<void> {
    let bytes = record.pieces.reduce((sum, piece) => sum + piece.bytes, 0)
    for (const piece of record.pieces.slice(0, -1)) {
      if (bytes <= this.#with.maxBytes) return
      bytes -= piece.bytes
      await this.#drop(machine, record, piece)
    }
  }

  async #drop(machine: string, record: Record, piece: Piece): Promise<void> {
    record.pieces = record.pieces.filter((each) => each !== piece)
    for (const kind of ['log', 'times'] as const) await rm(this.#path(machine, piece, kind), { force: true })
  }

  async #load(machine: string): Promise<void> {
    const record = this.#of(machine)
    const bases = (await readdir(join(this.#with.directory, machine)))
      .flatMap((name) => /^(\d{15})\.log$/.exec(name)?.[1] ?? [])
      .sort()
    for (const name of bases) {
      const piece = { base: Number(name), bytes: 0, lastAt: 0 }
      const { size, mtimeMs } = await stat(this.#path(machine, piece, 'log'))
      record.pieces.push({ ...piece, bytes: size, lastAt: Math.round(mtimeMs) })
    }
  }

  async #read(machine: string, piece: Piece): Promise<Uint8Array> {
    return readFile(this.#path(machine, piece, 'log')).catch(nothing)
  }

  /** When the byte at an offset was printed: the time of the newest entry that begins before it. */
  async #times(machine: string, piece: Piece): Promise<(offset: number) => number> {
    const content = Buffer.from(await readFile(this.#path(machine, piece, 'times')).catch(nothing))
    const entries = Math.floor(content.length / TIME_BYTES)
    return (offset) => {
      let low = 0
      let high = entries
      while (low < high) {
        const middle = (low + high) >> 1
        if (Number(content.readBigUInt64LE(middle * TIME_BYTES)) <= offset) low = middle + 1
        else high = middle
      }
      return low === 0 ? piece.lastAt : Number(content.readBigUInt64LE((low - 1) * TIME_BYTES + 8))
    }
  }

  #path(machine: string, piece: Piece, kind: 'log' | 'times'): string {
    return join(this.#with.directory, machine, `${String(piece.base).padStart(15, '0')}.${kind}`)
  }
}

function endOf({ pieces }: Record): number {
  const last = pieces.at(-1)
  return last ? last.base + last.bytes : 0
}

async function writeAt(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, position === 0 ? 'w' : 'r+', 0o600)
  try {
    await file.write(bytes, 0, bytes.length, position)
  } finally {
    await file.close()
  }
}

async function append(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    await file.writeFile(bytes)
  } finally {
    await file.close()
  }
}

function nothing(error: NodeJS.ErrnoException): Uint8Array {
  // Dropped meanwhile, or nothing was written yet.
  if (error.code === 'ENOENT') return new Uint8Array()
  throw error
}
