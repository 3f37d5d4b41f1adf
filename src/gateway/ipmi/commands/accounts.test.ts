import { expect, test } from 'vitest'
import { CommandDesk } from '../../../../test/fakes/ipmi-commands.ts'
import { CHANNEL_ACCESS_FIXED, GET_CHANNEL_INFO, SET_CHANNEL_ACCESS } from '../../../protocols/ipmi/channel.ts'
import * as lan from '../../../protocols/ipmi/lan.ts'
import * as payload from '../../../protocols/ipmi/payload.ts'
import * as wire from '../../../protocols/ipmi/users.ts'
import { COMMANDS } from './all.ts'

const SOL: payload.PayloadRequest = { type: 1, instance: 1, encrypted: true, authenticated: true }

test('slots are listed, the anonymous one is empty, and there are no others', async () => {
  const desk = new CommandDesk()
  const name = (user: number) => desk.ask(wire.GET_USER_NAME, { user })
  expect(await name(1)).toEqual({ name: '' })
  expect(await name(2)).toEqual({ name: 'admin' })
  expect(await name(15)).toEqual({ name: '' })
  expect(await desk.refusal(wire.GET_USER_NAME, { user: 16 })).toBe(0xcc)
  expect(await desk.ask(wire.GET_USER_ACCESS, { channel: 1, user: 2 })).toMatchObject({
    mostUsers: 15,
    enabledUsers: 3,
    isEnabled: true,
    privilege: 4,
  })
  expect(await desk.ask(wire.GET_USER_ACCESS, { channel: 1, user: 1 })).toMatchObject({ privilege: wire.NO_ACCESS })
  expect(await desk.refusal(wire.GET_USER_ACCESS, { channel: 3, user: 2 })).toBe(0xcc)
})

test('the anonymous slot stays empty', async () => {
  const desk = new CommandDesk()
  expect(await desk.refusal(wire.SET_USER_NAME, { user: 1, name: 'x' })).toBe(0xcc)
  expect(await desk.refusal(wire.SET_USER_PASSWORD, { user: 1, operation: 'enable', size: 16, password: '' })).toBe(
    0xcc,
  )
  expect(await desk.refusal(wire.SET_USER_ACCESS, { channel: 1, user: 1, flags: null, privilege: 4 })).toBe(0xcc)
  expect(desk.bmc.calls).toEqual([])
})

test('an account is made, changed, tested and switched off', async () => {
  const desk = new CommandDesk()
  await desk.ask(wire.SET_USER_NAME, { user: 5, name: 'bob' })
  await desk.ask(wire.SET_USER_PASSWORD, { user: 5, operation: 'set', size: 20, password: 'eighteen-letters-x' })
  await desk.ask(wire.SET_USER_PASSWORD, { user: 5, operation: 'enable', size: 16, password: '' })
  await desk.ask(wire.SET_USER_ACCESS, { channel: 1, user: 5, flags: null, privilege: 3 })
  expect(desk.bmc.bmc.users.find((user) => user.slot === 5)).toMatchObject({
    name: 'bob',
    privilege: 'operator',
    enabled: true,
  })
  const test = (size: 16 | 20, password: string) =>
    desk.refusal(wire.SET_USER_PASSWORD, { user: 5, operation: 'test', size, password })
  expect(await test(20, 'eighteen-letters-x')).toBe(0)
  expect(await test(20, 'eighteen-letters-y')).toBe(wire.PASSWORD_COMPLETION.wrong)
  expect(await test(16, 'eighteen-letters')).toBe(wire.PASSWORD_COMPLETION.wrongSize)
  await desk.ask(wire.SET_USER_ACCESS, { channel: 1, user: 5, flags: null, privilege: wire.NO_ACCESS })
  expect(desk.bmc.bmc.users.find((user) => user.slot === 5)).toMatchObject({ enabled: false })
})

