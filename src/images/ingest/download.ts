import { Refusal } from '../../kit/errors.ts'

const MOST_REDIRECTS = 5
/** How long an upstream server may say nothing. */
const SILENCE_MS = 60_000

/** `{channel}`, `{version}` and `{arch}` of an address, filled in. What has no value is refused. */
export function fillIn(pattern: string, values: Readonly<{ channel: string; version: string; arch: string }>): string {
  const filled = pattern.replace(/\{(channel|version|arch)\}/g, (_, name: keyof typeof values) => {
    if (values[name] === '')
      throw new Refusal('validation-failed', `the address ${pattern} needs a ${name}`, { next: `give the ${name} too` })
    return encodeURIComponent(values[name])
  })
  if (URL.canParse(filled) && /^https?:$/.test(new URL(filled).protocol)) return filled
  throw new Refusal('validation-failed', `${filled} is no address of http or https`)
}

/**
 * Gets a file from an http or https server. Redirects are followed a few times, never from https to http; a server that says nothing for a
 * minute is given up. The size is for the reader to bound.
 */
export async function* download(url: string): AsyncGenerator<Uint8Array> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS)
  }
  try {
    const answer = await follow(url, silence.signal, heard)
    let bytes = 0
    for await (const piece of answer.body ?? []) {
      heard()
      bytes += piece.length
      yield piece
    }
    const promised = answer.headers.get('content-length')
    if (promised !== null && Number(promised) !== bytes) throw failed(url, `it broke off after ${bytes} bytes`)
  } catch (error) {
    if (error instanceof Refusal) throw error
    const { message, cause } = error as Error
    const reason = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message
    throw failed(url, silence.signal.aborted ? 'the server said nothing for a minute' : reason)
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

/** A small file from there, such as a signature. */
export async function downloadSmall(url: string, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of download(url)) {
    bytes += piece.length
    if (bytes > limit) throw new Refusal('too-large', `${url} has more than ${limit} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

async function follow(url: string, signal: AbortSignal, heard: () => void): Promise<Response> {
  let at = new URL(url)
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer = await fetch(at.href, {
      redirect: 'manual',
      signal,
      // The bytes as they are signed, not packed on the way.
      headers: { 'accept-encoding': 'identity', 'user-agent': 'reveille' },
    })
    heard()
    if (answer.status === 200) return answer
    await answer.body?.cancel()
    const location = answer.headers.get('location')
    if (answer.status < 300 || answer.status > 399 || location === null)
      throw failed(url, `it answers ${answer.status} ${answer.statusText}`.trim())
    const next = URL.canParse(location, at.href) ? new URL(location, at) : undefined
    if (!next || !/^https?:$/.test(next.protocol)) throw failed(url, 'it redirects to what is neither http nor https')
    if (at.protocol === 'https:' && next.protocol === 'http:') throw failed(url, 'it redirects from https to http')
    at = next
  }
  throw failed(url, `it redirects more than ${MOST_REDIRECTS} times`)
}

function failed(url: string, reason: string): Refusal {
  return new Refusal('not-available', `${url} cannot be fetched: ${reason}`, {
    next: 'check the address, and that this server may reach it',
  })
}
