import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../kit/log.ts'
import type { Secret } from '../kit/secret.ts'
import { copyPostgres } from './ground.ts'
import { migrate } from './migrations.ts'
import { openPostgres } from './postgres.ts'
import { isEmpty, REPLACES_FILE, takeIn } from './take-in.ts'

/** A PostgreSQL database while a backup takes its place: nobody else has it. */
export type Replaced = Readonly<{
  holdsNothing: boolean
  /** Writes what it holds to a folder, as SQLite files. */
  keep(folder: string): Promise<void>
  /** What is in `stage` shall replace it, by `take` or, if this process is killed before, by the next start. */
  announce(stage: string): Promise<void>
  take(): Promise<void>
  close(): Promise<void>
}>

/** Refuses (`in-use`) a database that a server has. The data directory must be locked. */
export async function holdForRestore(dir: string, url: Secret, log: Log): Promise<Replaced> {
  const engine = await openPostgres({ url, writes: true }, log)
  try {
    await migrate(engine.db, log)
    return {
      holdsNothing: await isEmpty(engine),
      keep: async (folder) => void (await copyPostgres(url, folder, log)),
      announce: (stage) => writeFile(join(stage, REPLACES_FILE), '', { flush: true, mode: 0o600 }),
      take: () => takeIn(dir, engine, log),
      close: () => engine.close(),
    }
  } catch (error) {
    await engine.close()
    throw error
  }
}
