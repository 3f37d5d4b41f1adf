import { beforeEach, expect, test } from 'vitest'
import {
  ANN,
  DeploymentWorld,
  diskOf,
  installProfile,
  inventoryOf,
  orderOf,
} from '../../test/fakes/deployment-world.ts'
import type { ConfigKind, RenderedConfig } from '../configs/config.ts'

let world: DeploymentWorld
let kind: ConfigKind
let problem: string | undefined
let phonesHome: boolean
let parts: Record<string, string>

beforeEach(async () => {
  world = await DeploymentWorld.open()
  kind = 'cloud-init'
  problem = undefined
  phonesHome = false
  parts = {
    'user-data': '#cloud-config\npassword: hunter2\n',
    'meta-data': 'instance-id: i\n',
    'network-config': '{}\n',
  }
  world.profiles.set('debian', installProfile('debian', { config: 'node', identity: { hostname: true } }))
  world.configs = {
    look: (reference) => (reference.startsWith('node') ? { pinned: 'node@4', kind, phonesHome, problem } : undefined),
    render: (_, machine, deployment): RenderedConfig => ({
      ...{ config: 'node', version: 4, kind },
      parts: Object.entries(parts).map(([name, content]) => ({
        ...{ name, contentType: '', secret: true },
        content: `${content}# ${machine.name} ${deployment.slice(0, 2)}\n`,
      })),
      problems:
        problem === undefined
          ? []
          : [
              {
                severity: 'error',
                part: 'user-data',
                path: '$',
                at: { line: 3, column: 1 },
                message: problem,
                hint: '',
              },
            ],
    }),
  }
})

const install = () => world.deployments.create('m_1', orderOf(), ANN)
async function untilIdentity() {
  const boot = await world.boot()
  await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
  const flash = (await world.next(boot))!
  await world.report(boot, flash.id, true)
  await world.done(boot, flash.id)
  return { boot, next: await world.deployments.agents.next(boot) }
}

test('a config is rendered for the machine when the agent asks, as often as it asks, and kept nowhere', async () => {
  const d = await install()
  const { boot, next } = await untilIdentity()
  expect(next).toMatchObject({
    task: {
      kind: 'identity',
      identity: {
        hostname: 'node-1',
        userData: '#cloud-config\npassword: hunter2\n# node-1 d_\n',
        metaData: 'instance-id: i\n# node-1 d_\n',
        networkConfig: '{}\n# node-1 d_\n',
        vendorData: null,
        ignition: null,
      },
    },
  })
  expect(next).not.toHaveProperty('task.config')
  expect(await world.deployments.agents.next(boot)).toEqual(next)
  expect(JSON.stringify([await world.deployments.get(d.id), await world.deployments.log(d.id, 0, 100)])).not.toContain(
    'hunter2',
  )
  expect((await world.deployments.log(d.id, 0, 100)).map(({ text }) => text)).toContain(
    'give the system on the disk SER1 its identity and the config node@4',
  )
})

test('Butane and Ignition become the Ignition file, also without any other identity', async () => {
  kind = 'butane'
  parts = { 'ignition.json': '{}\n' }
  world.profiles.set('debian', installProfile('debian', { config: 'node' }))
  await install()
  const { next } = await untilIdentity()
  expect(next).toMatchObject({ task: { identity: { hostname: null, userData: null, ignition: '{}\n# node-1 d_\n' } } })
})

test('what does not fit is refused when it is ordered, and again before a byte is written', async () => {
  problem = 'config node, user-data line 3: there is no value for token'
  await expect(install()).rejects.toMatchObject({ code: 'validation-failed', message: problem })
  problem = undefined
  const d = await install()
  problem = 'there is no value for token'
  const boot = await world.boot()
  await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
  expect(await world.deployments.get(d.id)).toMatchObject({
    state: 'failed',
    dirty: false,
    reason: 'the config node@4, user-data line 3: there is no value for token; no byte of a disk was changed',
  })
})

test('what only installers read, and what is not there, is refused', async () => {
  kind = 'preseed'
  await expect(install()).rejects.toThrow('the config node is of kind preseed, which no installed system reads')
  world.profiles.set('debian', installProfile('debian', { config: 'other' }))
  await expect(install()).rejects.toThrow('there is no config other')
})

test('a system that is told to phone home is waited for: its start alone proves nothing', async () => {
  phonesHome = true
  const d = await install()
  await world.through()
  const now = () => world.deployments.get(d.id)
  expect(await now()).toMatchObject({ state: 'rebooting', reason: expect.stringContaining('it is to phone home') })
  const deadlineAt = (await now())?.deadlineAt
  // Restarting in between makes the wait no longer, and the server may be killed meanwhile.
  await world.restart()
  world.clock.advance(60_000)
  expect(world.deployments.bootFor('m_1')).toMatchObject({ what: 'local', awaitsHome: true })
  await world.deployments.launchedLocal('m_1')
  expect((await now())?.deadlineAt).toBe(deadlineAt)
  expect(world.stateOf('m_1')).toBe('deploying')
  await world.deployments.phonedHome('m_1', d.id)
  expect(await now()).toMatchObject({ state: 'succeeded', reason: expect.stringContaining('phoned home') })
  expect(world.stateOf('m_1')).toBe('active')
})

test('one that does not phone home in time fails with what was seen of it last, and is not installed again', async () => {
  phonesHome = true
  const d = await install()
  await world.through()
  world.lastSeen = 'it asked for an address, but no more'
  world.clock.advance(20 * 60_000)
  await world.deployments.tick()
  expect(await world.deployments.get(d.id)).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(
      /^its system was started and did not phone home within 20 minutes: it asked for an address, but no more; what was written is whole/,
    ),
    next: expect.stringContaining('reveille why'),
  })
  expect(world.stateOf('m_1')).toBe('failed')
  expect(world.deployments.bootFor('m_1')).toBeUndefined()
})

test('a call counts also where nobody saw the start, and its lack does where the system was started by kexec', async () => {
  phonesHome = true
  const finish = (how: string) =>
    world.profiles.set('debian', installProfile('debian', { config: 'node', finish: how }))
  const d = await install()
  const boot = await world.boot()
  await world.deployments.agents.inventory(boot, inventoryOf(diskOf('SER1')))
  await world.work(boot)
  await world.deployments.phonedHome('m_1', d.id)
  expect((await world.deployments.get(d.id))?.state).toBe('succeeded')
  finish('kexec')
  const other = await world.deployments.create('m_1', orderOf(), ANN)
  await world.through()
  expect(await world.deployments.get(other.id)).toMatchObject({ state: 'rebooting', homeAwaitedAt: expect.any(Number) })
})
