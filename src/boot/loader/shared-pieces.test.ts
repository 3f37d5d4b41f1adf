import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SharedPieces } from './shared-pieces.ts'

const MIB = 1024 * 1024

/** A file in memory that counts its reads. */
class CountedFile {
  reads = 0
  broken = false
  readonly content: Buffer

  constructor(size: number) {
    this.content = randomBytes(size)
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    this.reads++
    if (this.broken) throw new Error('I/O error')
    return { bytesRead: this.content.copy(buffer, offset, position, position + length) }
  }

  get handle(): FileHandle {
    return this as unknown as FileHandle
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('many downloads of one file read each piece once, and get the right bytes from any position', async () => {
  const file = new CountedFile(2 * MIB + 100)
  const pieces = new SharedPieces()
  const positions = [0, 0, 1, MIB - 1, MIB, 2 * MIB, 2 * MIB + 99]
  const found = await Promise.all(positions.map((at) => pieces.from('a', file.handle, at)))
  for (const [i, at] of positions.entries())
    expect(
      found[i]!.equals(file.content.subarray(at, Math.min((Math.floor(at / MIB) + 1) * MIB, file.content.length))),
    ).toBe(true)
  expect(file.reads).toBe(3)
})

test('what could not be read is read again, and a file that ends early is an error', async () => {
  const file = new CountedFile(100)
  const pieces = new SharedPieces()
  file.broken = true
  await expect(pieces.from('a', file.handle, 0)).rejects.toThrow('I/O error')
  file.broken = false
  expect(await pieces.from('a', file.handle, 0)).toHaveLength(100)
  await expect(pieces.from('a', file.handle, 100)).rejects.toThrow('shorter')
})

test('keeps 64 pieces at most, and none when nobody asks', async () => {
  const file = new CountedFile(100)
  const pieces = new SharedPieces()
  for (let i = 0; i <= 64; i++) await pieces.from(`file${i}`, file.handle, 0)
  await pieces.from('file64', file.handle, 0)
  expect(file.reads).toBe(65)
  await pieces.from('file0', file.handle, 0)
  expect(file.reads).toBe(66)
  vi.advanceTimersByTime(3001)
  await pieces.from('file64', file.handle, 0)
  expect(file.reads).toBe(67)
})
