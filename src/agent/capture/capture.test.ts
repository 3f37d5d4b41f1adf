import { describe, expect, test } from 'vitest'
import { chunked, FakeAround, sha256Of } from '../../../test/fakes/flashing.ts'
import { PowerlessDisk } from '../../../test/fakes/powerless-disk.ts'
import { CHUNK_BYTES, encodeChunkList } from '../../protocols/chunks/list.ts'
import { captureRunner } from './capture.ts'

function content(letters: string, extra = 0): Uint8Array {
  const bytes = new Uint8Array(letters.length * CHUNK_BYTES + extra)
  for (const [index, letter] of [...letters].entries())
    if (letter !== '.') bytes.fill(letter.charCodeAt(0), index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
  return bytes
}

const from = { serial: 'S1', bytes: 1, fingerprint: null, partition: null }

async function run(disk: PowerlessDisk, around: FakeAround, onlyIfChangedFrom: string | null = null) {
  return captureRunner({ open: async () => disk })({ kind: 'capture', from, image: 'lab', onlyIfChangedFrom }, around)
}

describe('a capture', () => {
  test('sends each chunk that the server lacks once, and the list of all', async () => {
    const image = content('ab.bca', 512)
    const disk = new PowerlessDisk(image.slice())
    const around = new FakeAround(chunked(content('c')).chunks)
    const { detail, clean } = await run(disk, around)
    expect([...around.put.keys()].toSorted()).toEqual([...chunked(content('ab')).chunks.keys()].toSorted())
    for (const [hash, bytes] of around.put) expect(sha256Of(bytes)).toBe(hash)
    expect([...around.lists.values()]).toEqual([chunked(image).list])
    expect(detail).toMatchObject({
      bytes: image.length,
      sentBytes: 2 * CHUNK_BYTES,
      newChunks: 2,
      chunks: [...around.lists.keys()][0],
    })
    expect([clean, disk.operations]).toEqual([true, 0])
  })

  test('sends nothing when nothing changed', async () => {
    const image = content('ab.')
    const known = sha256Of(encodeChunkList(chunked(image).list))
    const around = new FakeAround(chunked(image).chunks)
    const { detail, summary } = await run(new PowerlessDisk(image), around, known)
    expect([around.put.size, around.lists.size]).toEqual([0, 0])
    expect(detail).toMatchObject({ chunks: known, unchanged: true, sentBytes: 0 })
    expect(summary).toContain('unchanged')
  })

  test('goes on where it was when it was cut off', async () => {
    const image = content('abcdefghijklmnop')
    const around = new FakeAround()
    around.before = () => {
      if (around.put.size === 5) throw new Error('the server went away')
    }
    await expect(run(new PowerlessDisk(image), around)).rejects.toThrow('went away')
    const before = around.put.size
    around.before = () => undefined
    const { detail } = await run(new PowerlessDisk(image), around)
    expect(detail.newChunks).toBe(16 - before)
    expect([...around.lists.values()]).toEqual([chunked(image).list])
  })

  test('says which disk cannot be read, and where', async () => {
    const disk = new PowerlessDisk(content('abc'))
    disk.fault = (doing, offset) => (doing === 'reading' && offset === CHUNK_BYTES ? 'EIO' : undefined)
    await expect(run(disk, new FakeAround())).rejects.toMatchObject({
      name: 'TaskFailure',
      message: expect.stringMatching(/serial S1.*SMART/),
      detail: { offset: CHUNK_BYTES, code: 'EIO' },
    })
  })
})
