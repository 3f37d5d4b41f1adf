import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { answerReader, bytesOf, type Command, type Nothing, noData, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 table 28-14: what can be set. */
export const BOOT_PARAMETER = {
  setInProgress: 0,
  servicePartition: 1,
  servicePartitionScan: 2,
  validBitClearing: 3,
  infoAcknowledge: 4,
  flags: 5,
  initiatorInfo: 6,
  initiatorMailbox: 7,
} as const

/** Completion codes of the two commands. */
export const BOOT_COMPLETION = { notSupported: 0x80, inProgress: 0x81, readOnly: 0x82 } as const

/** Table 28-14, parameter 5, data 2: the device selector. */
export const BOOT_SELECTORS = [
  'none',
  'pxe',
  'disk',
  'disk-safe-mode',
  'diag',
  'cdrom',
  'setup',
  'remote-floppy',
  'remote-cdrom',
  'remote-media',
  'reserved-10',
  'remote-disk',
  'reserved-12',
  'reserved-13',
  'reserved-14',
  'removable',
] as const
export type BootSelector = (typeof BOOT_SELECTORS)[number]

/** Parameter 5. `hints`: the bits of data 2 to 5 that are not the device, as they are. */
export type BootFlags = Readonly<{
  isValid: boolean
  isPersistent: boolean
  isEfi: boolean
  device: BootSelector
  clearsCmos: boolean
  bypassesPassword: boolean
  hints: readonly [number, number, number, number]
}>

export function encodeBootFlags(flags: BootFlags): Uint8Array {
  const [second, third, fourth, fifth] = flags.hints
  return bytesOf(
    (Number(flags.isValid) << 7) | (Number(flags.isPersistent) << 6) | (Number(flags.isEfi) << 5),
    (Number(flags.clearsCmos) << 7) | (BOOT_SELECTORS.indexOf(flags.device) << 2) | (second & 0x43),
    (Number(flags.bypassesPassword) << 3) | (third & 0xf7),
    fourth,
    fifth,
  )
}

/** @throws DecodeError when they are not five bytes */
export function decodeBootFlags(data: Uint8Array): BootFlags {
  if (data.length !== 5) throw new DecodeError(`boot flags are 5 bytes, ${data.length} came`)
  const reader = new ByteReader(data)
  const [first, second, third] = [reader.u8(), reader.u8(), reader.u8()]
  return {
    isValid: (first & 0x80) !== 0,
    isPersistent: (first & 0x40) !== 0,
    isEfi: (first & 0x20) !== 0,
    device: BOOT_SELECTORS[(second >> 2) & 0x0f]!,
    clearsCmos: (second & 0x80) !== 0,
    bypassesPassword: (third & 0x08) !== 0,
    hints: [second & 0x43, third & 0xf7, reader.u8(), reader.u8()],
  }
}

export const NO_BOOT_FLAGS: BootFlags = {
  isValid: false,
  isPersistent: false,
  isEfi: false,
  device: 'none',
  clearsCmos: false,
  bypassesPassword: false,
  hints: [0, 0, 0, 0],
}

/** IPMI 2.0 table 28-12. Without `data` only the mark changes. */
export type SetBootOption = Readonly<{ parameter: number; isLocked: boolean; data: Uint8Array }>

/** The mailbox of parameter 7 is the longest: a block number and 16 bytes. */
const MOST_PARAMETER_BYTES = 17

export const SET_BOOT_OPTION: Command<SetBootOption, Nothing> = {
  name: 'Set System Boot Options',
  netFn: NET_FN.chassis,
  command: 0x08,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ parameter, isLocked, data }) =>
    new ByteWriter(1 + data.length)
      .u8((parameter & 0x7f) | (isLocked ? 0x80 : 0))
      .bytes(data)
      .finish(),
  decodeRequest: (bytes) => {
    const reader = requestReader(bytes, 1, 1 + MOST_PARAMETER_BYTES)
    const first = reader.u8()
    return { parameter: first & 0x7f, isLocked: (first & 0x80) !== 0, data: reader.rest() }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

/** IPMI 2.0 table 28-13. */
export type GetBootOption = Readonly<{ parameter: number; set: number; block: number }>
export type BootOption = Readonly<{ parameter: number; isLocked: boolean; data: Uint8Array }>

export const GET_BOOT_OPTION: Command<GetBootOption, BootOption> = {
  name: 'Get System Boot Options',
  netFn: NET_FN.chassis,
  command: 0x09,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ parameter, set, block }) => bytesOf(parameter & 0x7f, set, block),
  decodeRequest: (data) => {
    const reader = requestReader(data, 3)
    return { parameter: reader.u8() & 0x7f, set: reader.u8(), block: reader.u8() }
  },
  encodeAnswer: ({ parameter, isLocked, data }) =>
    new ByteWriter(2 + data.length)
      .u8(0x01)
      .u8((parameter & 0x7f) | (isLocked ? 0x80 : 0))
      .bytes(data)
      .finish(),
  decodeAnswer: (bytes) => {
    const reader = answerReader(bytes, 2)
    reader.skip(1)
    const first = reader.u8()
    return { parameter: first & 0x7f, isLocked: (first & 0x80) !== 0, data: reader.rest() }
  },
}
