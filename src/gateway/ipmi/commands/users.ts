import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import { PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import * as wire from '../../../protocols/ipmi/users.ts'
import { type Bmc, type BmcUser, PRIVILEGES } from '../../bmc.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, checkChannel, refuse } from './answers.ts'

/** Slots 1 to 15, as a BMC has them here. Slot 1 is IPMI's anonymous user: always empty, never settable. */
const ANONYMOUS_SLOT = 1
export const LAST_SLOT = 15

function checkSlot(slot: number): void {
  if (slot > LAST_SLOT) refuse(COMPLETION.invalidField)
}

function checkSettable(slot: number): void {
  checkSlot(slot)
  if (slot === ANONYMOUS_SLOT) refuse(COMPLETION.invalidField)
}

const inSlot = (bmc: Bmc, slot: number): BmcUser | undefined => bmc.users.find((user) => user.slot === slot)

function access(
  { channel, user }: Readonly<{ channel: number; user: number }>,
  { backEnd }: CommandContext,
): wire.UserAccess {
  checkChannel(channel)
  checkSlot(user)
  const known = inSlot(backEnd.bmc, user)
  return {
    mostUsers: LAST_SLOT,
    enabledUsers: backEnd.bmc.users.filter((one) => one.enabled).length,
    fixedNames: 1,
    isEnabled: known?.enabled ?? false,
    callbackOnly: false,
    linkAuthentication: false,
    messaging: known !== undefined,
    privilege: known ? PRIVILEGE_LEVEL[known.privilege] : wire.NO_ACCESS,
  }
}

/** Clients that keep settings in files write all of them back, those of empty slots too. */
function isSoAlready({ flags, privilege }: wire.SetUserAccess, now: wire.UserAccess): boolean {
  const sameFlags =
    flags === null ||
    (flags.callbackOnly === now.callbackOnly &&
      flags.linkAuthentication === now.linkAuthentication &&
      flags.messaging === now.messaging)
  return sameFlags && privilege === now.privilege
}

async function setAccess(request: wire.SetUserAccess, context: CommandContext): Promise<void> {
  const { backEnd, by } = context
  if (isSoAlready(request, access(request, context))) return
  checkSettable(request.user)
  // There is one way in, so an account that may not use it is one that is switched off.
  if (request.flags && (request.flags.callbackOnly || !request.flags.messaging)) refuse(COMPLETION.invalidField)
  if (request.privilege === wire.NO_ACCESS) return backEnd.setUser(request.user, { enabled: false }, by)
  const privilege = PRIVILEGES[request.privilege - 1] ?? refuse(COMPLETION.invalidField)
  await backEnd.setUser(request.user, { privilege }, by)
}

function test({ user, size, password }: wire.SetUserPassword, { backEnd }: CommandContext): void {
  const known = inSlot(backEnd.bmc, user)
  const kept = (known && backEnd.passwordOf(known)) ?? refuse(wire.PASSWORD_COMPLETION.wrong)
  if (kept.length > size) refuse(wire.PASSWORD_COMPLETION.wrongSize)
  if (kept !== password) refuse(wire.PASSWORD_COMPLETION.wrong)
}

async function setPassword(request: wire.SetUserPassword, context: CommandContext): Promise<void> {
  const { user, operation, password } = request
  const { backEnd, by } = context
  checkSlot(user)
  if (operation === 'test') return test(request, context)
  // Clients switch off slots that nobody has when they clean up.
  if (operation === 'disable' && !inSlot(backEnd.bmc, user)) return
  checkSettable(user)
  if (operation === 'set') return backEnd.setUser(user, { password }, by)
  await backEnd.setUser(user, { enabled: operation === 'enable' }, by)
}

export const USERS: readonly Command[] = [
  answers(wire.GET_USER_ACCESS, access),
  answers(wire.SET_USER_ACCESS, setAccess),
  answers(wire.GET_USER_NAME, ({ user }, { backEnd }) => {
    checkSlot(user)
    return { name: inSlot(backEnd.bmc, user)?.name ?? '' }
  }),
  answers(wire.SET_USER_NAME, async ({ user, name }, { backEnd, by }) => {
    checkSettable(user)
    if (name === '' && !inSlot(backEnd.bmc, user)) return
    await backEnd.setUser(user, { name }, by)
  }),
  answers(wire.SET_USER_PASSWORD, setPassword),
]
