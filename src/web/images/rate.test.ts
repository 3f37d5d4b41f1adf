import { expect, test } from 'vitest'
import { Rate } from './rate.ts'

test('nothing is said of the rate before half a second has passed', () => {
  const rate = new Rate()
  rate.note(0, 0)
  rate.note(400, 1000)
  expect(rate.of(10_000)).toEqual({ bytesPerSecond: 0, secondsLeft: null })
})

test('a steady flow has a rate and a time that is left', () => {
  const rate = new Rate()
  for (let s = 0; s <= 5; s++) rate.note(s * 1000, s * 100)
  expect(rate.of(1500)).toEqual({ bytesPerSecond: 100, secondsLeft: 10 })
})

test('a slow beginning is forgotten', () => {
  const rate = new Rate()
  for (let s = 0; s <= 100; s++) rate.note(s * 1000, s)
  for (let s = 1; s <= 30; s++) rate.note(100_000 + s * 1000, 100 + s * 1000)
  expect(rate.of(30_100).bytesPerSecond).toBeCloseTo(1000)
})

test('no time is left where nothing moves', () => {
  const rate = new Rate()
  rate.note(0, 50)
  rate.note(20_000, 50)
  rate.note(40_000, 50)
  expect(rate.of(100)).toEqual({ bytesPerSecond: 0, secondsLeft: null })
})

test('reports that come in a burst count as one', () => {
  const rate = new Rate()
  for (let ms = 0; ms <= 10_000; ms++) rate.note(ms, ms)
  expect(rate.of(10_000).bytesPerSecond).toBeCloseTo(1000, -1)
})
