import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../../../kit/errors.ts'
import { printable } from '../../../kit/printable.ts'
import type { BootOrder } from '../../boot-order.ts'
import type { DriverFactory, DriverMachine, DriverSecrets } from '../../configured.ts'
import { DRIVER_DEADLINE_MS, type PowerDriver, type RestartNote } from '../../driver.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../../power.ts'
import { refusedAction } from '../../refused-action.ts'
import type { SettingsOf } from '../../settings.ts'
import { type Answered, exchange, reach } from './exchange.ts'
import { atPointer } from './json-pointer.ts'
import { type HttpRequest, type Requests, ready, requestsOf, same } from './requests.ts'
import { namesIn, type Values } from './template.ts'

const REQUEST_MS = 15_000
/** Of one call with all its requests and pauses. */
const CALL_MS = DRIVER_DEADLINE_MS - 5_000
/** Longest that we wait because the other side wants to be left alone. */
const MOST_RETRY_AFTER_MS = 10_000
/** How long a machine may take to be off before a cycle goes on anyway, and how often is looked. */
const OFF_WAIT_MS = 20_000
const LOOK_MS = 1_000

type Parts = Readonly<{
  settings: SettingsOf<'http'>
  requests: Requests
  values: Values
  /** What a refusal must not quote. */
  secrets: readonly string[]
  requestMs: number
}>

/**
 * Asks an API by HTTP what its settings say. A request that is accepted proves nothing; the state is read. What it tells firmware
 * to boot from stays until it tells it something else: such APIs know no order for one start only.
 */
