import { createHmac, randomBytes } from 'node:crypto'
import type { Backoff } from '../../access/backoff.ts'
import type { Subnet } from '../../kit/ip.ts'
import { type Account, admits, authenticate, namesakes } from './accounts.ts'
import { type Around, bodyOf, type RedfishRequest } from './call.ts'
import { sessionDocument } from './documents/accounts.ts'
import { Problem, type RedfishAnswer } from './messages.ts'
import { PATHS } from './paths.ts'
import type { RedfishSession } from './sessions.ts'

type Known = Readonly<{ account: Account; session?: RedfishSession }>

/** Logins that were let in and are known again; the one that was unused longest is forgotten first. */
const MOST_LET_IN = 10_000

/**
 * Who asks: by a session's token, or by name and password with each request. Wrong ones make this name wait, for this address; one
 * that was let in before is no guess and never waits.
 */
export class Login {
  readonly #letIn = new Set<string>()
  readonly #letInKey = randomBytes(32)
  readonly #around: Around
  readonly #clients: readonly Subnet[]
  readonly #backoff: Backoff

  constructor(around: Around, clients: readonly Subnet[], backoff: Backoff) {
    this.#around = around
    this.#clients = clients
    this.#backoff = backoff
  }

  /** POST to the sessions: one more session. */
  async open(request: RedfishRequest): Promise<RedfishAnswer> {
    const fields = bodyOf({ request })
    const [name, password] = ['UserName', 'Password'].map((field) => {
      const value = fields.get(field)
      if (value === undefined) throw new Problem('PropertyMissing', [field], { property: `#/${field}` })
      if (typeof value !== 'string') throw new Problem('PropertyValueTypeError', [field], { property: `#/${field}` })
      return value
    })
    const account = await this.#check(name!, password!, request)
    const started = this.#around.sessions.start(account, request.address)
    if (!started) throw new Problem('SessionLimitExceeded', [], { headers: { 'retry-after': '60' } })
    const { session, token } = started
    return {
      status: 201,
      headers: { location: PATHS.session(session.id), 'x-auth-token': token },
      body: sessionDocument(session),
    }
  }

  /** Who sent this request; throws a `Problem` for everybody else. */
  async known(request: RedfishRequest): Promise<Known> {
    const token = request.headers['x-auth-token']
    if (token !== undefined) {
      const used = token.length <= 128 ? this.#around.sessions.use(token) : undefined
      if (!used) throw new Problem('NoValidSession')
      return { account: this.#admitted(used.account, request.address), session: used.session }
    }
    const given = basic(request.headers.authorization)
    if (!given)
      throw new Problem('AccessUnauthorized', [request.path], {
        headers: { 'www-authenticate': 'Basic realm="Reveille", charset="UTF-8"' },
      })
    return { account: await this.#check(given.name, given.password, request) }
  }

  /** A session that moved to an address from which some of its machines are not asked loses those. */
  #admitted(account: Account, address: string): Account {
    const memberships = account.memberships.filter(({ backEnd }) => admits(backEnd, this.#clients, address))
    if (memberships.length === 0) throw new Problem('NoValidSession')
    return { ...account, memberships }
  }

  async #check(name: string, password: string, { address, path }: RedfishRequest): Promise<Account> {
    // By both: one machine that is asked with an old password must not keep its client from all the others.
    const key = `${address} ${name.slice(0, 80)}`
    const letIn = this.#digest(key, password)
    const waitMs = this.#letIn.delete(letIn) ? 0 : this.#backoff.wait(key)
    if (waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / 1000))
      throw new Problem('ServiceTemporarilyUnavailable', [seconds], { headers: { 'retry-after': seconds } })
    }
    const { directory } = this.#around
    // Nothing is waited for between the look at the wait and the count, so guesses at the same time are all counted.
    const account = authenticate(directory, this.#clients, { name, password, address })
    if (account) {
      this.#letIn.add(letIn)
      for (const oldest of this.#letIn) {
        if (this.#letIn.size <= MOST_LET_IN) break
        this.#letIn.delete(oldest)
      }
      // Where others have an account of that name, whoever has one could go on guessing at theirs.
      if (namesakes(directory, name) === account.memberships.length) this.#backoff.forgive(key)
      return account
    }
    this.#backoff.fail(key)
    await this.#tell(name, address)
    throw new Problem('AccessUnauthorized', [path])
  }

  #digest(key: string, password: string): string {
    return createHmac('sha256', this.#letInKey)
      .update(JSON.stringify([key, password]))
      .digest('base64')
  }

  /** The machines whose account it was that somebody guessed at. */
  async #tell(name: string, address: string): Promise<void> {
    const backEnd = this.#around.directory.ofUser(name)
    const text = `somebody at ${address} gave a wrong password by Redfish`
    await backEnd?.record({ kind: 'login', severity: 'warning', text }).catch(() => undefined)
  }
}

/** RFC 7617 */
function basic(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
