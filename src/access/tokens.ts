import { randomBytes } from 'node:crypto'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { Secret } from '../kit/secret.ts'
import type { AccessRepository } from './repository.ts'
import { fingerprint, newSecret } from './secrets.ts'
import type { Token } from './user.ts'

/** Every token starts with this, so that secret scanners and people recognise one. */
export const TOKEN_PREFIX = 'rv_'
const HINT_LENGTH = TOKEN_PREFIX.length + 4
const PER_USER = 100
const DAY_MS = 86_400_000
/** How old `lastUsedAt` on disk may be, in ms. */
const TOUCH_MS = 60_000

/** Secrets of programs. Only fingerprints are kept. */
export class Tokens {
  readonly #repository: AccessRepository
  readonly #clock: Clock
  readonly #log: Log
  readonly #byHash: Map<string, Token>
  readonly #savedUse = new Map<string, number>()

  constructor(parts: { repository: AccessRepository; clock: Clock; log: Log }, tokens: readonly Token[]) {
    this.#repository = parts.repository
    this.#clock = parts.clock
    this.#log = parts.log
    this.#byHash = new Map(tokens.map((token) => [token.hash, token]))
  }

  /** Oldest first. */
  all(): Token[] {
    return [...this.#byHash.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  }

  get(id: string): Token | undefined {
    for (const token of this.#byHash.values()) if (token.id === id) return token
    return undefined
  }

  /** `days` until it expires; `null`: never. */
  async create(
    user: string,
    given: Readonly<{ name: string; scopes: readonly string[]; days: number | null }>,
  ): Promise<{ token: Token; secret: Secret }> {
    const mine = this.all().filter((token) => token.user === user)
    if (mine.length >= PER_USER)
      throw new Refusal('conflict', `${user} has ${PER_USER} tokens already, which is the limit`, {
        next: 'revoke tokens that nobody needs',
      })
    if (mine.some((token) => token.name === given.name))
      throw new Refusal('conflict', `${user} has a token named ${given.name} already`, { next: 'choose another name' })
    const secret = new Secret(TOKEN_PREFIX + newSecret())
    const now = this.#clock.now()
    const token: Token = {
      id: `k_${randomBytes(8).toString('hex')}`,
      name: given.name,
      user,
      hash: fingerprint(secret.reveal()),
      hint: secret.reveal().slice(0, HINT_LENGTH),
      scopes: [...new Set(given.scopes)],
      createdAt: now,
      expiresAt: given.days === null ? null : now + given.days * DAY_MS,
      lastUsedAt: null,
    }
    await this.#repository.saveToken(token)
    this.#byHash.set(token.hash, token)
    return { token, secret }
  }

  /** The valid token with this secret; its use is noted. */
  use(secret: string): Token | undefined {
    if (!secret.startsWith(TOKEN_PREFIX)) return undefined
    const token = this.#byHash.get(fingerprint(secret))
    const now = this.#clock.now()
    if (!token || (token.expiresAt !== null && token.expiresAt <= now)) return undefined
    const used = { ...token, lastUsedAt: now }
    this.#byHash.set(token.hash, used)
    if (now - (this.#savedUse.get(token.id) ?? token.lastUsedAt ?? 0) >= TOUCH_MS) this.#note(used)
    return used
  }

  async remove(id: string): Promise<void> {
    const token = this.get(id)
    if (!token) return
    // Out of memory first: it stops working now, whatever the disk does.
    this.#byHash.delete(token.hash)
    this.#savedUse.delete(id)
    await this.#repository.removeToken(id)
  }

  /** Of a user whose rows the repository has removed. */
  forgetOf(user: string): void {
    for (const token of this.#byHash.values()) if (token.user === user) this.#byHash.delete(token.hash)
  }

  #note(token: Token): void {
    this.#savedUse.set(token.id, token.lastUsedAt ?? 0)
    this.#repository
      .saveToken(token)
      // It may have been revoked while the write was on its way.
      .then(() => (this.#byHash.has(token.hash) ? undefined : this.#repository.removeToken(token.id)))
      .catch((error: unknown) => this.#log.error({ error }, 'the use of a token could not be noted'))
  }
}
