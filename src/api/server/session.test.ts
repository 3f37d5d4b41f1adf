import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openWorld, PASSWORD, type World } from '../../../test/api/world.ts'
import { ABSOLUTE_MS, IDLE_MS } from '../../access/sessions.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

const login = (username: string, password: string, headers: Record<string, string> = {}) =>
  fetch(`${world.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ username, password }),
  })
const me = (cookie: string) => fetch(`${world.url}/api/v1/me`, { headers: { cookie } })

describe('the first start', () => {
  test('makes admin with a password in a file for its owner alone, until it is changed', async () => {
    const path = join(world.directory, 'admin-password')
    const password = (await readFile(path, 'utf8')).trim()
    expect(world.access.firstPassword?.reveal()).toBe(password)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const answer = await login('admin', password)
    expect(answer.status).toBe(201)
    expect(await answer.json()).toMatchObject({ name: 'admin', role: 'admin', mustChangePassword: true })
    const cookie = answer.headers.getSetCookie()[0]!.split(';')[0]!
    const change = await fetch(`${world.url}/api/v1/me/password`, {
      method: 'PUT',
      headers: { cookie, 'content-type': 'application/json', 'x-reveille-csrf': '1' },
      body: JSON.stringify({ current: password, password: 'a better password' }),
    })
    expect(change.status).toBe(204)
    await expect(stat(path)).rejects.toThrow('ENOENT')
    expect(await (await me(cookie)).json()).toMatchObject({ mustChangePassword: false })
    expect((await login('admin', password)).status).toBe(401)
    expect((await login('admin', 'a better password')).status).toBe(201)
  })
})

describe('a session', () => {
  test('lives in a cookie that scripts and foreign pages cannot use', async () => {
    await world.as('user')
    const plain = (await login('user-user', PASSWORD)).headers.getSetCookie()[0]
    expect(plain).toMatch(/^reveille_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/)
    const secure = (await login('user-user', PASSWORD, { 'x-forwarded-proto': 'https' })).headers.getSetCookie()[0]
    expect(secure).toContain('; Secure')
  })

  test('is kept as a fingerprint only', async () => {
    const cookie = await world.cookieOf('user')
    const secret = cookie.split('=')[1]!
    expect(JSON.stringify([...world.accessRows.sessionRows.values()])).not.toContain(secret)
  })

  test('ends when idle, and in any case after a week', async () => {
    const cookie = await world.cookieOf('user')
    for (let used = 0; used + IDLE_MS / 2 < ABSOLUTE_MS; used += IDLE_MS / 2) {
      expect((await me(cookie)).status).toBe(200)
      world.clock.advance(IDLE_MS / 2)
    }
    world.clock.advance(IDLE_MS / 2)
    expect((await me(cookie)).status).toBe(401)
    const idle = await world.cookieOf('user')
    world.clock.advance(IDLE_MS)
    expect((await me(idle)).status).toBe(401)
  })

  test('ends by logout, by a new password of an admin, by disabling and by deleting', async () => {
    const ended = async (by: () => Promise<unknown>) => {
      const cookie = await world.cookieOf('user')
      expect((await me(cookie)).status).toBe(200)
      await by()
      expect((await me(cookie)).status).toBe(401)
    }
    const cookie = await world.cookieOf('user')
    await fetch(`${world.url}/api/v1/session`, { method: 'DELETE', headers: { cookie, 'x-reveille-csrf': '1' } })
    expect((await me(cookie)).status).toBe(401)
    const params = { user: 'user-user' }
    await ended(() => world.control.updateUser({ params, body: { password: PASSWORD } }))
    await ended(() => world.control.updateUser({ params, body: { disabled: true } }))
    await world.control.updateUser({ params, body: { disabled: false } })
    await ended(() => world.control.deleteUser({ params }))
    expect(world.accessRows.sessionRows.size).toBe(0)
  })

  test('of your own stays when you change your password; your others end', async () => {
    const [mine, other] = [await world.cookieOf('user'), await world.cookieOf('user')]
    await fetch(`${world.url}/api/v1/me/password`, {
      method: 'PUT',
      headers: { cookie: mine, 'content-type': 'application/json', 'x-reveille-csrf': '1' },
      body: JSON.stringify({ current: PASSWORD, password: 'another password' }),
    })
    expect((await me(mine)).status).toBe(200)
    expect((await me(other)).status).toBe(401)
  })
})

describe('a change by cookie', () => {
  const cases: [string, Record<string, string>, boolean][] = [
    ['nothing that tells where it came from', {}, false],
    ['the header of our console', { 'x-reveille-csrf': '1' }, true],
    ['the browser saying: same origin', { 'sec-fetch-site': 'same-origin' }, true],
    ['the browser saying: another site', { 'sec-fetch-site': 'cross-site' }, false],
    ['the browser saying: a sister site', { 'sec-fetch-site': 'same-site' }, false],
    ['an origin that is not ours', { origin: 'https://evil.example' }, false],
    ['an origin that is no URL', { origin: 'null' }, false],
  ]
  test.each(cases)('with %s', async (_, headers, allowed) => {
    const cookie = await world.cookieOf('operator')
    const create = (more: Record<string, string>) =>
      fetch(`${world.url}/api/v1/machines`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', ...more },
        body: JSON.stringify({ macs: ['52:54:00:00:00:01'] }),
      })
    const answer = await create(headers)
    expect(answer.status).toBe(allowed ? 201 : 403)
    if (!allowed) expect(await answer.json()).toMatchObject({ code: 'csrf-refused' })
    // Reading needs no such proof.
    expect((await me(cookie)).status).toBe(200)
  })

  test('from our own origin', async () => {
    const cookie = await world.cookieOf('operator')
    const answer = await fetch(`${world.url}/api/v1/session`, {
      method: 'DELETE',
      headers: { cookie, origin: world.url },
    })
    expect(answer.status).toBe(204)
  })

  test('a foreign page cannot log its victim in as somebody else', async () => {
    await world.as('user')
    expect((await login('user-user', PASSWORD, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await login('user-user', PASSWORD, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  })
})

describe('guessing passwords', () => {
  test('is slowed down for the user, with Retry-After, and right passwords wait too', async () => {
    await world.as('user')
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) statuses.push((await login('user-user', `wrong ${i}`)).status)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401])
    const slowed = await login('user-user', PASSWORD)
    expect(slowed.status).toBe(429)
    expect(slowed.headers.get('retry-after')).toBe('1')
    expect(await slowed.json()).toMatchObject({ code: 'too-many-requests', next: 'wait 1 second and try again' })
    world.clock.advance(1000)
    expect((await login('user-user', PASSWORD)).status).toBe(201)
  })

  test('is slowed down for the address, whatever the names', async () => {
    for (let i = 0; i < 11; i++) expect((await login(`nobody-${i}`, 'wrong')).status).toBe(401)
    expect((await login('nobody-99', 'wrong')).status).toBe(429)
  })

  test('gets one answer for unknown, disabled and wrong', async () => {
    await world.as('user')
    await world.access.updateUser('user-user', { disabled: true })
    const answers = [await login('nobody', PASSWORD), await login('user-user', PASSWORD), await login('admin', 'wrong')]
    const bodies = await Promise.all(answers.map((answer) => answer.json()))
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1)
    expect(bodies[0]).toMatchObject({ status: 401, code: 'wrong-credentials' })
  })

  test('in parallel counts every guess', async () => {
    await world.as('user')
    const guesses = Array.from({ length: 20 }, (_, i) => login('user-user', `wrong ${i}`))
    const statuses = (await Promise.all(guesses)).map((answer) => answer.status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(6)
    expect(statuses.filter((status) => status === 429)).toHaveLength(14)
  })
})

test('who has not logged in cannot fill the memory with a large body', async () => {
  const answer = await login('admin', 'x'.repeat(16 * 1024))
  expect(answer.status).toBe(413)
  expect(await answer.json()).toMatchObject({ code: 'too-large' })
})
