import { ByteWriter, latin1, latin1Bytes } from '../../kit/bytes.ts'
import { answerReader, bytesOf, type Command, checkField, type Nothing, noData, requestReader } from './command.ts'
import { COMPLETION, CompletionError } from './completion.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 table 22-33: an account that may do nothing on a channel. */
export const NO_ACCESS = 0x0f
export const MOST_NAME_BYTES = 16

/** IPMI 2.0 table 22-32. */
export type UserAccess = Readonly<{
  mostUsers: number
  enabledUsers: number
  /** How many names cannot be changed. */
  fixedNames: number
  /** Of the account that was asked for; `null` where the BMC does not say. */
  isEnabled: boolean | null
  callbackOnly: boolean
  linkAuthentication: boolean
  messaging: boolean
  /** 1 to 4, or `NO_ACCESS`. */
  privilege: number
}>

type WhichUser = Readonly<{ channel: number; user: number }>

/** Slot 0 is reserved, and names of more than 6 bits do not exist. */
function checkedSlot(byte: number): number {
  const slot = byte & 0x3f
  checkField(slot !== 0)
  return slot
}

export const GET_USER_ACCESS: Command<WhichUser, UserAccess> = {
  name: 'Get User Access',
  netFn: NET_FN.application,
  command: 0x44,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ channel, user }) => bytesOf(channel, user),
  decodeRequest: (data) => {
    const reader = requestReader(data, 2)
    return { channel: reader.u8() & 0x0f, user: checkedSlot(reader.u8()) }
  },
  encodeAnswer: (access) =>
    bytesOf(
      access.mostUsers & 0x3f,
      (access.isEnabled === null ? 0 : access.isEnabled ? 0x40 : 0x80) | (access.enabledUsers & 0x3f),
      access.fixedNames & 0x3f,
      (access.callbackOnly ? 0x40 : 0) |
        (access.linkAuthentication ? 0x20 : 0) |
        (access.messaging ? 0x10 : 0) |
        (access.privilege & 0x0f),
    ),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 4)
    const [most, enabled, fixed, flags] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()]
    const state = enabled >> 6
    return {
      mostUsers: most & 0x3f,
      enabledUsers: enabled & 0x3f,
      fixedNames: fixed & 0x3f,
      isEnabled: state === 1 ? true : state === 2 ? false : null,
      callbackOnly: (flags & 0x40) !== 0,
      linkAuthentication: (flags & 0x20) !== 0,
      messaging: (flags & 0x10) !== 0,
      privilege: flags & 0x0f,
    }
  },
}

/** IPMI 2.0 table 22-31. `flags` is `null` where they are to stay. */
export type SetUserAccess = WhichUser &
  Readonly<{
    flags: Readonly<{ callbackOnly: boolean; linkAuthentication: boolean; messaging: boolean }> | null
    privilege: number
  }>

export const SET_USER_ACCESS: Command<SetUserAccess, Nothing> = {
  name: 'Set User Access',
  netFn: NET_FN.application,
  command: 0x43,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: ({ channel, user, flags, privilege }) =>
    bytesOf(
      (flags === null
        ? 0
        : 0x80 |
          (flags.callbackOnly ? 0x40 : 0) |
          (flags.linkAuthentication ? 0x20 : 0) |
          (flags.messaging ? 0x10 : 0)) |
        (channel & 0x0f),
      user,
      privilege,
    ),
  decodeRequest: (data) => {
    const reader = requestReader(data, 3, 4)
    const [first, user, privilege] = [reader.u8(), checkedSlot(reader.u8()), reader.u8() & 0x0f]
    checkField((privilege >= 1 && privilege <= 5) || privilege === NO_ACCESS)
    const flags = {
      callbackOnly: (first & 0x40) !== 0,
      linkAuthentication: (first & 0x20) !== 0,
      messaging: (first & 0x10) !== 0,
    }
    return { channel: first & 0x0f, user, flags: (first & 0x80) === 0 ? null : flags, privilege }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

export const SET_USER_NAME: Command<Readonly<{ user: number; name: string }>, Nothing> = {
  name: 'Set User Name',
  netFn: NET_FN.application,
  command: 0x45,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: ({ user, name }) => new ByteWriter(17).u8(user).text(name, MOST_NAME_BYTES).finish(),
  decodeRequest: (data) => {
    const reader = requestReader(data, 17)
    return { user: checkedSlot(reader.u8()), name: reader.text(MOST_NAME_BYTES) }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

export const GET_USER_NAME: Command<Readonly<{ user: number }>, Readonly<{ name: string }>> = {
  name: 'Get User Name',
  netFn: NET_FN.application,
  command: 0x46,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ user }) => bytesOf(user),
  decodeRequest: (data) => ({ user: checkedSlot(requestReader(data, 1).u8()) }),
  encodeAnswer: ({ name }) => new ByteWriter(16).text(name, MOST_NAME_BYTES).finish(),
  decodeAnswer: (data) => ({ name: answerReader(data, 16).text(MOST_NAME_BYTES) }),
}

/** Completion codes of Set User Password. */
export const PASSWORD_COMPLETION = { wrong: 0x80, wrongSize: 0x81 } as const

/** IPMI 2.0 table 22-35. `size`: in how many bytes it is kept, 16 for IPMI 1.5 and 20 for 2.0. A password is a secret: do not log it. */
export type SetUserPassword = Readonly<{
  user: number
  operation: 'disable' | 'enable' | 'set' | 'test'
  size: 16 | 20
  password: string
}>

const OPERATIONS = ['disable', 'enable', 'set', 'test'] as const

/** Bytes up to the zeros that fill the field; zeros between are part of a password. */
function unpadded(bytes: Uint8Array): string {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return latin1(bytes.subarray(0, end))
}

export const SET_USER_PASSWORD: Command<SetUserPassword, Nothing> = {
  name: 'Set User Password',
  netFn: NET_FN.application,
  command: 0x47,
  privilege: PRIVILEGE_LEVEL.administrator,
  encodeRequest: ({ user, operation, size, password }) => {
    const writer = new ByteWriter(2 + size).u8((size === 20 ? 0x80 : 0) | user).u8(OPERATIONS.indexOf(operation))
    if (operation === 'set' || operation === 'test') writer.bytes(latin1Bytes(password), size)
    return writer.finish()
  },
  decodeRequest: (data) => {
    const reader = requestReader(data, 2, 22)
    const first = reader.u8()
    const size = (first & 0x80) !== 0 ? 20 : 16
    const operation = OPERATIONS[reader.u8() & 3]!
    const user = checkedSlot(first)
    // Enabling and disabling may carry a field that means nothing.
    const isNeeded = operation === 'set' || operation === 'test'
    if (reader.remaining !== size && (isNeeded || reader.remaining !== 0))
      throw new CompletionError(COMPLETION.badLength)
    return { user, operation, size, password: isNeeded ? unpadded(reader.view(size)) : '' }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}
