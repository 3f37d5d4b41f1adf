import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ERROR_CODES, type ErrorCode, Refusal } from '../kit/errors.ts'
import type { CopyReport } from './copy-thread.ts'
import { DATABASE_FILE, LEASE_FILE } from './directory.ts'

/** Where copies lie until they are in a backup. One at a time: see `copyDatabases`. */
const COPIES = 'backup.part'

/** Paths by the names of the databases. `release` deletes the copies. */
export type Copies = Readonly<{ files: Readonly<Record<string, string>>; release(): Promise<void> }>

/**
 * Copies of the databases of a data directory, each as it is at one moment, while a server writes on. The leases are copied last: an address that a
 * machine was given stays its own.
 */
export function copyDatabases(dataDir: string): Promise<Copies> {
  return makeCopies(dataDir, async (directory) => {
    const files: Record<string, string> = {}
    for (const name of [DATABASE_FILE, LEASE_FILE]) {
      const from = join(dataDir, name)
      if (!existsSync(from)) continue
      files[name] = join(directory, name)
      await copied(from, files[name])
    }
    return files
  })
}

/** Makes copies in the folder that is kept for them. */
export async function makeCopies(
  dataDir: string,
  make: (directory: string) => Promise<Copies['files']>,
): Promise<Copies> {
  const directory = join(dataDir, COPIES)
  const release = () => rm(directory, { recursive: true, force: true })
  // What a killed backup left.
  await release()
  await mkdir(directory, { mode: 0o700 })
  try {
    const files = await make(directory)
    return { files, release }
  } catch (error) {
    await release()
    throw error
  }
}

function copied(from: string, to: string): Promise<void> {
  const entry = new URL(import.meta.url.endsWith('.ts') ? './copy-thread.ts' : './copy-thread.js', import.meta.url)
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, { workerData: { from, to } })
    worker.once('message', ({ ok, message = '', code = '', next }: CopyReport) => {
      if (ok) resolve()
      else if (Object.hasOwn(ERROR_CODES, code)) reject(new Refusal(code as ErrorCode, message, next ? { next } : {}))
      else reject(new Error(message))
    })
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error(`the thread that copies ${from} ended`)))
  })
}
