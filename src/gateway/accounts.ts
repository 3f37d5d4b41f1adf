import { randomInt } from 'node:crypto'
import { Refusal } from '../kit/errors.ts'
import { Secret } from '../kit/secret.ts'
import type { GatewayAround } from './around.ts'
import type { BmcUser } from './bmc.ts'

/** Slot 1 is IPMI's anonymous user, which never exists here; a BMC has 15 slots in all (IPMI 2.0 §22.27 allows 63). */
export const FIRST_SLOT = 2
export const LAST_SLOT = 15
/** Without letters and digits that look alike: 16 of these 54 are 92 bits. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const PASSWORD_LENGTH = 16
/** IPMI 2.0 §22.29 and §22.30: 16 and 20 bytes. Eight is the least that is worth guessing at. */
const NAME = /^[\x21-\x7e]{1,16}$/
const PASSWORD = /^[\x20-\x7e]{8,20}$/

export function randomPassword(): Secret {
  return new Secret(Array.from({ length: PASSWORD_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join(''))
}

export function assertUserName(name: string): void {
  if (!NAME.test(name))
    throw new Refusal('validation-failed', 'a user name of a BMC has 1 to 16 printable characters without spaces')
}

function assertPassword(password: Secret): void {
  if (!PASSWORD.test(password.reveal()))
    throw new Refusal('validation-failed', 'a password of a BMC has 8 to 20 printable characters', {
      next: 'leave it out to get a random one',
    })
}

/** The first slot that nobody has. Refused (`conflict`) when all are taken. */
export function freeSlot(users: readonly BmcUser[]): number {
  for (let slot = FIRST_SLOT; slot <= LAST_SLOT; slot++) if (!users.some((user) => user.slot === slot)) return slot
  throw new Refusal('conflict', `a BMC has at most ${LAST_SLOT - FIRST_SLOT + 1} users`, { next: 'remove one first' })
}

/** The users with this one in its slot. Refused (`conflict`) when another has its name. */
export function withUser(users: readonly BmcUser[], user: BmcUser): BmcUser[] {
  if (users.some(({ slot, name }) => slot !== user.slot && name === user.name))
    throw new Refusal('conflict', `another user of this BMC is called ${user.name}`)
  return [...users.filter(({ slot }) => slot !== user.slot), user].sort((a, b) => a.slot - b.slot)
}

export function withoutSlot(users: readonly BmcUser[], slot: number): BmcUser[] {
  return users.filter((user) => user.slot !== slot)
}

/** What binds a sealed password to its BMC and account. */
export function passwordContext(machine: string, slot: number): string {
  return `bmc-user ${machine} ${slot}`
}

export function sealPassword(
  { sealer }: Pick<GatewayAround, 'sealer'>,
  machine: string,
  slot: number,
  password: Secret,
) {
  assertPassword(password)
  return sealer.seal(passwordContext(machine, slot), password.reveal())
}
