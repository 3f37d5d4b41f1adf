import { expect, test } from 'vitest'
import { fromHex, hex } from '../../kit/bytes.ts'
import * as boot from './boot-options.ts'
import * as chassis from './chassis.ts'
import { CompletionError, completionMeaning } from './completion.ts'
import * as device from './device.ts'
import * as fru from './fru.ts'
import * as lan from './lan.ts'
import * as payload from './payload.ts'
import * as sdr from './sdr.ts'
import * as sel from './sel.ts'
import { sensorValue } from './sensor-values.ts'
import * as sensors from './sensors.ts'
import * as users from './users.ts'

type Reads = Readonly<{ name: string; decodeRequest: (data: Uint8Array) => unknown }>

/** What clients send, as it was recorded of ipmitool 1.8.19 and FreeIPMI 1.6. */
const REQUESTS: readonly (readonly [string, Reads, string, unknown])[] = [
  ['power on', chassis.CHASSIS_CONTROL, '01', 'on'],
  ['power soft', chassis.CHASSIS_CONTROL, '05', 'soft'],
  ['identify 5', chassis.CHASSIS_IDENTIFY, '05', { seconds: 5 }],
  ['identify force', chassis.CHASSIS_IDENTIFY, '0001', { seconds: null }],
  ['bootparam get 5', boot.GET_BOOT_OPTION, '050000', { parameter: 5, set: 0, block: 0 }],
  ['bootdev: begin', boot.SET_BOOT_OPTION, '0001', { parameter: 0, isLocked: false, data: fromHex('01') }],
  ['bootdev pxe', boot.SET_BOOT_OPTION, '058004000000', { parameter: 5, isLocked: false, data: fromHex('8004000000') }],
  ['valid bit clearing', boot.SET_BOOT_OPTION, '031f', { parameter: 3, isLocked: false, data: fromHex('1f') }],
  ['acknowledge', boot.SET_BOOT_OPTION, '04ffff', { parameter: 4, isLocked: false, data: fromHex('ffff') }],
  ['sel entry', sel.GET_SEL_ENTRY, '0000000000ff', { reservation: 0, record: 0, offset: 0, count: 255 }],
  ['sel clear', sel.CLEAR_SEL, '3412434c52aa', { reservation: 0x1234, starts: true }],
  ['fru', fru.READ_FRU, '00080020', { device: 0, offset: 8, count: 32 }],
  [
    'sol activate of ipmitool',
    payload.ACTIVATE_PAYLOAD,
    '0101c6000000',
    { type: 1, instance: 1, encrypted: true, authenticated: true },
  ],
  ['lan print', lan.GET_LAN_PARAMETER, '01030000', { channel: 1, revisionOnly: false, parameter: 3, set: 0, block: 0 }],
  ['user list', users.GET_USER_ACCESS, '0102', { channel: 1, user: 2 }],
  [
    'user set password',
    users.SET_USER_PASSWORD,
    `8202${'73656372657400000000000000000000'}00000000`,
    { user: 2, operation: 'set', size: 20, password: 'secret' },
  ],
  ['user enable', users.SET_USER_PASSWORD, '0501', { user: 5, operation: 'enable', size: 16, password: '' }],
]

test.each(REQUESTS)('%s is read as what it means', (_, codec, bytes, meaning) => {
  expect(codec.decodeRequest(fromHex(bytes))).toEqual(meaning)
})

test.each([
  [chassis.GET_CHASSIS_STATUS, '00', 0xc7],
  [chassis.CHASSIS_CONTROL, '', 0xc7],
  [chassis.CHASSIS_CONTROL, '0101', 0xc7],
  [chassis.CHASSIS_CONTROL, '06', 0xcc],
  [chassis.CHASSIS_CONTROL, '11', 0xcc],
  [boot.GET_BOOT_OPTION, '0500', 0xc7],
  [sel.CLEAR_SEL, '3412434c53aa', 0xcc],
  [sel.CLEAR_SEL, '3412434c52ab', 0xcc],
  [users.GET_USER_NAME, '00', 0xcc],
  [users.SET_USER_PASSWORD, '0202414243', 0xc7],
] as readonly (readonly [Reads, string, number])[])(
  '$0.name refuses "$1" with its completion code',
  (codec, bytes, code) => {
    expect(() => codec.decodeRequest(fromHex(bytes))).toThrow(CompletionError)
    try {
      codec.decodeRequest(fromHex(bytes))
    } catch (error) {
      expect((error as CompletionError).code).toBe(code)
    }
  },
)

