import { DecodeError } from '../../../kit/errors.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import {
  CLEAR_SEL,
  decodeSelRecord,
  GET_SEL_ENTRY,
  RESERVE_SEL,
  SEL_RECORD_BYTES,
  type SelRecord,
  UNKNOWN_TIME,
} from '../../../protocols/ipmi/sel.ts'
import type { HardwareEvent } from '../../driver.ts'
import { eventWords, sensorTypeName } from './event-words.ts'
import type { AskOptions, Link } from './link.ts'
import { type RecordCommands, RecordReader, walk } from './records.ts'
import { notCleared } from './refusals.ts'

/** Logs of BMCs have room for 512 to 4,000 entries; the newest of these are given. */
const MOST_WALKED = 4096
const MOST_EVENTS = 1000
const MOST_CLEAR_CHECKS = 20
/** Times below count from the last start of the BMC, whose clock was not set (IPMI 2.0 §37). */
const FIRST_REAL_TIME = 0x2000_0000

const COMMANDS: RecordCommands = { reserve: RESERVE_SEL, get: GET_SEL_ENTRY, lengthOf: () => SEL_RECORD_BYTES }

/** The newest entries, oldest first. `nameOf`: the name of a sensor, where its records were read. Ends when `until` is near. */
export async function readEvents(
  link: Link,
  nameOf: (generator: number, sensor: number) => string | undefined,
  options: AskOptions & Readonly<{ until: number }>,
): Promise<readonly HardwareEvent[]> {
  const events: HardwareEvent[] = []
  const reader = new RecordReader(link, COMMANDS, options)
  try {
    for await (const { data } of walk((record) => reader.read(record), MOST_WALKED)) {
      const event = eventOf(data, nameOf)
      if (event) events.push(event)
      if (events.length > 2 * MOST_EVENTS) events.splice(0, MOST_EVENTS)
      // What was read so far is worth more than a failure.
      if (performance.now() > options.until - SPARE_MS) break
    }
  } catch (error) {
    // So BMCs say that the log is empty (IPMI 2.0 §31.5).
    if (!(error instanceof CompletionError && error.code === COMPLETION.notPresent && events.length === 0)) throw error
  }
  return events.slice(-MOST_EVENTS)
}

const SPARE_MS = 3000

export async function clearEvents(link: Link, options: AskOptions): Promise<void> {
  let { id: reservation } = await link.call(RESERVE_SEL, undefined, options)
  for (let starts = true, checks = 0; checks < MOST_CLEAR_CHECKS; checks++) {
    try {
      const { isComplete } = await link.call(CLEAR_SEL, { reservation, starts }, options)
      if (isComplete) return
      starts = false
    } catch (error) {
      // An entry came in between.
      if (!(error instanceof CompletionError && error.code === COMPLETION.badReservation)) throw error
      reservation = (await link.call(RESERVE_SEL, undefined, options)).id
      starts = true
    }
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw notCleared(link.whom)
}

/** `undefined`: a record that nobody can read. */
export function eventOf(
  data: Uint8Array,
  nameOf: (generator: number, sensor: number) => string | undefined,
): HardwareEvent | undefined {
  const record = decoded(data)
  if (!record) return undefined
  const { id } = record
  const at =
    record.time !== null && record.time >= FIRST_REAL_TIME && record.time !== UNKNOWN_TIME ? record.time * 1000 : null
  if (record.kind === 'oem') {
    const bytes = Array.from(record.data, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return { id, at, sensor: '', text: `A record of the maker (${bytes})`, severity: 'unknown' }
  }
  const words = eventWords(record)
  return {
    id,
    at,
    sensor: nameOf(record.generator, record.sensor) ?? `${sensorTypeName(record.sensorType)} ${record.sensor}`,
    text: record.isDeassertion ? `${words.text}: over` : words.text,
    severity: record.isDeassertion ? 'ok' : words.severity,
  }
}

function decoded(data: Uint8Array): SelRecord | undefined {
  try {
    return decodeSelRecord(data)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
