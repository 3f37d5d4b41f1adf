import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { type Log, SILENT } from '../kit/log.ts'
import { Secret } from '../kit/secret.ts'
import { Audit } from './audit.ts'
import { Backoff, TooManyRequests } from './backoff.ts'
import { Passwords } from './passwords.ts'
import type { AccessRepository } from './repository.ts'
import { ALL_SCOPES, coversScopes } from './scopes.ts'
import { newPassword } from './secrets.ts'
import { Sessions } from './sessions.ts'
import { Tokens } from './tokens.ts'
import type { Principal, Role, Token, User } from './user.ts'
import { Users } from './users.ts'

/** The user that the first start creates, and that the control socket acts as. */
export const FIRST_USER = 'admin'

/** Keeps the password of the first start where only the server's owner can read it. */
export interface FirstPassword {
  read(): Promise<string | undefined>
  write(password: Secret): Promise<void>
  remove(): Promise<void>
}

/** What a request shows to prove who asks. */
export type Credential =
  | Readonly<{ kind: 'session'; secret: string }>
  | Readonly<{ kind: 'token'; secret: string }>
  | Readonly<{ kind: 'socket' }>

type Parts = Readonly<{
  repository: AccessRepository
  clock: Clock
  events: { publish(event: { topic: 'user' | 'token'; id: string; change: 'saved' | 'removed' }): void }
  firstPassword: FirstPassword
  /** Days that audit entries are kept. */
  auditKeepDays: number
  passwords?: Passwords | undefined
  log?: Log | undefined
}>

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A user name waits a minute at most: who guesses must not be able to lock the owner out for long. */
const USER_LIMITS = { free: 5, firstWaitMs: 1000, longestWaitMs: 60_000, forgetMs: HOUR_MS, keys: 10_000 }
const ADDRESS_LIMITS = { free: 10, firstWaitMs: 1000, longestWaitMs: 900_000, forgetMs: HOUR_MS, keys: 10_000 }

/** Who may do what: users, sessions, tokens and the audit log. All in memory, every change durable before it is seen. */
export class Access {
  /** The password that this very start gave to the first user, to be printed once. */
  readonly firstPassword: Secret | undefined
  readonly audit: Audit
  readonly #with: Parts
  readonly #users: Users
  readonly #sessions: Sessions
  readonly #tokens: Tokens
  readonly #passwords: Passwords
  readonly #byUser: Backoff
  readonly #byAddress: Backoff
  #firstPasswordStands: boolean
  #last: Promise<unknown> = Promise.resolve()

  private constructor(
    parts: Parts,
    kept: Readonly<{ users: Users; sessions: Sessions; tokens: Tokens; passwords: Passwords }>,
    first: Readonly<{ password: Secret | undefined; stands: boolean }>,
  ) {
    this.#with = parts
    this.#users = kept.users
    this.#sessions = kept.sessions
    this.#tokens = kept.tokens
    this.#passwords = kept.passwords
    this.#byUser = new Backoff(parts.clock, USER_LIMITS)
    this.#byAddress = new Backoff(parts.clock, ADDRESS_LIMITS)
    this.audit = new Audit(parts)
    this.firstPassword = first.password
    this.#firstPasswordStands = first.stands
  }

  /** Without any user, creates `admin` with a random password. */
  static async open(parts: Parts): Promise<Access> {
    const { repository, firstPassword } = parts
    const within = { ...parts, log: parts.log ?? SILENT }
    const users = new Users(within, await repository.users())
    const sessions = new Sessions(within, await repository.sessions())
    const tokens = new Tokens(within, await repository.tokens())
    const passwords = parts.passwords ?? new Passwords()
    const kept = { users, sessions, tokens, passwords }
    if (users.all().length === 0) {
      const password = new Secret(newPassword())
      // The file before the user: killed in between, the next start begins anew.
      await firstPassword.write(password)
      await users.create({ name: FIRST_USER, role: 'admin', passwordHash: await passwords.hash(password.reveal()) })
      return new Access(parts, kept, { password, stands: true })
    }
    const noted = await firstPassword.read()
    const stands = noted !== undefined && (await passwords.verify(noted, users.get(FIRST_USER)?.passwordHash))
    // Killed between the change of the password and the removal of the file.
    if (noted !== undefined && !stands) await firstPassword.remove()
    return new Access(parts, kept, { password: undefined, stands })
  }

  /** Who this is, by what stands now: roles, expiry and disabled users count at once. */
  authenticate(credential: Credential): Principal | undefined {
    if (credential.kind === 'socket') return { name: FIRST_USER, role: 'admin', scopes: ALL_SCOPES, via: 'socket' }
    const token = credential.kind === 'token' ? this.#tokens.use(credential.secret) : undefined
    const name = credential.kind === 'token' ? token?.user : this.#sessions.userOf(credential.secret)
    const user = name === undefined ? undefined : this.#users.get(name)
    if (!user || user.disabled) return undefined
    return { name: user.name, role: user.role, scopes: token ? token.scopes : ALL_SCOPES, via: credential.kind }
  }

  mustChangePassword(principal: Principal): boolean {
    return this.#firstPasswordStands && principal.name === FIRST_USER && principal.via === 'session'
  }

