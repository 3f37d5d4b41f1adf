import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FileSizes, type Stretch } from './file-sizes.ts'

const TIB = 2 ** 40
const MOST = 16 * TIB - 4096

/** A file system that keeps just below 16 TiB in a file, as ext4 does. */
function sizes() {
  const asked: number[] = []
  const stretch: Stretch = async (bytes) => {
    asked.push(bytes)
    if (bytes > MOST) throw Object.assign(new Error('EFBIG'), { code: 'EFBIG' })
  }
  return { asked, sizes: new FileSizes('/volumes', (work) => work(stretch)) }
}

test('what its file system can keep is let through, and not asked again', async () => {
  const { asked, sizes: some } = sizes()
  await some.refuseBeyond(4 * TIB)
  await some.refuseBeyond(TIB)
  await some.refuseBeyond(MOST)
  expect(asked).toEqual([4 * TIB, MOST])
})

test('what is larger is refused with the exact limit', async () => {
  const { sizes: some } = sizes()
  await expect(some.refuseBeyond(20 * TIB)).rejects.toMatchObject({
    code: 'validation-failed',
    message: expect.stringContaining(`at most ${16 * 2 ** 20 - 1} MiB in a file`),
  })
})

test('other failures are told as they are', async () => {
  const full = new FileSizes('/volumes', (work) => work(() => Promise.reject(new Error('no'))))
  await expect(full.refuseBeyond(TIB)).rejects.toThrow('no')
})

test('a real directory is asked, and nothing stays in it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-sizes-'))
  try {
    await new FileSizes(directory).refuseBeyond(TIB)
    // More than any file system keeps: offsets have 63 bits.
    await new FileSizes(directory).refuseBeyond(2 ** 53 - 512).catch((error) => {
      expect(error).toMatchObject({ code: 'validation-failed' })
    })
    expect(await readdir(directory)).toEqual([])
  } finally {
    await rm(directory, { recursive: true })
  }
})