test('answers are read', () => {
  // Firmware 1.74 in BCD, and Supermicro's number, 10876.
  expect(device.GET_DEVICE_ID.decodeAnswer(fromHex('20010174 02bf7c2a00 5309'.replaceAll(' ', '')))).toMatchObject({
    device: 0x20,
    firmware: { major: 1, minor: 74 },
    ipmi: { major: 2, minor: 0 },
    manufacturer: 10876,
    supports: { chassis: true, sel: true, bridge: false },
  })
  expect(chassis.GET_CHASSIS_STATUS.decodeAnswer(fromHex('210040'))).toMatchObject({
    isOn: true,
    restorePolicy: 'previous',
    identify: 'off',
  })
  // ipmi_sim: 32 bytes in, 64 out, port 9623.
  expect(payload.ACTIVATE_PAYLOAD.decodeAnswer(fromHex('00000000200040009725ffff'))).toEqual({
    inboundBytes: 32,
    outboundBytes: 64,
    port: 9623,
  })
  expect(sensors.GET_SENSOR_READING.decodeAnswer(fromHex('2fc0'))).toEqual({
    raw: 0x2f,
    isAvailable: true,
    isScanned: true,
    states: 0,
  })
})

test('boot flags go there and back, and hints stay beside the device', () => {
  for (const bytes of ['8004000000', 'e008000000', 'a018000000', 'e0244b0011', '80bdff0f1f'])
    expect(hex(boot.encodeBootFlags(boot.decodeBootFlags(fromHex(bytes))))).toBe(bytes)
  expect(boot.decodeBootFlags(fromHex('e004000000'))).toMatchObject({
    isValid: true,
    isPersistent: true,
    isEfi: true,
    device: 'pxe',
  })
})

test('factors of every kind make the value that the table says', () => {
  const linear = { format: 'unsigned', m: 1, b: 0, bExponent: 0, exponent: 0, linearization: 0 } as const
  expect(sensorValue({ ...linear, m: 59, exponent: -3 }, 205)).toBeCloseTo(12.095)
  expect(sensorValue({ ...linear, format: 'twos' }, 0xf4)).toBe(-12)
  expect(sensorValue({ ...linear, format: 'ones' }, 0xf3)).toBe(-12)
  expect(sensorValue({ ...linear, b: 5, bExponent: 1 }, 10)).toBe(60)
  expect(sensorValue({ ...linear, linearization: 7 }, 4)).toBe(0.25)
  expect(sensorValue({ ...linear, linearization: 7 }, 0)).toBeUndefined()
  expect(sensorValue({ ...linear, format: null }, 4)).toBeUndefined()
  expect(sensorValue({ ...linear, linearization: 0x70 }, 4)).toBeUndefined()
})

test('a full record keeps its factors and thresholds', () => {
  const record: sdr.FullSensorRecord = {
    kind: 'full',
    id: 0x0102,
    owner: 0x20,
    lun: 0,
    sensor: 7,
    entity: 7,
    instance: 1,
    sensorType: 2,
    eventType: 1,
    name: 'VCore',
    factors: { format: 'twos', m: -511, b: 300, bExponent: -8, exponent: 7, linearization: 0 },
    unit: 4,
    isPercent: false,
    thresholds: { lowCritical: 10, highWarning: 200, highUnrecoverable: 250 },
    states: 0,
  }
  expect(sdr.decodeSdr(sdr.encodeSdr(record))).toEqual(record)
})

test('names that do not fit are cut, and a name of one character keeps its record readable', () => {
  const named = (name: string) =>
    sdr.decodeSdr(
      sdr.encodeSdr({ kind: 'fru', id: 1, controller: 0x20, device: 0, isLogical: true, entity: 7, instance: 1, name }),
    )
  expect(named('A name of more than sixteen')).toMatchObject({ name: 'A name of more t' })
  expect(named('X')).toMatchObject({ name: 'X' })
  expect(named('Grün €')).toMatchObject({ name: 'Grün ?' })
})

test('a completion code says what it means', () => {
  expect(new CompletionError(0xd4, 'Chassis Control').message).toBe(
    'Chassis Control: completion code D4h, the privilege of the session is not enough',
  )
  expect(completionMeaning(0x80)).toBe('a code of this command')
  expect(completionMeaning(0x01)).toBe('a code of its maker')
})
