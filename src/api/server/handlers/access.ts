import { ABSOLUTE_MS } from '../../../access/sessions.ts'
import type { Principal, Token, User } from '../../../access/user.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { Call, HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { SESSION_COOKIE } from '../guard.ts'
import { pageOf, readCursor, writeCursor } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'

type WireToken = ResponseOf<Contract['listTokens']>['items'][number]

export function accessHandlers({ access }: ApiDependencies) {
  const meOf = (principal: Principal) => ({
    name: principal.name,
    role: principal.role,
    scopes: [...principal.scopes],
    via: principal.via,
    mustChangePassword: access.mustChangePassword(principal),
  })

  return {
    async login({ body, address, about, request, reply }) {
      about(body.username)
      const { principal, secret } = await access.login({ ...body, address })
      request.visit.principal = principal
      reply.setCookie(SESSION_COOKIE, secret.reveal(), { ...cookieOf(request), maxAge: ABSOLUTE_MS / 1000 })
      return meOf(principal)
    },
    async logout({ by, credential, about, request, reply }) {
      about(by.name)
      if (credential?.kind === 'session') await access.logout(credential.secret)
      reply.clearCookie(SESSION_COOKIE, cookieOf(request))
    },
    me: ({ by }) => meOf(by),
    async changePassword({ by, body, address, credential, about }) {
      about(by.name)
      const session = credential?.kind === 'session' ? credential.secret : undefined
      await access.changePassword(by, { ...body, address, session })
    },
    listUsers: ({ query }) => pageOf(access.users(), query, (user) => user.name, userToWire),
    async createUser({ body, about }) {
      about(body.name, `role ${body.role}`)
      return userToWire(await access.createUser(body))
    },
    async updateUser({ params, body, about }) {
      about(params.user, changesOf(body))
      return userToWire(await access.updateUser(params.user, body))
    },
    deleteUser: ({ params }) => access.removeUser(params.user),
    listTokens: ({ query, by }) => pageOf(access.tokensFor(by), query, tokenKey, tokenToWire),
    async createToken({ by, body, about }) {
      about(body.name, `scopes ${body.scopes.join(' ')}, ${body.days === null ? 'for ever' : `${body.days} days`}`)
      const { token, secret } = await access.createToken(by, body)
      return { ...tokenToWire(token), secret: secret.reveal() }
    },
    async revokeToken({ by, params, about }) {
      const token = await access.revokeToken(by, params.token)
      about(token.name, `token ${token.id} of ${token.user}`)
    },
    async listAudit({ query }) {
      const before = query.cursor === undefined ? undefined : Number(readCursor(query.cursor)) || 0
      const { who, subject, limit } = query
      // One more than asked for tells whether there is a next page.
      const found = await access.audit.list({ limit: limit + 1, before, who, subject })
      const shown = found.slice(0, limit)
      const last = shown.at(-1)
      return {
        items: shown.map((entry) => ({ ...entry, at: time(entry.at) })),
        next: found.length > limit && last ? writeCursor(String(last.id)) : null,
      }
    },
  } satisfies HandlersOf<
    | 'login'
    | 'logout'
    | 'me'
    | 'changePassword'
    | 'listUsers'
    | 'createUser'
    | 'updateUser'
    | 'deleteUser'
    | 'listTokens'
    | 'createToken'
    | 'revokeToken'
    | 'listAudit'
  >
}

/** `Secure` whenever the browser came by TLS, ours or that of a proxy before us. */
function cookieOf(request: Call<'login'>['request']) {
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https'
  return { path: '/', httpOnly: true, sameSite: 'strict', secure } as const
}

function changesOf(patch: Call<'updateUser'>['body']): string {
  const told = { ...patch, password: patch.password === undefined ? undefined : 'new' }
  return Object.entries(told)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field} ${value}`)
    .join(', ')
}

function userToWire({ name, role, disabled, createdAt, updatedAt }: User) {
  return { name, role, disabled, createdAt: time(createdAt), updatedAt: time(updatedAt) }
}

/** In the order of `tokensFor`; 15 digits hold any time in milliseconds. */
function tokenKey(token: Token): string {
  return `${String(token.createdAt).padStart(15, '0')} ${token.id}`
}

function tokenToWire({ id, name, user, hint, scopes, createdAt, expiresAt, lastUsedAt }: Token): WireToken {
  return {
    id,
    name,
    user,
    hint,
    scopes: [...scopes],
    createdAt: time(createdAt),
    expiresAt: timeOrNull(expiresAt),
    lastUsedAt: timeOrNull(lastUsedAt),
  }
}
