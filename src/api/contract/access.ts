import { z } from 'zod'
import { ROLES } from '../../access/user.ts'
import { PageQuery, page, Time } from './common.ts'
import { route } from './route.ts'

const UserName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._@-]{0,62})$/, 'a user name has 1 to 63 lower-case letters, digits and . _ @ -')
const Password = z.string().min(10, 'a password has at least 10 characters').max(256)

export const Me = z
  .object({
    name: z.string(),
    role: z.enum(ROLES),
    scopes: z.array(z.string()),
    via: z.enum(['session', 'token', 'socket']),
    /** True until the first password is changed. */
    mustChangePassword: z.boolean(),
  })
  .meta({ id: 'Me' })
export type Me = z.infer<typeof Me>

export const User = z
  .object({
    name: z.string(),
    role: z.enum(ROLES),
    disabled: z.boolean(),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'User' })
export type User = z.infer<typeof User>

export const Token = z
  .object({
    id: z.string(),
    name: z.string(),
    user: z.string(),
    hint: z.string(),
    scopes: z.array(z.string()),
    createdAt: Time,
    expiresAt: Time.nullable(),
    lastUsedAt: Time.nullable(),
  })
  .meta({ id: 'Token' })
export type Token = z.infer<typeof Token>

export const AuditEntry = z
  .object({
    id: z.number().int(),
    at: Time,
    who: z.string(),
    via: z.string(),
    address: z.string(),
    action: z.string(),
    subject: z.string(),
    outcome: z.enum(['ok', 'refused']),
    detail: z.string(),
  })
  .meta({ id: 'AuditEntry' })

export const Scope = z
  .string()
  .regex(/^(\*|[a-z]+):(\*|read|write)$/, 'a scope is GROUP:read, GROUP:write or GROUP:*; GROUP may be *')

export const accessRoutes = {
  login: route({
    method: 'POST',
    path: '/api/v1/session',
    summary: 'Log in; the answer sets a session cookie',
    group: 'session',
    needs: 'public',
    body: z.object({ username: z.string().max(100), password: z.string().max(256) }).strict(),
    response: Me,
    status: 201,
    action: 'session.login',
  }),
  logout: route({
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Log out',
    group: 'session',
    needs: 'viewer',
    response: 'nothing',
    status: 204,
    action: 'session.logout',
  }),
  me: route({
    method: 'GET',
    path: '/api/v1/me',
    summary: 'Who is asking',
    group: 'session',
    needs: 'viewer',
    response: Me,
  }),
  changePassword: route({
    method: 'PUT',
    path: '/api/v1/me/password',
    summary: 'Change your own password; your other sessions end',
    group: 'session',
    needs: 'viewer',
    body: z.object({ current: z.string().max(256), password: Password }).strict(),
    response: 'nothing',
    status: 204,
    action: 'user.password',
  }),
  listUsers: route({
    method: 'GET',
    path: '/api/v1/users',
    summary: 'List users',
    group: 'users',
    needs: 'admin',
    query: PageQuery,
    response: page(User),
  }),
  createUser: route({
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Create a user',
    group: 'users',
    needs: 'admin',
    body: z.object({ name: UserName, role: z.enum(ROLES), password: Password }).strict(),
    response: User,
    status: 201,
    action: 'user.create',
  }),
  updateUser: route({
    method: 'PATCH',
    path: '/api/v1/users/{user}',
    summary:
      'Change role or password of a user, or disable them; sessions end when the password changes or they are disabled',
    group: 'users',
    needs: 'admin',
    params: z.object({ user: z.string().max(100) }),
    body: z
      .object({ role: z.enum(ROLES), password: Password, disabled: z.boolean() })
      .partial()
      .strict(),
    response: User,
    action: 'user.update',
  }),
  deleteUser: route({
    method: 'DELETE',
    path: '/api/v1/users/{user}',
    summary: 'Delete a user with all tokens and sessions; the last admin stays',
    group: 'users',
    needs: 'admin',
    params: z.object({ user: z.string().max(100) }),
    response: 'nothing',
    status: 204,
    action: 'user.delete',
  }),
  listTokens: route({
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'List your tokens; admins see all',
    group: 'tokens',
    needs: 'viewer',
    query: PageQuery,
    response: page(Token),
  }),
  createToken: route({
    method: 'POST',
    path: '/api/v1/tokens',
    summary: 'Create a token of your own; its secret is in this answer and nowhere else',
    group: 'tokens',
    needs: 'viewer',
    body: z
      .object({
        name: z.string().min(1).max(100),
        scopes: z.array(Scope).min(1).max(32).default(['*:*']),
        days: z.number().int().min(1).max(3650).nullable().default(90),
      })
      .strict(),
    response: Token.extend({ secret: z.string() }),
    status: 201,
    action: 'token.create',
  }),
  revokeToken: route({
    method: 'DELETE',
    path: '/api/v1/tokens/{token}',
    summary: 'Revoke a token, by id',
    group: 'tokens',
    needs: 'viewer',
    params: z.object({ token: z.string().max(100) }),
    response: 'nothing',
    status: 204,
    action: 'token.revoke',
  }),
  listAudit: route({
    method: 'GET',
    path: '/api/v1/audit',
    summary: 'Who changed what, newest first',
    group: 'audit',
    needs: 'admin',
    query: PageQuery.extend({ who: z.string().max(100).optional(), subject: z.string().max(200).optional() }),
    response: page(AuditEntry),
  }),
} as const
