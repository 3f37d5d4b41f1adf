import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { ERROR_CODES } from '../../kit/errors.ts'
import { Problem } from '../contract/common.ts'
import { MOST_JSON } from './server.ts'

let world: World
let admin: string
beforeAll(async () => {
  world = await openWorld({
    doctor: async () => {
      throw new Error('SELECT password FROM users failed')
    },
  })
  admin = (await world.as('admin')).token
})
afterAll(() => world.close())

async function ask(path: string, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${admin}`, ...init.headers }
  const answer = await fetch(world.url + path, { ...init, headers })
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  const problem = Problem.parse(await answer.json())
  expect(problem.status).toBe(answer.status)
  expect(problem).toMatchObject({
    type: `urn:reveille:problem:${problem.code}`,
    title: ERROR_CODES[problem.code as keyof typeof ERROR_CODES].title,
  })
  return { answer, problem }
}
const json = (body: string, method = 'POST') => ({ method, headers: { 'content-type': 'application/json' }, body })

describe('what is refused says so in one form', () => {
  test('an unknown path', async () => {
    for (const path of ['/api/v1/nothing', '/api/v2/machines', '/boot/start.ipxe', '/agent/v1/x', '/missing.js'])
      expect((await ask(path)).problem).toMatchObject({ status: 404, code: 'not-found' })
    expect((await ask('/nothing', { method: 'POST' })).problem).toMatchObject({ status: 404, code: 'not-found' })
  })

  test('a method that the path does not know, with those it knows', async () => {
    const { answer, problem } = await ask('/api/v1/machines/m1', { method: 'PUT' })
    expect(problem).toMatchObject({ status: 405, code: 'method-not-allowed' })
    expect(answer.headers.get('allow')).toBe('GET, PATCH, DELETE')
    const get = await ask('/api/v1/machines/m1/approve')
    expect(get.answer.headers.get('allow')).toBe('POST')
  })

  test('JSON that is none, too large, of another type, or missing', async () => {
    const bad = async (init: RequestInit) => (await ask('/api/v1/machines', init)).problem
    expect(await bad(json('{"macs": ['))).toMatchObject({ status: 400, code: 'validation-failed' })
    expect(await bad(json(''))).toMatchObject({ status: 400, code: 'validation-failed' })
    expect(await bad(json('{"__proto__": {"a": 1}}'))).toMatchObject({ status: 400, code: 'validation-failed' })
    expect(await bad({ method: 'POST' })).toMatchObject({ status: 400, code: 'validation-failed' })
    expect(await bad({ method: 'POST', body: 'macs=a' })).toMatchObject({ code: 'unsupported-media-type', status: 415 })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await bad({ method: 'POST', body: 'macs=a', headers: form })).toMatchObject({ status: 415 })
    expect(await bad(json(`"${'x'.repeat(MOST_JSON)}"`))).toMatchObject({ code: 'too-large', status: 413 })
  })

  test('no token, and one that is not valid, told apart', async () => {
    expect(await (await fetch(`${world.url}/api/v1/machines`)).json()).toMatchObject({ detail: 'this needs a login' })
    const { problem } = await ask('/api/v1/machines', { headers: { authorization: 'Bearer rv_made-up' } })
    expect(problem).toMatchObject({ status: 401, detail: expect.stringContaining('revoked or expired') })
  })

  test('fields, each by its path, without repeating what was sent', async () => {
    const body = JSON.stringify({
      name: 'Not A Name',
      macs: [],
      profile: 7,
      colour: 'red',
      notes: 'hunter2'.repeat(5000),
    })
    const { problem } = await ask('/api/v1/machines', json(body))
    expect(problem.code).toBe('validation-failed')
    expect(problem.problems?.map(({ path }) => path)).toEqual(['name', 'macs', 'notes', 'profile', 'colour'])
    expect(JSON.stringify(problem)).not.toContain('hunter2')
    const query = await ask('/api/v1/machines?limit=0&state=asleep&stat=ready')
    expect(query.problem.problems?.map(({ path }) => path)).toEqual(['limit', 'state', 'stat'])
    expect((await ask('/api/v1/machines?cursor=%21')).problem.problems).toMatchObject([{ path: 'cursor' }])
  })

  test('a URL that is badly encoded, and one with an endless part', async () => {
    expect((await ask('/api/v1/machines/%E0%A4%A')).problem).toMatchObject({ status: 400, code: 'validation-failed' })
    expect((await ask(`/api/v1/machines/${'x'.repeat(2000)}`)).problem.status).toBeLessThan(500)
  })

  test('what broke inside, by an id that the log knows, and nothing else', async () => {
    const { problem } = await ask('/api/v1/doctor')
    expect(problem).toMatchObject({ status: 500, code: 'internal' })
    expect(JSON.stringify(problem)).not.toContain('SELECT')
    const id = /under the id (\w+)$/.exec(problem.detail)?.[1]
    expect(world.log.lines.find((line) => line.includes(`${id}`))).toContain('SELECT')
  })

  test('the lab, where it is switched off', async () => {
    const { problem } = await ask('/api/v1/lab')
    expect(problem).toMatchObject({ status: 404, code: 'not-found', next: expect.stringContaining('lab.enabled') })
  })
})

test('what is no HTTP at all ends the connection and nothing else', async () => {
  const { port } = new URL(world.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n')
  await new Promise((resolve) => socket.on('close', resolve).resume())
  expect((await fetch(`${world.url}/healthz`)).status).toBe(200)
})

test('every answer has the headers that keep pages to themselves', async () => {
  for (const path of ['/', '/healthz', '/api/v1/me', '/api/docs/', '/nothing.js', '/api/v1/machines/%E0%A4%A']) {
    const { headers } = await fetch(world.url + path)
    expect(headers.get('x-content-type-options'), path).toBe('nosniff')
    expect(headers.get('access-control-allow-origin'), path).toBeNull()
  }
  const policy = (await fetch(`${world.url}/`)).headers.get('content-security-policy')
  expect(policy).toContain("script-src 'self';")
  expect(policy).toContain("frame-ancestors 'none'")
})
