import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bmc } from '../../src/api/contract/bmcs.ts'
import { freeTcpPort } from './bed/free-port.ts'
import { Server } from './bed/server.ts'
import { until } from './bed/until.ts'

const MAC = '52:54:00:d1:5c:02'

type Told = { bmc: Bmc; user: string; password: string }
type Seen = { id: string; firmware: string | null; lastSeenAt: string | null }
type Media = { url: string; driver: string }

let server: Server
let port: number
let redfish: number

beforeAll(async () => {
  port = await freeTcpPort()
  redfish = await freeTcpPort()
  const udp = 20_000 + (process.pid % 10_000) * 4
  server = await Server.make({
    http: { listen: `127.0.0.1:${port}` },
    // As the machine below reaches this server through QEMU's own network.
    advertise: '10.0.2.2',
    dhcp: { mode: 'off' },
    tftp: { enabled: false },
    networks: [{ name: 'lan', subnet: '10.0.2.0/24', router: '10.0.2.2' }],
    gateway: {
      host: '127.0.0.1',
      ports: `${udp}-${udp + 3}`,
      redfish: { enabled: true, listen: `127.0.0.1:${redfish}` },
    },
  })
})
afterAll(() => server?.remove())

test('a machine without DHCP boots from the disc that its BMC was told of by Redfish', async () => {
  await server.api('POST', '/machines', { name: 'node', macs: [MAC], ip: '10.0.2.77' })
  await server.api('POST', '/machines', { name: 'bmc', macs: ['52:54:00:d1:5c:03'] })
  const told = await server.api<Told>('POST', '/bmcs', { machine: 'bmc' })
  const settings = { kind: 'redfish', url: `https://127.0.0.1:${redfish}`, user: `${told.user}@bmc` }
  const driver = '/machines/node/power/drivers/rf'
  const secrets = { password: told.password }
  await server.api('PUT', driver, { settings, secrets })

  // Its certificate is our own, which nobody signed: the refusal shows it.
  const refused = await server.api<{ ok: boolean; detail: string }>('POST', `${driver}/probe`, {})
  const [fingerprint] = /SHA256:[A-Za-z0-9+/]{43}/.exec(refused.detail) ?? []
  expect([refused.ok, fingerprint]).toEqual([false, expect.any(String)])
  await server.api('PUT', driver, { settings: { ...settings, fingerprint }, secrets })
  expect(await server.api('POST', `${driver}/probe`, {})).toMatchObject({ ok: true })

  const media = await server.api<Media>('PUT', '/machines/node/power/media', { media: 'boot' })
  expect(media.url).toContain(`http://10.0.2.2:${port}/boot/disc/`)
  expect((await server.api<Bmc>('GET', '/bmcs/bmc')).media).toBe(media.url)
  expect((await server.api<Seen>('GET', '/machines/node')).lastSeenAt).toBeNull()

  // QEMU's drive reads the disc over HTTP as a BMC's does, a piece at a time.
  const disc = media.url.replace('10.0.2.2', '127.0.0.1')
  const drive = ['-drive', `media=cdrom,readonly=on,file.driver=http,file.url=${disc}`, '-boot', 'd']
  const network = ['-netdev', 'user,id=n,net=10.0.2.0/24', '-device', `e1000,netdev=n,mac=${MAC},romfile=`]
  const quiet = ['-display', 'none', '-serial', 'none', '-monitor', 'none', '-m', '512', '-accel', 'tcg']
  const qemu = spawn('/usr/bin/qemu-system-x86_64', [...quiet, ...network, ...drive], { stdio: 'ignore' })
  const ended = once(qemu, 'exit')
  try {
    const seen = await until('the machine asks what to boot', 300_000, async () => {
      const machine = await server.api<Seen>('GET', '/machines/node')
      return machine.lastSeenAt === null ? undefined : machine
    })
    expect(seen.firmware).toBe('bios')
  } finally {
    qemu.kill('SIGKILL')
    await ended
  }
  expect(server.output).toContain('the boot disc of a machine is fetched')
  expect(server.output).not.toContain(told.password)
  await server.api('PUT', '/machines/node/power/media', { media: null })
  expect((await server.api<Bmc>('GET', '/bmcs/bmc')).media).toBeNull()
})
