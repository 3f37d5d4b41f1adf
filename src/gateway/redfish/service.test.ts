import { beforeEach, expect, test } from 'vitest'
import { INVENTORY, messagesOf, redfishWorld, SYSTEM } from '../../../test/fakes/redfish.ts'
import { Refusal } from '../../kit/errors.ts'

let { one, directory, ask, inventories } = redfishWorld()
beforeEach(() => {
  ;({ one, directory, ask, inventories } = redfishWorld())
})

test('the root, the service document and the metadata are there for everybody, and nothing else', async () => {
  for (const path of ['/redfish', '/redfish/v1', '/redfish/v1/', '/redfish/v1/odata', '/redfish/v1/$metadata'])
    expect((await ask('GET', path, { as: '' })).status).toBe(200)
  for (const path of ['/redfish/v1/Systems', '/redfish/v1/SessionService', '/redfish/v1/Nothing', '/'])
    expect((await ask('GET', path, { as: '' })).status).toBe(401)
  expect((await ask('GET', '/redfish/v1/Nothing')).status).toBe(404)
  expect((await ask('POST', '/redfish/v1')).headers.allow).toBe('GET, HEAD')
})

test('machines are switched by the reset types that are offered', async () => {
  const { body } = await ask('GET', SYSTEM)
  const action = body.Actions['#ComputerSystem.Reset']
  expect(body.PowerState).toBe('On')
  for (const ResetType of action['ResetType@Redfish.AllowableValues'])
    expect((await ask('POST', action.target, { body: { ResetType } })).status).toBe(204)
  expect(one.calls.filter((call) => call.startsWith('perform'))).toEqual(
    ['on', 'on', 'off', 'soft', 'reset', 'cycle', 'diag'].map((done) => `perform ${done} by admin`),
  )
  const refused = async (given: unknown) => messagesOf(await ask('POST', action.target, { body: given }))
  expect(await refused({})).toEqual(['Base.1.8.ActionParameterMissing'])
  expect(await refused({ ResetType: 'Explode' })).toEqual(['Base.1.8.ActionParameterValueNotInList'])
  expect(await refused({ ResetType: 1 })).toEqual(['Base.1.8.ActionParameterValueTypeError'])
  expect(await refused({ ResetType: 'On', More: 1 })).toEqual(['Base.1.8.ActionParameterUnknown'])
  expect(await refused('{')).toEqual(['Base.1.8.MalformedJSON'])
  expect(await refused([])).toEqual(['Base.1.8.UnrecognizedRequestBody'])
})

test('the boot override is set, read back, merged and taken away', async () => {
  const patch = async (Boot: unknown) => (await ask('PATCH', SYSTEM, { body: { Boot } })).body.Boot
  expect(await patch({ BootSourceOverrideTarget: 'Pxe' })).toMatchObject({ BootSourceOverrideEnabled: 'Once' })
  expect(one.bmc.bootOrder).toEqual({ device: 'pxe', persistent: false, efi: true })
  expect(await patch({ BootSourceOverrideEnabled: 'Continuous' })).toMatchObject({ BootSourceOverrideTarget: 'Pxe' })
  expect(await patch({ BootSourceOverrideMode: 'Legacy' })).toMatchObject({ BootSourceOverrideMode: 'Legacy' })
  expect(one.bmc.bootOrder).toEqual({ device: 'pxe', persistent: true, efi: false })
  expect(await patch({ BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'Pxe' })).toMatchObject({
    BootSourceOverrideEnabled: 'Disabled',
    BootSourceOverrideTarget: 'None',
  })
  expect(one.bmc.bootOrder).toBeNull()
  const once = {
    BootSourceOverrideEnabled: 'Once',
    BootSourceOverrideTarget: 'UefiHttp',
    BootSourceOverrideMode: 'UEFI',
  }
  expect(await patch(once)).toMatchObject(once)
})

test('a mode without an order is remembered and used', async () => {
  const patched = await ask('PATCH', SYSTEM, { body: { Boot: { BootSourceOverrideMode: 'Legacy' } } })
  expect(patched.body.Boot.BootSourceOverrideMode).toBe('Legacy')
  await ask('PATCH', SYSTEM, { body: { Boot: { BootSourceOverrideTarget: 'Hdd' } } })
  expect(one.bmc.bootOrder).toEqual({ device: 'disk', persistent: false, efi: false })
})

test.each([
  [{ Boot: { BootSourceOverrideTarget: 'Floppy' } }, 'PropertyValueNotInList'],
  [{ Boot: { BootSourceOverrideTarget: 3 } }, 'PropertyValueTypeError'],
  [{ Boot: { BootSourceOverrideEnabled: 'Once' } }, 'PropertyMissing'],
  [{ Boot: { BootSourceOverrideTarget: 'UefiHttp', BootSourceOverrideMode: 'Legacy' } }, 'PropertyValueConflict'],
  [{ Boot: { HttpBootUri: 'http://192.0.2.1/' } }, 'PropertyUnknown'],
  [{ Boot: null }, 'PropertyValueTypeError'],
  [{ PowerState: 'Off' }, 'PropertyNotWritable'],
  [{ Colour: 'red' }, 'PropertyUnknown'],
  [{ IndicatorLED: 'Purple' }, 'PropertyValueNotInList'],
])('a PATCH that asks too much changes nothing: %j', async (body, message) => {
  const refused = await ask('PATCH', SYSTEM, { body: { IndicatorLED: 'Lit', ...body } })
  expect([refused.status, messagesOf(refused)]).toEqual([400, [`Base.1.8.${message}`]])
  expect(one.calls.filter((call) => /set|identify/.test(call))).toEqual([])
})

