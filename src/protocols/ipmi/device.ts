import { ByteWriter } from '../../kit/bytes.ts'
import { answerReader, bytesOf, type Command, type Nothing, noData } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 table 20-2. `minor` is a number, on the wire it is BCD. */
export type DeviceId = Readonly<{
  device: number
  revision: number
  providesSdrs: boolean
  /** False while its firmware is updated or it starts. */
  isAvailable: boolean
  firmware: Readonly<{ major: number; minor: number }>
  ipmi: Readonly<{ major: number; minor: number }>
  supports: Readonly<{
    sensors: boolean
    sdrRepository: boolean
    sel: boolean
    fru: boolean
    eventReceiver: boolean
    eventGenerator: boolean
    bridge: boolean
    chassis: boolean
  }>
  /** IANA enterprise number; 0: not said. */
  manufacturer: number
  product: number
}>

const SUPPORT = [
  'sensors',
  'sdrRepository',
  'sel',
  'fru',
  'eventReceiver',
  'eventGenerator',
  'bridge',
  'chassis',
] as const

const toBcd = (value: number): number => (Math.floor(value / 10) << 4) | (value % 10)
const fromBcd = (byte: number): number => (byte >> 4) * 10 + (byte & 0x0f)

export const GET_DEVICE_ID: Command<Nothing, DeviceId> = {
  name: 'Get Device ID',
  netFn: NET_FN.application,
  command: 0x01,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: (id) =>
    new ByteWriter(11)
      .u8(id.device)
      .u8((id.providesSdrs ? 0x80 : 0) | (id.revision & 0x0f))
      .u8((id.isAvailable ? 0 : 0x80) | (id.firmware.major & 0x7f))
      .u8(toBcd(id.firmware.minor))
      // The digits stand the other way round: 02h is 2.0, 51h is 1.5.
      .u8((id.ipmi.minor << 4) | id.ipmi.major)
      .u8(SUPPORT.reduce((sum, name, i) => sum | (Number(id.supports[name]) << i), 0))
      .u16le(id.manufacturer & 0xffff)
      .u8((id.manufacturer >> 16) & 0x0f)
      .u16le(id.product)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 11)
    const [device, second, major, minor, ipmi, support] = Array.from({ length: 6 }, () => reader.u8()) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return {
      device,
      revision: second & 0x0f,
      providesSdrs: (second & 0x80) !== 0,
      isAvailable: (major & 0x80) === 0,
      firmware: { major: major & 0x7f, minor: fromBcd(minor) },
      ipmi: { major: ipmi & 0x0f, minor: ipmi >> 4 },
      supports: Object.fromEntries(
        SUPPORT.map((name, i) => [name, ((support >> i) & 1) === 1]),
      ) as DeviceId['supports'],
      manufacturer: reader.u16le() | ((reader.u8() & 0x0f) << 16),
      product: reader.u16le(),
    }
  },
}

const reset = (name: string, command: number): Command<Nothing, Nothing> => ({
  name,
  netFn: NET_FN.application,
  command,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
})

/** They start the BMC again, never the machine. */
export const COLD_RESET = reset('Cold Reset', 0x02)
export const WARM_RESET = reset('Warm Reset', 0x03)

/** IPMI 2.0 table 20-4. `result` 55h: all is well. */
export const GET_SELF_TEST: Command<Nothing, Readonly<{ result: number; detail: number }>> = {
  name: 'Get Self Test Results',
  netFn: NET_FN.application,
  command: 0x04,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ result, detail }) => bytesOf(result, detail),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    return { result: reader.u8(), detail: reader.u8() }
  },
}

export const SELF_TEST_PASSED = 0x55

/** IPMI 2.0 table 20-7. Bit 7 is not part of the states. */
export const GET_ACPI_STATE: Command<Nothing, Readonly<{ system: number; device: number }>> = {
  name: 'Get ACPI Power State',
  netFn: NET_FN.application,
  command: 0x07,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ system, device }) => bytesOf(system, device),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    return { system: reader.u8() & 0x7f, device: reader.u8() & 0x7f }
  },
}

/** S0 (working), S5 (soft off), and not known; the device states D0 and not known. */
export const ACPI_STATE = { working: 0x00, softOff: 0x05, unknown: 0x2a } as const

/**
 * A GUID in the order of the wire. IPMI 2.0 §20.8 wants the least significant byte first, so all 16 the other way round than
 * they are written; many BMCs send the order of SMBIOS instead.
 */
export type Guid = Readonly<{ bytes: Uint8Array }>

const guidCommand = (name: string, command: number, privilege: 0 | 2): Command<Nothing, Guid> => ({
  name,
  netFn: NET_FN.application,
  command,
  privilege,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ bytes }) => new ByteWriter(16).bytes(bytes, 16).finish(),
  decodeAnswer: (data) => ({ bytes: answerReader(data, 16).bytes(16) }),
})

export const GET_DEVICE_GUID = guidCommand('Get Device GUID', 0x08, PRIVILEGE_LEVEL.user)
export const GET_SYSTEM_GUID = guidCommand('Get System GUID', 0x37, 0)
