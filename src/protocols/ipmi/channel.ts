import { ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { answerReader, bytesOf, type Command, checkField, type Nothing, noData, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 tables 6-3 and 6-2. */
export const CHANNEL_MEDIUM = { lan: 4, system: 12 } as const
export const CHANNEL_PROTOCOL = { ipmb: 1, kcs: 5 } as const

/** IPMI 2.0 table 22-27. `activeSessions` counts those of this channel. */
export type ChannelInfo = Readonly<{
  channel: number
  medium: number
  protocol: number
  sessions: 'none' | 'one' | 'many' | 'either'
  activeSessions: number
}>

const SESSION_SUPPORT = ['none', 'one', 'many', 'either'] as const
/** The enterprise number of the IPMI forum, which owns the channel protocols of the specification. */
const IPMI_FORUM = 7154

export const GET_CHANNEL_INFO: Command<Readonly<{ channel: number }>, ChannelInfo> = {
  name: 'Get Channel Info',
  netFn: NET_FN.application,
  command: 0x42,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ channel }) => bytesOf(channel),
  decodeRequest: (data) => ({ channel: requestReader(data, 1).u8() & 0x0f }),
  encodeAnswer: (info) =>
    new ByteWriter(9)
      .u8(info.channel)
      .u8(info.medium)
      .u8(info.protocol)
      .u8((SESSION_SUPPORT.indexOf(info.sessions) << 6) | Math.min(info.activeSessions, 0x3f))
      .u16le(IPMI_FORUM)
      .u8(0)
      .u16le(0)
      .finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 4)
    const [channel, medium, protocol] = [reader.u8() & 0x0f, reader.u8() & 0x7f, reader.u8() & 0x1f]
    const sessions = reader.u8()
    return {
      channel,
      medium,
      protocol,
      sessions: SESSION_SUPPORT[sessions >> 6]!,
      activeSessions: sessions & 0x3f,
    }
  },
}

/** IPMI 2.0 table 22-26. */
export type ChannelAccess = Readonly<{
  alerting: boolean
  perMessageAuthentication: boolean
  userLevelAuthentication: boolean
  mode: 'disabled' | 'pre-boot' | 'always' | 'shared'
  privilege: number
}>

const ACCESS_MODES = ['disabled', 'pre-boot', 'always', 'shared'] as const

/** `volatile`: what holds now; else what holds after a restart. */
export const GET_CHANNEL_ACCESS: Command<Readonly<{ channel: number; volatile: boolean }>, ChannelAccess> = {
  name: 'Get Channel Access',
  netFn: NET_FN.application,
  command: 0x41,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ channel, volatile }) => bytesOf(channel, volatile ? 0x80 : 0x40),
  decodeRequest: (data) => {
    const reader = requestReader(data, 2)
    const [channel, which] = [reader.u8() & 0x0f, reader.u8() >> 6]
    checkField(which === 1 || which === 2)
    return { channel, volatile: which === 2 }
  },
  encodeAnswer: (access) =>
    bytesOf(
      (access.alerting ? 0 : 0x20) |
        (access.perMessageAuthentication ? 0 : 0x10) |
        (access.userLevelAuthentication ? 0 : 0x08) |
        ACCESS_MODES.indexOf(access.mode),
      access.privilege & 0x0f,
    ),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    const [flags, privilege] = [reader.u8(), reader.u8() & 0x0f]
    const mode = ACCESS_MODES[flags & 7]
    if (mode === undefined) throw new DecodeError(`access mode ${flags & 7} of a channel is reserved`)
    return {
      alerting: (flags & 0x20) === 0,
      perMessageAuthentication: (flags & 0x10) === 0,
      userLevelAuthentication: (flags & 0x08) === 0,
      mode,
      privilege,
    }
  },
}

/** Nothing of it can be changed here; the request is only looked at. Completion code 82h: not of this channel. */
export const SET_CHANNEL_ACCESS: Command<Readonly<{ channel: number; flags: number; privilege: number }>, Nothing> = {
  name: 'Set Channel Access',
  netFn: NET_FN.application,
  command: 0x40,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: ({ channel, flags, privilege }) => bytesOf(channel, flags, privilege),
  decodeRequest: (data) => {
    const reader = requestReader(data, 3)
    return { channel: reader.u8() & 0x0f, flags: reader.u8(), privilege: reader.u8() }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}
export const CHANNEL_ACCESS_FIXED = 0x82
