import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { type BootPass, Welcome } from '../../api/contract/agent.ts'
import type { Screen } from './screen.ts'
import { Wire, type WireAnswer, type WireRequest } from './wire.ts'

/** The server says that this boot is over: only a restart of the machine helps. */
export class BootOver extends Error {
  override name = 'BootOver'
}

/** The server understood and refused; asking again would not help. */
export class AskRefused extends Error {
  override name = 'AskRefused'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}

/** How long to wait after so many failures in a row, in ms. */
export type BackOff = (failures: number) => number
const PATIENT: BackOff = (failures) => [1000, 2000, 5000][failures] ?? 5000
const PREFIX = '/agent/v1/'
const MOST_JSON = 4 * 1024 * 1024
/** A wrong server is asked again this much more slowly. */
const WRONG_SERVER_WAITS = 4

type TalkOptions = Readonly<{
  pass: BootPass
  version: string
  screen: Screen
  /** Requests at once, chunks included. */
  connections?: number
  backOff?: BackOff
  /** Of a boot whose agent said hello before, and was started again since: 32 hex digits. */
  nonce?: string | undefined
}>

/**
 * One boot's conversation with its server. Whatever is asked is asked until it is answered, for as long as that takes, and the
 * screen says so meanwhile.
 */
export class Talk {
  readonly #pass: BootPass
  readonly #version: string
  readonly #screen: Screen
  readonly #wire: Wire
  readonly #backOff: BackOff
  readonly #nonce: string
  #authorization = ''
  /** Since when the server does not answer, and what the screen said of it last. */
  #awaySince: number | undefined
  #saidAt = 0

  constructor({ pass, version, screen, connections = 8, backOff = PATIENT, nonce = newNonce() }: TalkOptions) {
    this.#nonce = nonce
    this.#pass = pass
    this.#version = version
    this.#screen = screen
    this.#backOff = backOff
    this.#wire = new Wire(pass.server, connections)
  }

  get server(): string {
    return this.#pass.server
  }

  get authorization(): string {
    return this.#authorization
  }

