import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

const BYTES = 32

/** A key of 32 random bytes in a file of the data directory (0600), made at first. */
export async function keyFile(dataDir: string, name: string): Promise<Uint8Array> {
  const path = join(dataDir, name)
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
  await syncDirectory(dataDir)
  return key
}

/** A key that sealed something must outlive power loss as what it sealed does. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
