import type { FastifyRequest } from 'fastify'
import type { Credential } from '../../access/access.ts'
import { allowsRole, allowsScope, type Verb } from '../../access/scopes.ts'
import type { Principal } from '../../access/user.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Route } from '../contract/route.ts'
import type { ControlRequests } from './call.ts'

export const SESSION_COOKIE = 'reveille_session'

/** What a route asks of who calls it. */
export type Demand = Pick<Route, 'needs' | 'group' | 'method'>

/** What the request shows to prove who asks. A token counts before a cookie, the control socket before both. */
export function credentialOf(request: FastifyRequest, control: ControlRequests): Credential | undefined {
  if (control.has(request.raw)) return { kind: 'socket' }
  const bearer = /^bearer +([\w~+/.-]+=*) *$/i.exec(request.headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return { kind: 'token', secret: bearer }
  // An Authorization header that is not understood must not fall back to a cookie that happens to be there.
  if (request.headers.authorization !== undefined) return { kind: 'token', secret: '' }
  const secret = request.cookies[SESSION_COOKIE]
  return secret === undefined ? undefined : { kind: 'session', secret }
}

/** Refuses what this caller may not do: 401 without a valid login, 403 when role or scopes do not reach. */
export function authorise(
  principal: Principal | undefined,
  { needs, group, method }: Demand,
  shown?: Credential['kind'],
): void {
  if (needs === 'public') return
  if (!principal && shown === 'token')
    throw new Refusal('not-authenticated', 'the token that was sent is not valid: it is unknown, revoked or expired', {
      next: 'make another: reveille token create NAME; send it as Authorization: Bearer TOKEN',
    })
  if (!principal)
    throw new Refusal('not-authenticated', 'this needs a login', {
      next: 'log in, or send a valid token as Authorization: Bearer TOKEN',
    })
  if (!allowsRole(principal.role, needs))
    throw new Refusal('forbidden', `this needs the role ${needs}; ${principal.name} is ${principal.role}`, {
      next: `ask an admin for the role ${needs}`,
    })
  const verb = verbOf(method)
  // Who one is, one may always ask.
  if (group === 'session' && verb === 'read') return
  if (!allowsScope(principal.scopes, group, verb))
    throw new Refusal('forbidden', `the token has no scope ${group}:${verb}`, {
      next: `use a token with the scope ${group}:${verb}`,
    })
}

export function verbOf(method: string): Verb {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write'
}

/** Whether a browser sent this from our own pages: `unknown` when it is no browser, or one that does not tell. */
export function fromOurPages(headers: FastifyRequest['headers']): boolean | 'unknown' {
  // No foreign page can set this header: we never answer its CORS preflight.
  if (headers['x-reveille-csrf'] !== undefined) return true
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  if (headers.origin === undefined) return 'unknown'
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host
}

/**
 * Refuses what a foreign page made a browser send. A cookie comes along unasked, so a change (or a WebSocket) with one needs
 * proof that a page of ours sent it; without one only what is surely foreign is refused.
 */
export function refuseForgery(request: FastifyRequest, credential: Credential | undefined): void {
  if (verbOf(request.method) === 'read' && request.headers.upgrade === undefined) return
  if (credential?.kind === 'token' || credential?.kind === 'socket') return
  const ours = fromOurPages(request.headers)
  if (ours === true || (ours === 'unknown' && credential === undefined)) return
  throw new Refusal('csrf-refused', 'this change carries a session cookie, but did not come from the console', {
    next: 'send the header X-Reveille-CSRF: 1, or use a token instead of the cookie',
  })
}
