/** Every path of the service in one place. Machines are named by their ids, which stay when they are renamed. */
export const ROOT = '/redfish/v1'
export const PATHS = {
  systems: `${ROOT}/Systems`,
  managers: `${ROOT}/Managers`,
  chassis: `${ROOT}/Chassis`,
  sessionService: `${ROOT}/SessionService`,
  sessions: `${ROOT}/SessionService/Sessions`,
  session: (id: string) => `${ROOT}/SessionService/Sessions/${id}`,
  accountService: `${ROOT}/AccountService`,
  accounts: `${ROOT}/AccountService/Accounts`,
  account: (id: string) => `${ROOT}/AccountService/Accounts/${id}`,
  roles: `${ROOT}/AccountService/Roles`,
  role: (name: string) => `${ROOT}/AccountService/Roles/${name}`,
  system: (machine: string) => `${ROOT}/Systems/${encodeURIComponent(machine)}`,
  manager: (machine: string) => `${ROOT}/Managers/${encodeURIComponent(machine)}`,
  oneChassis: (machine: string) => `${ROOT}/Chassis/${encodeURIComponent(machine)}`,
} as const

export const link = (path: string) => ({ '@odata.id': path })

/** A collection of links. `type` without its version, which collections have none of. */
export function collection(path: string, type: string, name: string, members: readonly string[]) {
  return {
    '@odata.id': path,
    '@odata.type': `#${type}.${type}`,
    Name: name,
    'Members@odata.count': members.length,
    Members: members.map(link),
  }
}
