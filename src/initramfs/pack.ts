import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { type CpioEntry, completeTree, cpioPieces } from './cpio.ts'

/**
 * Higher levels take minutes for a few per cent: 15 packs about 10 MB a second. The window stays at 8 MiB, which the booting kernel
 * allocates beside everything else.
 */
const LEVEL = 15
const WINDOW_LOG = 23

/** Writes an initrd: the entries as cpio, packed with zstd. The same entries make the same bytes. Durable when it returns. */
export async function packInitramfs(entries: readonly CpioEntry[], path: string): Promise<void> {
  const zstd = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  })
  const pieces = Readable.from(cpioPieces(completeTree(entries)), { objectMode: false, highWaterMark: 1024 * 1024 })
  await pipeline(pieces, zstd, createWriteStream(path, { mode: 0o600 }))
  const file = await open(path, 'r')
  await file.sync()
  await file.close()
}
