import type { BootOrder } from '../../../power/boot-order.ts'
import type { ReadSensors } from './sensor-table.ts'

/** What one emulated BMC remembers until the process ends, or it is reset. What must last is kept by the back end. */
export type BmcState = {
  /** Milliseconds since 1970 when it began to answer. */
  startedAt: number
  boot: {
    inProgress: number
    /** Parameters 3 and 4 as they were written. */
    clearing: number
    acknowledged: number
    /** Parameter 5 as it was written, and the order that it was. */
    written: Readonly<{ flags: Uint8Array; order: BootOrder | null }> | undefined
  }
  sol: {
    inProgress: number
    isEnabled: boolean
    privilege: number
    accumulation: number
    threshold: number
    retries: number
    retryTens: number
  }
  lan: { inProgress: number }
  /** The lamp, as it was switched through us. `until`: milliseconds since 1970. */
  lamp: Readonly<{ until: number | null }> | undefined
  /**
   * Reservations. Everybody gets the same one until records change: IPMI would end it when somebody else asks for his, and two
   * who read at once would never come to an end.
   */
  selReservation: number
  selErasedAt: number
  sdrReservation: number
  sensors: ReadSensors | undefined
  fru: Readonly<{ at: number; bytes: Promise<Uint8Array> }> | undefined
}

export function newBmcState(now: number): BmcState {
  return {
    startedAt: now,
    boot: { inProgress: 0, clearing: 0, acknowledged: 0, written: undefined },
    // Table 26-5: steps of 5 ms and of 10 ms. 20 ms and 96 characters; 7 retries after 500 ms.
    sol: { inProgress: 0, isEnabled: true, privilege: 3, accumulation: 4, threshold: 96, retries: 7, retryTens: 50 },
    lan: { inProgress: 0 },
    lamp: undefined,
    selReservation: 1,
    selErasedAt: 0,
    sdrReservation: 1,
    sensors: undefined,
    fru: undefined,
  }
}

/** As after a restart of the BMC. Reservations go on counting, so that an old one does not fit. */
export function resetBmcState(state: BmcState, now: number): void {
  const selReservation = nextReservation(state.selReservation)
  const sdrReservation = nextReservation(state.sdrReservation)
  Object.assign(state, newBmcState(now), { selReservation, sdrReservation })
}

/** The next number of a reservation: 1 to FFFFh. */
export const nextReservation = (before: number): number => (before % 0xffff) + 1
