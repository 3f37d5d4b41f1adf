import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { ROLES } from '../../access/user.ts'
import type { Route } from '../contract/route.ts'
import { contract } from '../contract.ts'
import { verbOf } from './guard.ts'

const routes = Object.entries<Route>(contract).map(([id, route]) => ({ id, ...route }))

/** A path with parameters that are well formed and name nothing. */
function pathOf({ path }: Route): string {
  return path
    .replace('{sha256}', 'a'.repeat(64))
    .replace('{version}', '1')
    .replace(/\{\w+\}/g, 'nothing')
}

let world: World
const tokens = new Map<string, string>()

beforeAll(async () => {
  world = await openWorld()
  for (const role of ROLES) tokens.set(role, (await world.as(role)).token)
})
afterAll(() => world.close())

/** The status and code, read from the head of the answer: an event stream has no end. */
async function ask(route: Route, headers: Record<string, string> = {}) {
  const ended = new AbortController()
  const type = route.body === 'bytes' ? 'application/octet-stream' : 'application/json'
  const sends = route.body ? { body: '{}', headers: { 'content-type': type, ...headers } } : { headers }
  const answer = await fetch(world.url + pathOf(route), { method: route.method, signal: ended.signal, ...sends })
  const problem = answer.headers.get('content-type')?.startsWith('application/problem+json')
  const code = problem ? ((await answer.json()) as { code: string }).code : undefined
  ended.abort()
  return { status: answer.status, code }
}

const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` })

describe.each(routes)('$method $path ($id)', (route) => {
  test(`needs ${route.needs}`, async () => {
    const stranger = await ask(route)
    if (route.needs === 'public') expect(stranger.code).not.toBe('not-authenticated')
    else expect(stranger).toEqual({ status: 401, code: 'not-authenticated' })
    if (route.needs === 'public') return

    expect(await ask(route, bearer('rv_made-up'))).toEqual({ status: 401, code: 'not-authenticated' })
    expect(await ask(route, { cookie: 'reveille_session=made-up' })).toEqual({ status: 401, code: 'not-authenticated' })
    for (const role of ROLES) {
      const { status, code } = await ask(route, bearer(tokens.get(role)))
      if (ROLES.indexOf(role) < ROLES.indexOf(route.needs)) expect({ role, code }).toEqual({ role, code: 'forbidden' })
      else expect([401, 403], `${role} got ${status}`).not.toContain(status)
    }
  })
})

describe.each(routes.filter(({ needs }) => needs !== 'public'))('$method $path ($id)', (route) => {
  test('needs its scope, exactly', async () => {
    const verb = verbOf(route.method)
    const free = route.group === 'session' && verb === 'read'
    const cases = [
      { scopes: [`${route.group}:${verb}`], allowed: true },
      { scopes: [`${route.group}:*`], allowed: true },
      { scopes: [`*:${verb}`], allowed: true },
      { scopes: [`${route.group}:${verb === 'read' ? 'write' : 'read'}`], allowed: free },
      { scopes: ['other:*', `*:${verb === 'read' ? 'write' : 'read'}`], allowed: free },
    ]
    for (const { scopes, allowed } of cases) {
      const { token } = await world.as('admin', scopes)
      const { code } = await ask(route, bearer(token))
      expect({ scopes, refused: code === 'forbidden' }).toEqual({ scopes, refused: !allowed })
    }
  })
})

test('a token has the role its user has now, and stops with its user', async () => {
  const { client } = await world.as('operator')
  await client.me()
  await world.access.updateUser('operator-user', { role: 'viewer' })
  await expect(client.createMachine({ body: { macs: ['52:54:00:00:00:01'] } })).rejects.toMatchObject({
    code: 'forbidden',
  })
  await world.access.updateUser('operator-user', { disabled: true })
  await expect(client.me()).rejects.toMatchObject({ code: 'not-authenticated' })
})

test('a token makes no token that may do more', async () => {
  const { client } = await world.as('viewer', ['tokens:*', 'machines:read'])
  const body = { name: 'more', scopes: ['machines:*'] }
  await expect(client.createToken({ body })).rejects.toMatchObject({ code: 'forbidden' })
  await expect(client.createToken({ body: { name: 'all' } })).rejects.toMatchObject({ code: 'forbidden' })
  await expect(client.createToken({ body: { name: 'same', scopes: ['machines:read'] } })).resolves.toMatchObject({
    scopes: ['machines:read'],
  })
})

test('an Authorization header that is not understood does not fall back to the cookie', async () => {
  const cookie = await world.cookieOf('viewer')
  const me = (headers: Record<string, string>) => fetch(`${world.url}/api/v1/me`, { headers })
  expect((await me({ cookie })).status).toBe(200)
  expect((await me({ cookie, authorization: 'Basic YTpi' })).status).toBe(401)
})

test('the control socket is admin without a login', async () => {
  await expect(world.control.me()).resolves.toMatchObject({ name: 'admin', role: 'admin', via: 'socket' })
  await expect(world.control.listAudit()).resolves.toMatchObject({ items: expect.any(Array) })
})
