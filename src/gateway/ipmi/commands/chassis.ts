import * as wire from '../../../protocols/ipmi/chassis.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import { BMC_ADDRESS } from '../../../protocols/ipmi/net-fn.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, LAN_CHANNEL, refuse } from './answers.ts'

function lampOf({ state, now }: CommandContext): wire.IdentifyState {
  const { lamp } = state
  if (!lamp) return 'off'
  if (lamp.until === null) return 'on'
  return lamp.until > now() ? 'timed' : 'off'
}

async function status(_: unknown, context: CommandContext): Promise<wire.ChassisStatus> {
  const power = await context.backEnd.powerState()
  // A bit says on or off and nothing else: who does not know must not answer.
  if (power === 'unknown') refuse(COMPLETION.noAnswer)
  const isOn = power === 'on'
  const byCommand = context.backEnd.bmc.restartCause === wire.RESTART_CAUSE.chassisControl
  return {
    isOn,
    isOverloaded: false,
    isInterlocked: false,
    hasPowerFault: false,
    hasControlFault: false,
    restorePolicy: 'unknown',
    lastEvent: {
      mainsFailed: false,
      overload: false,
      interlock: false,
      fault: false,
      switchedOnByCommand: isOn && byCommand,
    },
    isOpen: false,
    isFrontPanelLocked: false,
    hasDriveFault: false,
    hasCoolingFault: false,
    identify: lampOf(context),
  }
}

export const CHASSIS: readonly Command[] = [
  answers(wire.GET_CHASSIS_CAPABILITIES, () => ({
    hasDiagnosticInterrupt: true,
    hasFrontPanelLockout: false,
    hasIntrusionSensor: false,
    hasPowerInterlock: false,
    fru: BMC_ADDRESS,
    sdr: BMC_ADDRESS,
    sel: BMC_ADDRESS,
    systemManagement: BMC_ADDRESS,
  })),
  answers(wire.GET_CHASSIS_STATUS, status),
  answers(wire.CHASSIS_CONTROL, (action, { backEnd, by }) => backEnd.perform(action, by)),
  answers(wire.CHASSIS_IDENTIFY, async ({ seconds }, { backEnd, state, now }) => {
    await backEnd.identify(seconds)
    state.lamp = seconds === null ? { until: null } : { until: now() + seconds * 1000 }
  }),
  answers(wire.SET_RESTORE_POLICY, (policy) => {
    // What happens after a power cut is set in the machine's firmware; nothing here reaches it.
    if (policy !== null) refuse(COMPLETION.notInThisState)
    return { supported: [] }
  }),
  answers(wire.GET_RESTART_CAUSE, (_, { backEnd }) => {
    const cause = backEnd.bmc.restartCause
    return { cause, channel: cause === wire.RESTART_CAUSE.chassisControl ? LAN_CHANNEL : 0 }
  }),
]
