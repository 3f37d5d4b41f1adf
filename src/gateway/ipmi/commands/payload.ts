import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import { PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import * as wire from '../../../protocols/ipmi/payload.ts'
import { type Command, type CommandContext, SOL_PAYLOAD_BYTES } from '../command.ts'
import { answers, checkChannel, refuse } from './answers.ts'
import { solSettings } from './sol.ts'
import { LAST_SLOT } from './users.ts'

/** There is one serial line, and one session at a time has it. */
const SOL_INSTANCE = 1
/** IPMI, SOL, and the six messages that set a session up (table 13-16). */
const CHANNEL_PAYLOADS = [0x00, 0x01, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15]
const SOL_VERSION = { major: 1, minor: 0 }

function checkSol({ type, instance }: Readonly<{ type: number; instance: number }>): void {
  if (type !== wire.PAYLOAD_TYPE.sol || instance !== SOL_INSTANCE) refuse(COMPLETION.invalidField)
}

/** SOL parameter 2 says who may have the line. */
function checkPrivilege({ session, state }: CommandContext): void {
  if (session.privilege < state.sol.privilege) refuse(COMPLETION.insufficientPrivilege)
}

async function activate(request: wire.PayloadRequest, context: CommandContext): Promise<wire.ActivatedPayload> {
  checkSol(request)
  checkPrivilege(context)
  const { state, sol, session, port } = context
  if (!state.sol.isEnabled) refuse(wire.PAYLOAD_COMPLETION.disabled)
  if (!request.encrypted) refuse(wire.PAYLOAD_COMPLETION.mustEncrypt)
  const became = await sol.activate(session, solSettings(state.sol))
  if (became === 'busy') refuse(wire.PAYLOAD_COMPLETION.alreadyActive)
  return { inboundBytes: SOL_PAYLOAD_BYTES.inbound, outboundBytes: SOL_PAYLOAD_BYTES.outbound, port }
}

function mayHaveSol(
  { channel, user }: Readonly<{ channel: number; user: number }>,
  { backEnd, state }: CommandContext,
): boolean {
  checkChannel(channel)
  if (user === 0 || user > LAST_SLOT) refuse(COMPLETION.invalidField)
  const known = backEnd.bmc.users.find((one) => one.slot === user)
  return known !== undefined && PRIVILEGE_LEVEL[known.privilege] >= state.sol.privilege
}

export const PAYLOADS: readonly Command[] = [
  answers(wire.ACTIVATE_PAYLOAD, activate),
  answers(wire.DEACTIVATE_PAYLOAD, (request, context) => {
    checkSol(request)
    checkPrivilege(context)
    if (!context.sol.deactivate()) refuse(wire.ALREADY_DEACTIVATED)
  }),
  answers(wire.GET_PAYLOAD_STATUS, ({ type }, { sol }) => {
    if (type !== wire.PAYLOAD_TYPE.sol) refuse(COMPLETION.invalidField)
    return { capacity: 1, active: sol.holder === undefined ? [] : [SOL_INSTANCE] }
  }),
  answers(wire.GET_PAYLOAD_INSTANCE, (request, { sol, sessions }) => {
    checkSol(request)
    const holder = sessions.find((session) => session.handle === sol.holder)
    return { session: holder?.id ?? 0, port: 0 }
  }),
  answers(wire.GET_USER_PAYLOADS, (request, context) => ({ sol: mayHaveSol(request, context) })),
  answers(wire.SET_USER_PAYLOADS, (request, context) => {
    // Who may have the line follows from his level; who sets that what is so already is obeyed.
    const changesSol = (request.mask & (1 << wire.PAYLOAD_TYPE.sol)) !== 0
    if (changesSol && request.isAllowed !== mayHaveSol(request, context)) refuse(COMPLETION.notInThisState)
  }),
  answers(wire.GET_CHANNEL_PAYLOADS, ({ channel }) => {
    checkChannel(channel)
    return { types: CHANNEL_PAYLOADS }
  }),
  answers(wire.GET_PAYLOAD_VERSION, ({ channel, type }) => {
    checkChannel(channel)
    if (!CHANNEL_PAYLOADS.includes(type)) refuse(wire.PAYLOAD_NOT_AVAILABLE)
    return SOL_VERSION
  }),
  // Encryption is never suspended; 80h: not possible under this session's configuration.
  answers(wire.SUSPEND_ENCRYPTION, (request) => {
    checkSol(request)
    refuse(wire.PAYLOAD_NOT_AVAILABLE)
  }),
]