class Http implements PowerDriver {
  readonly kind = 'http'
  readonly actions: readonly PowerAction[]
  readonly state?: () => Promise<PowerState>
  readonly setBootOrder?: (order: BootOrder | null) => Promise<void>
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
    const { actions, state, bootFromNetwork, bootFromDisk } = parts.requests
    const composed = actions.on !== undefined && actions.off !== undefined
    this.actions = POWER_ACTIONS.filter((action) => actions[action] || (action === 'cycle' && composed))
    if (state) this.state = () => this.#state(Date.now() + CALL_MS)
    if (bootFromNetwork && bootFromDisk)
      this.setBootOrder = (order) => this.#setBootOrder(order, bootFromNetwork, bootFromDisk)
  }

  async perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    const request = this.#parts.requests.actions[action]
    const until = Date.now() + CALL_MS
    if (request) await this.#ask(request, until)
    else if (action === 'cycle' && this.actions.includes('cycle')) await this.#cycle(until, note)
    else throw refusedAction(this.kind, action, this.actions)
  }

  async probe(): Promise<string> {
    const { host } = new URL(this.#parts.settings.url)
    if (this.state) return `${host} answers; the machine is ${await this.state()}`
    const { url, fingerprint } = this.#parts.settings
    await reach({ url: new URL(url), fingerprint, timeoutMs: this.#parts.requestMs })
    return `${host} can be reached; it tells no state, so that the login is not proved`
  }

  async close(): Promise<void> {}

  async #cycle(until: number, note?: (what: RestartNote) => void): Promise<void> {
    const { actions } = this.#parts.requests
    await this.#ask(actions.off!, until)
    const offBy = Math.min(Date.now() + OFF_WAIT_MS, until - REQUEST_MS)
    while (this.state && Date.now() < offBy) {
      // Some fail for a moment while they switch.
      const state = await this.#state(offBy).catch(() => 'unknown')
      if (state === 'off') {
        note?.('was-off')
        break
      }
      await pause(LOOK_MS)
    }
    await pause(this.#parts.settings.pauseSeconds * 1000)
    try {
      await this.#ask(actions.on!, until)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw new Refusal(error.code, `it was switched off, and then not on again: ${error.message}`, {
        next: error.next ?? 'switch it on',
      })
    }
  }

  async #setBootOrder(order: BootOrder | null, network: HttpRequest, disk: HttpRequest): Promise<void> {
    const device = order?.device ?? 'disk'
    const chosen = device === 'pxe' || device === 'http' ? network : device === 'disk' ? disk : undefined
    if (!chosen)
      throw new Refusal('wrong-state', `this API cannot be told to boot from ${device}`, {
        next: 'it knows pxe and disk',
      })
    await this.#ask(chosen, Date.now() + CALL_MS)
  }

  async #state(until: number): Promise<PowerState> {
    const request = this.#parts.requests.state!
    const { body } = await this.#ask(request, until)
    const pointer = request.pointer.replace(/\{([a-zA-Z0-9]+)\}/g, (whole, name: string) =>
      (this.#parts.values.get(name) ?? whole).replaceAll('~', '~0').replaceAll('/', '~1'),
    )
    const word = pointer === '' ? body : wordOf(atPointer(this.#json(body), pointer))
    if (request.on.some((each) => same(each, word))) return 'on'
    if (request.off.some((each) => same(each, word))) return 'off'
    return 'unknown'
  }

  #json(body: string): unknown {
    try {
      return JSON.parse(body)
    } catch {
      throw new Refusal('not-available', `${this.#host()} does not answer with JSON`, {
        next: 'see that `url` of the driver is that of the API and not of its web page',
      })
    }
  }

  async #ask(request: HttpRequest, until: number): Promise<Answered> {
    const { settings, values } = this.#parts
    const { method, url, headers, body } = ready(settings.url, request, values)
    const basic = this.#basic(request)
    const asked = {
      method,
      url,
      headers: headers.authorization === undefined && basic ? { ...headers, authorization: basic } : headers,
      body,
      fingerprint: settings.fingerprint,
    }
    const once = () => exchange({ ...asked, timeoutMs: Math.min(this.#parts.requestMs, until - Date.now()) })
    let answer = await once()
    const { status, retryAfterMs } = answer
    // It says that it did nothing; asking again cannot do it twice.
    if ((status === 429 || status === 503) && retryAfterMs !== null && retryAfterMs <= MOST_RETRY_AFTER_MS) {
      await pause(retryAfterMs)
      answer = await once()
    }
    if (request.expect.includes(answer.status)) return answer
    throw this.#refusal(request, answer)
  }

  /** Where user and password stand in the request itself, they are not sent twice. */
  #basic({ path, body }: HttpRequest): string | undefined {
    const { settings, values } = this.#parts
    if (settings.user === '' || namesIn(path + (body ?? '')).includes('password')) return undefined
    return `Basic ${Buffer.from(`${settings.user}:${values.get('password') ?? ''}`).toString('base64')}`
  }

  #refusal({ method, path }: HttpRequest, { status, body, retryAfterMs }: Answered): Refusal {
    const said = this.#said(body)
    // The path as it is in the settings: values in it may be secrets.
    const what = `${this.#host()} answered ${method} ${path || '/'} with ${status}${said}`
    if (status === 401 || status === 403)
      return new Refusal('wrong-credentials', what, {
        next: 'set the token, or user and password, of the driver again; see what they are allowed to do',
      })
    if (status === 429 || status >= 500) {
      const wait = retryAfterMs === null ? 'in a minute' : `in ${Math.ceil(retryAfterMs / 1000)} seconds`
      return new Refusal('not-available', what, { next: `try again ${wait}` })
    }
    if (status >= 300 && status < 400)
      return new Refusal('not-available', what, { next: 'set `url` of the driver to where the API really is' })
    const next =
      status === 404
        ? 'see that `url` and the variables of the driver are right: there is no such thing there'
        : 'see whether the machine is in a state that allows it'
    return new Refusal('wrong-state', what, { next })
  }

  /** What it says of the reason, unless a secret is in it. */
  #said(body: string): string {
    const text = printable(body.trim().slice(0, 200))
    if (text === '' || this.#parts.secrets.some((secret) => body.includes(secret))) return ''
    return `: ${text}`
  }

  #host(): string {
    return new URL(this.#parts.settings.url).host
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** Its drivers refuse (`validation-failed`) settings that make no request. `requestMs`: most that one request may take. */
export function httpFactoryWithin(requestMs: number): DriverFactory {
  return (settings, secrets, machine) => {
    const http = settings as SettingsOf<'http'>
    const requests = requestsOf(http)
    const values = valuesOf(http, secrets, machine, requests)
    const own = [values.get('token') ?? '', values.get('password') ?? ''].filter((secret) => secret !== '')
    const unsayable = own.flatMap((secret) => spellings(secret, http.user))
    return new Http({ settings: http, requests, values, secrets: unsayable, requestMs })
  }
}

export const httpFactory = httpFactoryWithin(REQUEST_MS)

function valuesOf(
  { user }: SettingsOf<'http'>,
  secrets: DriverSecrets,
  machine: DriverMachine,
  { variables }: Requests,
): Values {
  const values = new Map(Object.entries(variables))
  values.set('user', user)
  values.set('password', secrets.password?.reveal() ?? '')
  values.set('machine', machine.name)
  if (machine.macs[0] !== undefined) values.set('mac', machine.macs[0])
  // Without it a request that needs it is refused, and not sent with an empty one.
  if (secrets.token) values.set('token', secrets.token.reveal())
  return values
}

/** How a server may say a secret back. */
function spellings(secret: string, user: string): string[] {
  const encoded = Buffer.from(secret).toString('base64')
  const both = Buffer.from(`${user}:${secret}`).toString('base64')
  const escaped = JSON.stringify(secret).slice(1, -1)
  return [secret, secret.slice(0, 12), encoded, both, escaped, encodeURIComponent(secret)]
}
