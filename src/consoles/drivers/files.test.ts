import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../kit/clock.ts'
import { SILENT } from '../../kit/log.ts'
import { FileRecords } from './files.ts'

const MIB = 1024 * 1024
let directory: string
let records: FileRecords
const clock = new ManualClock(1_000_000)
const options = () => ({ directory, keepDays: 30, maxBytes: 3 * MIB, clock, log: SILENT })
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (from: Uint8Array) => Buffer.from(from).toString()

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'consoles-'))
  records = await FileRecords.open(options())
})
afterEach(async () => {
  await records.close()
  await rm(directory, { recursive: true })
})

test('what was printed before the question is there, and nothing of what came after it', async () => {
  records.append('m_0123456789abcdef', 10, bytes('one '))
  records.append('m_0123456789abcdef', 20, bytes('two '))
  const asked = records.tail('m_0123456789abcdef', 1000)
  records.append('m_0123456789abcdef', 30, bytes('three'))
  expect(text(await asked)).toBe('one two ')
  expect(text(await records.tail('m_0123456789abcdef', 8))).toBe('wo three')
  expect(records.extent('m_0123456789abcdef')).toEqual({ bytes: 13, lastAt: 30 })
  expect(await records.tail('other', 10)).toHaveLength(0)
})

test('what was printed is there after a restart, goes on behind it, and is found with its times', async () => {
  records.append('m_0123456789abcdef', 1000, bytes('Linux version 6\r\n'))
  await records.tail('m_0123456789abcdef', 1)
  records.append('m_0123456789abcdef', 2000, bytes('panic: no init\r\n'))
  await records.close()
  records = await FileRecords.open(options())
  records.append('m_0123456789abcdef', 3000, bytes('another PANIC\r\n'))
  expect(text(await records.tail('m_0123456789abcdef', 1000))).toBe(
    'Linux version 6\r\npanic: no init\r\nanother PANIC\r\n',
  )
  expect(await records.search('m_0123456789abcdef', 'panic', 10)).toEqual([
    { at: 3000, offset: 33, line: 'another PANIC' },
    { at: 2000, offset: 17, line: 'panic: no init' },
  ])
  expect(await records.search('m_0123456789abcdef', 'panic', 1)).toHaveLength(1)
  expect(records.machines()).toEqual(['m_0123456789abcdef'])
})

test('no more is kept than was allowed, and the newest of it', async () => {
  for (let i = 0; i < 10; i++) {
    records.append('m_0123456789abcdef', i, Buffer.alloc(MIB, 'abcdefghij'[i]))
    await records.tail('m_0123456789abcdef', 1)
  }
  await records.close()
  expect(records.extent('m_0123456789abcdef').bytes).toBe(3 * MIB)
  expect(text((await records.tail('m_0123456789abcdef', 10 * MIB)).subarray(0, 1))).toBe('h')
  expect(await readdir(join(directory, 'm_0123456789abcdef'))).toHaveLength(6)
})

test('what is too old goes, and what is forgotten goes at once', async () => {
  records.append('old', clock.now() - 40 * 86_400_000, bytes('x'))
  records.append('new', clock.now(), bytes('y'))
  await records.close()
  await records.prune()
  expect(records.machines()).toEqual(['new'])
  await records.forget('new')
  expect(await readdir(directory)).toEqual([])
  records.append('new', clock.now(), bytes('z'))
  expect(text(await records.tail('new', 10))).toBe('z')
})

test('a disk that cannot keep up costs bounded memory', () => {
  for (let i = 0; i < 20; i++) records.append('m_0123456789abcdef', i, Buffer.alloc(MIB))
  expect(records.extent('m_0123456789abcdef').bytes).toBe(8 * MIB)
})
