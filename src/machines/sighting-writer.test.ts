import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SILENT } from '../kit/log.ts'
import { SightingWriter } from './sighting-writer.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a site that powers on is written in a few commits, none of them large', async () => {
  const commits: number[] = []
  const writer = new SightingWriter({ save: async (ids) => void commits.push(ids.length), log: SILENT })
  for (let i = 0; i < 1000; i++) {
    writer.note(`m_${i}`, 0)
    writer.soon()
  }
  expect(commits).toEqual([])
  await vi.runAllTimersAsync()
  expect(commits).toEqual([200, 200, 200, 200, 200])
})

test('what could not be written is written with the next, unless the machine was forgotten', async () => {
  const saved: string[][] = []
  let broken = true
  const writer = new SightingWriter({
    save: async (ids) => {
      if (broken) throw new Error('disk full')
      saved.push([...ids])
    },
    log: SILENT,
  })
  writer.note('m_1', 0)
  writer.note('m_2', 0)
  const failed = expect(writer.flush()).rejects.toThrow('disk full')
  await vi.runAllTimersAsync()
  await failed
  broken = false
  writer.forget('m_2')
  const flushed = writer.flush()
  await vi.runAllTimersAsync()
  await flushed
  expect(saved).toEqual([['m_1']])
})

test('the time on disk is that of the first sighting that was not written', () => {
  const writer = new SightingWriter({ save: async () => {}, log: SILENT })
  expect([writer.note('m_1', 100), writer.note('m_1', 200)]).toEqual([100, 100])
})