test('an ETag holds while nothing that can be changed changed', async () => {
  const { headers, body } = await ask('GET', SYSTEM)
  expect(body['@odata.etag']).toBe(headers.etag)
  one.power = 'off'
  expect((await ask('GET', SYSTEM)).headers.etag).toBe(headers.etag)
  const lamp = { body: { IndicatorLED: 'Lit' } }
  expect((await ask('PATCH', SYSTEM, { ...lamp, headers: { 'if-match': `W/${headers.etag}` } })).status).toBe(200)
  const stale = await ask('PATCH', SYSTEM, { ...lamp, headers: { 'if-match': headers.etag! } })
  expect([stale.status, messagesOf(stale)]).toEqual([412, ['Base.1.8.PreconditionFailed']])
  expect((await ask('PATCH', SYSTEM, { ...lamp, headers: { 'if-match': '*' } })).status).toBe(200)
})

test('the lamp is lit by either property and shown as it was ordered', async () => {
  expect((await ask('GET', SYSTEM)).body.IndicatorLED).toBe('Unknown')
  expect(
    (await ask('PATCH', '/redfish/v1/Chassis/m-1', { body: { LocationIndicatorActive: true } })).body.IndicatorLED,
  ).toBe('Lit')
  expect((await ask('PATCH', SYSTEM, { body: { IndicatorLED: 'Off' } })).body.LocationIndicatorActive).toBe(false)
  expect(one.calls.filter((call) => call.startsWith('identify'))).toEqual(['identify null', 'identify 0'])
})

test('discs are put in and taken out by actions and by PATCH', async () => {
  const drive = '/redfish/v1/Managers/m-1/VirtualMedia/Cd'
  const insert = (body: unknown) => ask('POST', `${drive}/Actions/VirtualMedia.InsertMedia`, { body })
  const Image = 'http://192.0.2.1/a/boot.iso?x=1'
  expect((await insert({ Image, Inserted: true, WriteProtected: true, TransferProtocolType: 'HTTP' })).status).toBe(204)
  expect((await ask('GET', drive)).body).toMatchObject({
    Image,
    ImageName: 'boot.iso',
    Inserted: true,
    ConnectedVia: 'URI',
  })
  await ask('PATCH', SYSTEM, { body: { Boot: { BootSourceOverrideTarget: 'Cd' } } })
  expect(one.bmc.bootOrder?.device).toBe('media')
  expect((await ask('POST', `${drive}/Actions/VirtualMedia.EjectMedia`)).status).toBe(204)
  expect(one.bmc.media).toBeNull()
  await ask('PATCH', SYSTEM, { body: { Boot: { BootSourceOverrideTarget: 'Cd' } } })
  expect(one.bmc.bootOrder?.device).toBe('cdrom')
  expect((await ask('PATCH', drive, { body: { Image: 'rescue', Inserted: true } })).body.Image).toBe('rescue')
  expect((await ask('PATCH', drive, { body: { Image: null, Inserted: false } })).body.Inserted).toBe(false)
  for (const bad of [
    {},
    { Image: 1 },
    { Image: 'ftp://192.0.2.1/x' },
    { Image: 'file:///etc/passwd' },
    { Image: '../x' },
    { Image, Inserted: false },
    { Image, UserName: 'x', Password: 'y' },
    { Image, constructor: 1 },
  ])
    expect((await insert(bad)).status).toBe(400)
  expect((await ask('GET', '/redfish/v1/Managers/m-1/VirtualMedia/Floppy')).status).toBe(404)
})

test('a back end that does not answer is told, not hidden', async () => {
  one.failure = new Refusal('not-available', 'The BMC does not answer.')
  const system = await ask('GET', SYSTEM)
  expect([system.status, system.body.PowerState, system.body.Status.Health]).toEqual([200, null, 'Warning'])
  expect(system.body['@Message.ExtendedInfo'][0].Message).toContain('The BMC does not answer.')
  const reset = { body: { ResetType: 'On' } }
  const failed = await ask('POST', `${SYSTEM}/Actions/ComputerSystem.Reset`, reset)
  expect([failed.status, failed.headers['retry-after']]).toEqual([503, '10'])
  one.failure = new Refusal('not-found', 'No driver of this machine can do it.')
  expect((await ask('POST', `${SYSTEM}/Actions/ComputerSystem.Reset`, reset)).status).toBe(400)
  expect((await ask('GET', '/redfish/v1/Chassis/m-1/Thermal')).body.Temperatures).toEqual([])
  one.failure = new Error('boom secret')
  const broken = await ask('POST', `${SYSTEM}/Actions/ComputerSystem.Reset`, reset)
  expect(broken.status).toBe(500)
  expect(JSON.stringify(broken.body)).not.toContain('boom')
})

