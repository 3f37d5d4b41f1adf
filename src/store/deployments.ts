import { type Kysely, sql, type Transaction } from 'kysely'
import { type Deployment, isSettled, type LogLine } from '../deployments/deployment.ts'
import type { DiskRecord, WriteBack } from '../deployments/disk-records.ts'
import type { AgentBoot, DeploymentRepository } from '../deployments/repository.ts'
import type { Inventory } from '../machines/inventory.ts'
import type { AgentBootRow, DeploymentRow, DiskContentRow, Tables } from './tables.ts'

export function deploymentRepository(db: Kysely<Tables>): DeploymentRepository {
  const contents = (rows: readonly Pick<DeploymentRow, 'content_json'>[]) =>
    rows.map((row) => JSON.parse(row.content_json) as Deployment)
  return {
    async unsettled() {
      const rows = db.selectFrom('deployments').select('content_json').where('settled', '=', 0).orderBy('sequence')
      return contents(await rows.execute())
    },
    async get(id) {
      const row = await db.selectFrom('deployments').select('content_json').where('id', '=', id).executeTakeFirst()
      return row && contents([row])[0]
    },
    async list({ limit, before, machine, states, search }) {
      let rows = db.selectFrom('deployments').select('content_json')
      if (before !== undefined) rows = rows.where('sequence', '<', before)
      if (machine !== undefined) rows = rows.where('machine', '=', machine)
      if (states) rows = rows.where('state', 'in', [...states])
      if (search)
        rows = rows.where((where) => {
          const like = `%${search.text.replace(/[\\%_]/g, '\\$&')}%`
          const has = (column: 'profile' | 'ordered_by') => sql<boolean>`${sql.ref(column)} like ${like} escape '\\'`
          const texts = [has('profile'), has('ordered_by')]
          return where.or(search.machines.length > 0 ? [...texts, where('machine', 'in', [...search.machines])] : texts)
        })
      return contents(await rows.orderBy('sequence', 'desc').limit(limit).execute())
    },
    async lastSequence() {
      const row = await db
        .selectFrom('deployments')
        .select('sequence')
        .orderBy('sequence', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.sequence ?? 0
    },
    commit: (change) =>
      db.transaction().execute(async (transaction) => {
        for (const deployment of change.deployments ?? []) await saveDeployment(transaction, deployment)
        const lines = (change.lines ?? []).map(({ deployment, line: { n, at, level, text } }) => ({
          deployment,
          n,
          at,
          level,
          text,
        }))
        if (lines.length > 0) await transaction.insertInto('deployment_log').values(lines).execute()
        for (const id of change.bootsGone ?? [])
          await transaction.deleteFrom('agent_boots').where('id', '=', id).execute()
        for (const boot of change.boots ?? []) await saveBoot(transaction, boot)
        for (const { machine, serial, partition } of change.disksGone ?? [])
          await transaction
            .deleteFrom('disk_contents')
            .where('machine', '=', machine)
            .where('serial', '=', serial)
            .where('partition', '=', partition)
            .execute()
        if (change.machineGone !== undefined)
          for (const table of ['inventories', 'disk_contents', 'agent_boots'] as const)
            await transaction.deleteFrom(table).where('machine', '=', change.machineGone).execute()
        for (const record of change.disks ?? []) await saveDisk(transaction, record)
        if (change.inventory) {
          const { machine, takenAt: taken_at, inventory } = change.inventory
          const changed = { taken_at, content_json: JSON.stringify(inventory) }
          await transaction
            .insertInto('inventories')
            .values({ machine, ...changed })
            .onConflict((conflict) => conflict.column('machine').doUpdateSet(changed))
            .execute()
        }
      }),
    async log(deployment, after, limit) {
      const rows = db
        .selectFrom('deployment_log')
        .select(['n', 'at', 'level', 'text'])
        .where('deployment', '=', deployment)
        .where('n', '>', after)
        .orderBy('n')
        .limit(limit)
      return (await rows.execute()).map((row) => ({ ...row, level: row.level as LogLine['level'] }))
    },
    async lastLine(deployment) {
      const rows = db.selectFrom('deployment_log').select('n').where('deployment', '=', deployment)
      return (await rows.orderBy('n', 'desc').limit(1).executeTakeFirst())?.n ?? 0
    },
    async boots() {
      return (await db.selectFrom('agent_boots').selectAll().orderBy('created_at').execute()).map(toBoot)
    },
    async inventory(machine) {
      const row = await db.selectFrom('inventories').selectAll().where('machine', '=', machine).executeTakeFirst()
      return row && { takenAt: row.taken_at, inventory: JSON.parse(row.content_json) as Inventory }
    },
    async disks() {
      const rows = db.selectFrom('disk_contents').selectAll().orderBy('machine').orderBy('serial').orderBy('partition')
      return (await rows.execute()).map(toDisk)
    },
    prune: ({ orderedBefore, most }) =>
      db.transaction().execute(async (transaction) => {
        const old = transaction
          .selectFrom('deployments')
          .select('id')
          .where('settled', '=', 1)
          .where('created_at', '<', orderedBefore)
          .where('sequence', '<', (newest) =>
            newest.selectFrom('deployments').select(sql<number>`max(sequence)`.as('newest')),
          )
        const ids = (await old.orderBy('sequence').limit(most).execute()).map(({ id }) => id)
        if (ids.length === 0) return []
        await transaction.deleteFrom('deployment_log').where('deployment', 'in', ids).execute()
        await transaction.deleteFrom('deployments').where('id', 'in', ids).execute()
        return ids
      }),
    async inventoried() {
      return (await db.selectFrom('inventories').select('machine').execute()).map(({ machine }) => machine)
    },
  }
}

async function saveDeployment(db: Transaction<Tables>, deployment: Deployment): Promise<void> {
  const changed = {
    state: deployment.state,
    settled: isSettled(deployment) ? 1 : 0,
    content_json: JSON.stringify(deployment),
  }
  await db
    .insertInto('deployments')
    .values({
      id: deployment.id,
      sequence: deployment.sequence,
      machine: deployment.machine,
      profile: deployment.action.kind === 'install' ? deployment.action.profile : null,
      ordered_by: deployment.orderedBy,
      created_at: deployment.createdAt,
      ...changed,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
    .execute()
}

async function saveBoot(db: Transaction<Tables>, boot: AgentBoot): Promise<void> {
  const changed = { expires_at: boot.expiresAt, nonce: boot.nonce, server_nonce: boot.serverNonce }
  const { id, machine, deployment, createdAt: created_at } = boot
  await db
    .insertInto('agent_boots')
    .values({ id, machine, deployment, created_at, ...changed })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
    .execute()
}

async function saveDisk(db: Transaction<Tables>, record: DiskRecord): Promise<void> {
  const { machine, serial, partition, chunks, halfWrittenBy, writeBack, at } = record
  const changed = {
    chunks,
    half_written_by: halfWrittenBy,
    write_back_json: writeBack && JSON.stringify(writeBack),
    at,
  }
  await db
    .insertInto('disk_contents')
    .values({ machine, serial, partition, ...changed })
    .onConflict((conflict) => conflict.columns(['machine', 'serial', 'partition']).doUpdateSet(changed))
    .execute()
}

function toBoot(row: AgentBootRow): AgentBoot {
  return {
    id: row.id,
    machine: row.machine,
    deployment: row.deployment,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    nonce: row.nonce,
    serverNonce: row.server_nonce,
  }
}

function toDisk(row: DiskContentRow): DiskRecord {
  return {
    machine: row.machine,
    serial: row.serial,
    partition: row.partition,
    chunks: row.chunks,
    halfWrittenBy: row.half_written_by,
    writeBack: row.write_back_json === null ? null : (JSON.parse(row.write_back_json) as WriteBack),
    at: row.at,
  }
}
