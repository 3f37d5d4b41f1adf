import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { lockFile } from '../../../src/volumes/durable/locks.ts'

const LONGEST_MS = 30 * 60_000

/** Works on a folder that is kept between runs. Test files run beside each other, and only one of them may fill it. */
export async function inTurn<T>(cache: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(cache), { recursive: true })
  const lock = await lockFile(`${cache}.lock`, 'exclusive', { waitMs: LONGEST_MS, what: cache })
  try {
    return await work()
  } finally {
    await lock.release()
  }
}
