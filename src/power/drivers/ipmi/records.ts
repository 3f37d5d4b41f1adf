import type { Command } from '../../../protocols/ipmi/command.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import { SDR_HEAD_BYTES } from '../../../protocols/ipmi/sdr.ts'
import {
  FIRST_RECORD,
  type GetRecord,
  LAST_RECORD,
  type RecordPart,
  WHOLE_RECORD,
} from '../../../protocols/ipmi/sel.ts'
import type { AskOptions, Link } from './link.ts'

type Reserve = Command<void, Readonly<{ id: number }>>
type Get = Command<GetRecord, RecordPart>
/** `lengthOf`: of a whole record, from its first bytes. */
export type RecordCommands = Readonly<{ reserve: Reserve; get: Get; lengthOf: (head: Uint8Array) => number }>

const FIRST_PART_BYTES = 32
const LEAST_PART_BYTES = 8
const MOST_RESERVATIONS = 10

/** What a BMC may answer when a record does not fit one of its packets. */
const TOO_MUCH: readonly number[] = [
  COMPLETION.tooManyBytes,
  COMPLETION.badLength,
  COMPLETION.tooLong,
  COMPLETION.outOfRange,
  COMPLETION.unspecified,
]

/** Reads records one after the other, in parts as large as the BMC can give, over reservations that may end at any time. */
export class RecordReader {
  readonly #link: Link
  readonly #options: AskOptions
  readonly #commands: RecordCommands
  #reservation = 0
  #reservations = 0
  /** `undefined`: whole records, until one does not fit. */
  #part: number | undefined

  constructor(link: Link, commands: RecordCommands, options: AskOptions) {
    this.#link = link
    this.#commands = commands
    this.#options = options
  }

  /** @throws Refusal, CompletionError */
  async read(record: number): Promise<RecordPart> {
    for (;;) {
      try {
        return this.#part === undefined
          ? await this.#get(record, 0, WHOLE_RECORD)
          : await this.#inParts(record, this.#part)
      } catch (error) {
        if (!(error instanceof CompletionError)) throw error
        if (error.code === COMPLETION.badReservation) await this.#reserve(error)
        else if (TOO_MUCH.includes(error.code)) this.#makeSmaller(error)
        else throw error
      }
    }
  }

  async #inParts(record: number, most: number): Promise<RecordPart> {
    const head = await this.#get(record, 0, SDR_HEAD_BYTES)
    const length = this.#commands.lengthOf(head.data)
    const data = new Uint8Array(length)
    data.set(head.data.subarray(0, SDR_HEAD_BYTES))
    for (let at = SDR_HEAD_BYTES; at < length; ) {
      const part = await this.#get(record, at, Math.min(most, length - at))
      if (part.data.length === 0) break
      data.set(part.data.subarray(0, length - at), at)
      at += part.data.length
    }
    return { next: head.next, data }
  }

  #get(record: number, offset: number, count: number): Promise<RecordPart> {
    return this.#link.call(this.#commands.get, { reservation: this.#reservation, record, offset, count }, this.#options)
  }

  async #reserve(because: CompletionError): Promise<void> {
    // A BMC that changes its records all the time would keep us here.
    if (this.#reservations++ >= MOST_RESERVATIONS) throw because
    this.#reservation = (await this.#link.call(this.#commands.reserve, undefined, this.#options)).id
  }

  #makeSmaller(because: CompletionError): void {
    if (this.#part === undefined) this.#part = FIRST_PART_BYTES
    else if (this.#part > LEAST_PART_BYTES) this.#part /= 2
    else throw because
  }
}

/**
 * The ids of records in their order come from the records themselves: `next` points on. Ends at the last one, after `most`, or
 * where a BMC leads in a circle.
 */
export async function* walk(
  read: (record: number) => Promise<RecordPart>,
  most: number,
): AsyncGenerator<Readonly<{ id: number; data: Uint8Array }>> {
  const seen = new Set<number>()
  for (let id = FIRST_RECORD; id !== LAST_RECORD && seen.size < most && !seen.has(id); ) {
    seen.add(id)
    const { next, data } = await read(id)
    yield { id, data }
    id = next
  }
}
