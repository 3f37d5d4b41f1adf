import { expect, test } from 'vitest'
import { CommandDesk } from '../../../../test/fakes/ipmi-commands.ts'
import { Refusal } from '../../../kit/errors.ts'
import * as boot from '../../../protocols/ipmi/boot-options.ts'
import * as wire from '../../../protocols/ipmi/chassis.ts'
import * as device from '../../../protocols/ipmi/device.ts'

const flags = (first: number, selector: number): boot.SetBootOption => ({
  parameter: 5,
  isLocked: false,
  data: Uint8Array.of(first, selector << 2, 0, 0, 0),
})
const FLAGS: boot.GetBootOption = { parameter: 5, set: 0, block: 0 }

test('a status is what the back end reads, and a code where it does not know', async () => {
  const desk = new CommandDesk()
  expect(await desk.ask(wire.GET_CHASSIS_STATUS, undefined)).toMatchObject({ isOn: true, restorePolicy: 'unknown' })
  desk.bmc.power = 'off'
  expect(await desk.ask(wire.GET_CHASSIS_STATUS, undefined)).toMatchObject({ isOn: false })
  desk.bmc.power = 'unknown'
  expect(await desk.refusal(wire.GET_CHASSIS_STATUS, undefined)).toBe(0xce)
})

test.each([
  ['not-available', 0xd3],
  ['wrong-state', 0xd5],
  ['not-found', 0xc1],
] as const)('a back end that refuses with %s is told as a completion code', async (code, completion) => {
  const desk = new CommandDesk()
  desk.bmc.failure = new Refusal(code, 'no')
  expect(await desk.refusal(wire.GET_CHASSIS_STATUS, undefined)).toBe(completion)
  expect(await desk.refusal(wire.CHASSIS_CONTROL, 'on')).toBe(completion)
  expect(await desk.refusal(wire.CHASSIS_IDENTIFY, { seconds: 5 })).toBe(completion)
})

test('the lamp is told as it was switched, until its time is over', async () => {
  const desk = new CommandDesk()
  const lamp = async () => (await desk.ask(wire.GET_CHASSIS_STATUS, undefined)).identify
  expect(await lamp()).toBe('off')
  await desk.ask(wire.CHASSIS_IDENTIFY, { seconds: 5 })
  expect(await lamp()).toBe('timed')
  desk.clock.advance(5_001)
  expect(await lamp()).toBe('off')
  await desk.ask(wire.CHASSIS_IDENTIFY, { seconds: null })
  expect(await lamp()).toBe('on')
  await desk.ask(wire.CHASSIS_IDENTIFY, { seconds: 0 })
  expect(await lamp()).toBe('off')
  // IPMI 2.0 table 28-5: without a byte it is lit for 15 s.
  expect((await desk.send(0, 4, new Uint8Array(0))).completionCode).toBe(0)
  expect(desk.bmc.calls).toContain('identify 15')
})

test('a boot order is kept by the back end, and read as it was written as long as it stands', async () => {
  const desk = new CommandDesk()
  // What ipmi-chassis-config writes, a hint of verbose firmware included.
  const written = Uint8Array.of(0xe0, 0x04, 0x40, 0, 0x11)
  await desk.ask(boot.SET_BOOT_OPTION, { parameter: 5, isLocked: false, data: written })
  expect(desk.bmc.bmc.bootOrder).toEqual({ device: 'pxe', persistent: true, efi: true })
  expect((await desk.ask(boot.GET_BOOT_OPTION, FLAGS)).data).toEqual(written)
  desk.bmc.bmc = { ...desk.bmc.bmc, bootOrder: { device: 'disk', persistent: false, efi: true } }
  expect((await desk.ask(boot.GET_BOOT_OPTION, FLAGS)).data).toEqual(Uint8Array.of(0xa0, 0x08, 0, 0, 0))
  desk.bmc.bmc = { ...desk.bmc.bmc, bootOrder: null }
  expect((await desk.ask(boot.GET_BOOT_OPTION, FLAGS)).data).toEqual(new Uint8Array(5))
})

test('a boot order is read after a restart of the process', async () => {
  const before = new CommandDesk()
  await before.ask(boot.SET_BOOT_OPTION, flags(0xa0, 1))
  const after = new CommandDesk()
  after.bmc.bmc = before.bmc.bmc
  expect((await after.ask(boot.GET_BOOT_OPTION, FLAGS)).data).toEqual(Uint8Array.of(0xa0, 0x04, 0, 0, 0))
})

