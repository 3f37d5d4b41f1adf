import { createHash, timingSafeEqual } from 'node:crypto'
import { contains, parseIpv4, parseSubnet, type Subnet } from '../../kit/ip.ts'
import type { BmcBackEnd, BmcDirectory } from '../back-end.ts'
import { type BmcUser, PRIVILEGES, type Privilege } from '../bmc.ts'

/** An account of one BMC that somebody proved to have. */
export type Membership = Readonly<{ backEnd: BmcBackEnd; user: BmcUser }>
export type Account = Readonly<{ name: string; memberships: readonly Membership[] }>

/**
 * A plain name that several BMCs have is tried on each of them, so that one more BMC takes nothing from the others; but a guess
 * would then be a guess at all of them. Beyond this many only `NAME@MACHINE` is accepted.
 */
export const MOST_SAME_NAMES = 16
const MOST_NAME = 16 + 1 + 63
const MOST_PASSWORD = 256

/** The account, or `undefined`, which does not tell whether name or password is wrong. `address`: of the client. */
export function authenticate(
  directory: BmcDirectory,
  clients: readonly Subnet[],
  given: { name: string; password: string; address: string },
): Account | undefined {
  const { name, password, address } = given
  if (name === '' || name.length > MOST_NAME || password.length > MOST_PASSWORD) return undefined
  const candidates = named(directory, name).filter(({ backEnd }) => admits(backEnd, clients, address))
  // For somebody unknown another's password is opened and compared, too: the time tells nothing.
  if (candidates.length === 0 || candidates.length > MOST_SAME_NAMES) {
    const [other] = directory.all()
    const [user] = other?.bmc.users ?? []
    same(password, (user && other?.passwordOf(user)) ?? 'nobody has this password')
    return undefined
  }
  const memberships = candidates.filter(({ backEnd, user }) => {
    const right = backEnd.passwordOf(user)
    return same(password, right ?? 'nobody has this password') && right !== undefined && right !== ''
  })
  return memberships.length > 0 ? { name, memberships } : undefined
}

/** How many accounts of all BMCs this name stands for. */
export function namesakes(directory: BmcDirectory, name: string): number {
  return named(directory, name).length
}

function named(directory: BmcDirectory, name: string): Membership[] {
  const found: Membership[] = []
  for (const backEnd of directory.all())
    for (const user of backEnd.bmc.users)
      if (usable(user) && (user.name === name || isFullName(name, user, backEnd))) found.push({ backEnd, user })
  if (found.length > 0) return found
  const backEnd = directory.ofUser(name)
  const users = backEnd?.bmc.users.filter((user) => usable(user) && fullName(user, backEnd).slice(0, 16) === name) ?? []
  return backEnd ? users.map((user) => ({ backEnd, user })) : []
}

const fullName = (user: BmcUser, { machine }: BmcBackEnd) => `${user.name}@${machine.name}`

function isFullName(name: string, user: BmcUser, backEnd: BmcBackEnd): boolean {
  if (name[user.name.length] !== '@' || !name.startsWith(user.name)) return false
  const of = name.slice(user.name.length + 1)
  return of === backEnd.bmc.machine || of === backEnd.machine.name
}

/** IPMI's privilege `callback` may not log in. */
function usable(user: BmcUser): boolean {
  return user.enabled && user.name !== '' && user.privilege !== 'callback'
}

/** The same account as it is now; `undefined` when it was disabled, renamed, removed or given another password. */
export function refreshed(
  directory: BmcDirectory,
  was: { machine: string; slot: number; name: string; sealed: string },
): Membership | undefined {
  const backEnd = directory.ofMachine(was.machine)
  const user = backEnd?.bmc.users.find(({ slot }) => slot === was.slot)
  return backEnd && user && usable(user) && user.name === was.name && user.sealed === was.sealed
    ? { backEnd, user }
    : undefined
}

/** Whether a client at this address may ask for this BMC: its own list counts, else that of the settings. */
export function admits(backEnd: BmcBackEnd, clients: readonly Subnet[], address: string): boolean {
  const own = backEnd.bmc.clients
  if (own.length === 0) return clients.length === 0 || among(clients, address)
  return among(
    own.flatMap((text) => parseSubnet(text.includes('/') ? text : `${text}/32`) ?? []),
    address,
  )
}

function among(subnets: readonly Subnet[], address: string): boolean {
  const ip = parseIpv4(address)
  return ip !== undefined && subnets.some((subnet) => contains(subnet, ip))
}

/** Whether the privilege of an account suffices. */
export function mayDo(user: BmcUser, needed: Privilege): boolean {
  return PRIVILEGES.indexOf(user.privilege) >= PRIVILEGES.indexOf(needed)
}

function same(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right))
}

const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest()
