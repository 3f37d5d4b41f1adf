import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeBmc, FakeDirectory } from '../../../../test/fakes/bmc.ts'
import { serveRedfish } from '../../../gateway/redfish/serve.ts'
import { ManualClock } from '../../../kit/clock.ts'
import { SILENT } from '../../../kit/log.ts'
import { Secret } from '../../../kit/secret.ts'
import type { PowerDriver } from '../../driver.ts'
import { DriverSettings } from '../../settings.ts'
import { redfishDrivers } from './redfish.ts'

/** Our client against our face, which redfishtool and sushy were tried against. */
let bmc: FakeBmc
let face: Awaited<ReturnType<typeof serveRedfish>>
let drivers: ReturnType<typeof redfishDrivers>
let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'reveille-redfish-'))
  bmc = new FakeBmc({ machine: 'm-1' }, { name: 'node1' })
  drivers = redfishDrivers({ clock: new ManualClock(), log: SILENT })
  face = await serveRedfish({
    directory: new FakeDirectory([bmc, new FakeBmc({ machine: 'm-2' }, { name: 'node2' })]),
    settings: { listen: { host: '127.0.0.1', port: 0 } },
    dataDir,
    clients: [],
    events: 512,
    clock: new ManualClock(Date.now()),
    log: SILENT,
  })
})
afterEach(async () => {
  await drivers.close()
  await face.stop()
  await rm(dataDir, { recursive: true, force: true })
})

function driver(change: { fingerprint?: string | null; password?: string; user?: string } = {}): Required<PowerDriver> {
  const { fingerprint = face.fingerprint, password = 'secret', user = 'admin@node1' } = change
  const url = `https://127.0.0.1:${face.port}`
  return drivers.factory(
    DriverSettings.parse({ kind: 'redfish', url, user, fingerprint }),
    { password: new Secret(password) },
    { id: 'm-1', name: 'node1', macs: [], address: () => null },
  ) as Required<PowerDriver>
}

test('everything that the driver can do is done by the face', async () => {
  const one = driver()
  expect(await one.probe()).toMatch(/system m-1 \(Reveille Fake\), power On$/)
  for (const action of ['off', 'on', 'cycle', 'reset', 'soft', 'diag'] as const) await one.perform(action)
  expect(await one.state()).toBe('off')
  for (const device of ['pxe', 'http', 'disk', 'cdrom', 'usb', 'setup', 'diag'] as const)
    for (const persistent of [true, false]) {
      await one.setBootOrder({ device, persistent, efi: true })
      expect(await one.bootOrder()).toEqual({ device, persistent, efi: true })
    }
  await one.setBootOrder({ device: 'pxe', persistent: false, efi: false })
  expect(bmc.bmc.bootOrder).toEqual({ device: 'pxe', persistent: false, efi: false })
  await one.setBootOrder(null)
  expect(bmc.bmc.bootOrder).toBeNull()
  await one.identify(null)
  await one.identify(0)
  await one.setMedia('http://192.0.2.1/boot.iso')
  expect(await one.media()).toBe('http://192.0.2.1/boot.iso')
  await one.setBootOrder({ device: 'media', persistent: false, efi: true })
  expect(bmc.bmc.bootOrder?.device).toBe('media')
  await one.setMedia(null)
  expect(bmc.bmc.media).toBeNull()
  await bmc.record({ kind: 'other', severity: 'warning', text: 'something happened' })
  expect(await one.events()).toEqual([
    { id: 1, at: 1_800_000_000_000, sensor: '', text: 'something happened', severity: 'warning' },
  ])
  await one.clearEvents()
  expect(bmc.log).toEqual([])
  const limits = { lowCritical: null, lowWarning: null, highWarning: 80, highCritical: 90, text: '' }
  bmc.sensorList = [
    { name: 'CPU', kind: 'temperature', unit: '°C', value: 41, state: 'ok', ...limits },
    { name: 'FAN', kind: 'fan', unit: 'RPM', value: 3000, state: 'warning', ...limits },
  ]
  expect(await one.sensors()).toEqual(bmc.sensorList)
  expect(await one.fru()).toMatchObject({
    manufacturer: 'Reveille',
    product: 'Fake',
    serial: 'S1',
    chassisSerial: 'S1',
  })
  await one.close()
  expect(face.sessions()).toEqual([])
})

test('nothing is sent to a service with another certificate', async () => {
  const wrong = `SHA256:${'A'.repeat(43)}`
  await expect(driver({ fingerprint: wrong }).state()).rejects.toMatchObject({
    code: 'not-available',
    message: expect.stringContaining(face.fingerprint),
  })
  await expect(driver({ fingerprint: null }).state()).rejects.toMatchObject({
    message: expect.stringContaining(`${face.fingerprint} is not valid`),
    next: expect.stringContaining('fingerprint'),
  })
  expect(bmc.calls).toEqual([])
  expect(bmc.log).toEqual([])
})

test('wrong passwords and missing privileges are told apart from the rest', async () => {
  await expect(driver({ password: 'wrong' }).state()).rejects.toMatchObject({ code: 'wrong-credentials' })
  const user = driver({ user: 'user@node1', password: 'user-secret' })
  expect(await user.state()).toBe('on')
  await expect(user.perform('off')).rejects.toMatchObject({ code: 'wrong-credentials', status: 403 })
  expect(bmc.power).toBe('on')
})
