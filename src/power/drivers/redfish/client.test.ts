import { afterEach, beforeEach, expect, test } from 'vitest'
import { redfishService, type Said } from '../../../../test/fakes/redfish-service.ts'
import { ManualClock } from '../../../kit/clock.ts'
import { SILENT } from '../../../kit/log.ts'
import { Secret } from '../../../kit/secret.ts'
import { DriverSettings } from '../../settings.ts'
import { RedfishClient } from './client.ts'
import { MOST_ANSWER } from './exchange.ts'
import { redfishDrivers } from './redfish.ts'

let service: Awaited<ReturnType<typeof redfishService>>
const clients: RedfishClient[] = []
beforeEach(async () => {
  service = await redfishService()
})
afterEach(async () => {
  for (const one of clients.splice(0)) await one.close()
  await service.stop()
})

const PASSWORD = 'a secret password'
const SYSTEM = '/redfish/v1/Systems/1'
const LOGIN = '/redfish/v1/SessionService/Sessions'
const bounds = () => ({ signal: AbortSignal.timeout(20_000) })

function client(user = 'admin', url = service.url): RedfishClient {
  const password = user === '' ? undefined : new Secret(PASSWORD)
  const made = new RedfishClient({ url, user, password, fingerprint: null })
  clients.push(made)
  return made
}

/** Sessions as the specification has them; `valid` holds the tokens. */
function sessions(valid: Set<string>) {
  service.before = ({ method, path, headers, body }): Said | undefined => {
    if (path === '/redfish/v1/' || path === '/redfish/v1') return undefined
    if (method === 'POST' && path === LOGIN) {
      if (JSON.parse(body).Password !== PASSWORD) return { status: 401 }
      const token = `token-${valid.size + 1}-${Math.random()}`
      valid.add(token)
      return { status: 201, headers: { 'x-auth-token': token, location: `${service.url}${LOGIN}/1` }, body: {} }
    }
    if (method === 'DELETE') return { status: 204 }
    return valid.has(String(headers['x-auth-token'])) ? undefined : { status: 401 }
  }
}

test('one session serves many requests, is renewed when it was forgotten, and ended', async () => {
  const valid = new Set<string>()
  sessions(valid)
  const one = client()
  await Promise.all([one.get(SYSTEM, bounds()), one.get(SYSTEM, bounds())])
  expect(valid.size).toBe(1)
  valid.clear()
  await one.get(SYSTEM, bounds())
  expect(service.asked.filter(({ path }) => path === LOGIN)).toHaveLength(2)
  await one.close()
  expect(service.asked.at(-1)).toMatchObject({ method: 'DELETE', path: `${LOGIN}/1` })
  await one.get(SYSTEM, bounds())
})

test('a wrong password is told apart, and is in no message even if the service says it', async () => {
  service.before = ({ path }) =>
    path === LOGIN ? { status: 401, body: { error: { message: `wrong: ${PASSWORD}` } } } : undefined
  const error = await client()
    .get(SYSTEM, bounds())
    .catch((error: unknown) => error as Error)
  expect(error).toMatchObject({ code: 'wrong-credentials' })
  expect(String(error)).not.toContain(PASSWORD)
})

test.each([404, 405, 501, 400])('without sessions (%i) name and password go with each request', async (status) => {
  service.before = ({ path, headers }) =>
    path === LOGIN
      ? { status }
      : path.startsWith(SYSTEM) && !headers.authorization?.startsWith('Basic ')
        ? { status: 401 }
        : undefined
  await client().get(SYSTEM, bounds())
})

test('a token that no session has ends in words and not in circles', async () => {
  const valid = new Set<string>()
  sessions(valid)
  const usual = service.before
  service.before = (asked) => (asked.path === SYSTEM ? { status: 401 } : usual(asked))
  await expect(client().get(SYSTEM, bounds())).rejects.toMatchObject({ code: 'wrong-credentials' })
  expect(service.asked.length).toBeLessThan(10)
})

test('redirects are followed on the same host only, with the method that they keep', async () => {
  const at = (status: number, location: string) => {
    service.before = ({ path }) => (path === '/old' ? { status, headers: { location } } : undefined)
  }
  const one = client('')
  at(301, SYSTEM)
  expect((await one.get('/old', bounds())).body.Id).toBe('1')
  at(308, `${service.url}${SYSTEM}/Actions/ComputerSystem.Reset`)
  await one.post('/old', { ResetType: 'ForceOff' }, bounds())
  expect(service.system.PowerState).toBe('Off')
  at(302, SYSTEM)
  await expect(one.post('/old', {}, bounds())).rejects.toMatchObject({ status: 302 })
  for (const elsewhere of ['http://192.0.2.9/', 'https://127.0.0.1/', '//192.0.2.9/x', 'http://127.0.0.1:1/']) {
    at(307, elsewhere)
    await expect(one.get('/old', bounds())).rejects.toMatchObject({ message: expect.stringContaining('elsewhere') })
  }
  at(302, '/old')
  await expect(one.get('/old', bounds())).rejects.toMatchObject({ message: expect.stringContaining('in circles') })
})

