import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** A connection and what is special about its engine, so that the repositories need not know which one it is. */
export type Engine = Readonly<{
  db: Kysely<Tables>
  /**
   * Runs work whose commits need not survive a power cut (they do survive `kill -9`): no wait for the disk. For traces,
   * which nobody was promised. A later ordinary commit makes them durable too.
   */
  relaxed<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  close(): Promise<void>
}>