test('what is so already may be written again, as clients that keep settings in files do', async () => {
  const desk = new CommandDesk()
  const flags = { callbackOnly: false, linkAuthentication: false, messaging: false }
  for (const user of [1, 9]) {
    expect(await desk.refusal(wire.SET_USER_ACCESS, { channel: 1, user, flags, privilege: wire.NO_ACCESS })).toBe(0)
    expect(await desk.refusal(wire.SET_USER_PASSWORD, { user, operation: 'disable', size: 16, password: '' })).toBe(0)
  }
  const sol = (user: number, isAllowed: boolean) =>
    desk.refusal(payload.SET_USER_PAYLOADS, { channel: 1, user, isAllowed, mask: 2 })
  expect(await sol(2, true)).toBe(0)
  expect(await sol(4, false)).toBe(0)
  expect(await sol(4, true)).toBe(0xd5)
  expect(await sol(2, false)).toBe(0xd5)
  expect(desk.bmc.calls).toEqual([])
})

test('an account cannot be told to come in by ways that are not there', async () => {
  const desk = new CommandDesk()
  const flags = { callbackOnly: false, linkAuthentication: false, messaging: true }
  const set = (change: object) =>
    desk.refusal(wire.SET_USER_ACCESS, { channel: 1, user: 3, flags: { ...flags, ...change }, privilege: 3 })
  expect(await set({})).toBe(0)
  expect(await set({ callbackOnly: true })).toBe(0xcc)
  expect(await set({ messaging: false })).toBe(0xcc)
  expect(await desk.refusal(wire.SET_USER_ACCESS, { channel: 1, user: 3, flags: null, privilege: 5 })).toBe(0xcc)
})

test('settings of the network are told as far as they are known, never a community, and not changed', async () => {
  const desk = new CommandDesk()
  desk.bmc.bmc = { ...desk.bmc.bmc, address: '192.0.2.77' }
  const get = (parameter: number) =>
    desk.ask(lan.GET_LAN_PARAMETER, { channel: 1, revisionOnly: false, parameter, set: 0, block: 0 })
  expect((await get(3)).data).toEqual(Uint8Array.of(192, 0, 2, 77))
  expect((await get(4)).data).toEqual(Uint8Array.of(1))
  expect((await get(23)).data.slice(0, 4)).toEqual(Uint8Array.of(0, 3, 17, 0))
  expect((await get(24)).data.slice(0, 3)).toEqual(Uint8Array.of(0, 0x44, 0))
  const refusal = (parameter: number, ...data: number[]) =>
    desk.refusal(lan.SET_LAN_PARAMETER, { channel: 1, parameter, data: Uint8Array.from(data) })
  expect(await refusal(3, 1, 2, 3, 4)).toBe(0x82)
  expect(await refusal(16, 112)).toBe(0x80)
  const community = { channel: 1, revisionOnly: false, parameter: 16, set: 0, block: 0 }
  expect(await desk.refusal(lan.GET_LAN_PARAMETER, community)).toBe(0x80)
  expect(await refusal(3, 192, 0, 2, 77)).toBe(0)
  const channel = (flags: number, privilege: number) =>
    desk.refusal(SET_CHANNEL_ACCESS, { channel: 1, flags, privilege })
  expect(await channel(0x40 | 0x20, 0x40 | 0x03)).toBe(CHANNEL_ACCESS_FIXED)
  expect(await channel(0x40, 0)).toBe(CHANNEL_ACCESS_FIXED)
  expect(await channel(0x40 | 0x22, 0x40 | 0x04)).toBe(0)
  expect(await desk.refusal(GET_CHANNEL_INFO, { channel: 7 })).toBe(0xcc)
})

