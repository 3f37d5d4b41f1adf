import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { AccessRepository } from './repository.ts'
import type { Role, User } from './user.ts'

/** Who may log in. There is always an admin who can. */
export class Users {
  readonly #repository: AccessRepository
  readonly #clock: Clock
  readonly #byName: Map<string, User>

  constructor(parts: { repository: AccessRepository; clock: Clock }, users: readonly User[]) {
    this.#repository = parts.repository
    this.#clock = parts.clock
    this.#byName = new Map(users.map((user) => [user.name, user]))
  }

  /** Sorted by name. */
  all(): User[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): User | undefined {
    return this.#byName.get(name)
  }

  known(name: string): User {
    const user = this.#byName.get(name)
    if (!user) throw new Refusal('not-found', `there is no user ${name}`, { next: 'list them: reveille user list' })
    return user
  }

  async create(given: Readonly<{ name: string; role: Role; passwordHash: string }>): Promise<User> {
    if (this.#byName.has(given.name))
      throw new Refusal('conflict', `there is a user ${given.name} already`, { next: 'choose another name' })
    const now = this.#clock.now()
    return this.#save({ ...given, disabled: false, createdAt: now, updatedAt: now })
  }

  /** Refused (`conflict`) when nobody would be left who can administer. */
  async change(
    name: string,
    patch: Readonly<{
      role?: Role | undefined
      passwordHash?: string | undefined
      disabled?: boolean | undefined
    }>,
  ): Promise<User> {
    const before = this.known(name)
    const after: User = {
      ...before,
      role: patch.role ?? before.role,
      passwordHash: patch.passwordHash ?? before.passwordHash,
      disabled: patch.disabled ?? before.disabled,
      updatedAt: this.#clock.now(),
    }
    if (after.disabled || after.role !== 'admin') this.#keepAnAdmin(before)
    return this.#save(after)
  }

  async remove(name: string): Promise<void> {
    this.#keepAnAdmin(this.known(name))
    await this.#repository.removeUser(name)
    this.#byName.delete(name)
  }

  #keepAnAdmin(leaving: User): void {
    const others = this.all().filter((user) => user.role === 'admin' && !user.disabled && user.name !== leaving.name)
    if (others.length === 0 && leaving.role === 'admin' && !leaving.disabled)
      throw new Refusal('conflict', `${leaving.name} is the last admin; without one nobody could administer Reveille`, {
        next: 'make somebody else admin first',
      })
  }

  async #save(user: User): Promise<User> {
    await this.#repository.saveUser(user)
    this.#byName.set(user.name, user)
    return user
  }
}
