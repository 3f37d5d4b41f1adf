import { expect, test } from 'vitest'
import {
  type Circuit,
  CLOSED,
  circuitState,
  FAILURES_TO_OPEN,
  FIRST_REST_MS,
  failed,
  LONGEST_REST_MS,
} from './circuit.ts'

const failing = (times: number, circuit: Circuit = CLOSED, now = 0) => {
  let after = circuit
  for (let i = 0; i < times; i++) after = failed(after, now)
  return after
}

test('a few failures are forgiven, then it rests', () => {
  const almost = failing(FAILURES_TO_OPEN - 1)
  expect(circuitState(almost, 0)).toBe('closed')
  const open = failed(almost, 0)
  expect(circuitState(open, 0)).toBe('open')
  expect(circuitState(open, FIRST_REST_MS - 1)).toBe('open')
  expect(circuitState(open, FIRST_REST_MS)).toBe('half-open')
})

test('a clock that is set back makes no rest longer than any is', () => {
  const open = failing(FAILURES_TO_OPEN, CLOSED, 10_000_000)
  expect(circuitState(open, 10_000_000)).toBe('open')
  expect(circuitState(open, 10_000_000 - LONGEST_REST_MS)).toBe('half-open')
})

test('after its rest one failure is enough, and each rest is twice as long, up to a limit', () => {
  let circuit = failing(FAILURES_TO_OPEN)
  let now = 0
  for (let rest = FIRST_REST_MS; rest < LONGEST_REST_MS; rest *= 2) {
    expect(circuit.restsUntil! - now).toBe(rest)
    now = circuit.restsUntil!
    circuit = failed(circuit, now)
  }
  for (let i = 0; i < 40; i++) {
    expect(circuit.restsUntil! - now).toBe(LONGEST_REST_MS)
    now = circuit.restsUntil!
    circuit = failed(circuit, now)
  }
})

test('a failure during its rest, because somebody asked anyway, does not make it longer', () => {
  const open = failing(FAILURES_TO_OPEN)
  expect(failing(5, open, FIRST_REST_MS - 1).restsUntil).toBe(open.restsUntil)
})

test('wrong credentials open at once: another try could lock the account', () => {
  expect(circuitState(failed(CLOSED, 0, true), 0)).toBe('open')
})
