import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeBmc } from '../fakes/bmc.ts'
import { INVENTORY } from '../fakes/redfish.ts'
import { redfishHost, run } from './redfish-host.ts'

let one: FakeBmc
let two: FakeBmc
let host: Awaited<ReturnType<typeof redfishHost>>

beforeEach(async () => {
  one = new FakeBmc({ machine: 'm-1' }, { name: 'node1', macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'] })
  two = new FakeBmc({ machine: 'm-2' }, { name: 'node2' })
  const limits = { lowCritical: null, lowWarning: null, highWarning: 80, highCritical: 90, text: '' }
  one.sensorList = [
    { name: 'CPU Temp', kind: 'temperature', unit: '°C', value: 41, state: 'ok', ...limits },
    { name: 'FAN 1', kind: 'fan', unit: 'RPM', value: 3600, state: 'ok', ...limits },
    { name: 'Total', kind: 'power', unit: 'W', value: 210, state: 'ok', ...limits },
  ]
  await one.record({ kind: 'power', severity: 'ok', text: 'switched on' })
  host = await redfishHost([one, two], INVENTORY)
})
afterEach(() => host.stop())

describe.runIf(existsSync('/usr/bin/redfishtool'))('redfishtool', () => {
  const redfishtool = async (auth: 'Basic' | 'Session', ...args: string[]) => {
    const login = ['-r', `127.0.0.1:${host.face.port}`, '-u', 'admin@node1', '-p', 'secret', '-A', auth, '-S', 'Always']
    const { code, out, err } = await run('/usr/bin/redfishtool', [...login, ...args])
    return { code, err, answer: out.trimStart().startsWith('{') ? JSON.parse(out) : out }
  }

  test.each(['Basic', 'Session'] as const)('reads and switches a machine (%s)', async (auth) => {
    const ask = (...args: string[]) => redfishtool(auth, ...args)
    expect((await ask('root')).answer.Name).toBe('Reveille')
    expect((await ask('Systems')).answer.Members).toEqual([{ '@odata.id': '/redfish/v1/Systems/m-1' }])
    expect((await ask('Systems', '-1', 'get')).answer.PowerState).toBe('On')
    expect((await ask('Systems', '-I', 'm-1', 'reset', 'ForceOff')).code).toBe(0)
    expect(one.power).toBe('off')
    expect((await ask('Systems', '-1', 'reset', 'Explode')).code).not.toBe(0)
    expect((await ask('Systems', '-1', 'setBootOverride', 'Once', 'Pxe')).code).toBe(0)
    expect(one.bmc.bootOrder).toMatchObject({ device: 'pxe', persistent: false })
    expect((await ask('Systems', '-1', 'setBootOverride', 'Continuous', 'Hdd')).code).toBe(0)
    expect(one.bmc.bootOrder).toMatchObject({ device: 'disk', persistent: true })
    expect((await ask('Systems', '-1', 'setBootOverride', 'Disabled')).code).toBe(0)
    expect(one.bmc.bootOrder).toBeNull()
    expect((await ask('Systems', '-1', 'setIndicatorLed', 'Lit')).code).toBe(0)
    expect(one.calls).toContain('identify null')
    expect((await ask('Systems', '-1', 'EthernetInterfaces', '-a')).answer.Members).toHaveLength(2)
    expect((await ask('Managers', '-1', 'get')).answer.ManagerType).toBe('BMC')
    expect((await ask('Managers', '-1', 'Logs', '-i', 'Sel')).answer.LogEntryType).toBe('SEL')
    expect((await ask('Managers', '-1', 'reset', 'ForceRestart')).code).toBe(0)
    expect((await ask('Chassis', '-1', 'Thermal')).answer.Temperatures[0].ReadingCelsius).toBe(41)
    expect((await ask('Chassis', '-1', 'Power')).answer.PowerControl[0].PowerConsumedWatts).toBe(210)
    expect((await ask('Chassis', '-1', 'setIndicatorLed', 'Off')).code).toBe(0)
    expect((await ask('SessionService')).answer.SessionTimeout).toBe(1800)
    expect((await ask('AccountService', 'Accounts')).answer.Members).toHaveLength(3)
    expect((await ask('AccountService', 'Roles')).answer.Members).toHaveLength(3)
    expect(one.calls.filter((call) => call.startsWith('perform'))).toEqual(['perform off by admin@node1'])
    expect(host.face.sessions()).toEqual([])
  })

  test('is refused with a wrong password', async () => {
    const address = `127.0.0.1:${host.face.port}`
    const { code, err } = await run('/usr/bin/redfishtool', [
      '-r',
      address,
      '-u',
      'admin',
      '-p',
      'wrong',
      '-S',
      'Always',
      'Systems',
    ])
    expect(code).not.toBe(0)
    expect(err).toMatch(/401|Unauthorized/)
  })
})

/** What Ironic's redfish driver does with sushy, in its order. */
const IRONIC = `
import json, sys, sushy
from sushy import auth
base, name, password, verify, kind = sys.argv[1:]
how = auth.BasicAuth(name, password) if kind == 'basic' else auth.SessionAuth(name, password)
root = sushy.Sushy(base, verify=verify, auth=how)
said = {}
system = root.get_system('/redfish/v1/Systems/m-1')
said['power'] = system.power_state.value
said['facts'] = [system.uuid, system.manufacturer, system.serial_number, system.indicator_led.value]
said['resets'] = sorted(v.value for v in system.get_allowed_reset_system_values())
said['sources'] = sorted(v.value for v in system.get_allowed_system_boot_source_values())
said['macs'] = {mac: state.value for mac, state in system.ethernet_interfaces.summary.items()}
said['inspected'] = [system.memory_summary.size_gib, [system.processors.summary.count, system.processors.summary.architecture.value], system.simple_storage.disks_sizes_bytes, system.bios_version]
manager = system.managers[0]
said['manager'] = [manager.manager_type.value, [s.path for s in manager.systems]]
said['serial'] = [v.value for v in manager.get_supported_serial_console_types()]
drive = [m for m in manager.virtual_media.get_members() if sushy.VIRTUAL_MEDIA_CD in m.media_types][0]
system.set_system_boot_options(mode=sushy.BOOT_SOURCE_MODE_UEFI)
drive.insert_media('http://127.0.0.1/boot.iso', inserted=True, write_protected=True)
drive.refresh()
said['inserted'] = [drive.inserted, drive.image]
system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_CD, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)
system.refresh()
said['boot'] = [system.boot.target.value, system.boot.enabled.value, system.boot.mode.value]
system.reset_system(sushy.RESET_FORCE_OFF)
system.refresh()
said['off'] = system.power_state.value
system.reset_system(sushy.RESET_ON)
drive.eject_media()
drive.refresh()
said['ejected'] = [drive.inserted, drive.image]
system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_CONTINUOUS, mode=sushy.BOOT_SOURCE_MODE_BIOS)
system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_HDD, enabled=sushy.BOOT_SOURCE_ENABLED_CONTINUOUS)
system.set_indicator_led(sushy.INDICATOR_LED_LIT)
system.refresh()
said['led'] = system.indicator_led.value
chassis = system.chassis[0]
said['thermal'] = [t.reading_celsius for t in chassis.thermal.temperatures]
said['watts'] = chassis.power.json['PowerControl'][0]['PowerConsumedWatts']
manager.reset_manager(sushy.RESET_FORCE_RESTART)
said['again'] = root.get_system('/redfish/v1/Systems/m-1').power_state.value
try:
    root.get_system('/redfish/v1/Systems/m-2')
    said['other'] = 'seen'
except sushy.exceptions.ResourceNotFoundError:
    said['other'] = 'not found'
try:
    system.reset_system(sushy.RESET_PUSH_POWER_BUTTON)
except sushy.exceptions.InvalidParameterValueError:
    said['refused'] = True
root._auth.close()
print(json.dumps(said))
`

describe.runIf(existsSync('/usr/lib/python3/dist-packages/sushy'))('sushy, as Ironic uses it', () => {
  test.each(['session', 'basic'])('switches, boots from a disc and reads (%s)', async (kind) => {
    const base = `https://127.0.0.1:${host.face.port}`
    const args = ['-W', 'ignore', '-c', IRONIC, base, 'admin@node1', 'secret', host.certificate, kind]
    const { code, out, err } = await run('/usr/bin/python3', args)
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(JSON.parse(out)).toEqual({
      power: 'On',
      facts: ['4c4c4544-0032-3810-8050-b4c04f4e3132', 'Reveille', 'S1', 'Unknown'],
      resets: ['ForceOff', 'ForceOn', 'ForceRestart', 'GracefulShutdown', 'Nmi', 'On', 'PowerCycle'],
      sources: ['BiosSetup', 'Cd', 'Diags', 'Hdd', 'None', 'Pxe', 'UefiHttp', 'Usb'],
      macs: { '52:54:00:00:00:01': 'Enabled', '52:54:00:00:00:02': 'Enabled' },
      inspected: [32, [16, 'x86'], [500_000_000_000], '1.2'],
      manager: ['BMC', ['/redfish/v1/Systems/m-1']],
      serial: ['IPMI'],
      inserted: [true, 'http://127.0.0.1/boot.iso'],
      boot: ['Cd', 'Once', 'UEFI'],
      off: 'Off',
      ejected: [false, null],
      led: 'Lit',
      thermal: [41],
      watts: 210,
      again: 'On',
      other: 'not found',
      refused: true,
    })
    expect(one.bmc.bootOrder).toEqual({ device: 'disk', persistent: true, efi: false })
    expect(one.calls.filter((call) => call.startsWith('perform'))).toEqual([
      'perform off by admin@node1',
      'perform on by admin@node1',
    ])
    expect(host.face.sessions()).toEqual([])
  })
})
