import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { redfishService, refusal } from '../../../../test/fakes/redfish-service.ts'
import { SILENT } from '../../../kit/log.ts'
import { Secret } from '../../../kit/secret.ts'
import { RedfishClient } from './client.ts'
import { RedfishDriver } from './driver.ts'

let service: Awaited<ReturnType<typeof redfishService>>
const drivers: RedfishDriver[] = []
beforeEach(async () => {
  service = await redfishService()
})
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.close()
  await service.stop()
})

const PASSWORD = 'a secret password'

function driver(change: { user?: string; system?: string | null } = {}): RedfishDriver {
  const { user = '', system = null } = change
  const client = new RedfishClient({
    url: service.url,
    user,
    password: user === '' ? undefined : new Secret(PASSWORD),
    fingerprint: null,
  })
  const made = new RedfishDriver({ client, system, log: SILENT, release: () => client.close(), shownMs: 50 })
  drivers.push(made)
  return made
}

const said = (method: string, pattern: RegExp) =>
  service.asked.filter((one) => one.method === method && pattern.test(one.path))
const bodies = (method: string, pattern: RegExp) => said(method, pattern).map(({ body }) => JSON.parse(body || '{}'))
const once = { device: 'pxe', persistent: false, efi: true } as const

describe('power', () => {
  test('the state is what is read; what is being switched is not done', async () => {
    const one = driver()
    for (const [shown, state] of [
      ['On', 'on'],
      ['PoweringOff', 'on'],
      ['Off', 'off'],
      ['PoweringOn', 'off'],
      [null, 'unknown'],
      [{ a: 1 }, 'unknown'],
    ] as const) {
      service.system.PowerState = shown
      expect(await one.state()).toBe(state)
    }
  })

  test('actions use the type that the machine offers; a cycle is made of off and on where there is none', async () => {
    const one = driver()
    for (const action of ['off', 'on', 'reset', 'soft', 'diag', 'cycle'] as const) await one.perform(action)
    const types = bodies('POST', /Reset$/).map(({ ResetType }) => ResetType)
    expect(types).toEqual(['ForceOff', 'On', 'ForceRestart', 'GracefulShutdown', 'Nmi', 'ForceOff', 'On'])
    service.system.Actions = { '#ComputerSystem.Reset': { 'ResetType@Redfish.AllowableValues': ['On'] } }
    await expect(one.perform('diag')).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('offers On'),
    })
  })

  test('types are found in the action info, too', async () => {
    service.system.Actions = { '#ComputerSystem.Reset': { '@Redfish.ActionInfo': '/redfish/v1/Info' } }
    service.documents['/redfish/v1/Info'] = { Parameters: [{ Name: 'ResetType', AllowableValues: ['PowerCycle'] }] }
    await driver().perform('cycle')
    expect(bodies('POST', /Reset$/)).toEqual([{ ResetType: 'PowerCycle' }])
  })

  test('switching on what is on is no failure, where the service says it is', async () => {
    service.before = ({ path }) => (path.endsWith('Reset') ? refusal('It is on already.') : undefined)
    await driver().perform('on')
    await expect(driver().perform('off')).rejects.toMatchObject({
      message: expect.stringContaining('It is on already.'),
    })
  })
})

