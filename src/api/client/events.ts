import type { Event } from '../contract/server.ts'
import type { ApiClient } from './client.ts'
import { ApiProblem } from './problem.ts'

/** One message of an event stream, as in the HTML standard's "Server-sent events" (§9.2). */
export type StreamMessage = Readonly<{ event: string; data: string }>

/** Takes an event stream apart, however its bytes are cut. Comments (heartbeats) and messages without data are left out. */
export async function* readMessages(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  const decoder = new TextDecoder()
  let rest = ''
  let event = ''
  let data: string[] = []
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    // A CR at the very end may be the first half of a CR LF: it waits for the next bytes.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event || 'message', data: data.join('\n') }
        event = ''
        data = []
        continue
      }
      const colon = line.indexOf(':')
      const field = colon < 0 ? line : line.slice(0, colon)
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (field === 'event') event = value
      else if (field === 'data') data.push(value)
    }
  }
}

export type Watcher = Readonly<{
  onEvent: (event: Event) => void
  /** The stream begins, or events were lost: whatever is shown must be fetched anew. */
  onReset?: () => void
  /** The stream broke and will be tried again, or (401, 403) it ended for good: log in again. */
  onProblem?: (problem: ApiProblem, final: boolean) => void
}>

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** The server sends a heartbeat every 15 s; three missing ones mean that the connection is dead. */
const SILENCE_MS = 45_000

/** Follows `/api/v1/events` and connects again whenever it breaks; the returned function ends it. */
export function watchEvents(client: ApiClient, watcher: Watcher): () => void {
  const ended = new AbortController()
  void follow(client, watcher, ended.signal)
  return () => ended.abort()
}

async function follow(client: ApiClient, watcher: Watcher, ended: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS
  while (!ended.aborted) {
    try {
      await once(client, watcher, ended, () => {
        wait = FIRST_WAIT_MS
      })
    } catch (error) {
      if (ended.aborted) return
      const problem = error instanceof ApiProblem ? error : broken(error)
      const final = problem.status === 401 || problem.status === 403
      watcher.onProblem?.(problem, final)
      if (final) return
    }
    await pause(wait, ended)
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }
}

/** Resolves when the server ends the stream. */
async function once(client: ApiClient, watcher: Watcher, ended: AbortSignal, alive: () => void): Promise<void> {
  const silent = new AbortController()
  let timer = setTimeout(() => silent.abort(), SILENCE_MS)
  try {
    const { body } = await client.events({ signal: AbortSignal.any([ended, silent.signal]) })
    watcher.onReset?.()
    const watched = heard(body, () => {
      alive()
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), SILENCE_MS)
    })
    for await (const { event, data } of readMessages(watched)) {
      if (ended.aborted) return
      if (event === 'reset') watcher.onReset?.()
      else watcher.onEvent(JSON.parse(data) as Event)
    }
  } finally {
    clearTimeout(timer)
  }
}

async function* heard(body: AsyncIterable<Uint8Array>, tell: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    tell()
    yield chunk
  }
}

function broken(cause: unknown): ApiProblem {
  return new ApiProblem({ status: 0, code: 'unreachable', detail: 'the event stream broke', cause })
}

function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      ended.removeEventListener('abort', done)
      resolve()
    }
    ended.addEventListener('abort', done)
  })
}