test('tasks are followed to their end, good or bad', async () => {
  let polls = 0
  let end: Said = { body: { TaskState: 'Completed' } }
  service.before = ({ method, path }) => {
    if (method === 'POST') return { status: 202, headers: { location: '/redfish/v1/Tasks/1', 'retry-after': '0' } }
    if (path !== '/redfish/v1/Tasks/1') return undefined
    polls++
    if (polls === 1) return { status: 202, headers: { 'retry-after': '0' } }
    if (polls === 2) return { body: { TaskState: 'Running' }, headers: { 'retry-after': '0' } }
    return end
  }
  const order = () => {
    polls = 0
    return client('').post(`${SYSTEM}/Actions/ComputerSystem.Reset`, {}, bounds())
  }
  await order()
  expect(polls).toBe(3)
  end = { status: 404 }
  await order()
  end = { body: { TaskState: 'Exception', Messages: [{ Message: 'The fuse is blown.' }] } }
  await expect(order()).rejects.toMatchObject({ message: expect.stringContaining('The fuse is blown.') })
})

test('it comes back when it is told to, and no action is done twice because of that', async () => {
  let busy = 2
  service.before = () => (busy-- > 0 ? { status: 503, headers: { 'retry-after': '0' } } : undefined)
  const one = client('')
  await one.post(`${SYSTEM}/Actions/ComputerSystem.Reset`, { ResetType: 'ForceOff' }, bounds())
  expect(service.asked).toHaveLength(3)
  busy = 100
  await expect(one.get(SYSTEM, bounds())).rejects.toMatchObject({ code: 'not-available' })
  expect(service.asked).toHaveLength(7)
  service.before = () => ({ status: 503, headers: { 'retry-after': '86400' } })
  await expect(one.get(SYSTEM, bounds())).rejects.toMatchObject({ status: 503 })
  expect(service.asked).toHaveLength(8)
})

test('reads are repeated when the connection broke, orders never', async () => {
  let breaks = 1
  service.before = () => (breaks-- > 0 ? { hangUp: true } : undefined)
  const one = client('')
  expect((await one.get(SYSTEM, bounds())).body.Id).toBe('1')
  breaks = 1
  await expect(one.post(`${SYSTEM}/Actions/ComputerSystem.Reset`, {}, bounds())).rejects.toMatchObject({
    code: 'not-available',
  })
  expect(service.asked.filter(({ method }) => method === 'POST')).toHaveLength(1)
})

test('slow, huge and senseless answers end in words', async () => {
  const one = client('')
  service.before = () => ({ afterMs: 5000 })
  await expect(one.get(SYSTEM, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
    message: expect.stringContaining('did not answer in time'),
  })
  service.before = () => ({ raw: 'x'.repeat(MOST_ANSWER + 1) })
  await expect(one.post(SYSTEM, {}, bounds())).rejects.toMatchObject({ message: expect.stringContaining('more than') })
  for (const raw of ['', 'no', '[1]'.repeat(3), '"text"', 'null', `${'['.repeat(100_000)}`]) {
    service.before = () => ({ raw })
    await expect(one.get(SYSTEM, bounds())).rejects.toMatchObject({ code: 'wrong-state' })
  }
  service.before = () => ({ raw: '{"__proto__": {"PowerState": "On"}, "constructor": 1}' })
  expect(Object.keys((await one.get(SYSTEM, bounds())).body)).toContain('__proto__')
  service.before = () => ({ status: 500, headers: { 'content-encoding': 'gzip' }, raw: 'not packed' })
  await expect(one.get(SYSTEM, bounds())).rejects.toMatchObject({ code: 'not-available' })
})

test('a host that is not there is told apart', async () => {
  await expect(client('', 'http://127.0.0.1:1').get('/', bounds())).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

test('machines behind one service share a session, which ends with the last of them', async () => {
  const valid = new Set<string>()
  sessions(valid)
  const { factory, close } = redfishDrivers({ clock: new ManualClock(), log: SILENT })
  const settings = DriverSettings.parse({ kind: 'redfish', url: service.url, user: 'admin' })
  const make = (password: string) =>
    factory(settings, { password: new Secret(password) }, { id: 'm', name: 'm', macs: [], address: () => null })
  const [one, two] = [make(PASSWORD), make(PASSWORD)]
  await Promise.all([one.state?.(), two.state?.()])
  expect(valid.size).toBe(1)
  await expect(make('another').state?.()).rejects.toMatchObject({ code: 'wrong-credentials' })
  await one.close()
  expect(service.asked.some(({ method }) => method === 'DELETE')).toBe(false)
  await two.close()
  expect(service.asked.at(-1)?.method).toBe('DELETE')
  await close()
})
