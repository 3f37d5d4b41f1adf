/**
 * Whether a driver is worth asking. One that fails `FAILURES_TO_OPEN` times in a row rests, each time twice as long as before,
 * so that dead BMCs cost little; after its rest one call tells whether it is back.
 */
export type Circuit = Readonly<{
  /** Failures in a row. */
  failures: number
  /** How often it opened since it last worked: its rest doubles each time. */
  openings: number
  /** Until when it rests, in milliseconds since 1970; `null` while it is trusted. */
  restsUntil: number | null
}>

export type CircuitState = 'closed' | 'open' | 'half-open'

export const CLOSED: Circuit = { failures: 0, openings: 0, restsUntil: null }
export const FAILURES_TO_OPEN = 3
export const FIRST_REST_MS = 10_000
export const LONGEST_REST_MS = 600_000

/** `half-open`: its rest is over, and nobody knows yet whether it works again. */
export function circuitState({ restsUntil }: Circuit, now: number): CircuitState {
  if (restsUntil === null) return 'closed'
  // The clock was set back: no rest is that long.
  if (restsUntil - now > LONGEST_REST_MS) return 'half-open'
  return now < restsUntil ? 'open' : 'half-open'
}

/**
 * `refusedUs`: it answers, but not to these credentials. That opens at once: another try would not help, and many BMCs lock an
 * account after a few.
 */
export function failed(circuit: Circuit, now: number, refusedUs = false): Circuit {
  const failures = circuit.failures + 1
  const state = circuitState(circuit, now)
  if (state === 'closed' && failures < FAILURES_TO_OPEN && !refusedUs) return { ...circuit, failures }
  // Somebody asked for it in spite of its rest: that is no reason for a longer one.
  if (state === 'open') return { ...circuit, failures }
  const rest = Math.min(FIRST_REST_MS * 2 ** circuit.openings, LONGEST_REST_MS)
  return { failures, openings: Math.min(circuit.openings + 1, 16), restsUntil: now + rest }
}
