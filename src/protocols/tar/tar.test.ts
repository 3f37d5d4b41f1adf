import { expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { BLOCK_BYTES, decodeTarHeader, encodeTarHeader, paddingOf, type TarEntry } from './header.ts'
import { readTar } from './read.ts'

const ENTRY: TarEntry = { name: 'blobs/ab/cd', bytes: 700, mode: 0o600, modifiedAt: 1_700_000_000_000, link: null }

test.each([
  ENTRY,
  { ...ENTRY, bytes: 0 },
  { ...ENTRY, bytes: 2 ** 33 - 1 },
  { ...ENTRY, bytes: 2 ** 33 },
  { ...ENTRY, bytes: 2 ** 45 },
  { ...ENTRY, bytes: 0, link: 'blobs/ab/ce' },
  { ...ENTRY, name: 'x'.repeat(100) },
])('a header is read as it was written', (entry) => {
  expect(decodeTarHeader(encodeTarHeader(entry))).toEqual(entry)
})

test('refuses to write names that are too long or not ASCII', () => {
  expect(() => encodeTarHeader({ ...ENTRY, name: 'x'.repeat(101) })).toThrow(RangeError)
  expect(() => encodeTarHeader({ ...ENTRY, name: 'ü' })).toThrow(RangeError)
})

function changed(at: number, bytes: readonly number[]): Uint8Array {
  const block = encodeTarHeader(ENTRY)
  block.set(bytes, at)
  // With a sum that is right again, so that what is behind it is reached.
  block.set(new TextEncoder().encode('        '), 148)
  const sum = block.reduce((all, byte) => all + byte, 0)
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return block
}

test.each([
  ['a folder', changed(156, [0x35])],
  ['a symbolic link', changed(156, [0x32])],
  ['another format', changed(257, [0x78])],
  ['a number that is none', changed(124, [0x39])],
  ['a size beyond all measure', changed(124, [0x80, 0, 0, 1])],
  ['a name that is not printable', changed(0, [0x1b])],
  ['a sum that is wrong', encodeTarHeader(ENTRY).fill(0x61, 0, 1)],
  ['half a block', encodeTarHeader(ENTRY).subarray(0, 256)],
])('refuses %s', (_, block) => {
  expect(() => decodeTarHeader(block)).toThrow(DecodeError)
})

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function archive(): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, bytes] of [
    ['first', 700],
    ['empty', 0],
    ['whole', 1024],
  ] as const)
    parts.push(
      encodeTarHeader({ ...ENTRY, name, bytes }),
      new Uint8Array(bytes).fill(7),
      new Uint8Array(paddingOf(bytes)),
    )
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK_BYTES)])
}

test.each([1, 7, 512, 513, 100_000])(
  'finds everything however the bytes come (%d at once), read or not',
  async (size) => {
    const found: [string, number][] = []
    for await (const { entry, content } of readTar(cut(archive(), size))) {
      let bytes = 0
      // What is not read is passed over.
      if (entry.name !== 'first') for await (const piece of content) bytes += piece.length
      found.push([entry.name, bytes])
    }
    expect(found).toEqual([
      ['first', 0],
      ['empty', 0],
      ['whole', 1024],
    ])
  },
)

test('an archive that ends early is refused wherever that is', async () => {
  const whole = archive()
  for (let at = 0; at < whole.length - BLOCK_BYTES; at += 37)
    await expect(
      (async () => {
        for await (const { content } of readTar(cut(whole.subarray(0, at), 512))) for await (const _ of content);
      })(),
      `cut at ${at}`,
    ).rejects.toThrow(DecodeError)
})
