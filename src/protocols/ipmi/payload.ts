import { ByteWriter } from '../../kit/bytes.ts'
import { answerReader, bytesOf, type Command, checkField, type Nothing, noData, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 table 13-16. */
export const PAYLOAD_TYPE = { ipmi: 0, sol: 1 } as const

/** Completion codes of IPMI 2.0 table 24-2, 24-3 and 24-10. */
export const PAYLOAD_COMPLETION = {
  alreadyActive: 0x80,
  disabled: 0x81,
  limitReached: 0x82,
  cannotEncrypt: 0x83,
  mustEncrypt: 0x84,
} as const
export const ALREADY_DEACTIVATED = 0x80

/** `auxiliary`: as the payload defines it. Of SOL: `encrypted` and `authenticated`. */
export type PayloadRequest = Readonly<{
  type: number
  instance: number
  encrypted: boolean
  authenticated: boolean
}>

export type ActivatedPayload = Readonly<{
  /** The most that the BMC takes and sends in one packet of this payload. */
  inboundBytes: number
  outboundBytes: number
  port: number
}>

const encodePayload = (request: PayloadRequest): Uint8Array =>
  bytesOf(
    request.type & 0x3f,
    request.instance & 0x0f,
    (request.encrypted ? 0x80 : 0) | (request.authenticated ? 0x40 : 0),
    0,
    0,
    0,
  )

const decodePayload = (data: Uint8Array): PayloadRequest => {
  const reader = requestReader(data, 6)
  const [type, instance, auxiliary] = [reader.u8() & 0x3f, reader.u8() & 0x0f, reader.u8()]
  return { type, instance, encrypted: (auxiliary & 0x80) !== 0, authenticated: (auxiliary & 0x40) !== 0 }
}

/** Appendix G asks for nothing more than a session; what SOL needs is said by its parameter 2. */
export const ACTIVATE_PAYLOAD: Command<PayloadRequest, ActivatedPayload> = {
  name: 'Activate Payload',
  netFn: NET_FN.application,
  command: 0x48,
  privilege: PRIVILEGE_LEVEL.callback,
  encodeRequest: encodePayload,
  decodeRequest: decodePayload,
  encodeAnswer: ({ inboundBytes, outboundBytes, port }) =>
    new ByteWriter(12).u32le(0).u16le(inboundBytes).u16le(outboundBytes).u16le(port).u16le(0xffff).finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 10)
    reader.skip(4)
    return { inboundBytes: reader.u16le(), outboundBytes: reader.u16le(), port: reader.u16le() }
  },
}

export const DEACTIVATE_PAYLOAD: Command<PayloadRequest, Nothing> = {
  name: 'Deactivate Payload',
  netFn: NET_FN.application,
  command: 0x49,
  privilege: PRIVILEGE_LEVEL.callback,
  encodeRequest: encodePayload,
  decodeRequest: decodePayload,
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

/** `active`: numbers of the instances that are in use, from 1. */
export const GET_PAYLOAD_STATUS: Command<
  Readonly<{ type: number }>,
  Readonly<{ capacity: number; active: readonly number[] }>
> = {
  name: 'Get Payload Activation Status',
  netFn: NET_FN.application,
  command: 0x4a,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ type }) => bytesOf(type),
  decodeRequest: (data) => ({ type: requestReader(data, 1).u8() & 0x3f }),
  encodeAnswer: ({ capacity, active }) =>
    new ByteWriter(3)
      .u8(capacity & 0x0f)
      .u16le(active.reduce((mask, instance) => mask | (1 << (instance - 1)), 0) & 0xffff)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 3)
    const [capacity, mask] = [reader.u8() & 0x0f, reader.u16le()]
    return { capacity, active: Array.from({ length: 16 }, (_, i) => i + 1).filter((i) => (mask >> (i - 1)) & 1) }
  },
}

/** `session` 0: this instance is not in use. */
export const GET_PAYLOAD_INSTANCE: Command<
  Readonly<{ type: number; instance: number }>,
  Readonly<{ session: number; port: number }>
