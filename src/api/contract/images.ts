import { z } from 'zod'
import { FILE_ROLES, IMAGE_KINDS, VISIBILITIES } from '../../images/image.ts'
import { CommandLine, Name } from '../../profiles/profile.ts'
import { PageQuery, page, Sha256, Time } from './common.ts'
import { route } from './route.ts'

const FileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/, 'a file name has letters, digits and . _ + - only')

export const ImageFile = z
  .object({
    role: z.enum(FILE_ROLES),
    name: FileName,
    sha256: Sha256,
    bytes: z.number().int().min(0),
  })
  .meta({ id: 'ImageFile' })
export const ImageVersion = z
  .object({
    number: z.number().int().min(1),
    files: z.array(ImageFile),
    cmdline: z.string(),
    note: z.string(),
    disk: z
      .object({
        bytes: z.number(),
        allocatedBytes: z.number().meta({ description: 'of chunks that are not all zero' }),
        addedBytes: z.number().meta({ description: 'of chunks that were new when it was made' }),
        sha256: Sha256.nullable().meta({ description: 'of the raw content, once computed' }),
        table: z.enum(['gpt', 'mbr']).nullable(),
        filesystems: z.array(z.string()),
      })
      .nullable()
      .meta({ description: 'of kinds disk and partition' }),
    pinned: z.boolean(),
    source: z.string(),
    createdAt: Time,
    createdBy: z.string(),
  })
  .meta({ id: 'ImageVersion' })
export const Image = z
  .object({
    name: z.string(),
    kind: z.enum(IMAGE_KINDS),
    description: z.string(),
    owner: z.string(),
    visibility: z.enum(VISIBILITIES),
    sharedWith: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    prune: z.object({ keep: z.number().int() }).nullable(),
    versions: z.array(ImageVersion),
    latest: z.number().int().nullable(),
    bytes: z.number().meta({ description: 'of all versions; shared files count once' }),
    usedBy: z.array(z.string()).meta({ description: 'profiles that name it' }),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Image' })
export type Image = z.infer<typeof Image>

const ImageParams = z.object({ image: Name })
const VersionParams = ImageParams.extend({
  version: z.union(
    [z.literal('latest'), z.coerce.number<number | string>().int().min(1)],
    'a version is its number, or latest',
  ),
})

const SharedWith = z.array(z.string().max(64)).max(100)
const Labels = z.record(z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,62}$/), z.string().max(200))
export const DISK_FORMATS = ['auto', 'raw', 'gz', 'xz', 'zst', 'qcow2'] as const

