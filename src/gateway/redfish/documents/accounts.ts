import type { Privilege } from '../../bmc.ts'
import type { Membership } from '../accounts.ts'
import type { Json } from '../messages.ts'
import { link, PATHS } from '../paths.ts'
import type { RedfishSession } from '../sessions.ts'

export const ROLES: Readonly<Record<string, Readonly<{ privilege: Privilege; may: readonly string[] }>>> = {
  Administrator: {
    privilege: 'administrator',
    may: ['Login', 'ConfigureManager', 'ConfigureUsers', 'ConfigureSelf', 'ConfigureComponents'],
  },
  Operator: { privilege: 'operator', may: ['Login', 'ConfigureSelf', 'ConfigureComponents'] },
  ReadOnly: { privilege: 'user', may: ['Login', 'ConfigureSelf'] },
}

export const roleOf = (privilege: Privilege) =>
  Object.entries(ROLES).find(([, role]) => role.privilege === privilege)?.[0] ?? 'ReadOnly'

export const accountId = ({ backEnd, user }: Membership) => `${backEnd.machine.id}-${user.slot}`

export function accountService(): Json {
  return {
    '@odata.id': PATHS.accountService,
    '@odata.type': '#AccountService.v1_9_0.AccountService',
    Id: 'AccountService',
    Name: 'Account Service',
    ServiceEnabled: true,
    // IPMI knows no longer ones.
    MinPasswordLength: 8,
    MaxPasswordLength: 20,
    Accounts: link(PATHS.accounts),
    Roles: link(PATHS.roles),
  }
}

export function accountDocument(account: Membership): Json {
  const { user, backEnd } = account
  return {
    '@odata.id': PATHS.account(accountId(account)),
    '@odata.type': '#ManagerAccount.v1_8_0.ManagerAccount',
    Id: accountId(account),
    Name: `Account ${user.name} of ${backEnd.machine.name}`,
    UserName: user.name,
    Password: null,
    RoleId: roleOf(user.privilege),
    Enabled: user.enabled,
    Locked: false,
    AccountTypes: ['Redfish', 'IPMI'],
    Links: { Role: link(PATHS.role(roleOf(user.privilege))) },
  }
}

export function roleDocument(name: string): Json | undefined {
  const role = Object.hasOwn(ROLES, name) ? ROLES[name] : undefined
  return (
    role && {
      '@odata.id': PATHS.role(name),
      '@odata.type': '#Role.v1_3_1.Role',
      Id: name,
      Name: `Role ${name}`,
      RoleId: name,
      IsPredefined: true,
      AssignedPrivileges: role.may,
    }
  )
}

export function sessionDocument(session: RedfishSession): Json {
  return {
    '@odata.id': PATHS.session(session.id),
    '@odata.type': '#Session.v1_3_0.Session',
    Id: session.id,
    Name: 'User Session',
    UserName: session.name,
    ClientOriginIPAddress: session.address,
    CreatedTime: new Date(session.createdAt).toISOString(),
  }
}
