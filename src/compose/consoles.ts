import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import type { ConsoleSource } from '../consoles/console.ts'
import { Consoles } from '../consoles/consoles.ts'
import { FileRecords } from '../consoles/drivers/files.ts'
import type { Surroundings } from './domain.ts'

const MIB = 1024 * 1024

type Sources = Readonly<{
  /** In order: the first that has one is the console of a machine (by id). */
  sources: readonly ((machine: string) => ConsoleSource | undefined)[]
  config: Config
}> &
  Pick<Surroundings, 'dataDir' | 'events' | 'clock' | 'log'>

/** The consoles of all machines, with records in `DATADIR/consoles`. */
export async function openConsoles({ config, dataDir, events, clock, log, sources }: Sources) {
  const { record, writers, keepDays, maxMiB } = config.consoles
  const directory = join(dataDir, 'consoles')
  const records = await FileRecords.open({ directory, keepDays, maxBytes: maxMiB * MIB, clock, log })
  const source = (machine: string) => {
    for (const find of sources) {
      const found = find(machine)
      if (found) return found
    }
    return undefined
  }
  return { records, consoles: new Consoles({ records, source, record, writers, clock, events }) }
}
