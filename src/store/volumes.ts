import type { Kysely } from 'kysely'
import type { Attachment } from '../volumes/attachment.ts'
import type { Maintenance, Rollout } from '../volumes/maintenance.ts'
import type { VolumeRepository } from '../volumes/repository.ts'
import type { Volume } from '../volumes/volume.ts'
import type { Tables } from './tables.ts'

export function volumeRepository(db: Kysely<Tables>): VolumeRepository {
  return {
    async all() {
      const volumes = await db.selectFrom('volumes').select('content_json').orderBy('id').execute()
      const attachments = await db.selectFrom('attachments').select('content_json').orderBy('id').execute()
      const maintenances = await db.selectFrom('maintenances').select('content_json').orderBy('id').execute()
      const rollouts = await db.selectFrom('rollouts').select('content_json').orderBy('id').execute()
      return {
        volumes: volumes.map((row) => JSON.parse(row.content_json) as Volume),
        attachments: attachments.map((row) => JSON.parse(row.content_json) as Attachment),
        maintenances: maintenances.map((row) => JSON.parse(row.content_json) as Maintenance),
        rollouts: rollouts.map((row) => JSON.parse(row.content_json) as Rollout),
      }
    },
    write: ({ save = {}, remove = {} }) =>
      db.transaction().execute(async (transaction) => {
        for (const id of remove.attachments ?? [])
          await transaction.deleteFrom('attachments').where('id', '=', id).execute()
        for (const id of remove.volumes ?? []) await transaction.deleteFrom('volumes').where('id', '=', id).execute()
        for (const volume of save.volumes ?? []) {
          const changed = { name: volume.name, content_json: JSON.stringify(volume) }
          await transaction
            .insertInto('volumes')
            .values({ id: volume.id, ...changed })
            .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
            .execute()
        }
        for (const attachment of save.attachments ?? []) {
          const changed = { iqn: attachment.iqn, content_json: JSON.stringify(attachment) }
          await transaction
            .insertInto('attachments')
            .values({ id: attachment.id, ...changed })
            .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
            .execute()
        }
        for (const table of ['maintenances', 'rollouts'] as const)
          for (const each of save[table] ?? []) {
            const changed = { content_json: JSON.stringify(each) }
            await transaction
              .insertInto(table)
              .values({ id: each.id, ...changed })
              .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
              .execute()
          }
      }),
  }
}