  /**
   * Says hello until the right server answers, and returns the machine's name. A server that does not know the secret of this boot is
   * told nothing. Again after a restart of the server: the same nonce, and so the same session.
   */
  async hello(): Promise<string> {
    const { boot, secret, server } = this.#pass
    for (let wrong = 0; ; wrong++) {
      const body = { boot, nonce: this.#nonce, version: this.#version }
      const { serverNonce, proof, machine } = await this.ask('hello', body, Welcome)
      const text = (what: string) => `${what} ${this.#nonce} ${serverNonce}`
      const expected = createHmac('sha256', secret).update(text('server')).digest()
      if (timingSafeEqual(Buffer.from(proof, 'hex'), expected)) {
        const session = createHmac('sha256', secret).update(text('session')).digest('hex')
        this.#authorization = `Bearer ${boot}.${session}`
        return machine
      }
      this.#screen.say(
        'error',
        `THE WRONG SERVER answers at ${server}: it does not know the secret of this boot. Nothing is told to it and nothing is taken from it. Trying again.`,
      )
      await sleep(this.#backOff(wrong) * WRONG_SERVER_WAITS)
    }
  }

  /** Asks with JSON until there is an answer. Rejects with `BootOver`, `AskRefused`, or the signal's reason. */
  async ask<T>(path: string, body: unknown, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    const { body: bytes } = await this.carry({ ...posted(path, body), signal })
    const parsed = schema.safeParse(JSON.parse(bytes.toString('utf8')))
    if (parsed.success) return parsed.data
    throw new AskRefused(
      0,
      'not-understood',
      `the server's answer to ${path} is not understood: is it of another version?`,
    )
  }

  /** The same where the answer says nothing. */
  async tell(path: string, body: unknown, signal?: AbortSignal): Promise<void> {
    await this.carry({ ...posted(path, body), signal })
  }

  /** Asks once, for what is out of date by the next try. `undefined` when the server did not answer. */
  async askOnce<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      const answer = await this.#once(posted(path, body))
      if (isTemporary(answer)) return undefined
      return schema.parse(JSON.parse(answer.body.toString('utf8')))
    } catch (error) {
      if (error instanceof BootOver || error instanceof AskRefused) throw error
      this.#away(error, 1000)
      return undefined
    }
  }

  /**
   * Carries a request below `/agent/v1/` until it is answered with 2xx. `corrupt` is not tried again: the caller decides how
   * often; nor is content that the server has no room for.
   */
  async carry(request: WireRequest): Promise<WireAnswer> {
    for (let failures = 0; ; failures++) {
      request.signal?.throwIfAborted()
      const wait = this.#backOff(failures)
      try {
        const answer = await this.#once(request)
        if (!isTemporary(answer)) return answer
        this.#away(new Error(`it answered ${answer.status}`), wait)
      } catch (error) {
        request.signal?.throwIfAborted()
        if (error instanceof BootOver || error instanceof AskRefused) throw error
        this.#away(error, wait)
      }
      await sleep(wait, undefined, { signal: request.signal }).catch(() => undefined)
    }
  }

  close(): void {
    this.#wire.close()
  }

  /** One try. Resolves with 2xx or what may pass by itself; a refusal is thrown. */
  async #once(request: WireRequest): Promise<WireAnswer> {
    const headers = {
      ...request.headers,
      ...(this.#authorization ? { authorization: this.#authorization } : {}),
    }
    const answer = await this.#wire.send({ ...request, path: PREFIX + request.path, headers })
    if (answer.status >= 200 && answer.status < 300) {
      this.#back()
      return answer
    }
    const { code, detail } = problemOf(answer)
    if (code === 'wrong-credentials') throw new BootOver(detail)
    if (isTemporary(answer) && code !== 'corrupt' && !isUnkept(request, code)) return answer
    throw new AskRefused(answer.status, code, detail)
  }

  #away(error: unknown, wait: number): void {
    const now = performance.now()
    this.#awaySince ??= now
    // At most a line a second, however many requests wait.
    if (now - this.#saidAt < 1000 && this.#saidAt !== 0) return
    this.#saidAt = now
    const since = Math.round((now - this.#awaySince) / 1000)
    const why = error instanceof Error ? error.message : String(error)
    const again = Math.max(1, Math.round(wait / 1000))
    const text = `the server ${this.#pass.server} is away since ${since} s (${why}); trying again in ${again} s`
    this.#screen.say('warn', text)
  }

  #back(): void {
    if (this.#awaySince === undefined) return
    const gone = Math.round((performance.now() - this.#awaySince) / 1000)
    this.#awaySince = undefined
    this.#screen.say('info', `the server is back after ${gone} s`)
  }
}

/** One for each boot: who comes with another is not the agent that came first. */
export function newNonce(): string {
  return randomBytes(16).toString('hex')
}

function posted(path: string, body: unknown): WireRequest {
  return {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    most: MOST_JSON,
  }
}

/** What passes by itself: the server is busy, restarts, or has a fault that somebody will mend. */
function isTemporary({ status }: WireAnswer): boolean {
  return status === 429 || status === 408 || status >= 500
}

/** Content of a disk that the server has no room for: sending it until somebody makes room would keep the machine, and say nothing. */
function isUnkept({ method }: WireRequest, code: string): boolean {
  return method === 'PUT' && code === 'no-space'
}

function problemOf({ status, body }: WireAnswer): { code: string; detail: string } {
  try {
    const { code, detail } = JSON.parse(body.toString('utf8')) as { code?: unknown; detail?: unknown }
    if (typeof code === 'string') return { code, detail: String(detail ?? code).slice(0, 1000) }
  } catch {
    // Not ours: a proxy, or another program at this address.
  }
  return { code: `http-${status}`, detail: `the server answered ${status}` }
}