export const imageRoutes = {
  listImages: route({
    method: 'GET',
    path: '/api/v1/images',
    summary: 'List images',
    group: 'images',
    needs: 'viewer',
    query: PageQuery.extend({ kind: z.enum(IMAGE_KINDS).optional(), q: z.string().max(100).optional() }),
    response: page(Image),
  }),
  createImage: route({
    method: 'POST',
    path: '/api/v1/images',
    summary: 'Create an image, still without a version',
    group: 'images',
    needs: 'user',
    body: z
      .object({
        name: Name,
        kind: z.enum(IMAGE_KINDS),
        description: z.string().max(500).default(''),
        visibility: z.enum(VISIBILITIES).default('private'),
        sharedWith: SharedWith.default([]),
        labels: Labels.default({}),
      })
      .strict(),
    response: Image,
    status: 201,
    action: 'image.create',
  }),
  getImage: route({
    method: 'GET',
    path: '/api/v1/images/{image}',
    summary: 'Show an image with its versions',
    group: 'images',
    needs: 'viewer',
    params: ImageParams,
    response: Image,
  }),
  updateImage: route({
    method: 'PATCH',
    path: '/api/v1/images/{image}',
    summary: 'Change what is said of an image, who may see it, or which versions are pruned',
    group: 'images',
    needs: 'user',
    params: ImageParams,
    body: z
      .object({
        description: z.string().max(500),
        owner: z.string().max(64),
        visibility: z.enum(VISIBILITIES),
        sharedWith: SharedWith,
        labels: Labels,
        prune: z.object({ keep: z.number().int().min(1).max(1000) }).nullable(),
      })
      .partial()
      .strict(),
    response: Image,
    action: 'image.update',
  }),
  deleteImage: route({
    method: 'DELETE',
    path: '/api/v1/images/{image}',
    summary: 'Delete an image with all versions; refused while a profile names it',
    group: 'images',
    needs: 'user',
    params: ImageParams,
    response: 'nothing',
    status: 204,
    action: 'image.delete',
  }),
  createVersion: route({
    method: 'POST',
    path: '/api/v1/images/{image}/versions',
    summary: 'Add a version made of files uploaded before',
    group: 'images',
    needs: 'user',
    params: ImageParams,
    body: z
      .object({
        files: z
          .array(ImageFile.omit({ bytes: true }))
          .min(1)
          .max(32),
        cmdline: CommandLine.default(''),
        note: z.string().max(500).default(''),
        source: z.string().max(200).default('upload'),
        sha256: Sha256.nullable().default(null).meta({ description: 'of the raw content of a disk, if it is known' }),
      })
      .strict(),
    response: Image,
    status: 201,
    action: 'image.version.create',
  }),
  putContent: route({
    method: 'PUT',
    path: '/api/v1/images/{image}/versions/new/content',
    summary:
      'Add a version from one file (`curl -T disc.img`); raw, gz, xz, zst or qcow2 for disks; creates the image if there is none of that name',
    group: 'images',
    needs: 'user',
    params: ImageParams,
    query: z.object({
      kind: z
        .enum(['disk', 'partition', 'iso', 'wim'])
        .optional()
        .meta({ description: 'of a new image; iso if left out' }),
      format: z.enum(DISK_FORMATS).default('auto'),
      sha256: Sha256.optional().meta({ description: 'of the body; another one is refused' }),
      note: z.string().max(500).default(''),
    }),
    body: 'bytes',
    response: Image,
    status: 201,
    action: 'image.version.create',
  }),
  getContent: route({
    method: 'GET',
    path: '/api/v1/images/{image}/versions/{version}/content',
    summary: 'Download the raw disk, the only file of a version, or the one named; Range is understood',
    group: 'images',
    needs: 'viewer',
    params: VersionParams,
    query: z.object({ file: FileName.optional(), compress: z.enum(['none', 'zstd', 'gzip']).default('none') }),
    response: 'bytes',
  }),
  updateVersion: route({
    method: 'PATCH',
    path: '/api/v1/images/{image}/versions/{version}',
    summary: 'Pin a version, so that it is never pruned, or change its note',
    group: 'images',
    needs: 'user',
    params: VersionParams,
    body: z
      .object({ pinned: z.boolean(), note: z.string().max(500) })
      .partial()
      .strict(),
    response: Image,
    action: 'image.version.update',
  }),
  verifyVersion: route({
    method: 'POST',
    path: '/api/v1/images/{image}/versions/{version}/verify',
    summary: 'Read every byte of a version again and compare it with its hashes',
    group: 'images',
    needs: 'user',
    params: VersionParams,
    response: z.object({
      ok: z.boolean(),
      bytes: z.number(),
      chunks: z.number().int(),
      sha256: Sha256.nullable(),
      problems: z.array(z.string()),
    }),
  }),
  fetchImage: route({
    method: 'POST',
    path: '/api/v1/images/{image}/fetch',
    summary: 'Fetch an upstream release once, check it, and keep it as a version; answers when it is here',
    group: 'images',
    needs: 'operator',
    params: ImageParams,
    body: z
      .object({
        kind: z.enum(IMAGE_KINDS),
        /** `{channel}`, `{version}` and `{arch}` in URLs are replaced. */
        files: z
          .array(
            z
              .object({
                url: z
                  .string()
                  .max(1000)
                  .regex(/^https?:\/\//, 'an address starts with http:// or https://'),
                role: z.enum(FILE_ROLES).optional(),
                sha256: Sha256.optional(),
                signature: z.string().max(1000).optional().meta({ description: 'URL of a detached GPG signature' }),
              })
              .strict(),
          )
          .min(1)
          .max(16),
        channel: z.string().max(100).default(''),
        version: z.string().max(100).default(''),
        arch: z.string().max(100).default('amd64'),
        /** Armoured public key that signatures are checked with. */
        key: z.string().max(65_536).optional(),
        format: z.enum(DISK_FORMATS).default('auto'),
        cmdline: CommandLine.default(''),
      })
      .strict(),
    response: Image,
    action: 'image.fetch',
  }),
  deleteVersion: route({
    method: 'DELETE',
    path: '/api/v1/images/{image}/versions/{version}',
    summary: 'Delete one version; refused while a profile pins it',
    group: 'images',
    needs: 'user',
    params: VersionParams,
    response: 'nothing',
    status: 204,
    action: 'image.version.delete',
  }),
  hasUpload: route({
    method: 'GET',
    path: '/api/v1/uploads/{sha256}',
    summary: 'Ask whether these bytes are here already',
    group: 'images',
    needs: 'user',
    params: z.object({ sha256: Sha256 }),
    response: z.object({ sha256: Sha256, bytes: z.number() }),
  }),
  putUpload: route({
    method: 'PUT',
    path: '/api/v1/uploads/{sha256}',
    summary: 'Upload bytes under their SHA-256; other bytes are refused. Unused uploads are removed after a day',
    group: 'images',
    needs: 'user',
    params: z.object({ sha256: Sha256 }),
    body: 'bytes',
    response: z.object({ sha256: Sha256, bytes: z.number() }),
    status: 201,
    action: 'upload.create',
  }),
  missingChunks: route({
    method: 'POST',
    path: '/api/v1/chunks/missing',
    summary: 'Ask which chunks are not here yet; those that are stay for a day',
    group: 'images',
    needs: 'user',
    body: z.object({ chunks: z.array(Sha256).max(4096) }).strict(),
    response: z.object({ missing: z.array(Sha256) }),
  }),
  putChunk: route({
    method: 'PUT',
    path: '/api/v1/chunks/{sha256}',
    summary:
      'Upload one chunk of at most 4 MiB; `encoding` says how the body is packed, the SHA-256 is of the raw bytes',
    group: 'images',
    needs: 'user',
    params: z.object({ sha256: Sha256 }),
    query: z.object({ encoding: z.enum(['zstd', 'identity']).default('identity') }),
    body: 'bytes',
    response: z.object({ sha256: Sha256, added: z.boolean() }),
    status: 201,
  }),
  getChunk: route({
    method: 'GET',
    path: '/api/v1/images/{image}/versions/{version}/chunks/{sha256}',
    summary: 'One chunk of a version as it is stored; header x-chunk-encoding says how it is packed',
    group: 'images',
    needs: 'viewer',
    params: VersionParams.extend({ sha256: Sha256 }),
    response: 'bytes',
  }),
  getChunkStore: route({
    method: 'GET',
    path: '/api/v1/chunks',
    summary: 'How much the chunk store holds, and what in it is damaged',
    group: 'images',
    needs: 'viewer',
    response: z.object({
      chunks: z.number().int(),
      storedBytes: z.number(),
      scrubbedAt: Time.nullable(),
      corrupt: z.array(z.object({ sha256: Sha256, detail: z.string(), at: Time, images: z.array(z.string()) })),
    }),
  }),
} as const
