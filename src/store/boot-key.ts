import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

const BYTES = 32

/**
 * The key that seals the capabilities of boots (`DATADIR/boot-key`, 0600). It outlives a restart, so that boots under way go on;
 * deleting the file ends them all.
 */
export async function bootKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, 'boot-key')
  const known = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  // A file of another length was never finished by us: nothing was sealed with it.
  if (known?.length === BYTES) return known
  const key = randomBytes(BYTES)
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(key)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  return key
}
