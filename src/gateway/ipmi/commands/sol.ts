import { ByteWriter } from '../../../kit/bytes.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import * as wire from '../../../protocols/ipmi/lan.ts'
import type { Command, CommandContext, SolSettings } from '../command.ts'
import { answers, checkChannel, LAN_CHANNEL, refuse } from './answers.ts'
import type { BmcState } from './state.ts'

const P = wire.SOL_PARAMETER
/** Table 26-5, parameters 5 and 6: 115200 bits a second; 0 stands for the rate of the serial port. */
const RATE_115200 = 0x0a

/** Encryption and authentication are always forced (bits 7 and 6). */
const FORCED = 0xc0

function read(parameter: number, { state, port }: CommandContext): Uint8Array {
  const { sol } = state
  switch (parameter) {
    case P.setInProgress:
      return Uint8Array.of(sol.inProgress)
    case P.enable:
      return Uint8Array.of(Number(sol.isEnabled))
    case P.authentication:
      return Uint8Array.of(FORCED | sol.privilege)
    case P.accumulation:
      return Uint8Array.of(sol.accumulation, sol.threshold)
    case P.retry:
      return Uint8Array.of(sol.retries, sol.retryTens)
    case P.nonVolatileRate:
    case P.volatileRate:
      return Uint8Array.of(RATE_115200)
    case P.channel:
      return Uint8Array.of(LAN_CHANNEL)
    case P.port:
      return new ByteWriter(2).u16le(port).finish()
    default:
      return refuse(wire.PARAMETER_COMPLETION.notSupported)
  }
}

/** How many bytes a parameter that can be set has. */
const SETTABLE: ReadonlyMap<number, number> = new Map([
  [P.setInProgress, 1],
  [P.enable, 1],
  [P.authentication, 1],
  [P.accumulation, 2],
  [P.retry, 2],
  [P.nonVolatileRate, 1],
  [P.volatileRate, 1],
])

function write(parameter: number, data: Uint8Array, sol: BmcState['sol']): void {
  const size = SETTABLE.get(parameter)
  if (size === undefined)
    refuse(
      parameter === P.channel || parameter === P.port
        ? wire.PARAMETER_COMPLETION.readOnly
        : wire.PARAMETER_COMPLETION.notSupported,
    )
  if (data.length !== size) refuse(COMPLETION.badLength)
  const [first, second] = [data[0]!, data[1] ?? 0]
  switch (parameter) {
    case P.setInProgress:
      sol.inProgress = first === 1 ? 1 : 0
      return
    case P.enable:
      sol.isEnabled = (first & 1) === 1
      return
    case P.authentication: {
      const privilege = first & 0x0f
      if (privilege < 2 || privilege > 4 || (first & FORCED) !== FORCED) refuse(COMPLETION.invalidField)
      sol.privilege = privilege
      return
    }
    case P.accumulation:
      if (first === 0) refuse(COMPLETION.invalidField)
      sol.accumulation = first
      sol.threshold = Math.max(1, second)
      return
    case P.retry:
      sol.retries = first & 7
      sol.retryTens = Math.max(1, second)
      return
    default:
      // The rate is that of the real line, whatever that is.
      if ((first & 0x0f) !== 0 && (first & 0x0f) !== RATE_115200) refuse(COMPLETION.invalidField)
  }
}

/** How the line is carried for whoever activates it now. */
export function solSettings(sol: BmcState['sol']): SolSettings {
  return {
    encrypted: true,
    authenticated: true,
    accumulateMs: sol.accumulation * 5,
    threshold: sol.threshold,
    retries: sol.retries,
    retryMs: sol.retryTens * 10,
  }
}

export const SOL: readonly Command[] = [
  answers(wire.GET_SOL_PARAMETER, ({ channel, revisionOnly, parameter, set, block }, context) => {
    checkChannel(channel)
    if (revisionOnly) return { data: new Uint8Array(0) }
    const data = read(parameter, context)
    if (set !== 0 || block !== 0) refuse(COMPLETION.invalidField)
    return { data }
  }),
  answers(wire.SET_SOL_PARAMETER, ({ channel, parameter, data }, { state }) => {
    checkChannel(channel)
    write(parameter, data, state.sol)
  }),
]
