import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextSequence, SequenceWindow } from './sequence.ts'

test('numbers in order are taken once each, with gaps and out of order within the window', () => {
  const window = new SequenceWindow()
  for (const sequence of [3, 4, 6, 5, 1, 2, 20, 19]) expect(window.accept(sequence)).toBe(true)
  for (const sequence of [3, 4, 6, 5, 1, 2, 20, 19]) expect(window.accept(sequence)).toBe(false)
})

test('zero, what is more than 16 ahead and what is more than 32 behind are refused', () => {
  const window = new SequenceWindow()
  expect(window.accept(0)).toBe(false)
  expect(window.accept(17)).toBe(false)
  for (const sequence of [16, 32, 48]) expect(window.accept(sequence)).toBe(true)
  expect(window.accept(65)).toBe(false)
  expect(window.accept(15)).toBe(false)
  expect(window.accept(17)).toBe(true)
  expect(window.accept(0)).toBe(false)
})

test('after the last number comes 1', () => {
  expect(nextSequence(0xffffffff)).toBe(1)
  expect(nextSequence(1)).toBe(2)
})

test('whatever comes in whatever order, no number is taken twice', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 300 }), (sequences) => {
      const window = new SequenceWindow()
      const taken = sequences.filter((sequence) => window.accept(sequence))
      expect(new Set(taken).size).toBe(taken.length)
    }),
  )
})
