import type { Privilege } from '../bmc.ts'
import { type Membership, mayDo } from './accounts.ts'
import { bodyOf, type Call, callerOf, checkIfMatch, document, NOTHING, tagged } from './call.ts'
import { accountDocument, accountId, ROLES, roleDocument, sessionDocument } from './documents/accounts.ts'
import { Problem, type RedfishAnswer } from './messages.ts'
import { collection, PATHS } from './paths.ts'

/** The accounts that somebody sees: those of the machines they administer, and their own. */
function visible({ account }: Call): readonly Membership[] {
  return account.memberships.flatMap(({ backEnd, user }) =>
    backEnd.bmc.users
      .filter((other) => other.name !== '' && (mayDo(user, 'administrator') || other.slot === user.slot))
      .map((other) => ({ backEnd, user: other })),
  )
}

function accountOf(call: Call): Membership {
  const found = visible(call).find((one) => accountId(one) === call.at[0])
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return found
}

const changeableOf = ({ user }: Membership) => [user.name, user.privilege, user.enabled]

export async function getAccounts(call: Call): Promise<RedfishAnswer> {
  const members = visible(call).map((one) => PATHS.account(accountId(one)))
  return document(collection(PATHS.accounts, 'ManagerAccountCollection', 'Accounts', members))
}

export async function getAccount(call: Call): Promise<RedfishAnswer> {
  const account = accountOf(call)
  return tagged(accountDocument(account), changeableOf(account))
}

/** Administrators change accounts of their machines; everybody their own password (DSP0266, ConfigureSelf). */
export async function patchAccount(call: Call): Promise<RedfishAnswer> {
  const account = accountOf(call)
  checkIfMatch(call, changeableOf(account))
  const mine = call.account.memberships.find(({ backEnd }) => backEnd === account.backEnd)
  const administers = mine !== undefined && mayDo(mine.user, 'administrator')
  const change: { name?: string; privilege?: Privilege; enabled?: boolean; password?: string } = {}
  for (const [name, value] of bodyOf(call)) {
    const property = `#/${name}`
    if (name !== 'Password' && !administers) throw new Problem('InsufficientPrivilege')
    if (name === 'Enabled') change.enabled = typed(value, 'boolean', name)
    else if (name === 'Password') change.password = matching(value, /^[\x20-\x7e]{8,20}$/, name)
    else if (name === 'UserName') change.name = matching(value, /^[\x21-\x7e]{1,16}$/, name)
    else if (name === 'RoleId') {
      const role = typed(value, 'string', name)
      if (!Object.hasOwn(ROLES, role)) throw new Problem('PropertyValueNotInList', [role, name], { property })
      change.privilege = ROLES[role]!.privilege
    } else
      throw new Problem(name in accountDocument(account) ? 'PropertyNotWritable' : 'PropertyUnknown', [name], {
        property,
      })
  }
  const { backEnd, user } = account
  if (backEnd.bmc.users.some(({ name, slot }) => name === change.name && slot !== user.slot))
    throw new Problem('PropertyValueConflict', ['UserName', 'another account has already'], { property: '#/UserName' })
  if (Object.keys(change).length > 0) await backEnd.setUser(user.slot, change, callerOf(call))
  return NOTHING
}

function typed(value: unknown, type: 'boolean', name: string): boolean
function typed(value: unknown, type: 'string', name: string): string
function typed(value: unknown, type: string, name: string): unknown {
  if (typeof value !== type) throw new Problem('PropertyValueTypeError', [name], { property: `#/${name}` })
  return value
}

function matching(value: unknown, pattern: RegExp, name: string): string {
  const text = typed(value, 'string', name)
  if (!pattern.test(text)) throw new Problem('PropertyValueFormatError', [name], { property: `#/${name}` })
  return text
}

export async function getRoles(): Promise<RedfishAnswer> {
  return document(collection(PATHS.roles, 'RoleCollection', 'Roles', Object.keys(ROLES).map(PATHS.role)))
}

export async function getRole(call: Call): Promise<RedfishAnswer> {
  const found = roleDocument(call.at[0] ?? '')
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return document(found)
}

/** One's own sessions, and those that reach machines one administers. */
function sessionsOf({ around, account }: Call) {
  const administered = account.memberships.filter(({ user }) => mayDo(user, 'administrator'))
  const machines = new Set(account.memberships.map(({ backEnd }) => backEnd.machine.id))
  const ruled = new Set(administered.map(({ backEnd }) => backEnd.machine.id))
  return around.sessions
    .of(machines)
    .filter(({ name, memberships }) => name === account.name || memberships.some(({ machine }) => ruled.has(machine)))
}

export async function getSessions(call: Call): Promise<RedfishAnswer> {
  const members = sessionsOf(call).map(({ id }) => PATHS.session(id))
  return document(collection(PATHS.sessions, 'SessionCollection', 'Sessions', members))
}

export async function getSession(call: Call): Promise<RedfishAnswer> {
  const found = sessionsOf(call).find(({ id }) => id === call.at[0])
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return document(sessionDocument(found))
}

export async function endSession(call: Call): Promise<RedfishAnswer> {
  const found = sessionsOf(call).find(({ id }) => id === call.at[0])
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  call.around.sessions.end(found.id)
  return NOTHING
}
