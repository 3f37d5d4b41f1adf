import { Refusal } from '../../../kit/errors.ts'
import type { Received } from './exchange.ts'
import { field, isPath, list, text } from './fields.ts'

/** How long a task is followed, in ms; what it does then is seen when its outcome is read. */
const FOLLOWED_MS = 30_000
const RUNNING = [
  'New',
  'Starting',
  'Running',
  'Pending',
  'Suspended',
  'Stopping',
  'Service',
  'Cancelling',
  'Interrupted',
]

/** Follows a task (DSP0266 §"Asynchronous operations") to its end. Why it failed, in its own words, or `undefined`. */
export async function followTask(
  accepted: Received,
  base: URL,
  get: (path: string) => Promise<Received>,
  bounds: { signal: AbortSignal },
): Promise<string | undefined> {
  const monitor = placeOf(accepted, base)
  if (monitor === undefined) return undefined
  const until = performance.now() + FOLLOWED_MS
  let last = accepted
  while (performance.now() < until) {
    await pause(Math.min(retryAfterMs(last) ?? 500, 5000), bounds)
    last = await get(monitor)
    if (last.status === 202) continue
    // A monitor that is gone has done its work.
    if (last.status === 404 || last.status === 410) return undefined
    if (last.status >= 400) return failureOf(last.json) ?? `status ${last.status}`
    const state = text(field(last.json, 'TaskState'))
    if (state !== null && RUNNING.includes(state)) continue
    if (state === null || state === 'Completed') return undefined
    return `${state}${failureOf(last.json) === undefined ? '' : `: ${failureOf(last.json)}`}`
  }
  return undefined
}

function placeOf({ headers, json }: Received, base: URL): string | undefined {
  const { location } = headers
  if (location !== undefined && URL.canParse(location, base.origin)) {
    const url = new URL(location, base.origin)
    const path = `${url.pathname}${url.search}`
    return url.origin === base.origin && isPath(path) ? path : undefined
  }
  const path = field(json, '@odata.id')
  return typeof path === 'string' && isPath(path) ? path : undefined
}

function failureOf(json: unknown): string | undefined {
  const messages = list(field(json, 'Messages') ?? field(json, 'error', '@Message.ExtendedInfo'), 5)
  const said = messages.flatMap((message) => text(field(message, 'Message')) ?? [])
  return said.length > 0 ? [...new Set(said)].join(' ').slice(0, 300) : undefined
}

/** In seconds or as a date (RFC 9110 §10.2.3). */
export function retryAfterMs({ headers }: Received): number | undefined {
  const given = headers['retry-after']
  if (given === undefined) return undefined
  if (/^\d{1,6}$/.test(given)) return Number(given) * 1000
  const at = Date.parse(given)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

export function pause(ms: number, { signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => {
      clearTimeout(timer)
      reject(new Refusal('not-available', 'it did not answer in time'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', ended)
      resolve()
    }, ms)
    if (signal.aborted) ended()
    else signal.addEventListener('abort', ended, { once: true })
  })
}
