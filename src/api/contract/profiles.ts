import { z } from 'zod'
import { Name, PROFILE_KINDS, ProfileSpec } from '../../profiles/profile.ts'
import { PageQuery, page, Time } from './common.ts'
import { route } from './route.ts'

const [Local, Install, Live, Diskless, Wim, Iso, Script, Menu, Park] = ProfileSpec.options
const kept = {
  createdAt: Time,
  updatedAt: Time,
  usedBy: z.number().int().meta({ description: 'machines, menus and open deployments that name it' }),
}
export const Profile = z
  .discriminatedUnion('kind', [
    Local.extend(kept),
    Install.extend(kept),
    Live.extend(kept),
    Diskless.extend(kept),
    Wim.extend(kept),
    Iso.extend(kept),
    Script.extend(kept),
    Menu.extend(kept),
    Park.extend(kept),
  ])
  .meta({ id: 'Profile' })
export type Profile = z.infer<typeof Profile>

const ProfileParams = z.object({ profile: Name })

export const profileRoutes = {
  listProfiles: route({
    method: 'GET',
    path: '/api/v1/profiles',
    summary: 'List profiles',
    group: 'profiles',
    needs: 'viewer',
    query: PageQuery.extend({
      kind: z.enum(PROFILE_KINDS).optional(),
      q: z.string().max(100).optional().meta({ description: 'part of a name, description, image or config' }),
    }),
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
    summary: 'Delete a profile; refused while a machine, menu or open deployment names it',
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
