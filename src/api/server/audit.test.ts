import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWorld, PASSWORD, type World } from '../../../test/api/world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

const last = () => world.accessRows.log.at(-1)

test('a change says who did what to which thing, by what and from where', async () => {
  const { client } = await world.as('operator')
  const machine = await client.createMachine({ body: { name: 'alpha', macs: ['52:54:00:00:00:01'] } })
  expect(last()).toEqual({
    id: 1,
    at: world.clock.now(),
    who: 'operator-user',
    via: 'token',
    address: '127.0.0.1',
    action: 'machine.create',
    subject: 'alpha',
    outcome: 'ok',
    detail: 'macs 52:54:00:00:00:01',
  })
  await client.setPower({ params: { machine: machine.macs[0]! }, body: { action: 'on' } })
  expect(last()).toMatchObject({ action: 'machine.power', subject: 'alpha', detail: 'on' })
  await world.control.updateMachine({ params: { machine: machine.id }, body: { tags: ['a'], notes: 'b' } })
  expect(last()).toMatchObject({ who: 'admin', via: 'socket', address: 'control.sock', detail: 'changes tags, notes' })
})

test('reading leaves no entry', async () => {
  const { client } = await world.as('viewer')
  await client.listMachines()
  await client.me()
  expect(world.accessRows.log).toEqual([])
})

test('what was refused is written too, with the reason', async () => {
  const { client } = await world.as('viewer')
  await client.deleteMachine({ params: { machine: 'alpha' } }).catch(() => undefined)
  expect(last()).toMatchObject({
    who: 'viewer-user',
    action: 'machine.delete',
    subject: 'alpha',
    outcome: 'refused',
    detail: 'forbidden: this needs the role operator; viewer-user is viewer',
  })
  await world.control.deleteProfile({ params: { profile: 'nothing' } }).catch(() => undefined)
  expect(last()).toMatchObject({ action: 'profile.delete', subject: 'nothing', outcome: 'refused' })
  await world.control.createMachine({ body: { macs: [] } }).catch(() => undefined)
  expect(last()).toMatchObject({ action: 'machine.create', outcome: 'refused' })
})

test('logins are written, good and bad, without the password', async () => {
  await world.cookieOf('user')
  expect(last()).toMatchObject({ who: 'user-user', via: 'session', action: 'session.login', outcome: 'ok' })
  await world.control.login({ body: { username: 'user-user', password: 'wrong password' } }).catch(() => undefined)
  expect(last()).toMatchObject({ subject: 'user-user', action: 'session.login', outcome: 'refused' })
  expect(JSON.stringify(world.accessRows.log)).not.toContain('wrong password')
})

test('strangers cannot fill it, and what they forge stays on one line', async () => {
  const knock = () => fetch(`${world.url}/api/v1/machines/a%0Ab%E2%80%AE`, { method: 'DELETE' })
  for (let i = 0; i < 100; i++) await knock()
  expect(world.accessRows.log).toHaveLength(60)
  expect(last()).toMatchObject({ who: '(nobody)', via: 'none', subject: 'a b ' })
  world.clock.advance(2000)
  await knock()
  expect(last()?.detail).toContain('before this, 40 refusals without a login were not written')
  const { client } = await world.as('operator')
  await client.createMachine({ body: { macs: ['52:54:00:00:00:01'] } })
  expect(last()).toMatchObject({ who: 'operator-user', outcome: 'ok' })
})

test('is read by admins, newest first, by pages and by who and what', async () => {
  for (let i = 1; i <= 5; i++)
    await world.control.createUser({ body: { name: `user-${i}`, role: 'viewer', password: PASSWORD } })
  const first = await world.control.listAudit({ query: { limit: 2 } })
  expect(first.items.map(({ subject }) => subject)).toEqual(['user-5', 'user-4'])
  const second = await world.control.listAudit({ query: { limit: 2, cursor: first.next! } })
  expect(second.items.map(({ subject }) => subject)).toEqual(['user-3', 'user-2'])
  const third = await world.control.listAudit({ query: { limit: 2, cursor: second.next! } })
  expect(third).toMatchObject({ items: [{ subject: 'user-1' }], next: null })
  const about = await world.control.listAudit({ query: { subject: 'user-3' } })
  expect(about.items).toHaveLength(1)
  expect((await world.control.listAudit({ query: { who: 'nobody' } })).items).toEqual([])
})

test('a log that cannot be written does not make a made change look undone', async () => {
  world.accessRows.appendAudit = async () => {
    throw new Error('disk I/O error')
  }
  const { client } = await world.as('operator')
  await expect(client.createMachine({ body: { macs: ['52:54:00:00:00:01'] } })).resolves.toMatchObject({
    state: 'ready',
  })
  await expect(client.createMachine({ body: { macs: [] } })).rejects.toMatchObject({ code: 'validation-failed' })
  expect(world.log.lines.filter((line) => line.includes('audit log'))).toHaveLength(2)
})
