import type { Kysely } from 'kysely'
import type { DiskContent, Image, ImageFile, ImageKind, ImageVersion, PruneRule, Visibility } from '../images/image.ts'
import type { ImageRepository } from '../images/repository.ts'
import type { ImageRow, ImageVersionRow, Tables } from './tables.ts'

export function imageRepository(db: Kysely<Tables>): ImageRepository {
  return {
    async all() {
      const rows = await db.selectFrom('images').selectAll().orderBy('name').execute()
      const versions = await db.selectFrom('image_versions').selectAll().orderBy('image').orderBy('number').execute()
      const byImage = new Map<string, ImageVersionRow[]>(rows.map((row) => [row.name, []]))
      for (const version of versions) byImage.get(version.image)?.push(version)
      return rows.map((row) => fromRow(row, byImage.get(row.name) ?? []))
    },
    async save(image) {
      const { name, ...changed } = toRow(image)
      await db.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('images')
          .values({ name, ...changed })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(changed))
          .execute()
        const numbers = image.versions.map((version) => version.number)
        await transaction
          .deleteFrom('image_versions')
          .where('image', '=', name)
          .$if(numbers.length > 0, (gone) => gone.where('number', 'not in', numbers))
          .execute()
        for (const version of image.versions) {
          const { image: _, number, ...content } = toVersionRow(name, version)
          await transaction
            .insertInto('image_versions')
            .values({ image: name, number, ...content })
            .onConflict((conflict) => conflict.columns(['image', 'number']).doUpdateSet(content))
            .execute()
        }
      })
    },
    async remove(name) {
      await db.deleteFrom('images').where('name', '=', name).execute()
    },
  }
}

function toRow(image: Image): ImageRow {
  return {
    name: image.name,
    kind: image.kind,
    description: image.description,
    owner: image.owner,
    visibility: image.visibility,
    shared_with_json: JSON.stringify(image.sharedWith),
    labels_json: JSON.stringify(image.labels),
    prune_json: image.prune && JSON.stringify(image.prune),
    last_number: image.lastNumber,
    created_at: image.createdAt,
    updated_at: image.updatedAt,
  }
}

function toVersionRow(image: string, version: ImageVersion): ImageVersionRow {
  return {
    image,
    number: version.number,
    files_json: JSON.stringify(version.files),
    cmdline: version.cmdline,
    note: version.note,
    disk_json: version.disk && JSON.stringify(version.disk),
    pinned: version.pinned ? 1 : 0,
    source: version.source,
    created_at: version.createdAt,
    created_by: version.createdBy,
  }
}

function fromRow(row: ImageRow, versions: readonly ImageVersionRow[]): Image {
  return {
    name: row.name,
    kind: row.kind as ImageKind,
    description: row.description,
    owner: row.owner,
    visibility: row.visibility as Visibility,
    sharedWith: JSON.parse(row.shared_with_json) as string[],
    labels: JSON.parse(row.labels_json) as Record<string, string>,
    prune: row.prune_json === null ? null : (JSON.parse(row.prune_json) as PruneRule),
    versions: versions.map((version) => ({
      number: version.number,
      files: JSON.parse(version.files_json) as ImageFile[],
      cmdline: version.cmdline,
      note: version.note,
      disk: version.disk_json === null ? null : (JSON.parse(version.disk_json) as DiskContent),
      pinned: version.pinned === 1,
      source: version.source,
      createdAt: version.created_at,
      createdBy: version.created_by,
    })),
    lastNumber: row.last_number,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
