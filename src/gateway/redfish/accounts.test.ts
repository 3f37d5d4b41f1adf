import { beforeEach, expect, test } from 'vitest'
import { FakeBmc } from '../../../test/fakes/bmc.ts'
import { redfishWorld, SYSTEM } from '../../../test/fakes/redfish.ts'

let { clock, one, two, directory, ask } = redfishWorld()
beforeEach(() => {
  ;({ clock, one, two, directory, ask } = redfishWorld())
})

test('an account sees its own machines only', async () => {
  const systems = async (as: string) => (await ask('GET', '/redfish/v1/Systems', { as })).body.Members
  expect(await systems('admin:secret')).toEqual([{ '@odata.id': SYSTEM }])
  expect(await systems('admin:another-secret')).toEqual([{ '@odata.id': '/redfish/v1/Systems/m-2' }])
  expect(await systems('user@node2:user-secret')).toEqual([{ '@odata.id': '/redfish/v1/Systems/m-2' }])
  expect(await systems('user:user-secret')).toHaveLength(2)
  expect((await ask('GET', '/redfish/v1/Systems/m-2')).status).toBe(404)
  expect((await ask('GET', '/redfish/v1/Systems/node1')).body['@odata.id']).toBe(SYSTEM)
})

test('a name that very many BMCs have must name the machine', async () => {
  directory.list = Array.from({ length: 17 }, (_, index) => new FakeBmc({ machine: `m-${index}` }))
  const refused = await ask('GET', '/redfish/v1/Systems')
  expect(refused.status).toBe(401)
  expect(JSON.stringify(refused.body)).toContain('NAME@MACHINE')
  expect((await ask('GET', '/redfish/v1/Systems', { as: 'admin@m-3:secret' })).body.Members).toHaveLength(1)
})

test('accounts that are disabled, callback, or have no password, do not get in', async () => {
  directory.list = [one]
  one.bmc = { ...one.bmc, users: one.bmc.users.map((user) => ({ ...user, enabled: user.name !== 'admin' })) }
  expect((await ask('GET', '/redfish/v1/Systems')).status).toBe(401)
  one.bmc = { ...one.bmc, users: one.bmc.users.map((user) => ({ ...user, privilege: 'callback' as const })) }
  expect((await ask('GET', '/redfish/v1/Systems', { as: 'user:user-secret' })).status).toBe(401)
  two.passwords.set('oper', '')
  directory.list = [two]
  expect((await ask('GET', '/redfish/v1/Systems', { as: 'oper:' })).status).toBe(401)
})

test('clients from elsewhere are told nothing', async () => {
  one.bmc = { ...one.bmc, clients: ['10.0.0.0/24'] }
  expect((await ask('GET', SYSTEM)).status).toBe(401)
  expect((await ask('GET', SYSTEM, { address: '10.0.0.7' })).status).toBe(200)
})

test('sessions begin, reach what their account reaches, and end', async () => {
  const login = await ask('POST', '/redfish/v1/SessionService/Sessions', {
    as: '',
    body: { UserName: 'admin', Password: 'secret' },
  })
  expect(login.status).toBe(201)
  const token = login.headers['x-auth-token']!
  expect(login.headers.location).toBe(login.body['@odata.id'])
  expect(JSON.stringify(login.body)).not.toContain(token)
  expect((await ask('GET', SYSTEM, { token })).status).toBe(200)
  expect((await ask('GET', login.headers.location!, { token })).body.UserName).toBe('admin')
  expect((await ask('DELETE', login.headers.location!, { as: 'oper:operator-secret' })).status).toBe(404)
  expect((await ask('DELETE', login.headers.location!, { token })).status).toBe(204)
  expect((await ask('GET', SYSTEM, { token })).status).toBe(401)
})

test('a session ends when nobody uses it, and when its account is not what it was', async () => {
  const login = async () =>
    (
      await ask('POST', '/redfish/v1/SessionService/Sessions', {
        as: '',
        body: { UserName: 'admin', Password: 'secret' },
      })
    ).headers['x-auth-token']!
  const idle = await login()
  clock.advance(1_800_001)
  expect((await ask('GET', SYSTEM, { token: idle })).status).toBe(401)
  const kept = await login()
  clock.advance(-3_600_000)
  await ask('GET', '/redfish/v1/SessionService/Sessions')
  clock.advance(1_800_001)
  expect((await ask('GET', SYSTEM, { token: kept })).status, 'also when the clock was set back').toBe(401)
  const changed = await login()
  one.bmc = { ...one.bmc, users: one.bmc.users.map((user) => ({ ...user, sealed: 'new' })) }
  expect((await ask('GET', SYSTEM, { token: changed })).status).toBe(401)
  const first = await login()
  for (let count = 0; count < 32; count++) await login()
  expect((await ask('GET', SYSTEM, { token: first })).status).toBe(401)
})

test('many logins to one machine end no session of another whose account is called the same', async () => {
  const login = async (Password: string) => {
    const body = { UserName: 'admin', Password }
    const answer = await ask('POST', '/redfish/v1/SessionService/Sessions', { as: '', body })
    return answer.headers['x-auth-token']!
  }
  const token = await login('another-secret')
  for (let count = 0; count < 40; count++) await login('secret')
  expect((await ask('GET', '/redfish/v1/Systems/m-2', { token })).status).toBe(200)
})

