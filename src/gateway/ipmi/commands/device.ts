import { fromHex } from '../../../kit/bytes.ts'
import * as wire from '../../../protocols/ipmi/device.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers } from './answers.ts'
import { resetBmcState } from './state.ts'

/** What the emulated BMC can do, for Get Device ID and for its own sensor record. */
export const SUPPORTS: wire.DeviceId['supports'] = {
  sensors: true,
  sdrRepository: true,
  sel: true,
  fru: true,
  eventReceiver: false,
  eventGenerator: false,
  bridge: false,
  chassis: true,
}

/** The same as the bits of IPMI 2.0 table 20-2. */
export const SUPPORT_BITS = 0x8f

/** Nobody gave us a number of a manufacturer; 0 says so. */
const DEVICE: wire.DeviceId = {
  device: 0x20,
  revision: 1,
  providesSdrs: false,
  isAvailable: true,
  firmware: { major: 0, minor: 1 },
  ipmi: { major: 2, minor: 0 },
  supports: SUPPORTS,
  manufacturer: 0,
  product: 0,
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

/** The bytes of a UUID as it is written, or undefined. */
const uuidBytes = (uuid: string): Uint8Array | undefined =>
  UUID.test(uuid) ? fromHex(uuid.replaceAll('-', '')) : undefined

/** IPMI 2.0 §20.8: the least significant byte first. */
const wireOrder = (bytes: Uint8Array): wire.Guid => ({ bytes: bytes.slice().reverse() })

function coldReset(_: unknown, { state, now, endSessions }: CommandContext): void {
  resetBmcState(state, now())
  endSessions()
}

/** Who asked stays logged in: ipmitool waits long for the answer to Close Session, which it sends after this command only. */
function warmReset(_: unknown, { session, sessions, sol, state, endSessions }: CommandContext): void {
  state.boot.inProgress = 0
  state.sol.inProgress = 0
  state.lan.inProgress = 0
  sol.deactivate()
  for (const other of sessions) if (other !== session) endSessions(other)
}

export const DEVICE_COMMANDS: readonly Command[] = [
  answers(wire.GET_DEVICE_ID, () => DEVICE),
  answers(wire.COLD_RESET, coldReset),
  answers(wire.WARM_RESET, warmReset),
  answers(wire.GET_SELF_TEST, () => ({ result: wire.SELF_TEST_PASSED, detail: 0 })),
  answers(wire.GET_ACPI_STATE, async (_, { backEnd }) => {
    const power = await backEnd.powerState()
    const { working, softOff, unknown } = wire.ACPI_STATE
    return { system: power === 'on' ? working : power === 'off' ? softOff : unknown, device: working }
  }),
  answers(wire.GET_DEVICE_GUID, (_, { backEnd }) => wireOrder(fromHex(backEnd.bmc.guid))),
  answers(wire.GET_SYSTEM_GUID, (_, { backEnd }) => {
    const { uuid } = backEnd.machine
    return wireOrder((uuid === null ? undefined : uuidBytes(uuid)) ?? fromHex(backEnd.bmc.guid))
  }),
]
