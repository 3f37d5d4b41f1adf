import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { SILENT } from '../../../src/kit/log.ts'
import { openStore, type Store } from '../../../src/store/store.ts'

/** Opens what was opened before with the same directory. */
export type StoreEngine = Readonly<{ name: string; open(dir: string): Promise<Store> }>

export const SQLITE: StoreEngine = { name: 'SQLite', open: (dir) => openStore(dir, { log: SILENT }) }

/** An empty store for each test. `reopened` is as after a restart: nothing but what was written counts. */
export function storeBed({ open }: StoreEngine) {
  let dir: string
  const bed = {
    store: undefined as unknown as Store,
    async reopened(): Promise<Store> {
      await bed.store.close()
      bed.store = await open(dir)
      return bed.store
    },
  }
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'reveille-store-'))
    bed.store = await open(dir)
  })
  afterEach(async () => {
    await bed.store.close()
    rmSync(dir, { recursive: true })
  })
  return bed
}
