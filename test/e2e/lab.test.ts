import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LabMachine, LabStatus } from '../../src/api/contract/lab.ts'
import type { Machine } from '../../src/api/contract/machines.ts'
import { ARRIVED } from '../../src/lab/linux-init.ts'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { findMachines } from '../../src/lab/process.ts'
import { bringLinux } from './bed/linux.ts'
import { Server } from './bed/server.ts'
import { until } from './bed/until.ts'
import { Host } from './bed/wire.ts'

const showing = async (server: Server, name: string, pattern: RegExp, ms: number) => {
  let shown = ''
  const found = until(`${name} shows ${pattern}`, ms, async () => {
    shown = (await server.call('GET', `/api/v1/machines/${name}/console/log`)).text
    return pattern.exec(shown) ?? undefined
  })
  return found.catch(async (error: Error) => {
    const why = await server.call('GET', `/api/v1/machines/${name}/why`)
    const end = (text: string) => text.slice(-3000)
    throw new Error(`${error.message}\nit shows: ${end(shown)}\nwhy: ${why.text}\nserver: ${end(server.output)}`)
  })
}

describe('the lab as root', () => {
  let host: Host
  let server: Server
  beforeAll(async () => {
    host = await Host.make()
    const start: typeof host.start = (...given) => host.start(...given)
    server = await Server.make({ lab: { enabled: true } }, { start, before: bringLinux })
  })
  afterAll(async () => {
    await server?.call('DELETE', '/api/v1/lab')
    await server?.remove()
    await host?.remove()
  })

  test('a lab machine is discovered, approved, boots, and is switched like any other', async () => {
    const status = await server.api<LabStatus>('POST', '/lab/up')
    expect(status).toMatchObject({ state: 'up', mode: 'bridge', subnet: '10.77.0.0/24' })
    const { mac, power } = await server.api<LabMachine>('POST', '/lab/machines', { name: 'first', disksGiB: [1] })
    expect(power).toBe('on')
    const found = await until('it is discovered', 60_000, async () => {
      const { status, text } = await server.call('GET', `/api/v1/machines/${mac}`)
      return status === 200 ? (JSON.parse(text) as Machine) : undefined
    })
    expect(found.state).toBe('discovered')
    await server.api('POST', `/machines/${mac}/approve`, { name: 'first', profile: LAB_LINUX })
    await showing(server, 'first', new RegExp(`${ARRIVED} 10\\.77\\.0\\.`), 90_000)
    const [listed] = (await server.api<{ items: LabMachine[] }>('GET', '/lab/machines')).items
    expect(listed).toMatchObject({ name: 'first', power: 'on', machine: { name: 'first' } })
    const { state } = await server.api<{ state: string }>('POST', '/machines/first/power', { action: 'soft' })
    expect(['on', 'off']).toContain(state)
    await until('its system heard the power button', 20_000, async () =>
      (await server.api<{ state: string }>('GET', '/machines/first/power')).state === 'off' ? true : undefined,
    )
  })

  test('a disk is attached while it runs, its screen is a PNG, and it survives kill -9 of the server', async () => {
    await server.api('POST', '/machines/first/power', { action: 'on' })
    await showing(server, 'first', new RegExp(`${ARRIVED}[\\s\\S]*${ARRIVED}`), 60_000)
    const changed = await server.api<LabMachine>('PATCH', '/lab/machines/first', { attachDiskGiB: 2 })
    expect(changed.disksGiB).toEqual([1, 2])
    const screen = await server.call('GET', '/api/v1/lab/machines/first/screen')
    expect(screen.text.slice(1, 4)).toBe('PNG')
    const before = await findMachines(join(server.dataDir, 'lab'))
    expect([...before.keys()]).toEqual(['first'])

    await server.kill()
    await server.start()
    expect(await findMachines(join(server.dataDir, 'lab'))).toEqual(before)
    const [listed] = (await server.api<{ items: LabMachine[] }>('GET', '/lab/machines')).items
    expect(listed).toMatchObject({ name: 'first', power: 'on', disksGiB: [1, 2] })
    await server.api('POST', '/machines/first/power', { action: 'reset' })
    await showing(server, 'first', new RegExp(`(${ARRIVED}[\\s\\S]*){3}`), 60_000)
  })

  test('nothing is left behind when the lab is destroyed', async () => {
    await server.api('DELETE', '/lab')
    expect(await findMachines(join(server.dataDir, 'lab'))).toEqual(new Map())
    expect(await host.ip('-br', 'link')).not.toContain('rvlab')
    expect((await server.api<LabStatus>('GET', '/lab')).state).toBe('down')
  })
})

describe('the lab without root', () => {
  const user = `rve2e${process.pid}`
  let server: Server
  beforeAll(async () => {
    execFileSync('useradd', ['--no-create-home', '--shell', '/bin/sh', user])
    const id = Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }))
    const port = 20_000 + (process.pid % 10_000)
    const settings = { http: { listen: `127.0.0.1:${port}` }, lab: { enabled: true } }
    server = await Server.make(settings, { owner: { uid: id, gid: id }, before: bringLinux })
  })
  afterAll(async () => {
    await server?.call('DELETE', '/api/v1/lab')
    await server?.remove()
    execFileSync('userdel', [user])
  })

  test('says what is different, and boots to userland all the same', async () => {
    const status = await server.api<LabStatus>('POST', '/lab/up')
    expect(status).toMatchObject({ state: 'up', mode: 'user', subnet: null })
    expect(status.reason).toContain('Without root')
    const { mac } = await server.api<LabMachine>('POST', '/lab/machines', { name: 'rootless', start: false })
    await server.api('POST', '/machines', { name: 'rootless', macs: [mac], profile: LAB_LINUX })
    await server.api('POST', '/machines/rootless/power', { action: 'on' })
    await showing(server, 'rootless', new RegExp(`${ARRIVED} 10\\.0\\.2\\.`), 90_000)
  })

  test('refuses a machine that needs a wire', async () => {
    const wish = { name: 'wired', firmware: 'uefi', rom: 'pxe' }
    const { status, text } = await server.call('POST', '/api/v1/lab/machines', wish)
    expect(status).toBe(400)
    expect(text).toContain('only rom ipxe boots there')
  })
})
