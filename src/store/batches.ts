import type { Kysely } from 'kysely'
import type { Batch, BatchMachine, BatchRepository } from '../rooms/batch.ts'
import type { Tables } from './tables.ts'

/** Machines whose progress is in one row. A batch is saved twice for each of its machines, which may be thousands. */
const MACHINES_PER_ROW = 64

/** The progress of some machines of a batch, in the row `ID/NUMBER`. Batches of earlier versions have all in their own row. */
type Part = Readonly<{ of: string; machines: readonly BatchMachine[] }>
type Head = Batch & Readonly<{ parts?: number }>

const DELETED_AT_ONCE = 500

export function batchRepository(db: Kysely<Tables>): BatchRepository {
  /** Machines as they were saved last, of batches that may go on. */
  const saved = new Map<string, readonly BatchMachine[]>()

  /** What is to be written anew: parts with a machine that is not as it was. */
  function partsOf({ id, machines }: Batch): { id: string; part: Part }[] {
    const before = saved.get(id)
    const parts: { id: string; part: Part }[] = []
    for (let from = 0; from < machines.length; from += MACHINES_PER_ROW) {
      const own = machines.slice(from, from + MACHINES_PER_ROW)
      if (!before || own.some((machine, i) => machine !== before[from + i]))
        parts.push({ id: `${id}/${from / MACHINES_PER_ROW}`, part: { of: id, machines: own } })
    }
    return parts
  }

  return {
    async all() {
      const rows = await db.selectFrom('batches').selectAll().orderBy('started_at').orderBy('id').execute()
      const parts = new Map<string, (readonly BatchMachine[])[]>()
      const batches: Head[] = []
      for (const { id, content_json } of rows) {
        const [, number] = id.split('/')
        const content = JSON.parse(content_json) as Head | Part
        if (!('of' in content)) batches.push(content)
        else {
          const known = parts.get(content.of) ?? []
          known[Number(number)] = content.machines
          parts.set(content.of, known)
        }
      }
      return batches.map(({ parts: _, ...batch }) => ({
        ...batch,
        machines: parts.get(batch.id)?.flat() ?? batch.machines,
      }))
    },
    async save(batch) {
      const parts = partsOf(batch)
      const head: Head = { ...batch, machines: [], parts: Math.ceil(batch.machines.length / MACHINES_PER_ROW) }
      const rows = [
        { id: batch.id, content_json: JSON.stringify(head) },
        ...parts.map(({ id, part }) => ({ id, content_json: JSON.stringify(part) })),
      ]
      await db.transaction().execute(async (transaction) => {
        for (const { id, content_json } of rows)
          await transaction
            .insertInto('batches')
            .values({ id, started_at: batch.startedAt, content_json })
            .onConflict((conflict) => conflict.column('id').doUpdateSet({ content_json }))
            .execute()
      })
      if (batch.state === 'running') saved.set(batch.id, batch.machines)
      else saved.delete(batch.id)
    },
    async remove(ids) {
      if (ids.length === 0) return
      const heads = db
        .selectFrom('batches')
        .select(['id', 'content_json'])
        .where('id', 'in', [...ids])
      const rows = (await heads.execute()).flatMap(({ id, content_json }) => {
        const { parts = 0 } = JSON.parse(content_json) as Head
        return [...Array.from({ length: parts }, (_, n) => `${id}/${n}`), id]
      })
      for (let from = 0; from < rows.length; from += DELETED_AT_ONCE)
        await db
          .deleteFrom('batches')
          .where('id', 'in', rows.slice(from, from + DELETED_AT_ONCE))
          .execute()
    },
  }
}
