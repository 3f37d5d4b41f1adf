import { ByteWriter } from '../../kit/bytes.ts'
import { answerReader, type Command, type Nothing, noData, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 table 23-4, as far as it concerns IPv4 and sessions. */
export const LAN_PARAMETER = {
  setInProgress: 0,
  authenticationSupport: 1,
  authenticationEnables: 2,
  address: 3,
  addressSource: 4,
  mac: 5,
  subnetMask: 6,
  ipv4Header: 7,
  rmcpPort: 8,
  secondaryRmcpPort: 9,
  arpControl: 10,
  gratuitousArpInterval: 11,
  gateway: 12,
  gatewayMac: 13,
  backupGateway: 14,
  backupGatewayMac: 15,
  community: 16,
  destinationCount: 17,
  destinationType: 18,
  destinationAddress: 19,
  vlan: 20,
  vlanPriority: 21,
  suiteCount: 22,
  suites: 23,
  suitePrivileges: 24,
  destinationVlan: 25,
  badPasswordThreshold: 26,
} as const

/** Values of parameter 4. */
export const ADDRESS_SOURCE = { unspecified: 0, fixed: 1, dhcp: 2, firmware: 3, other: 4 } as const

/** IPMI 2.0 table 26-5. */
export const SOL_PARAMETER = {
  setInProgress: 0,
  enable: 1,
  authentication: 2,
  accumulation: 3,
  retry: 4,
  nonVolatileRate: 5,
  volatileRate: 6,
  channel: 7,
  port: 8,
} as const

/** Completion codes of parameters of LAN and SOL. */
export const PARAMETER_COMPLETION = { notSupported: 0x80, inProgress: 0x81, readOnly: 0x82, writeOnly: 0x83 } as const

/** How LAN and SOL say their settings: one numbered parameter at a time, some of them in sets and blocks. */
export type GetParameter = Readonly<{
  channel: number
  /** Only the revision is asked for. */
  revisionOnly: boolean
  parameter: number
  set: number
  block: number
}>
export type Parameter = Readonly<{ data: Uint8Array }>
export type SetParameter = Readonly<{ channel: number; parameter: number; data: Uint8Array }>

/** Present revision 1, oldest that it is like: 1. */
const PARAMETER_REVISION = 0x11
const MOST_PARAMETER_BYTES = 32

const getParameter = (name: string, command: number, privilege: 2 | 3): Command<GetParameter, Parameter> => ({
  name,
  netFn: NET_FN.transport,
  command,
  privilege,
  encodeRequest: ({ channel, revisionOnly, parameter, set, block }) =>
    new ByteWriter(4)
      .u8((revisionOnly ? 0x80 : 0) | (channel & 0x0f))
      .u8(parameter)
      .u8(set)
      .u8(block)
      .finish(),
  decodeRequest: (data) => {
    const reader = requestReader(data, 4)
    const first = reader.u8()
    return {
      channel: first & 0x0f,
      revisionOnly: (first & 0x80) !== 0,
      parameter: reader.u8(),
      set: reader.u8(),
      block: reader.u8(),
    }
  },
  encodeAnswer: ({ data }) => new ByteWriter(1 + data.length).u8(PARAMETER_REVISION).bytes(data).finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 1)
    reader.skip(1)
    return { data: reader.rest() }
  },
})

const setParameter = (name: string, command: number): Command<SetParameter, Nothing> => ({
  name,
  netFn: NET_FN.transport,
  command,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: ({ channel, parameter, data }) =>
    new ByteWriter(2 + data.length)
      .u8(channel & 0x0f)
      .u8(parameter)
      .bytes(data)
      .finish(),
  decodeRequest: (bytes) => {
    const reader = requestReader(bytes, 2, 2 + MOST_PARAMETER_BYTES)
    return { channel: reader.u8() & 0x0f, parameter: reader.u8(), data: reader.rest() }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
})

export const GET_LAN_PARAMETER = getParameter('Get LAN Configuration Parameters', 0x02, PRIVILEGE_LEVEL.operator)
export const SET_LAN_PARAMETER = setParameter('Set LAN Configuration Parameters', 0x01)
export const GET_SOL_PARAMETER = getParameter('Get SOL Configuration Parameters', 0x22, PRIVILEGE_LEVEL.user)
export const SET_SOL_PARAMETER = setParameter('Set SOL Configuration Parameters', 0x21)