test('sensors are shown in Thermal, Power and Sensors', async () => {
  const limits = { lowCritical: null, lowWarning: null, highWarning: 80, highCritical: 90, text: '' }
  one.sensorList = [
    { name: 'CPU Temp', kind: 'temperature', unit: '°C', value: 41.5, state: 'ok', ...limits },
    { name: 'CPU Temp', kind: 'temperature', unit: '°C', value: null, state: 'unknown', ...limits },
    { name: 'FAN 1', kind: 'fan', unit: 'RPM', value: 3600, state: 'warning', ...limits },
    { name: '12V', kind: 'voltage', unit: 'V', value: 12.1, state: 'ok', ...limits },
    { name: 'Total', kind: 'power', unit: 'W', value: 210, state: 'ok', ...limits },
  ]
  const chassis = '/redfish/v1/Chassis/m-1'
  const thermal = (await ask('GET', `${chassis}/Thermal`)).body
  expect(thermal.Temperatures[0]).toMatchObject({ ReadingCelsius: 41.5, UpperThresholdCritical: 90 })
  expect(thermal.Temperatures[1].Status.State).toBe('Absent')
  expect(thermal.Fans[0]).toMatchObject({ Reading: 3600, ReadingUnits: 'RPM', Status: { Health: 'Warning' } })
  const power = (await ask('GET', `${chassis}/Power`)).body
  expect([power.PowerControl[0].PowerConsumedWatts, power.Voltages[0].ReadingVolts]).toEqual([210, 12.1])
  const { Members } = (await ask('GET', `${chassis}/Sensors`)).body
  expect(Members.map((member: { '@odata.id': string }) => member['@odata.id'].split('/').at(-1))).toEqual([
    'CPU_Temp',
    'CPU_Temp_2',
    'FAN_1',
    '12V',
    'Total',
  ])
  expect((await ask('GET', `${chassis}/Sensors/CPU_Temp`)).body).toMatchObject({ Reading: 41.5, ReadingUnits: 'Cel' })
})

test('headers and queries that are not understood are refused as the specification says', async () => {
  expect((await ask('GET', SYSTEM, { headers: { 'odata-version': '3.0' } })).status).toBe(412)
  expect((await ask('GET', `${SYSTEM}?$select=Id`)).status).toBe(501)
  expect((await ask('GET', `${SYSTEM}?other=1`)).status).toBe(200)
  expect((await ask('PATCH', SYSTEM, { body: {}, headers: { 'content-type': 'text/plain' } })).status).toBe(415)
  expect((await ask('constructor', SYSTEM)).status).toBe(405)
  expect((await ask('DELETE', SYSTEM)).headers.allow).toBe('GET, PATCH, HEAD')
})

test('what is linked is there', async () => {
  directory.list = [one]
  inventories.set('m-1', INVENTORY)
  one.sensorList = [
    {
      name: 'T',
      kind: 'temperature',
      unit: '°C',
      value: 1,
      state: 'ok',
      lowCritical: null,
      lowWarning: null,
      highWarning: null,
      highCritical: null,
      text: '',
    },
  ]
  await one.record({ kind: 'other', severity: 'ok', text: 'something' })
  const seen = new Set<string>()
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path) || path.includes('#')) return
    seen.add(path)
    const { status, body } = await ask('GET', path)
    expect([path, status]).toEqual([path, 200])
    const links: string[] = []
    JSON.stringify(body, (name, value) => {
      if ((name === '@odata.id' || name === '@Redfish.ActionInfo') && typeof value === 'string') links.push(value)
      return value
    })
    for (const link of links) await visit(link)
  }
  await visit('/redfish/v1')
  expect(seen.size).toBeGreaterThan(30)
})

test('processors, memory and disks are those of the inventory, and none are known without', async () => {
  expect((await ask('GET', `${SYSTEM}/Processors`)).body.Members).toEqual([])
  expect((await ask('GET', `${SYSTEM}/Processors/1`)).status).toBe(404)
  inventories.set('m-1', INVENTORY)
  expect((await ask('GET', SYSTEM)).body).toMatchObject({
    BiosVersion: '1.2',
    MemorySummary: { TotalSystemMemoryGiB: 32 },
    ProcessorSummary: { Count: 2, LogicalProcessorCount: 16 },
  })
  expect((await ask('GET', `${SYSTEM}/Processors`)).body.Members).toHaveLength(2)
  expect((await ask('GET', `${SYSTEM}/Processors/2`)).body).toMatchObject({ TotalThreads: 8, InstructionSet: 'x86-64' })
  expect((await ask('GET', `${SYSTEM}/Processors/3`)).status).toBe(404)
  expect((await ask('GET', `${SYSTEM}/SimpleStorage/All`)).body.Devices[0].CapacityBytes).toBe(500_000_000_000)
})
