import { writeSync } from 'node:fs'
import { MemoryChunks } from '../fakes/memory-chunks.ts'

/** What a sector holds after it was written with a stamp. */
export function writtenSector(sector: number, stamp: number): Buffer {
  const bytes = Buffer.alloc(512, (sector * 31 + stamp) & 0xff)
  bytes.writeUInt32LE(sector, 0)
  bytes.writeUInt32LE(stamp, 4)
  return bytes
}

/**
 * As a program: writes sectors of the volume `v_one` for ever, several at once, and says which, and with what stamp, when it is acknowledged.
 * Meanwhile it leaves states without a name, which are merged.
 * Whoever starts it kills it.
 */
if (process.argv[1] === import.meta.filename) {
  const { FilePool } = await import('../../src/volumes/drivers/file/pool.ts')
  const [directory, round] = process.argv.slice(2)
  const chunks = new MemoryChunks()
  const pool = await FilePool.open(directory!, { chunks, listOf: async () => undefined, cacheBytes: 0, flushMs: 20 })
  const device = await pool.open('v_one', { readOnly: false })
  const sectors = device.bytes / 512
  let stamp = (Number(round) + 1) * 1_000_000
  for (;;) {
    for (let lane = 0; lane < 4; lane++) {
      const sector = Math.floor(Math.random() * sectors)
      const mine = ++stamp
      await device.write([writtenSector(sector, mine)], sector * 512)
      writeSync(1, `${sector} ${mine}\n`)
    }
    if (stamp % 64 === 0) await device.flush()
    if (stamp % 32 === 0) {
      await pool.snapshot('v_one', `s${stamp}`)
      await pool.removeSnapshot('v_one', `s${stamp}`)
    }
    if (stamp % 16 === 0) await new Promise(setImmediate)
  }
}
