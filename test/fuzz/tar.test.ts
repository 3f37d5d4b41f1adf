import { expect, test } from 'vitest'
import { isPlace } from '../../src/backup/backup.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import { decodeTarHeader, encodeTarHeader, paddingOf } from '../../src/protocols/tar/header.ts'
import { readTar } from '../../src/protocols/tar/read.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const HEADER = encodeTarHeader({ name: 'blobs/ab/cd', bytes: 3, mode: 0o600, modifiedAt: 0, link: null })
const ARCHIVE = Buffer.concat([HEADER, Buffer.from('abc'), Buffer.alloc(paddingOf(3)), Buffer.alloc(1024)])

/** The sum of a header made right again, so that what is behind it is reached. */
function summed(block: Uint8Array): Uint8Array {
  const right = Uint8Array.from({ length: 512 }, (_, i) => (i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0)))
  const sum = right.reduce((all, byte) => all + byte, 0)
  right.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return right
}

test('tar: a header is read or refused, and no name that a restore takes leaves its directory', () => {
  const mutator = new Mutator(fuzzSeed('tar header'))
  let read = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const block = summed(mutator.mutate(HEADER))
    try {
      const entry = decodeTarHeader(block)
      if (!entry) continue
      expect(entry.bytes).toBeGreaterThanOrEqual(0)
      expect(Number.isSafeInteger(entry.bytes)).toBe(true)
      if (isPlace(entry.name)) expect(entry.name).not.toMatch(/^\/|\.\.|\\|\0/)
      read++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`input ${i}`, { cause: error })
    }
  }
  expect(read).toBeGreaterThan(0)
})

test('tar: an archive is read to its end or refused', async () => {
  const mutator = new Mutator(fuzzSeed('tar'))
  for (let i = 0; i < Math.min(fuzzCount(), 20_000); i++) {
    const bytes = mutator.mutate(ARCHIVE)
    try {
      const source = (async function* () {
        yield bytes
      })()
      for await (const { content } of readTar(source))
        for await (const piece of content) expect(piece.length).toBeGreaterThan(0)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`input ${i}`, { cause: error })
    }
  }
})
