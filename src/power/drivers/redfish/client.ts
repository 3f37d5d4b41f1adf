import { Agent } from 'node:http'
import { Refusal } from '../../../kit/errors.ts'
import type { Secret } from '../../../kit/secret.ts'
import { MaybeDone } from '../../driver.ts'
import { exchange, type Received } from './exchange.ts'
import { field, isPath, object, text } from './fields.ts'
import { pinnedAgent, WrongCertificate } from './pinned-agent.ts'
import { followTask, pause, retryAfterMs } from './tasks.ts'

export type Target = Readonly<{ url: string; user: string; password: Secret | undefined; fingerprint: string | null }>

/** Bounds one call of the driver: `signal` ends it. */
export type Bounds = Readonly<{ signal: AbortSignal }>

/** A refused request with its status, for those who try another way. The text holds no secret. */
export class Refused extends Refusal {
  readonly status: number

  constructor(status: number, code: Refusal['code'], detail: string, more: { next?: string } = {}) {
    super(code, detail, more)
    this.status = status
  }
}

/** Nothing came back. `wasSent`: it may have arrived. */
class Lost extends Refusal {
  readonly wasSent: boolean

  constructor(detail: string, wasSent: boolean) {
    super('not-available', detail)
    this.wasSent = wasSent
  }
}

const maybeDone = ({ message }: Lost) => new MaybeDone('not-available', `${message}; it may have done it or not`)

/** Codes of errors before a connection stands. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
])

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
type Login = Readonly<{ token: string; path: string | undefined }> | 'basic' | 'none'

/** Requests at a time to one service: BMCs freeze under bursts. */
const AT_A_TIME = 2
const MOST_REDIRECTS = 3
const MOST_RETRIES = 3
/** Longest pause that a service may ask for, in ms. */
const LONGEST_PAUSE_MS = 20_000

/** One Redfish service: logs in, follows redirects and tasks, waits when it is told to. Several drivers may share it. */
export class RedfishClient {
  readonly #base: URL
  readonly #target: Target
  readonly #agent: Agent
  #login: Promise<Login> | undefined

  constructor(target: Target) {
    this.#target = target
    this.#base = new URL(target.url)
    this.#agent =
      this.#base.protocol === 'https:'
        ? pinnedAgent(target.fingerprint, AT_A_TIME)
        : new Agent({ keepAlive: true, maxSockets: AT_A_TIME, timeout: 30_000 })
  }

  get host(): string {
    return this.#base.host
  }

  /** The document at this path and its ETag. */
  async get(
    path: string,
    bounds: Bounds,
  ): Promise<{ body: Readonly<Record<string, unknown>>; etag: string | undefined }> {
    const received = await this.#asked('GET', path, undefined, bounds)
    if (typeof received.json !== 'object' || received.json === null)
      throw new Refused(
        received.status,
        'wrong-state',
        `${this.host} answered GET ${shown(path)} with something else than JSON`,
      )
    const etag = received.headers.etag ?? text(field(received.json, '@odata.etag')) ?? undefined
    return { body: object(received.json), etag }
  }

