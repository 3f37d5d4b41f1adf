import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_BYTES, chunkLength, decodeChunkList } from '../../protocols/chunks/list.ts'
import { type DiskPorts, type DiskProgress, sendDisk } from './disk.ts'

const name = (letter: number) => letter.toString(16).padStart(64, 'a')

/** A disk of which each chunk is a number, 0 for zeros, against a server that has some. Nothing of 4 MiB is made. */
function bench(chunks: readonly number[], has: readonly number[] = [], lastBytes = CHUNK_BYTES) {
  const bytes = Math.max(0, (chunks.length - 1) * CHUNK_BYTES + (chunks.length > 0 ? lastBytes : 0))
  const there = new Set(has.map(name))
  const puts: string[] = []
  const hashed: number[] = []
  const waited: number[] = []
  const progress: DiskProgress[] = []
  const aborted = new AbortController()
  const ports: DiskPorts = {
    bytes,
    hash: async (from) => {
      hashed.push(from / CHUNK_BYTES)
      const letter = chunks[from / CHUNK_BYTES]!
      return letter === 0 ? null : name(letter)
    },
    missing: async (asked) => asked.filter((each) => !there.has(each)),
    put: async (sha256, from, to, onProgress) => {
      onProgress(to - from)
      puts.push(sha256)
      there.add(sha256)
    },
    mayPass: () => true,
    wait: async (ms) => void waited.push(ms),
    signal: aborted.signal,
  }
  const hashes = new Map<number, string | null>()
  const run = (more: Partial<DiskPorts> = {}) => sendDisk({ ...ports, ...more }, hashes, (each) => progress.push(each))
  return { ports, run, puts, hashed, waited, progress, aborted, bytes, there }
}

describe('a disk that is sent', () => {
  test('only what the server lacks travels, zeros never, the same bytes once', async () => {
    const { run, puts, progress, bytes } = bench([1, 0, 2, 1, 0, 3], [2], 100)
    const list = decodeChunkList(await run())
    expect(list).toEqual({ bytes, chunks: [name(1), null, name(2), name(1), null, name(3)] })
    expect(puts.toSorted()).toEqual([name(1), name(3)])
    expect(progress.at(-1)).toEqual({ done: bytes, of: bytes, sent: CHUNK_BYTES + 100, retrying: null })
  })

  test('whatever the disk and the server hold, the server has all of it in the end and progress reaches the end', async () => {
    const numbers = fc.array(fc.nat(5), { minLength: 1, maxLength: 150, size: 'max' })
    await fc.assert(
      fc.asyncProperty(numbers, fc.array(fc.integer({ min: 1, max: 5 })), async (chunks, has) => {
        const { run, there, puts, progress, bytes } = bench(chunks, has)
        const list = decodeChunkList(await run())
        for (const chunk of list.chunks) if (chunk) expect(there).toContain(chunk)
        expect(new Set(puts).size).toBe(puts.length)
        expect(progress.at(-1)!.done).toBe(bytes)
        expect(chunkLength(list, list.chunks.length - 1)).toBe(CHUNK_BYTES)
      }),
      { numRuns: 30 },
    )
  })

  test('a line that breaks is tried again, with longer and longer pauses, and says so meanwhile', async () => {
    const { run, ports, waited, progress, puts } = bench([1])
    let fails = 3
    await run({
      put: async (...given) => {
        if (fails-- > 0) throw new Error('the upload broke off')
        return ports.put(...given)
      },
    })
    expect(waited).toEqual([1000, 2000, 4000])
    expect(progress.map((each) => each.retrying)).toContain('the upload broke off')
    expect(progress.at(-1)!.retrying).toBeNull()
    expect(puts).toEqual([name(1)])
  })

  test('after a failure another try reads nothing twice to know what to send, and sends only the rest', async () => {
    const { run, ports, hashed, puts } = bench([1, 2, 3])
    const broken = run({
      mayPass: () => false,
      put: async (sha256, ...given) => {
        if (sha256 === name(2)) throw new Error('no')
        return ports.put(sha256, ...given)
      },
    })
    await expect(broken).rejects.toThrow('no')
    await run()
    expect(hashed.toSorted()).toEqual([0, 1, 2])
    expect(puts.toSorted()).toEqual([name(1), name(2), name(3)])
  })

  test('cancelled, it stops', async () => {
    const { run, aborted, puts } = bench([1, 2])
    aborted.abort()
    await expect(run()).rejects.toThrow()
    expect(puts).toEqual([])
  })
})