describe('boot order', () => {
  test('it is set in one PATCH and read back', async () => {
    const one = driver()
    await one.setBootOrder(once)
    expect(bodies('PATCH', /Systems/)).toEqual([
      {
        Boot: {
          BootSourceOverrideEnabled: 'Once',
          BootSourceOverrideTarget: 'Pxe',
          BootSourceOverrideMode: 'UEFI',
        },
      },
    ])
    expect(await one.bootOrder()).toEqual(once)
    await one.setBootOrder(null)
    expect(await one.bootOrder()).toBeNull()
  })

  test('a service that answers 200 and keeps nothing is named a liar', async () => {
    service.before = ({ method }) => (method === 'PATCH' ? { status: 200, body: {} } : undefined)
    await expect(driver().setBootOrder(once)).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining(
        'accepted the boot order pxe, once, UEFI, but shows Disabled None in mode Legacy',
      ),
    })
  })

  test('a mode that silently reverts is seen', async () => {
    service.before = ({ method, body }) => {
      if (method !== 'PATCH') return undefined
      Object.assign(service.system.Boot as object, JSON.parse(body).Boot, { BootSourceOverrideMode: 'Legacy' })
      return { status: 200, body: {} }
    }
    await expect(driver().setBootOrder(once)).rejects.toMatchObject({
      message: expect.stringContaining('in mode Legacy'),
    })
  })

  test('a service that refuses the mode is asked without, and without how long', async () => {
    service.before = ({ method, body }) =>
      method === 'PATCH' && /Mode|Enabled/.test(body) ? refusal('The property is not writable.') : undefined
    ;(service.system.Boot as Record<string, unknown>).BootSourceOverrideEnabled = 'Once'
    ;(service.system.Boot as Record<string, unknown>).BootSourceOverrideMode = 'UEFI'
    await driver().setBootOrder(once)
    expect(bodies('PATCH', /Systems/).map(({ Boot }) => Object.keys(Boot).length)).toEqual([3, 2, 1])
  })

  test('what no body achieves fails with the first answer', async () => {
    service.before = ({ method, body }) =>
      method === 'PATCH' ? refusal(body.includes('Mode') ? 'No such mode.' : 'Something else.') : undefined
    await expect(driver().setBootOrder(once)).rejects.toMatchObject({
      message: expect.stringContaining('No such mode.'),
    })
  })

  test('makers have their own ways', async () => {
    service.system.Manufacturer = 'HPE'
    ;(service.system.Boot as Record<string, unknown>).BootSourceOverrideMode = 'UEFI'
    await driver().setBootOrder(once)
    await driver().setBootOrder(null)
    service.system.Manufacturer = 'Supermicro'
    ;(service.system.Boot as Record<string, unknown>)['BootSourceOverrideTarget@Redfish.AllowableValues'] = [
      'Cd',
      'UsbCd',
    ]
    await driver().setBootOrder({ device: 'media', persistent: false, efi: true })
    expect(bodies('PATCH', /Systems/).map(({ Boot }) => Boot)).toEqual([
      { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' },
      { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'Pxe' },
      { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'UsbCd', BootSourceOverrideMode: 'UEFI' },
    ])
  })

  test('what the machine does not offer is refused without asking it', async () => {
    await expect(driver().setBootOrder({ ...once, device: 'http' })).rejects.toMatchObject({
      message: expect.stringContaining('it offers None, Pxe, Hdd, Cd'),
    })
    expect(said('PATCH', /./)).toEqual([])
  })

  test('changes that wait in a settings object count', async () => {
    service.system['@Redfish.Settings'] = { SettingsObject: { '@odata.id': '/redfish/v1/Systems/1/SD' } }
    service.documents['/redfish/v1/Systems/1/SD'] = { Boot: {} }
    service.before = ({ method, path }) =>
      method === 'PATCH' && path === '/redfish/v1/Systems/1' ? { status: 405 } : undefined
    await driver().setBootOrder(once)
    expect(said('PATCH', /SD$/)).toHaveLength(1)
  })
})

describe('ETags', () => {
  const PATH = '/redfish/v1/Systems/1'
  const accepting = (right: string | undefined, status = 412) => {
    service.before = ({ method, headers }) =>
      method === 'PATCH' && headers['if-match'] !== right ? { status } : undefined
  }

  test.each([
    ['as it was given', 'W/"5"'],
    ['strong', '"5"'],
    ['without quotes', '5'],
    ['not at all', undefined],
    ['any', '*'],
  ])('they are sent in the form that is wanted: %s', async (_, right) => {
    service.etags[PATH] = 'W/"5"'
    accepting(right)
    await driver().setBootOrder(once)
  })

  test('one that is demanded but not given is any', async () => {
    accepting('*', 428)
    await driver().setBootOrder(once)
  })

  test('a service that wants none of them is not asked for ever', async () => {
    service.etags[PATH] = 'W/"5"'
    accepting('never')
    await expect(driver().setBootOrder(once)).rejects.toMatchObject({ status: 412 })
    expect(said('PATCH', /./)).toHaveLength(5)
  })
})

describe('virtual media', () => {
  const url = 'http://192.0.2.1/boot.iso'

  test('discs go into the drive that takes discs, and out again', async () => {
    const one = driver()
    await one.setMedia(url)
    expect(await one.media()).toBe(url)
    await one.setMedia('http://192.0.2.1/other.iso')
    expect(said('POST', /EjectMedia/)).toHaveLength(1)
    await one.setMedia(null)
    expect(await one.media()).toBeNull()
    expect(said('POST', /Usb/)).toEqual([])
  })

  test('a service that wants more words gets them', async () => {
    service.before = ({ path, body }) =>
      path.endsWith('InsertMedia') && !body.includes('TransferProtocolType')
        ? refusal('TransferProtocolType is missing')
        : undefined
    await driver().setMedia(url)
    expect(bodies('POST', /InsertMedia/).at(-1)).toMatchObject({ Image: url, TransferProtocolType: 'HTTP' })
  })

  test('a drive without actions is patched', async () => {
    delete service.documents['/redfish/v1/Managers/1/VirtualMedia/Cd']!.Actions
    const one = driver()
    await one.setMedia(url)
    await one.setMedia(null)
    expect(bodies('PATCH', /Cd$/)).toEqual([
      { Image: url, Inserted: true, WriteProtected: true },
      { Image: null, Inserted: false },
    ])
  })

  test('a drive that is patched with its address alone is asked so', async () => {
    const drive = service.documents['/redfish/v1/Managers/1/VirtualMedia/Cd']!
    delete drive.Actions
    delete drive.Inserted
    service.before = ({ method, body }) =>
      method === 'PATCH' && body.includes('Inserted') ? refusal('read-only') : undefined
    const one = driver()
    await one.setMedia(url)
    expect(await one.media()).toBe(url)
    await one.setMedia(null)
    expect(await one.media()).toBeNull()
  })

  test('a disc that is not there afterwards is told', async () => {
    service.before = ({ path }) => (path.endsWith('InsertMedia') ? { status: 204 } : undefined)
    await expect(driver().setMedia(url)).rejects.toMatchObject({
      message: expect.stringContaining('is empty'),
      next: expect.stringContaining('http://192.0.2.1'),
    })
  })
})

