import { describe, expect, test } from 'vitest'
import { parseFru, parseSensors } from './host-facts.ts'
import { ipmitoolCommand, parseIpmitool } from './ipmitool.ts'

/** As grep prints /sys of a server with two processors, a board chip and a power supply. */
const SYS = `hwmon/hwmon0/name:coretemp
hwmon/hwmon1/name:coretemp
hwmon/hwmon2/name:nct6775
hwmon/hwmon3/name:acpitz
hwmon/hwmon4/name:power_meter
hwmon/hwmon0/temp1_input:45000
hwmon/hwmon1/temp1_input:101000
hwmon/hwmon2/in0_input:1080
hwmon/hwmon2/fan1_input:850
hwmon/hwmon2/fan2_input:0
hwmon/hwmon3/temp1_input:-5500
hwmon/hwmon2/beep_enable:0
hwmon/hwmon4/power1_average:181000000
hwmon/hwmon0/temp1_label:Package id 0
hwmon/hwmon1/temp1_label:Package id 0
hwmon/hwmon2/fan1_min:900
hwmon/hwmon2/in0_min:1000
hwmon/hwmon2/in0_max:1200
hwmon/hwmon0/temp1_max:80000
hwmon/hwmon1/temp1_max:80000
hwmon/hwmon1/temp1_crit:100000
hwmon/hwmon2/temp9_max:1000
thermal/thermal_zone0/type:acpitz
thermal/thermal_zone1/type:x86_pkg_temp
thermal/thermal_zone0/temp:1000
thermal/thermal_zone1/temp:46000
nonsense
:x
`

describe('sensors of Linux', () => {
  const sensors = parseSensors(SYS)
  const of = (name: string) => sensors.find((sensor) => sensor.name === name)

  test('have the names, units and limits that the kernel gives them', () => {
    expect(sensors.map((sensor) => sensor.name)).toEqual([
      'coretemp Package id 0',
      'coretemp Package id 0 2',
      'nct6775 in0',
      'nct6775 fan1',
      'nct6775 fan2',
      'acpitz temp1',
      'power_meter power1',
      'x86_pkg_temp',
    ])
    expect(of('coretemp Package id 0')).toMatchObject({ kind: 'temperature', unit: '°C', value: 45, highWarning: 80 })
    expect(of('nct6775 in0')).toMatchObject({ kind: 'voltage', value: 1.08, lowWarning: 1, highWarning: 1.2 })
    expect(of('power_meter power1')).toMatchObject({ kind: 'power', unit: 'W', value: 181 })
    expect(of('acpitz temp1')).toMatchObject({ value: -5.5, state: 'ok' })
  })

  test('are judged by their limits', () => {
    expect(of('coretemp Package id 0')?.state).toBe('ok')
    expect(of('coretemp Package id 0 2')?.state).toBe('critical')
    expect(of('nct6775 fan1')?.state).toBe('warning')
    expect(of('nct6775 fan2')?.state).toBe('ok')
  })

  test('of a system without any are none', () => {
    expect(parseSensors('')).toEqual([])
  })
})

test('what a machine is made of is said without the fillers of makers', () => {
  const text =
    'sys_vendor:ACME, Inc.\nproduct_name: Roadrunner 9 \nproduct_sku:To be filled by O.E.M.\nproduct_serial:\nchassis_asset_tag:Default string\nboard_vendor:ACME\nboard_name:X9:B\nboard_serial:0000\nchassis_serial:C7\u0007'
  expect(parseFru(text)).toEqual({
    manufacturer: 'ACME, Inc.',
    product: 'Roadrunner 9',
    partNumber: null,
    serial: null,
    assetTag: null,
    boardManufacturer: 'ACME',
    boardProduct: 'X9:B',
    boardSerial: null,
    chassisSerial: 'C7',
  })
})

describe('ipmitool', () => {
  test('is given bytes and nothing else', () => {
    expect(ipmitoolCommand({ netFn: 0x2e, lun: 1, command: 0xff, data: Uint8Array.of(0, 16) })).toBe(
      `sh -c 'if [ "$(id -u)" = 0 ]; then ipmitool -l 1 raw 0x2e 0xff 0x00 0x10; else sudo -n ipmitool -l 1 raw 0x2e 0xff 0x00 0x10; fi'`,
    )
    expect(() => ipmitoolCommand({ netFn: 0, lun: 0, command: 0, data: new Uint8Array(256) })).toThrow('at most 255')
  })

  test.each([
    [0, ' 20 01\n ff\n', '', { completionCode: 0, data: Uint8Array.of(0x20, 1, 0xff) }],
    [0, '\n', '', { completionCode: 0, data: new Uint8Array() }],
    [
      1,
      '',
      'Unable to send RAW command (netfn=0x6 cmd=0x99 rsp=0xc1): Invalid',
      { completionCode: 0xc1, data: new Uint8Array() },
    ],
    [1, '', 'Could not open device', undefined],
    [0, 'Usage: raw', '', undefined],
  ])('that ends with %s and prints %j says what it says', (code, stdout, stderr, answer) => {
    expect(parseIpmitool(code, stdout, stderr)).toEqual(answer)
  })
})