  /** Unknown, disabled and wrong all take the same time and get the same answer. */
  async login(
    given: Readonly<{ username: string; password: string; address: string }>,
  ): Promise<{ principal: Principal; secret: Secret }> {
    const name = given.username.trim().toLowerCase()
    const user = await this.#guess(name, given.address, given.password)
    if (!user)
      throw new Refusal('wrong-credentials', 'this user name and password do not belong together', {
        next: 'try again; an admin can set a new password, on the server itself with: reveille user passwd NAME',
      })
    const secret = await this.#sessions.start(user.name, given.address)
    return { principal: { name: user.name, role: user.role, scopes: ALL_SCOPES, via: 'session' }, secret }
  }

  logout(secret: string): Promise<void> {
    return this.#sessions.end(secret)
  }

  /** Ends the other sessions of the user; `session` is the secret of the one that stays. */
  async changePassword(
    principal: Principal,
    given: Readonly<{ current: string; password: string; address: string; session?: string | undefined }>,
  ): Promise<void> {
    if (!(await this.#guess(principal.name, given.address, given.current)))
      throw new Refusal('forbidden', 'the current password is wrong', { next: 'type it again, or ask an admin' })
    const passwordHash = await this.#passwords.hash(given.password)
    await this.#alone(() => this.#changed(principal.name, { passwordHash }, given.session))
  }

  users(): User[] {
    return this.#users.all()
  }

  async createUser(given: Readonly<{ name: string; role: Role; password: string }>): Promise<User> {
    const passwordHash = await this.#passwords.hash(given.password)
    return this.#alone(async () => {
      const user = await this.#users.create({ name: given.name, role: given.role, passwordHash })
      this.#with.events.publish({ topic: 'user', id: user.name, change: 'saved' })
      return user
    })
  }

  /** A new password or `disabled` ends the sessions of the user. */
  async updateUser(
    name: string,
    patch: Readonly<{ role?: Role | undefined; password?: string | undefined; disabled?: boolean | undefined }>,
  ): Promise<User> {
    this.#users.known(name)
    const passwordHash = patch.password === undefined ? undefined : await this.#passwords.hash(patch.password)
    return this.#alone(() => this.#changed(name, { role: patch.role, disabled: patch.disabled, passwordHash }))
  }

  removeUser(name: string): Promise<void> {
    return this.#alone(async () => {
      await this.#users.remove(name)
      this.#tokens.forgetOf(name)
      await this.#sessions.endOf(name)
      this.#with.events.publish({ topic: 'user', id: name, change: 'removed' })
      if (name === FIRST_USER) await this.#firstPasswordGone()
    })
  }

  /** Your own; admins see all. Oldest first. */
  tokensFor(principal: Principal): Token[] {
    return this.#tokens.all().filter((token) => principal.role === 'admin' || token.user === principal.name)
  }

  /** A token belongs to who creates it and can never do more than what it was created with. */
  createToken(
    principal: Principal,
    given: Readonly<{ name: string; scopes: readonly string[]; days: number | null }>,
  ): Promise<{ token: Token; secret: Secret }> {
    return this.#alone(async () => {
      if (!coversScopes(principal.scopes, given.scopes))
        throw new Refusal('forbidden', `a token with ${principal.scopes.join(' ')} cannot make one with more`, {
          next: 'ask for scopes that this token has, or log in',
        })
      this.#users.known(principal.name)
      const created = await this.#tokens.create(principal.name, given)
      this.#with.events.publish({ topic: 'token', id: created.token.id, change: 'saved' })
      return created
    })
  }

  revokeToken(principal: Principal, id: string): Promise<Token> {
    return this.#alone(async () => {
      const token = this.tokensFor(principal).find((each) => each.id === id)
      if (!token)
        throw new Refusal('not-found', `there is no token ${id} of yours`, { next: 'list them: reveille token list' })
      await this.#tokens.remove(id)
      this.#with.events.publish({ topic: 'token', id, change: 'removed' })
      return token
    })
  }

  /** Removes ended sessions and old audit entries; to be called every hour or so. */
  async prune(): Promise<void> {
    await this.#sessions.removeExpired()
    await this.#with.repository.pruneAudit(this.#with.clock.now() - this.#with.auditKeepDays * DAY_MS)
  }

  async #changed(name: string, patch: Parameters<Users['change']>[1], session?: string): Promise<User> {
    const user = await this.#users.change(name, patch)
    if (user.disabled || patch.passwordHash !== undefined) await this.#sessions.endOf(name, session)
    if (name === FIRST_USER && patch.passwordHash !== undefined) await this.#firstPasswordGone()
    this.#with.events.publish({ topic: 'user', id: name, change: 'saved' })
    return user
  }

  async #firstPasswordGone(): Promise<void> {
    this.#firstPasswordStands = false
    await this.#with.firstPassword.remove()
  }

  /** The user if the password is theirs. Counts before it checks, so that parallel guesses are all slowed down. */
  async #guess(name: string, address: string, password: string): Promise<User | undefined> {
    const wait = Math.max(this.#byUser.wait(name), this.#byAddress.wait(address))
    if (wait > 0) throw new TooManyRequests('too many wrong passwords came for this user or from this address', wait)
    this.#byUser.fail(name)
    this.#byAddress.fail(address)
    const hash = enabled(this.#users.get(name))?.passwordHash
    if (!(await this.#passwords.verify(password, hash))) return undefined
    // Who was disabled, or got a new password, while this was computed is not let in.
    const user = enabled(this.#users.get(name))
    if (!user || user.passwordHash !== hash) return undefined
    this.#byUser.forgive(name)
    this.#byAddress.forgive(address)
    return user
  }

  /** One change after another: what was checked still holds when it is written. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function enabled(user: User | undefined): User | undefined {
  return user?.disabled ? undefined : user
}
