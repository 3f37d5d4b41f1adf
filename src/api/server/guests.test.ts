import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Secret } from '../../kit/secret.ts'
import type { ApiDependencies } from './dependencies.ts'

const done: string[] = []
const guests: NonNullable<ApiDependencies['guests']> = {
  facts: async () => ({
    hostname: 'inside',
    os: 'Debian',
    kernel: 'Linux',
    uptimeSeconds: 5,
    addresses: ['10.0.0.7'],
    users: [],
  }),
  setAccess: async (_machine, { user, port, hostKey }) => ({ user, port, hostKey }),
  setPassword: async (machine, user, password: Secret) =>
    void done.push(`ssh ${machine.name} ${user} ${password.reveal()}`),
  setPasswordOffline: async (machine, user) => void done.push(`volume ${machine.name} ${user}`),
  async reboot(machine, powerOff) {
    if (powerOff) throw new Refusal('not-available', 'it does not answer')
    done.push(`reboot ${machine.name}`)
  },
}

let world: World
beforeAll(async () => {
  world = await openWorld({ guests })
})
afterAll(() => world.close())

test('running systems are for operators; secrets are in no answer and no audit entry', async () => {
  const { client } = await world.as('operator')
  const { name: machine } = await client.createMachine({ body: { name: 'pc01', macs: ['52:54:00:00:00:01'] } })
  expect(await client.getGuest({ params: { machine } })).toMatchObject({ hostname: 'inside', users: [] })
  const access = { user: 'root', password: 'opensesame' }
  expect(await client.setGuestAccess({ params: { machine }, body: access })).toEqual({
    user: 'root',
    port: 22,
    hostKey: null,
  })
  await client.setGuestPassword({ params: { machine }, body: { user: 'alice', password: 's3cret' } })
  await client.setGuestPassword({ params: { machine }, body: { user: 'alice', password: 's3cret', via: 'volume' } })
  await client.rebootGuest({ params: { machine }, body: {} })
  expect(done).toEqual(['ssh pc01 alice s3cret', 'volume pc01 alice', 'reboot pc01'])
  await expect(client.rebootGuest({ params: { machine }, body: { powerOff: true } })).rejects.toThrow(
    'it does not answer',
  )
  await expect(
    client.setGuestPassword({ params: { machine }, body: { user: 'alice', password: 'two\nlines' } }),
  ).rejects.toMatchObject({ status: 400 })

  const admin = await world.as('admin')
  const { items } = await admin.client.listAudit({ query: {} })
  const told = JSON.stringify(items)
  expect(told).toContain('guest.password')
  expect(told).toContain('user alice, via volume')
  for (const secret of ['opensesame', 's3cret']) expect(told).not.toContain(secret)

  const viewer = await world.as('viewer')
  await expect(viewer.client.getGuest({ params: { machine } })).rejects.toMatchObject({ status: 403 })
})
