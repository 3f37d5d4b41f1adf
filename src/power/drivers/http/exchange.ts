import { createHash } from 'node:crypto'
import { type ClientRequest, request } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Refusal } from '../../../kit/errors.ts'
import { MaybeDone } from '../../driver.ts'

/** Most of an answer that is read. */
export const MOST_ANSWER_BYTES = 256 * 1024
const MOST_REDIRECTS = 3

export type Asked = Readonly<{
  url: URL
  method: string
  headers: Readonly<Record<string, string>>
  body: string | null
  /** SHA-256 of the only certificate that is accepted; `null`: one that is valid. */
  fingerprint: string | null
  timeoutMs: number
}>

/** `retryAfterMs`: how long it wants to be left alone, if it said so in seconds. */
export type Answered = Readonly<{ status: number; body: string; retryAfterMs: number | null }>

/**
 * One request over a connection of its own. Redirects are followed for GET, on the same scheme, host and port only, so that no secret
 * goes elsewhere. Whatever goes wrong is a `Refusal` (`not-available`) without anything of the request but its host.
 */
export async function exchange(asked: Asked): Promise<Answered> {
  const until = Date.now() + asked.timeoutMs
  let url = asked.url
  for (let hop = 0; ; hop++) {
    const { status, body, location, retryAfterMs } = await once({ ...asked, url, timeoutMs: until - Date.now() })
    if (status < 300 || status > 399 || location === undefined) return { status, body, retryAfterMs }
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined
    if (!next || next.origin !== asked.url.origin || asked.method !== 'GET' || hop === MOST_REDIRECTS)
      throw new Refusal(
        'not-available',
        `${asked.url.host} sends the request elsewhere, and it is not followed there`,
        {
          next: 'set `url` of the driver to where the API really is',
        },
      )
    url = next
  }
}

/** Proves that it can be reached, and that it is who it should be. */
export async function reach(asked: Pick<Asked, 'url' | 'fingerprint' | 'timeoutMs'>): Promise<void> {
  const socket = await connected(asked)
  socket.destroy()
}

type Raw = Answered & Readonly<{ location: string | undefined }>

async function once(asked: Asked): Promise<Raw> {
  const until = Date.now() + asked.timeoutMs
  const socket = await connected(asked)
  const { url, method, headers, body } = asked
  return new Promise<Raw>((resolve, reject) => {
    let outgoing: ClientRequest | undefined
    const settle = (how: () => void) => {
      clearTimeout(timer)
      how()
      outgoing?.destroy()
      socket.destroy()
    }
    const fail = (why: string) =>
      settle(() => {
        const { code, message, next = '' } = unreachable(url, why)
        // The other side may have read it, and obeyed.
        reject(new MaybeDone(code, message, { next }))
      })
    const timer = setTimeout(() => fail('it did not answer in time'), Math.max(1, until - Date.now()))
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    outgoing = request({
      method,
      path: url.pathname + url.search,
      headers: { accept: 'application/json', ...headers, host: url.host, connection: 'close', ...length },
      createConnection: () => socket,
    })
    outgoing.on('error', (error) => fail(reason(error)))
    outgoing.on('response', (response) => {
      const pieces: Buffer[] = []
      let bytes = 0
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes > MOST_ANSWER_BYTES) fail(`its answer is longer than ${MOST_ANSWER_BYTES} bytes`)
        else pieces.push(piece)
      })
      response.on('error', (error) => fail(reason(error)))
      response.on('aborted', () => fail('it ended its answer halfway'))
      response.on('end', () => {
        if (!response.complete) return fail('it ended its answer halfway')
        const { location } = response.headers
        const seconds = /^\d{1,6}$/.exec(response.headers['retry-after']?.trim() ?? '')?.[0]
        settle(() =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(pieces).toString('utf8'),
            retryAfterMs: seconds === undefined ? null : Number(seconds) * 1000,
            location,
          }),
        )
      })
    })
    outgoing.end(body ?? undefined)
  })
}

/** A connection whose other side is known to be the right one before a byte of a request is sent. */
function connected({ url, fingerprint, timeoutMs }: Pick<Asked, 'url' | 'fingerprint' | 'timeoutMs'>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
    const fail = (why: string, next?: string) => {
      clearTimeout(timer)
      socket.destroy()
      reject(unreachable(url, why, next))
    }
    const ready = () => {
      clearTimeout(timer)
      socket.removeAllListeners()
      // What happens to it later is told to the request, too.
      socket.on('error', () => undefined)
      resolve(socket)
    }
    let socket: Socket
    if (secure) {
      const named = isIP(host) === 0 ? { servername: host } : {}
      const tls = connectTls({ host, port, ...named, rejectUnauthorized: fingerprint === null })
      tls.once('secureConnect', () => {
        const seen = fingerprintOf(tls.getPeerX509Certificate()?.raw)
        if (fingerprint !== null && seen !== fingerprint)
          return fail(
            `it shows the certificate ${seen}, but ${fingerprint} was expected`,
            'if that is right, set `fingerprint` of the driver to the new one',
          )
        ready()
      })
      socket = tls
    } else {
      socket = connect({ host, port })
      socket.once('connect', ready)
    }
    const timer = setTimeout(() => fail('it did not answer in time'), Math.max(1, timeoutMs))
    socket.once('error', (error) => fail(reason(error)))
    socket.once('close', () => fail('it closed the connection'))
  })
}

/** As OpenSSH writes it: SHA256: and base64 without padding, of the whole certificate. */
export function fingerprintOf(certificate: Uint8Array | undefined): string {
  return `SHA256:${createHash('sha256')
    .update(certificate ?? new Uint8Array())
    .digest('base64')
    .replace(/=+$/, '')}`
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'there is no way to that address',
  ENETUNREACH: 'there is no way to that network',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by somebody who is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by somebody who is not trusted',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

function reason(error: Error & { code?: string }): string {
  const { code = '' } = error
  if (WORDS[code] !== undefined) return WORDS[code]
  if (code.startsWith('HPE_')) return `it does not speak HTTP (${code})`
  return `the connection failed (${code || error.name})`
}

function unreachable(url: URL, why: string, next?: string): Refusal {
  const hint = /certificate/.test(why)
    ? 'give it a valid certificate, or set `fingerprint` of the driver to the one it has'
    : 'see that the address is right and that it can be reached from this server'
  return new Refusal('not-available', `${url.host} cannot be asked: ${why}`, { next: next ?? hint })
}
