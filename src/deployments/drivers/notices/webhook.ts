import { createHmac } from 'node:crypto'
import { lookup as resolveName } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Clock } from '../../../kit/clock.ts'
import type { Secret } from '../../../kit/secret.ts'
import { mayCall } from './targets.ts'

const TIMEOUT_MS = 10_000

export type WebhookDependencies = Readonly<{
  /** Signs what is sent; `undefined`: it goes out unsigned. */
  secret: Secret | undefined
  clock: Clock
  /** Which addresses may be called; a test calls itself. */
  mayCall?: ((address: string) => boolean) | undefined
}>

/** Whether to try again: a refusal of the other side, or of ours, stays one. */
export class WebhookFailure extends Error {
  override name = 'WebhookFailure'
  readonly lasting: boolean

  constructor(message: string, lasting: boolean) {
    super(message)
    this.lasting = lasting
  }
}

/**
 * Posts JSON once. Signed with `x-reveille-timestamp` (seconds since 1970) and `x-reveille-signature: sha256=HEX`, the HMAC-SHA-256
 * of `TIMESTAMP.BODY`. Redirects are not followed; names are resolved once and the address that was checked is the one called.
 */
export async function sendWebhook(url: string, body: unknown, dependencies: WebhookDependencies): Promise<void> {
  const { secret, clock } = dependencies
  const allowed = dependencies.mayCall ?? mayCall
  const target = URL.parse(url)
  if (!target || (target.protocol !== 'http:' && target.protocol !== 'https:'))
    throw new WebhookFailure('it is no http or https address', true)
  const host = target.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !allowed(host)) throw refused(host)
  const text = JSON.stringify(body)
  const timestamp = String(Math.floor(clock.now() / 1000))
  const signature = secret && createHmac('sha256', secret.reveal()).update(`${timestamp}.${text}`).digest('hex')
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  const status = await new Promise<number>((resolve, reject) => {
    const request = send(
      target,
      {
        method: 'POST',
        agent: false,
        lookup: checkedLookup(allowed),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          'user-agent': 'reveille',
          'x-reveille-timestamp': timestamp,
          ...(signature ? { 'x-reveille-signature': `sha256=${signature}` } : {}),
        },
      },
      (response) => {
        // What it says is of no interest and may be endless.
        response.destroy()
        resolve(response.statusCode ?? 0)
      },
    )
    request.on('error', reject)
    request.end(text)
  }).catch((error: unknown) => {
    if (error instanceof WebhookFailure) throw error
    const timedOut = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
    const why = timedOut
      ? `no answer within ${TIMEOUT_MS / 1000} seconds`
      : ((error as { code?: string }).code ?? 'no connection')
    throw new WebhookFailure(why, false)
  })
  if (status >= 200 && status < 300) return
  throw new WebhookFailure(`it answered with status ${status}`, status < 500 && status !== 408 && status !== 429)
}

/** Resolves a name and refuses it when any of its addresses may not be called. */
function checkedLookup(allowed: (address: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    resolveName(host, { ...options, all: true }, (error, addresses) => {
      const wrong = error ? undefined : addresses.find(({ address }) => !allowed(address))
      const [first] = addresses ?? []
      if (error || wrong || !first) callback(error ?? refused(wrong?.address ?? host), [])
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

function refused(address: string): WebhookFailure {
  return new WebhookFailure(
    `webhooks are not sent to ${address}: it is this computer, link-local, or no single host`,
    true,
  )
}