test('the console needs the level of its setting, encryption, and that nobody else has it', async () => {
  const desk = new CommandDesk()
  desk.privilege = 2
  expect(await desk.refusal(payload.ACTIVATE_PAYLOAD, SOL)).toBe(0xd4)
  expect(await desk.refusal(payload.DEACTIVATE_PAYLOAD, SOL)).toBe(0xd4)
  desk.privilege = 3
  expect(await desk.refusal(payload.ACTIVATE_PAYLOAD, { ...SOL, encrypted: false })).toBe(0x84)
  expect(await desk.refusal(payload.ACTIVATE_PAYLOAD, { ...SOL, instance: 2 })).toBe(0xcc)
  expect(await desk.refusal(payload.ACTIVATE_PAYLOAD, { ...SOL, type: 2 })).toBe(0xcc)
  expect(await desk.ask(payload.GET_PAYLOAD_STATUS, { type: 1 })).toEqual({ capacity: 1, active: [] })
  expect(await desk.ask(payload.ACTIVATE_PAYLOAD, SOL)).toEqual({ inboundBytes: 255, outboundBytes: 255, port: 623 })
  expect(await desk.ask(payload.GET_PAYLOAD_STATUS, { type: 1 })).toEqual({ capacity: 1, active: [1] })
  expect(await desk.ask(payload.GET_PAYLOAD_INSTANCE, { type: 1, instance: 1 })).toEqual({ session: 0x1234, port: 0 })
  expect(await desk.refusal(payload.ACTIVATE_PAYLOAD, SOL)).toBe(0x80)
  expect(await desk.refusal(payload.DEACTIVATE_PAYLOAD, SOL)).toBe(0)
  expect(await desk.refusal(payload.DEACTIVATE_PAYLOAD, SOL)).toBe(0x80)
})

test('settings of the console are kept until the BMC is reset', async () => {
  const desk = new CommandDesk()
  const set = (parameter: number, ...data: number[]) =>
    desk.refusal(lan.SET_SOL_PARAMETER, { channel: 1, parameter, data: Uint8Array.from(data) })
  const get = async (parameter: number) => [
    ...(await desk.ask(lan.GET_SOL_PARAMETER, { channel: 1, revisionOnly: false, parameter, set: 0, block: 0 })).data,
  ]
  expect(await set(1, 0)).toBe(0)
  expect(await desk.refusal(payload.ACTIVATE_PAYLOAD, SOL)).toBe(0x81)
  expect(await set(2, 0xc4)).toBe(0)
  expect(await get(2)).toEqual([0xc4])
  expect(await set(2, 0x04)).toBe(0xcc)
  expect(await set(3, 2, 10)).toBe(0)
  expect(await get(3)).toEqual([2, 10])
  expect(await set(7, 1)).toBe(0x82)
  expect(await set(8, 1, 2)).toBe(0x82)
  expect(await set(5, 6)).toBe(0xcc)
  expect(await set(99, 0)).toBe(0x80)
})

test('every command has the level that IPMI asks for, and stands there once', () => {
  const levels = Object.fromEntries(COMMANDS.commands.map(({ name, privilege }) => [name, privilege]))
  expect(Object.keys(levels)).toHaveLength(COMMANDS.commands.length)
  expect(new Set(COMMANDS.commands.map(({ netFn, command }) => netFn * 256 + command)).size).toBe(
    COMMANDS.commands.length,
  )
  const changing = COMMANDS.commands.filter(({ name }) => /^(Set|Chassis|Clear|Cold|Warm|Start|Stop)/.test(name))
  for (const { name, privilege } of changing) expect(privilege, name).toBeGreaterThanOrEqual(3)
  for (const name of ['Set User Name', 'Set User Password', 'Set User Access', 'Cold Reset', 'Warm Reset'])
    expect(levels[name], name).toBe(4)
})

test('what no command covers goes to a real BMC where the route says so, and only for administrators', async () => {
  const desk = new CommandDesk()
  const raw = async () => (await desk.send(0x30, 1, new Uint8Array(0))).completionCode
  expect(await raw()).toBe(0xc1)
  expect(desk.bmc.calls).toEqual([])
  desk.bmc.bmc = { ...desk.bmc.bmc, routes: { raw: 'ipmi' } }
  desk.bmc.raw = async ({ netFn, command }) => ({ completionCode: 0, data: Uint8Array.of(netFn, command) })
  expect(await desk.send(0x30, 1, new Uint8Array(0))).toEqual({ completionCode: 0, data: Uint8Array.of(0x30, 1) })
  desk.privilege = 3
  expect(await raw()).toBe(0xd4)
  desk.privilege = 4
  expect((await desk.send(0x06, 0x39, new Uint8Array(0))).completionCode).toBe(0xc1)
})
