import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, PASSWORD, type World } from '../../../test/api/world.ts'
import type { Route } from '../contract/route.ts'
import { contract } from '../contract.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

/** Everything that is secret in this world, after it was used in every way there is. */
async function useSecrets(): Promise<{ secrets: string[]; created: string }> {
  const first = world.access.firstPassword!.reveal()
  const cookie = (await world.cookieOf('admin')).split('=')[1]!
  const { token, client } = await world.as('admin')
  const made = await client.createToken({ body: { name: 'made' } })
  const headers = { 'content-type': 'application/json' }
  const login = (body: unknown, more = {}) =>
    fetch(`${world.url}/api/v1/session`, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify(body),
    })
  await login({ username: 'admin', password: first })
  await login({ username: 'admin', password: 'mistyped-password' })
  await login({ username: 'admin', password: 7, token: 'extra-field' })
  await login({ username: 'mistyped-password-as-name', password: 'x' }, { authorization: 'Bearer rv_stolen' })
  await client.createUser({ body: { name: 'eve', role: 'user', password: 'secret of eve' } })
  await client.updateUser({ params: { user: 'eve' }, body: { password: 'new secret of eve' } })
  await fetch(`${world.url}/api/v1/me?token=${token}`, { headers: { authorization: `Bearer ${token}x` } })
  await fetch(`${world.url}/api/v1/me`, { headers: { cookie: `reveille_session=${cookie}`, authorization: 'Bearer' } })
  const hashes = [...world.accessRows.rows.values()].map(({ passwordHash }) => passwordHash)
  const prints = [...world.accessRows.tokenRows.values()].map(({ hash }) => hash)
  const secrets = [first, cookie, token, made.secret, PASSWORD, 'mistyped-password"', 'rv_stolen']
  return { secrets: [...secrets, 'secret of eve', ...hashes, ...prints], created: made.secret }
}

test('no secret is in an answer, a log, the audit or a listing', async () => {
  const { secrets, created } = await useSecrets()
  const { client, token } = await world.as('admin')
  const answers: string[] = []
  for (const route of Object.values<Route>(contract)) {
    if (route.method !== 'GET' || route.response === 'events' || route.response === 'bytes') continue
    const path = route.path.replace('{sha256}', 'a'.repeat(64)).replace(/\{\w+\}/g, 'nothing')
    const answer = await fetch(world.url + path, { headers: { authorization: `Bearer ${token}` } })
    answers.push(await answer.text())
  }
  answers.push(await (await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text())
  expect((await client.listTokens()).items.length).toBeGreaterThan(0)
  const seen = {
    answers: answers.join('\n'),
    log: world.log.lines.join('\n'),
    audit: JSON.stringify(world.accessRows.log),
  }
  for (const [place, text] of Object.entries(seen))
    for (const secret of secrets) expect(text.includes(secret), `${secret} in ${place}`).toBe(false)
  // The search does find things: a secret is in the one answer that must hold it.
  expect(created).toMatch(/^rv_/)
  expect(seen.answers).toContain(created.slice(0, 7))
  expect(seen.audit).toContain('user.update')
})

test('answers with things of the API are never kept by browsers or proxies', async () => {
  const { token } = await world.as('admin')
  for (const path of ['/api/v1/me', '/api/v1/users', '/api/v1/nothing', '/metrics'])
    expect(
      (await fetch(world.url + path, { headers: { authorization: `Bearer ${token}` } })).headers.get('cache-control'),
    ).toBe('no-store')
})