test.each([
  [1, 'pxe'],
  [2, 'disk'],
  [4, 'diag'],
  [5, 'cdrom'],
  [6, 'setup'],
  [8, 'media'],
  [9, 'media'],
  [15, 'usb'],
] as const)('boot device %s orders %s', async (selector, ordered) => {
  const desk = new CommandDesk()
  await desk.ask(boot.SET_BOOT_OPTION, flags(0x80, selector))
  expect(desk.bmc.bmc.bootOrder).toEqual({ device: ordered, persistent: false, efi: false })
})

test.each([3, 7, 10, 11, 12, 13, 14])('boot device %s, which nobody can order, is refused', async (selector) => {
  const desk = new CommandDesk()
  expect(await desk.refusal(boot.SET_BOOT_OPTION, flags(0x80, selector))).toBe(0xcc)
  expect(desk.bmc.calls).toEqual([])
})

test('what would be swallowed without a trace is refused', async () => {
  const desk = new CommandDesk()
  const set = (...data: number[]) =>
    desk.refusal(boot.SET_BOOT_OPTION, { parameter: 5, isLocked: false, data: Uint8Array.from(data) })
  expect(await set(0x80, 0x84, 0, 0, 0)).toBe(0xcc)
  expect(await set(0x80, 0x04, 0x08, 0, 0)).toBe(0xcc)
  expect(await set(0x80, 0x04, 0, 0)).toBe(0xc7)
  expect(desk.bmc.calls).toEqual([])
})

test('flags that are not valid, and no device, take an order back', async () => {
  const desk = new CommandDesk()
  for (const [first, selector] of [
    [0x80, 0],
    [0x00, 1],
  ] as const) {
    await desk.ask(boot.SET_BOOT_OPTION, flags(0x80, 1))
    await desk.ask(boot.SET_BOOT_OPTION, flags(first, selector))
    expect(desk.bmc.bmc.bootOrder).toBeNull()
  }
})

test('the other boot parameters are kept, and those that are not there are named so', async () => {
  const desk = new CommandDesk()
  const set = (parameter: number, ...data: number[]) =>
    desk.refusal(boot.SET_BOOT_OPTION, { parameter, isLocked: false, data: Uint8Array.from(data) })
  const get = async (parameter: number) => [
    ...(await desk.ask(boot.GET_BOOT_OPTION, { parameter, set: 0, block: 0 })).data,
  ]
  expect(await set(0, 1)).toBe(0)
  expect(await get(0)).toEqual([1])
  expect(await set(0, 0)).toBe(0)
  expect(await get(0)).toEqual([0])
  expect(await set(0, 3)).toBe(0xcc)
  expect(await set(3, 0x1f)).toBe(0)
  expect(await get(3)).toEqual([0x1f])
  expect(await set(3, 0x20)).toBe(0xcc)
  expect(await set(4, 0xff, 0xff)).toBe(0)
  expect(await set(4, 0x01, 0x00)).toBe(0)
  expect(await get(4)).toEqual([0, 0xfe])
  for (const parameter of [1, 2, 6, 7, 8, 127]) {
    expect(await set(parameter, 0)).toBe(0x80)
    expect(await desk.refusal(boot.GET_BOOT_OPTION, { parameter, set: 0, block: 0 })).toBe(0x80)
  }
})

test('GUIDs go out the way round that makes clients print them as they are written', async () => {
  const desk = new CommandDesk()
  const written = [...(await desk.ask(device.GET_SYSTEM_GUID, undefined)).bytes].reverse()
  expect(Buffer.from(written).toString('hex')).toBe(desk.bmc.machine.uuid!.replaceAll('-', ''))
  desk.bmc.machine = { ...desk.bmc.machine, uuid: null }
  const own = [...(await desk.ask(device.GET_SYSTEM_GUID, undefined)).bytes].reverse()
  expect(Buffer.from(own).toString('hex')).toBe(desk.bmc.bmc.guid)
})

test('a reset ends sessions, and reaches nothing of the machine', async () => {
  const desk = new CommandDesk()
  await desk.ask(device.COLD_RESET, undefined)
  expect(desk.ended).toBe(1)
  desk.sol.holder = 1
  await desk.ask(device.WARM_RESET, undefined)
  expect(desk.sol.holder).toBeUndefined()
  expect(desk.bmc.calls).toEqual([])
})