test('guesses wait longer and longer, and the machine has them in its log', async () => {
  directory.list = [one]
  for (let count = 0; count < 6; count++) expect((await ask('GET', SYSTEM, { as: 'admin:wrong' })).status).toBe(401)
  const waiting = await ask('GET', SYSTEM)
  expect([waiting.status, waiting.headers['retry-after']]).toEqual([503, '1'])
  expect((await ask('GET', SYSTEM, { address: '192.0.2.2' })).status).toBe(200)
  clock.advance(1001)
  expect((await ask('GET', SYSTEM)).status).toBe(200)
  expect(one.log).toHaveLength(6)
  expect(one.log[0]!.kind).toBe('login')
})

test('whoever has one machine cannot guess at another whose account is called the same', async () => {
  const guess = async () => {
    const { status } = await ask('GET', SYSTEM, { as: 'admin:wrong' })
    await ask('GET', '/redfish/v1/Systems/m-2', { as: 'admin:another-secret' })
    return status
  }
  const statuses = []
  for (let count = 0; count < 20; count++) statuses.push(await guess())
  expect(statuses.filter((status) => status === 401)).toHaveLength(6)
  expect(statuses.at(-1)).toBe(503)
})

test('a client that was let in goes on while somebody beside it guesses', async () => {
  expect((await ask('GET', SYSTEM)).status).toBe(200)
  for (let count = 0; count < 10; count++) await ask('GET', SYSTEM, { as: 'admin:wrong' })
  expect((await ask('GET', SYSTEM)).status).toBe(200)
  expect((await ask('GET', SYSTEM, { as: 'admin:another-guess' })).status).toBe(503)
  one.passwords.set('admin', 'changed')
  expect((await ask('GET', SYSTEM)).status).toBe(401)
  expect((await ask('GET', SYSTEM)).status).toBe(503)
})

test('a right password takes back the wrong ones before it, where nobody else has that name', async () => {
  directory.list = [one]
  for (let round = 0; round < 5; round++) {
    for (let count = 0; count < 4; count++) await ask('GET', SYSTEM, { as: 'admin:wrong' })
    expect((await ask('GET', SYSTEM)).status).toBe(200)
  }
})

test.each([
  ['user:user-secret', 'POST', 'Actions/ComputerSystem.Reset', { ResetType: 'On' }],
  ['user:user-secret', 'PATCH', '', { IndicatorLED: 'Lit' }],
])('privileges are kept: %s may not %s %s', async (as, method, path, body) => {
  directory.list = [one]
  expect((await ask(method, path === '' ? SYSTEM : `${SYSTEM}/${path}`, { as, body })).status).toBe(403)
  expect(one.calls.filter((call) => /perform|setBoot|identify/.test(call))).toEqual([])
})

test('only administrators clear logs and reset the BMC, which never touches the machine', async () => {
  directory.list = [one]
  const manager = '/redfish/v1/Managers/m-1'
  const reset = { body: { ResetType: 'ForceRestart' } }
  const clear = `${manager}/LogServices/Sel/Actions/LogService.ClearLog`
  expect((await ask('POST', `${manager}/Actions/Manager.Reset`, { ...reset, as: 'oper:operator-secret' })).status).toBe(
    403,
  )
  expect((await ask('POST', clear, { as: 'oper:operator-secret' })).status).toBe(403)
  expect((await ask('POST', `${manager}/Actions/Manager.Reset`, reset)).status).toBe(204)
  expect(one.log[0]!.text).toContain('reset the BMC')
  const entries = await ask('GET', `${manager}/LogServices/Sel/Entries`)
  expect(entries.body.Members[0].Message).toContain('reset the BMC')
  expect((await ask('GET', `${SYSTEM}/LogServices/Sel/Entries/1`)).body.EntryType).toBe('Event')
  expect((await ask('POST', clear)).status).toBe(204)
  expect(one.log).toEqual([])
  expect(one.calls.filter((call) => call.startsWith('perform'))).toEqual([])
})

test('accounts: administrators change them, others their own password alone', async () => {
  directory.list = [one]
  const account = '/redfish/v1/AccountService/Accounts/m-1-4'
  expect((await ask('GET', '/redfish/v1/AccountService/Accounts')).body.Members).toHaveLength(3)
  expect((await ask('GET', '/redfish/v1/AccountService/Accounts', { as: 'user:user-secret' })).body.Members).toEqual([
    { '@odata.id': account },
  ])
  expect((await ask('PATCH', account, { body: { RoleId: 'Operator', Password: 'a new one 1' } })).status).toBe(204)
  expect(one.bmc.users.find(({ slot }) => slot === 4)?.privilege).toBe('operator')
  expect((await ask('GET', account, { as: 'user:a new one 1' })).body).toMatchObject({
    RoleId: 'Operator',
    Password: null,
  })
  const own = (body: unknown) => ask('PATCH', account, { as: 'user:a new one 1', body })
  expect((await own({ RoleId: 'Administrator' })).status).toBe(403)
  expect((await own({ Password: 'short' })).status).toBe(400)
  expect((await own({ Password: 'another one' })).status).toBe(204)
  expect((await ask('PATCH', account, { body: { UserName: 'admin' } })).status).toBe(400)
  expect((await ask('GET', '/redfish/v1/AccountService/Roles/constructor')).status).toBe(404)
  expect((await ask('GET', '/redfish/v1/AccountService/Roles/Operator')).body.AssignedPrivileges).toContain(
    'ConfigureComponents',
  )
})
