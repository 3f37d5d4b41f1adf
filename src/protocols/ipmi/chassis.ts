import { ByteWriter } from '../../kit/bytes.ts'
import { answerReader, bytesOf, type Command, checkField, type Nothing, noData, requestReader } from './command.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** IPMI 2.0 table 28-2. */
export type ChassisCapabilities = Readonly<{
  hasDiagnosticInterrupt: boolean
  hasFrontPanelLockout: boolean
  hasIntrusionSensor: boolean
  hasPowerInterlock: boolean
  /** Addresses of the devices that hold the inventory, the sensor records, the log and the system management. */
  fru: number
  sdr: number
  sel: number
  systemManagement: number
}>

export const GET_CHASSIS_CAPABILITIES: Command<Nothing, ChassisCapabilities> = {
  name: 'Get Chassis Capabilities',
  netFn: NET_FN.chassis,
  command: 0x00,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: (answer) =>
    bytesOf(
      Number(answer.hasIntrusionSensor) |
        (Number(answer.hasFrontPanelLockout) << 1) |
        (Number(answer.hasDiagnosticInterrupt) << 2) |
        (Number(answer.hasPowerInterlock) << 3),
      answer.fru,
      answer.sdr,
      answer.sel,
      answer.systemManagement,
    ),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 5)
    const flags = reader.u8()
    return {
      hasIntrusionSensor: (flags & 1) !== 0,
      hasFrontPanelLockout: (flags & 2) !== 0,
      hasDiagnosticInterrupt: (flags & 4) !== 0,
      hasPowerInterlock: (flags & 8) !== 0,
      fru: reader.u8(),
      sdr: reader.u8(),
      sel: reader.u8(),
      systemManagement: reader.u8(),
    }
  },
}

/** What happens when mains power returns. */
export const RESTORE_POLICIES = ['stay-off', 'previous', 'always-on', 'unknown'] as const
export type RestorePolicy = (typeof RESTORE_POLICIES)[number]

export const IDENTIFY_STATES = ['off', 'timed', 'on', 'unknown'] as const
export type IdentifyState = (typeof IDENTIFY_STATES)[number]

/** IPMI 2.0 table 28-3. `identify` is `null` where the chassis does not say. */
export type ChassisStatus = Readonly<{
  isOn: boolean
  isOverloaded: boolean
  isInterlocked: boolean
  hasPowerFault: boolean
  hasControlFault: boolean
  restorePolicy: RestorePolicy
  /** Why the state changed last. */
  lastEvent: Readonly<{
    mainsFailed: boolean
    overload: boolean
    interlock: boolean
    fault: boolean
    switchedOnByCommand: boolean
  }>
  isOpen: boolean
  isFrontPanelLocked: boolean
  hasDriveFault: boolean
  hasCoolingFault: boolean
  identify: IdentifyState | null
}>

const bits = (...flags: readonly boolean[]): number => flags.reduce((sum, flag, i) => sum | (Number(flag) << i), 0)
const bit = (byte: number, n: number): boolean => ((byte >> n) & 1) === 1

export const GET_CHASSIS_STATUS: Command<Nothing, ChassisStatus> = {
  name: 'Get Chassis Status',
  netFn: NET_FN.chassis,
  command: 0x01,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: (status) => {
    const { mainsFailed, overload, interlock, fault, switchedOnByCommand } = status.lastEvent
    return bytesOf(
      bits(status.isOn, status.isOverloaded, status.isInterlocked, status.hasPowerFault, status.hasControlFault) |
        (RESTORE_POLICIES.indexOf(status.restorePolicy) << 5),
      bits(mainsFailed, overload, interlock, fault, switchedOnByCommand),
      bits(status.isOpen, status.isFrontPanelLocked, status.hasDriveFault, status.hasCoolingFault) |
        (status.identify === null ? 0 : 0x40 | (IDENTIFY_STATES.indexOf(status.identify) << 4)),
    )
  },
  decodeAnswer: (data) => {
    const reader = answerReader(data, 3)
    const [state, event, more] = [reader.u8(), reader.u8(), reader.u8()]
    return {
      isOn: bit(state, 0),
      isOverloaded: bit(state, 1),
      isInterlocked: bit(state, 2),
      hasPowerFault: bit(state, 3),
      hasControlFault: bit(state, 4),
      restorePolicy: RESTORE_POLICIES[(state >> 5) & 3]!,
      lastEvent: {
        mainsFailed: bit(event, 0),
        overload: bit(event, 1),
        interlock: bit(event, 2),
        fault: bit(event, 3),
        switchedOnByCommand: bit(event, 4),
      },
      isOpen: bit(more, 0),
      isFrontPanelLocked: bit(more, 1),
      hasDriveFault: bit(more, 2),
      hasCoolingFault: bit(more, 3),
      identify: bit(more, 6) ? IDENTIFY_STATES[(more >> 4) & 3]! : null,
    }
  },
}