  /** Runs an action. It is sent once: what became of a request whose answer is lost is not known. */
  async post(path: string, body: unknown, bounds: Bounds): Promise<void> {
    const received = await this.#asked('POST', path, body, bounds)
    await this.#finished(received, bounds).catch((error: unknown) => {
      throw error instanceof Lost ? maybeDone(error) : error
    })
  }

  /**
   * Changes a resource under its ETag. Services differ in how they want an ETag back, and some in whether; the forms are tried one
   * after the other while the answer is 412 or 428 (RFC 9110 §13.1.1, RFC 6585 §3).
   */
  async patch(path: string, body: unknown, etag: string | undefined, bounds: Bounds): Promise<void> {
    let refused: Refused | undefined
    for (const tag of tagForms(etag)) {
      try {
        const received = await this.#asked('PATCH', path, body, bounds, tag === undefined ? {} : { 'if-match': tag })
        return await this.#finished(received, bounds)
      } catch (error) {
        if (!(error instanceof Refused) || (error.status !== 412 && error.status !== 428)) throw error
        refused = error
      }
    }
    throw refused
  }

  /** Ends the session. The client may be asked again. */
  async close(): Promise<void> {
    const login = await this.#login?.catch(() => undefined)
    this.#login = undefined
    if (login && typeof login !== 'string' && login.path !== undefined) {
      const bounds = { signal: AbortSignal.timeout(5000) }
      await this.#exchange('DELETE', login.path, undefined, { 'x-auth-token': login.token }, bounds).catch(
        () => undefined,
      )
    }
    this.#agent.destroy()
  }

  async #finished(received: Received, bounds: Bounds): Promise<void> {
    if (received.status !== 202) return
    const failure = await followTask(received, this.#base, (path) => this.#raw('GET', path, undefined, bounds), bounds)
    if (failure !== undefined)
      throw new Refused(400, 'wrong-state', `${this.host} took the order and then failed: ${this.#safe(failure)}`)
  }

  async #asked(method: Method, path: string, body: unknown, bounds: Bounds, headers = {}): Promise<Received> {
    const received = await this.#raw(method, path, body, bounds, headers)
    if (received.status >= 200 && received.status < 300) return received
    throw this.#refusal(received, method, path)
  }

  /** With a login, which is renewed once when the service has forgotten it. */
  async #raw(method: Method, path: string, body: unknown, bounds: Bounds, headers = {}): Promise<Received> {
    for (let again = false; ; again = true) {
      this.#login ??= this.#logIn(bounds)
      const pending = this.#login
      let login: Login
      try {
        login = await pending
      } catch (error) {
        if (this.#login === pending) this.#login = undefined
        throw error
      }
      const proven = { ...headers, ...this.#proof(login) }
      const received = await this.#patient(method, path, body, proven, bounds).catch((error: unknown) => {
        throw method === 'POST' && error instanceof Lost && error.wasSent ? maybeDone(error) : error
      })
      if (received.status !== 401 || again || typeof login === 'string') return received
      if (this.#login === pending) this.#login = undefined
    }
  }

  #proof(login: Login): Record<string, string> {
    if (login === 'none') return {}
    if (login !== 'basic') return { 'x-auth-token': login.token }
    const pair = `${this.#target.user}:${this.#target.password?.reveal() ?? ''}`
    return { authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` }
  }

  /** A session where there are any (DSP0266 §"Redfish session login"), else name and password with each request. */
  async #logIn(bounds: Bounds): Promise<Login> {
    const { user, password } = this.#target
    if (user === '' && password === undefined) return 'none'
    const root = await this.#patient('GET', '/redfish/v1/', undefined, {}, bounds)
    if (root.status === 401) return 'basic'
    if (root.status >= 300) throw this.#refusal(root, 'GET', '/redfish/v1/')
    const linked = field(root.json, 'Links', 'Sessions', '@odata.id')
    const path = typeof linked === 'string' && isPath(linked) ? linked : '/redfish/v1/SessionService/Sessions'
    const body = { UserName: user, Password: password?.reveal() ?? '' }
    const received = await this.#patient('POST', path, body, {}, bounds)
    const token = received.headers['x-auth-token']
    if (received.status < 300 && typeof token === 'string' && /^[\x21-\x7e]{1,4096}$/.test(token)) {
      const { location } = received.headers
      return { token, path: location === undefined ? undefined : this.#sameHost(location) }
    }
    if (received.status === 401 || received.status === 403) throw this.#refusal(received, 'POST', path)
    // No sessions here, or all are taken.
    return 'basic'
  }

  /** Waits and asks again when it is told to (RFC 9110 §10.2.3); reads are repeated when the connection broke. */
  async #patient(method: Method, path: string, body: unknown, headers: Record<string, string>, bounds: Bounds) {
    for (let tries = 1; ; tries++) {
      try {
        const received = await this.#exchange(method, path, body, headers, bounds)
        const busy = received.status === 503 || received.status === 429
        if (!busy || tries > MOST_RETRIES) return received
        const ms = retryAfterMs(received) ?? 1000 * tries
        if (ms > LONGEST_PAUSE_MS) return received
        await pause(ms, bounds)
      } catch (error) {
        if (error instanceof Refusal) throw error
        const retry =
          method === 'GET' && tries < MOST_RETRIES && !bounds.signal.aborted && !(error instanceof WrongCertificate)
        if (!retry) throw this.#lost(error)
        await pause(200 * tries, bounds).catch(() => undefined)
      }
    }
  }

  async #exchange(method: Method, path: string, body: unknown, headers: Record<string, string>, { signal }: Bounds) {
    let at = path
    for (let count = 0; ; count++) {
      const received = await exchange({
        method,
        url: new URL(at, this.#base.origin),
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'odata-version': '4.0',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(method === 'POST' && body === undefined ? { 'content-length': '0' } : {}),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        agent: this.#agent,
        signal,
      })
      const { location } = received.headers
      if (![301, 302, 303, 307, 308].includes(received.status) || location === undefined) return received
      const next = this.#sameHost(location)
      if (next === undefined)
        throw new Refused(
          received.status,
          'wrong-state',
          `${this.host} sends ${method} ${shown(path)} to ${shown(location)}, which is elsewhere`,
          {
            next: 'set the url of the driver to where the service really is',
          },
        )
      // RFC 9110 §15.4: only 307 and 308 say that the same method is to be used there.
      if (method !== 'GET' && received.status !== 307 && received.status !== 308) return received
      if (count >= MOST_REDIRECTS)
        throw new Refused(received.status, 'wrong-state', `${this.host} sends ${method} ${shown(path)} in circles`)
      at = next
    }
  }

  #sameHost(location: string): string | undefined {
    if (!URL.canParse(location, this.#base.origin)) return undefined
    const url = new URL(location, this.#base.origin)
    const path = `${url.pathname}${url.search}`
    return url.origin === this.#base.origin && isPath(path) ? path : undefined
  }

  #refusal({ status, json }: Received, method: string, path: string): Refused {
    const said = this.#safe(messageOf(json))
    const what = `${this.host} answered ${status} to ${method} ${shown(path)}${said === '' ? '' : `: ${said}`}`
    if (status === 401 || status === 403)
      return new Refused(status, 'wrong-credentials', what, {
        next: 'check user, password and privileges of the driver',
      })
    if (status === 404) return new Refused(status, 'not-found', what)
    if (status >= 500 || status === 429) return new Refused(status, 'not-available', what)
    return new Refused(status, 'wrong-state', what)
  }

  #lost(error: unknown): Refusal {
    const { host } = this
    if (error instanceof WrongCertificate)
      return new Refusal('not-available', `${host}: ${error.message}`, {
        next: 'make sure that it is the certificate of this BMC and nobody is in between, then set it as fingerprint of the driver',
      })
    const { code, message, name } = error as NodeJS.ErrnoException
    if (name === 'AbortError' || name === 'TimeoutError') return new Lost(`${host} did not answer in time`, true)
    return new Lost(`${host} cannot be reached: ${this.#safe(code ?? message)}`, !NOT_SENT.has(code ?? ''))
  }

  /** Without the password, should a service say it back. */
  #safe(said: string): string {
    const secret = this.#target.password?.reveal() ?? ''
    return secret.length < 4 ? said : said.replaceAll(secret, '[secret]')
  }
}

/** What `@Message.ExtendedInfo` says, else the message of the error. */
function messageOf(json: unknown): string {
  const error = field(json, 'error')
  const infos = field(error, '@Message.ExtendedInfo') ?? field(json, '@Message.ExtendedInfo')
  const said = (Array.isArray(infos) ? infos : [infos])
    .slice(0, 3)
    .flatMap((info) => text(field(info, 'Message')) ?? [])
  return [...new Set(said)].join(' ') || (text(field(error, 'message')) ?? '')
}

function tagForms(etag: string | undefined): readonly (string | undefined)[] {
  if (etag === undefined || !/^[\x20-\x7e]{1,200}$/.test(etag)) return [undefined, '*']
  const strong = etag.replace(/^W\//, '')
  return [...new Set([etag, strong, strong.replaceAll('"', ''), undefined, '*'])]
}

const shown = (path: string) => path.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