> = {
  name: 'Get Payload Instance Info',
  netFn: NET_FN.application,
  command: 0x4b,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ type, instance }) => bytesOf(type, instance),
  decodeRequest: (data) => {
    const reader = requestReader(data, 2)
    return { type: reader.u8() & 0x3f, instance: reader.u8() & 0x0f }
  },
  encodeAnswer: ({ session, port }) => new ByteWriter(12).u32le(session).u8(port).padTo(12).finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 5)
    return { session: reader.u32le(), port: reader.u8() }
  },
}

/** IPMI 2.0 table 24-7. `sol`: this account may activate SOL. */
export const GET_USER_PAYLOADS: Command<Readonly<{ channel: number; user: number }>, Readonly<{ sol: boolean }>> = {
  name: 'Get User Payload Access',
  netFn: NET_FN.application,
  command: 0x4d,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ channel, user }) => bytesOf(channel, user),
  decodeRequest: (data) => {
    const reader = requestReader(data, 2)
    return { channel: reader.u8() & 0x0f, user: reader.u8() & 0x3f }
  },
  encodeAnswer: ({ sol }) => bytesOf(sol ? 1 << PAYLOAD_TYPE.sol : 0, 0, 0, 0),
  decodeAnswer: (data) => ({ sol: (answerReader(data, 4).u8() & (1 << PAYLOAD_TYPE.sol)) !== 0 }),
}

/** IPMI 2.0 table 24-6. `mask`: bits of payload types 0 to 7 that are allowed, or no longer. */
export const SET_USER_PAYLOADS: Command<
  Readonly<{ channel: number; user: number; isAllowed: boolean; mask: number }>,
  Nothing
> = {
  name: 'Set User Payload Access',
  netFn: NET_FN.application,
  command: 0x4c,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: ({ channel, user, isAllowed, mask }) =>
    bytesOf(channel & 0x0f, (isAllowed ? 0 : 0x40) | (user & 0x3f), mask, 0, 0, 0),
  decodeRequest: (data) => {
    const reader = requestReader(data, 6)
    const [channel, second, mask] = [reader.u8() & 0x0f, reader.u8(), reader.u8()]
    checkField(second >> 6 <= 1)
    return { channel, user: second & 0x3f, isAllowed: second >> 6 === 0, mask }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

/** Numbers of the payload types that a channel takes, below 64. */
export const GET_CHANNEL_PAYLOADS: Command<Readonly<{ channel: number }>, Readonly<{ types: readonly number[] }>> = {
  name: 'Get Channel Payload Support',
  netFn: NET_FN.application,
  command: 0x4e,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ channel }) => bytesOf(channel),
  decodeRequest: (data) => ({ channel: requestReader(data, 1).u8() & 0x0f }),
  encodeAnswer: ({ types }) => {
    const mask = new Uint8Array(8)
    for (const type of types) mask[type >> 3]! |= 1 << (type & 7)
    return mask
  },
  decodeAnswer: (data) => {
    const mask = answerReader(data, 8).bytes(8)
    return { types: Array.from({ length: 64 }, (_, i) => i).filter((type) => (mask[type >> 3]! >> (type & 7)) & 1) }
  },
}

export const GET_PAYLOAD_VERSION: Command<
  Readonly<{ channel: number; type: number }>,
  Readonly<{ major: number; minor: number }>
> = {
  name: 'Get Channel Payload Version',
  netFn: NET_FN.application,
  command: 0x4f,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ channel, type }) => bytesOf(channel, type),
  decodeRequest: (data) => {
    const reader = requestReader(data, 2)
    return { channel: reader.u8() & 0x0f, type: reader.u8() & 0x3f }
  },
  encodeAnswer: ({ major, minor }) => bytesOf((major << 4) | minor),
  decodeAnswer: (data) => {
    const byte = answerReader(data, 1).u8()
    return { major: byte >> 4, minor: byte & 0x0f }
  },
}

/** Completion code 80h of the version command: this channel does not take that payload. */
export const PAYLOAD_NOT_AVAILABLE = 0x80

export const SUSPEND_ENCRYPTION: Command<Readonly<{ type: number; instance: number; operation: number }>, Nothing> = {
  name: 'Suspend/Resume Payload Encryption',
  netFn: NET_FN.application,
  command: 0x55,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ type, instance, operation }) => bytesOf(type, instance, operation),
  decodeRequest: (data) => {
    const reader = requestReader(data, 3)
    return { type: reader.u8() & 0x3f, instance: reader.u8() & 0x0f, operation: reader.u8() & 0x1f }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}