/** IPMI 2.0 table 28-4; the place is the number. */
export const CHASSIS_CONTROLS = ['off', 'on', 'cycle', 'reset', 'diag', 'soft'] as const
export type ChassisControl = (typeof CHASSIS_CONTROLS)[number]

export const CHASSIS_CONTROL: Command<ChassisControl, Nothing> = {
  name: 'Chassis Control',
  netFn: NET_FN.chassis,
  command: 0x02,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: (control) => bytesOf(CHASSIS_CONTROLS.indexOf(control)),
  decodeRequest: (data) => {
    // The upper four bits are reserved, so any of them makes a number that is not in the table.
    const control = CHASSIS_CONTROLS[requestReader(data, 1).u8()]
    checkField(control !== undefined)
    return control
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

/** IPMI 2.0 table 28-5. `seconds` 0 puts the lamp out, `null` leaves it on. */
export type ChassisIdentify = Readonly<{ seconds: number | null }>

export const CHASSIS_IDENTIFY: Command<ChassisIdentify, Nothing> = {
  name: 'Chassis Identify',
  netFn: NET_FN.chassis,
  command: 0x04,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: ({ seconds }) => (seconds === null ? bytesOf(0, 1) : bytesOf(seconds)),
  decodeRequest: (data) => {
    const reader = requestReader(data, 0, 2)
    // Without any byte the lamp is lit for 15 seconds.
    const seconds = reader.remaining > 0 ? reader.u8() : 15
    const isForced = reader.remaining > 0 && (reader.u8() & 1) === 1
    return { seconds: isForced ? null : seconds }
  },
  encodeAnswer: noData.encode,
  decodeAnswer: noData.decodeAnswer,
}

/** IPMI 2.0 table 28-8. `null`: only asks what is supported. */
export const SET_RESTORE_POLICY: Command<
  Exclude<RestorePolicy, 'unknown'> | null,
  Readonly<{ supported: readonly RestorePolicy[] }>
> = {
  name: 'Set Power Restore Policy',
  netFn: NET_FN.chassis,
  command: 0x06,
  privilege: PRIVILEGE_LEVEL.operator,
  encodeRequest: (policy) => bytesOf(policy === null ? 3 : RESTORE_POLICIES.indexOf(policy)),
  decodeRequest: (data) => {
    const number = requestReader(data, 1).u8() & 7
    checkField(number <= 3)
    return number === 3 ? null : (RESTORE_POLICIES[number] as Exclude<RestorePolicy, 'unknown'>)
  },
  encodeAnswer: ({ supported }) =>
    bytesOf(supported.reduce((sum, one) => sum | (one === 'unknown' ? 0 : 1 << RESTORE_POLICIES.indexOf(one)), 0)),
  decodeAnswer: (data) => {
    const mask = answerReader(data, 1).u8()
    return { supported: RESTORE_POLICIES.slice(0, 3).filter((_, i) => bit(mask, i)) }
  },
}

/** IPMI 2.0 table 28-11, as far as we tell it ourselves. */
export const RESTART_CAUSE = {
  unknown: 0,
  chassisControl: 1,
  resetButton: 2,
  powerButton: 3,
  watchdog: 4,
  oem: 5,
  alwaysRestore: 6,
  restorePrevious: 7,
  softReset: 0x0a,
} as const

export const GET_RESTART_CAUSE: Command<Nothing, Readonly<{ cause: number; channel: number }>> = {
  name: 'Get System Restart Cause',
  netFn: NET_FN.chassis,
  command: 0x07,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ cause, channel }) => bytesOf(cause & 0x0f, channel),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 2)
    return { cause: reader.u8() & 0x0f, channel: reader.u8() }
  },
}

/** IPMI 2.0 table 28-15: hours that the machine was on are `count * minutesPerCount / 60`. */
export const GET_POWER_ON_HOURS: Command<Nothing, Readonly<{ minutesPerCount: number; count: number }>> = {
  name: 'Get POH Counter',
  netFn: NET_FN.chassis,
  command: 0x0f,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: noData.encode,
  decodeRequest: noData.decodeRequest,
  encodeAnswer: ({ minutesPerCount, count }) => new ByteWriter(5).u8(minutesPerCount).u32le(count).finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 5)
    return { minutesPerCount: reader.u8(), count: reader.u32le() }
  },
}
