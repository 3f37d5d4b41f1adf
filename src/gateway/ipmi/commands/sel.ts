import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import * as wire from '../../../protocols/ipmi/sel.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, refuse } from './answers.ts'
import { entryId, entryOf } from './sel-entries.ts'
import { nextReservation } from './state.ts'

/** For Get SEL Info: the log keeps its newest entries by itself, so there is always room for one more. */
const FREE_BYTES = 0xffff
/** A clock that is set to what it says already is set. */
const SAME_TIME_SECONDS = 60

const seconds = (ms: number): number => Math.floor(ms / 1000)

async function info(_: unknown, { backEnd, state }: CommandContext): Promise<wire.SelInfo> {
  const events = await backEnd.events()
  const newest = events.at(-1)
  return {
    entries: Math.min(events.length, 0xffff),
    freeBytes: FREE_BYTES,
    lastAddition: newest ? seconds(newest.at) : wire.UNKNOWN_TIME,
    lastErase: state.selErasedAt === 0 ? wire.UNKNOWN_TIME : seconds(state.selErasedAt),
    hasOverflowed: false,
    canDelete: false,
    canReserve: true,
  }
}

async function entry(request: wire.GetRecord, { backEnd, state }: CommandContext): Promise<wire.RecordPart> {
  const { reservation, record, offset, count } = request
  // §31.5: only parts from within an entry need a reservation.
  if ((offset !== 0 || reservation !== 0) && reservation !== state.selReservation) refuse(COMPLETION.badReservation)
  const events = await backEnd.events()
  const place =
    record === wire.FIRST_RECORD
      ? 0
      : record === wire.LAST_RECORD
        ? events.length - 1
        : events.findIndex((event) => entryId(event) === record)
  const event = events[place] ?? refuse(COMPLETION.notPresent)
  if (offset >= wire.SEL_RECORD_BYTES) refuse(COMPLETION.outOfRange)
  const bytes = wire.encodeSelRecord(entryOf(event)).subarray(offset)
  const after = events[place + 1]
  return {
    next: after ? entryId(after) : wire.LAST_RECORD,
    data: count === wire.WHOLE_RECORD ? bytes : bytes.subarray(0, count),
  }
}

export const SEL: readonly Command[] = [
  answers(wire.GET_SEL_INFO, info),
  answers(wire.GET_SEL_ALLOCATION, () => ({
    units: 0,
    unitBytes: wire.SEL_RECORD_BYTES,
    freeUnits: 0,
    largestFree: 0,
    largestRecord: 1,
  })),
  answers(wire.RESERVE_SEL, (_, { state }) => ({ id: state.selReservation })),
  answers(wire.GET_SEL_ENTRY, entry),
  answers(wire.CLEAR_SEL, async ({ reservation, starts }, { backEnd, state, by, now }) => {
    if (starts) {
      if (reservation !== state.selReservation) refuse(COMPLETION.badReservation)
      await backEnd.clearEvents(by)
      state.selErasedAt = now()
      state.selReservation = nextReservation(state.selReservation)
    }
    return { isComplete: true }
  }),
  answers(wire.GET_SEL_TIME, (_, { now }) => ({ time: seconds(now()) })),
  answers(wire.SET_SEL_TIME, ({ time }, { now }) => {
    // The clock is the server's. Who sets it to what it says is obeyed; nobody else is told that he was.
    if (Math.abs(time - seconds(now())) > SAME_TIME_SECONDS) refuse(COMPLETION.notInThisState)
  }),
  answers(wire.GET_SEL_UTC_OFFSET, () => ({ minutes: 0 })),
]
