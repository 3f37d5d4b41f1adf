import { z } from 'zod'
import { FILE_ROLES, IMAGE_KINDS } from '../../images/image.ts'
import { CommandLine, Name, ProfileSpec } from '../../profiles/profile.ts'
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
    createdAt: Time,
    createdBy: z.string(),
  })
  .meta({ id: 'ImageVersion' })
export const Image = z
  .object({
    name: z.string(),
    kind: z.enum(IMAGE_KINDS),
    description: z.string(),
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
  version: z.union([z.literal('latest'), z.coerce.number<number | string>().int().min(1)]),
})

const [Local, Live, Iso, Script, Menu, Park] = ProfileSpec.options
const kept = {
  createdAt: Time,
  updatedAt: Time,
  usedBy: z.number().int().meta({ description: 'machines and menus that name it' }),
}
export const Profile = z
  .discriminatedUnion('kind', [
    Local.extend(kept),
    Live.extend(kept),
    Iso.extend(kept),
    Script.extend(kept),
    Menu.extend(kept),
    Park.extend(kept),
  ])
  .meta({ id: 'Profile' })
export type Profile = z.infer<typeof Profile>

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
    body: z.object({ name: Name, kind: z.enum(IMAGE_KINDS), description: z.string().max(500).default('') }).strict(),
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
    summary: 'Change the description of an image',
    group: 'images',
    needs: 'user',
    params: ImageParams,
    body: z.object({ description: z.string().max(500) }).strict(),
    response: Image,
    action: 'image.update',
  }),
  deleteImage: route({
    method: 'DELETE',
    path: '/api/v1/images/{image}',
    summary: 'Delete an image with all versions; refused while a profile names it',
    group: 'images',
    needs: 'operator',
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
      })
      .strict(),
    response: Image,
    status: 201,
    action: 'image.version.create',
  }),
  putContent: route({
    method: 'PUT',
    path: '/api/v1/images/{image}/versions/new/content',
    summary: 'Add a version from one file (`curl -T disc.iso`); creates an iso image if there is none of that name',
    group: 'images',
    needs: 'user',
    params: ImageParams,
    body: 'bytes',
    response: Image,
    status: 201,
    action: 'image.version.create',
  }),
  getContent: route({
    method: 'GET',
    path: '/api/v1/images/{image}/versions/{version}/content',
    summary: 'Download the only file of a version, or the one named; Range is understood',
    group: 'images',
    needs: 'viewer',
    params: VersionParams,
    query: z.object({ file: FileName.optional() }),
    response: 'bytes',
  }),
  deleteVersion: route({
    method: 'DELETE',
    path: '/api/v1/images/{image}/versions/{version}',
    summary: 'Delete one version; refused while a profile pins it',
    group: 'images',
    needs: 'operator',
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
} as const

const ProfileParams = z.object({ profile: Name })

export const profileRoutes = {
  listProfiles: route({
    method: 'GET',
    path: '/api/v1/profiles',
    summary: 'List profiles',
    group: 'profiles',
    needs: 'viewer',
    query: PageQuery,
    response: page(Profile),
  }),
  createProfile: route({
    method: 'POST',
    path: '/api/v1/profiles',
    summary: 'Create a profile',
    group: 'profiles',
    needs: 'operator',
    body: ProfileSpec,
    response: Profile,
    status: 201,
    action: 'profile.create',
  }),
  getProfile: route({
    method: 'GET',
    path: '/api/v1/profiles/{profile}',
    summary: 'Show a profile',
    group: 'profiles',
    needs: 'viewer',
    params: ProfileParams,
    response: Profile,
  }),
  replaceProfile: route({
    method: 'PUT',
    path: '/api/v1/profiles/{profile}',
    summary: 'Replace a profile, or create it; the name in the body must be the one in the path',
    group: 'profiles',
    needs: 'operator',
    params: ProfileParams,
    body: ProfileSpec,
    response: Profile,
    action: 'profile.update',
  }),
  deleteProfile: route({
    method: 'DELETE',
    path: '/api/v1/profiles/{profile}',
    summary: 'Delete a profile; refused while a machine or menu names it',
    group: 'profiles',
    needs: 'operator',
    params: ProfileParams,
    response: 'nothing',
    status: 204,
    action: 'profile.delete',
  }),
  previewScript: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/script',
    summary: 'The boot script this machine would get now, with the reason; nothing is recorded or consumed',
    group: 'machines',
    needs: 'viewer',
    params: z.object({ machine: z.string().min(1).max(100) }),
    response: z.object({ script: z.string(), reason: z.string() }),
  }),
} as const