describe('the lamp', () => {
  test('is lit and put out by the property that the machine has', async () => {
    const one = driver()
    await one.identify(null)
    service.system.LocationIndicatorActive = true
    await one.identify(0)
    expect(bodies('PATCH', /./)).toEqual([{ IndicatorLED: 'Lit' }, { LocationIndicatorActive: false }])
    delete service.system.LocationIndicatorActive
    delete service.system.IndicatorLED
    await expect(one.identify(null)).rejects.toMatchObject({ code: 'wrong-state' })
  })
})

describe('readings', () => {
  test('sensors come from Thermal and Power, or from the collection', async () => {
    const chassis = service.documents['/redfish/v1/Chassis/1']!
    await expect(driver().sensors()).rejects.toMatchObject({ code: 'wrong-state' })
    chassis.Sensors = { '@odata.id': '/redfish/v1/S' }
    service.documents['/redfish/v1/S'] = {
      Members: [{ '@odata.id': '/redfish/v1/S/1' }, { '@odata.id': '//evil.example/' }],
    }
    service.documents['/redfish/v1/S/1'] = {
      Name: 'Inlet',
      ReadingType: 'Temperature',
      Reading: 21.5,
      ReadingUnits: 'Cel',
      Status: { Health: 'OK' },
      Thresholds: { UpperCritical: { Reading: 40 } },
    }
    expect(await driver().sensors()).toEqual([
      {
        name: 'Inlet',
        kind: 'temperature',
        unit: '°C',
        value: 21.5,
        state: 'ok',
        lowCritical: null,
        lowWarning: null,
        highWarning: null,
        highCritical: 40,
        text: '',
      },
    ])
    chassis.Thermal = { '@odata.id': '/redfish/v1/T' }
    service.documents['/redfish/v1/T'] = {
      Temperatures: [
        { Name: 'CPU', ReadingCelsius: 50 },
        { Name: 'CPU2', Status: { State: 'Absent' } },
      ],
      Fans: 'none',
    }
    expect((await driver().sensors()).map(({ name }) => name)).toEqual(['CPU'])
  })

  test('the log is found, read page by page, and cleared', async () => {
    service.documents['/redfish/v1/Managers/1']!.LogServices = { '@odata.id': '/redfish/v1/L' }
    service.documents['/redfish/v1/L'] = {
      Members: [{ '@odata.id': '/redfish/v1/L/Audit' }, { '@odata.id': '/redfish/v1/L/Sel' }],
    }
    service.documents['/redfish/v1/L/Sel'] = {
      Entries: { '@odata.id': '/redfish/v1/L/Sel/E' },
      Actions: { '#LogService.ClearLog': { target: '/redfish/v1/L/Sel/Clear' } },
    }
    service.documents['/redfish/v1/L/Sel/E'] = {
      Members: [
        { Id: '7', Created: '2026-01-01T00:00:00Z', Message: 'fan\n failed', Severity: 'Critical', SensorType: 'Fan' },
      ],
      'Members@odata.nextLink': '/redfish/v1/L/Sel/E2',
    }
    service.documents['/redfish/v1/L/Sel/E2'] = {
      Members: [{ Id: 'x', Created: '1970-01-01T00:00:10Z', Message: 'boot' }],
    }
    expect(await driver().events()).toEqual([
      { id: 7, at: Date.parse('2026-01-01T00:00:00Z'), sensor: 'Fan', text: 'fan  failed', severity: 'critical' },
      { id: 2, at: null, sensor: '', text: 'boot', severity: 'unknown' },
    ])
    service.before = ({ path }) => (path.endsWith('/Clear') ? { status: 204 } : undefined)
    await driver().clearEvents()
  })

  test('it says what it is', async () => {
    expect(await driver().fru()).toMatchObject({
      manufacturer: 'Acme',
      product: 'Anvil',
      serial: 'A1',
      chassisSerial: 'C1',
    })
    expect(await driver().probe()).toMatch(/^Redfish 1\.6\.0 at 127\.0\.0\.1:\d+: system 1 \(Acme Anvil\), power On$/)
  })

  test('with several systems one must be named, by whatever names it', async () => {
    service.documents['/redfish/v1/Systems/2'] = { Id: '2', UUID: 'ABC', PowerState: 'Off' }
    ;(service.documents['/redfish/v1/Systems']!.Members as unknown[]).push({ '@odata.id': '/redfish/v1/Systems/2' })
    await expect(driver().state()).rejects.toMatchObject({ message: expect.stringContaining('1, 2') })
    for (const system of ['2', '/redfish/v1/Systems/2/', 'abc']) expect(await driver({ system }).state()).toBe('off')
    await expect(driver({ system: '9' }).state()).rejects.toMatchObject({ code: 'wrong-state' })
  })
})
