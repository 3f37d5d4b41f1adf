import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Mac } from '../kit/mac.ts'
import type { Stage, Trace, TraceEvent, TraceRepository, TraceState } from '../traces/trace.ts'
import { Bulk } from './bulk.ts'
import type { Engine } from './engine.ts'
import type { TraceRow } from './tables.ts'

/** Traces deleted by one commit: large ones hold others up. */
const PRUNED_AT_ONCE = 200

export function traceRepository({ db, relaxed }: Engine): TraceRepository {
  const upsert = new Bulk<TraceRow>((rows) =>
    db
      .insertInto('traces')
      .values(rows)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((values) => ({
          updated_at: values.ref('excluded.updated_at'),
          stage: values.ref('excluded.stage'),
          state: values.ref('excluded.state'),
          headline: values.ref('excluded.headline'),
          deadline_at: values.ref('excluded.deadline_at'),
          profile: values.ref('excluded.profile'),
          bytes_sent: values.ref('excluded.bytes_sent'),
          dropped: values.ref('excluded.dropped'),
          events_json: values.ref('excluded.events_json'),
        })),
      ),
  )

  /** Deletes in small commits, and lets other work go first between them. */
  async function removeInParts(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += PRUNED_AT_ONCE) {
      const part = ids.slice(at, at + PRUNED_AT_ONCE)
      await relaxed((connection) => connection.deleteFrom('traces').where('id', 'in', part).execute())
      await setImmediate()
    }
  }

  return {
    async newest({ eventsSince }) {
      const rows = await db
        .with('newest', (cte) =>
          cte
            .selectFrom('traces')
            .select(['mac', (eb) => eb.fn.max('started_at').as('started_at')])
            .groupBy('mac'),
        )
        .selectFrom('traces')
        .innerJoin('newest', (join) =>
          join.onRef('newest.mac', '=', 'traces.mac').onRef('newest.started_at', '=', 'traces.started_at'),
        )
        .select(HEAD)
        .select((eb) =>
          eb
            .case()
            .when(eb.or([eb('traces.updated_at', '>=', eventsSince), eb('traces.deadline_at', 'is not', null)]))
            .then(eb.ref('traces.events_json'))
            .else('[]')
            .end()
            .as('events_json'),
        )
        .orderBy('traces.id')
        .execute()
      // Two traces of one MAC may have begun in the same millisecond: the later row stays.
      return [...new Map(rows.map((row) => [row.mac, fromRow(row)])).values()]
    },
    async saveAll(traces) {
      if (traces.length === 0) return
      const rows = traces.map(toRow)
      await relaxed((connection) => connection.transaction().execute((transaction) => upsert.write(transaction, rows)))
    },
    async get(id) {
      const row = await db.selectFrom('traces').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },
    async list({ mac, limit, before }) {
      if (mac?.length === 0) return []
      let query = db.selectFrom('traces').selectAll()
      if (mac) query = query.where('mac', 'in', mac)
      if (before !== undefined) {
        const last = await db.selectFrom('traces').select('started_at').where('id', '=', before).executeTakeFirst()
        if (!last) return []
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('started_at', 'id'), '<', tuple(last.started_at, before)),
        )
      }
      const rows = await query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return rows.map(fromRow)
    },
    async prune({ olderThan, keep, most }) {
      const last = await db
        .selectFrom('traces')
        .select('started_at')
        .orderBy('started_at', 'desc')
        .offset(most)
        .limit(1)
        .executeTakeFirst()
      const limit = Math.max(olderThan, last ? last.started_at + 1 : 0)
      const old = await db.selectFrom('traces').select('id').where('started_at', '<', limit).execute()
      await removeInParts(old.map((row) => row.id))
      const crowded = await db
        .selectFrom('traces')
        .select('mac')
        .groupBy('mac')
        .having(sql<number>`count(*)`, '>', keep)
        .execute()
      let removed = old.length
      for (const { mac } of crowded) {
        const rows = await db
          .selectFrom('traces')
          .select('id')
          .where('mac', '=', mac)
          .orderBy('started_at', 'desc')
          .orderBy('id', 'desc')
          .offset(keep)
          .limit(1_000_000)
          .execute()
        await removeInParts(rows.map((row) => row.id))
        removed += rows.length
      }
      return removed
    },
  }
}

const HEAD = [
  'traces.id',
  'traces.mac',
  'traces.started_at',
  'traces.updated_at',
  'traces.stage',
  'traces.state',
  'traces.headline',
  'traces.deadline_at',
  'traces.profile',
  'traces.bytes_sent',
  'traces.dropped',
] as const

function toRow(trace: Trace): TraceRow {
  return {
    id: trace.id,
    mac: trace.mac,
    started_at: trace.startedAt,
    updated_at: trace.updatedAt,
    stage: trace.stage,
    state: trace.state,
    headline: trace.headline,
    deadline_at: trace.deadlineAt,
    profile: trace.profile,
    bytes_sent: trace.bytesSent,
    dropped: trace.dropped,
    events_json: JSON.stringify(trace.events),
  }
}

function fromRow(row: TraceRow): Trace {
  return {
    id: row.id,
    mac: row.mac as Mac,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    stage: row.stage as Stage,
    state: row.state as TraceState,
    headline: row.headline,
    deadlineAt: row.deadline_at,
    profile: row.profile,
    bytesSent: row.bytes_sent,
    events: JSON.parse(row.events_json) as TraceEvent[],
    dropped: row.dropped,
  }
}
