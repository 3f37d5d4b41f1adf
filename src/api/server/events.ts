import type { ServerResponse } from 'node:http'
import { TooManyRequests } from '../../access/backoff.ts'
import { allowsRole, allowsScope } from '../../access/scopes.ts'
import type { Principal, Role } from '../../access/user.ts'
import type { DomainEvent, Topic } from '../../events/event.ts'
import type { Call } from './call.ts'
import type { ApiDependencies } from './dependencies.ts'

/** What is collected for this long goes out together, each thing once, in ms. */
const COALESCE_MS = 50
const HEARTBEAT_MS = 15_000
/** Changes that wait for a slow reader at most; beyond, it is told to fetch everything anew. */
const MOST_WAITING = 2000
const STREAMS_PER_USER = 50
const STREAMS = 500

/** Who may hear of a topic: whoever may read the things themselves. */
const AUDIENCE: Readonly<Record<Topic, { needs: Role; group: string }>> = {
  machine: { needs: 'viewer', group: 'machines' },
  trace: { needs: 'viewer', group: 'machines' },
  profile: { needs: 'viewer', group: 'profiles' },
  image: { needs: 'viewer', group: 'images' },
  lease: { needs: 'viewer', group: 'networks' },
  deployment: { needs: 'viewer', group: 'deployments' },
  volume: { needs: 'viewer', group: 'volumes' },
  batch: { needs: 'viewer', group: 'machines' },
  power: { needs: 'viewer', group: 'power' },
  bmc: { needs: 'viewer', group: 'bmcs' },
  console: { needs: 'viewer', group: 'console' },
  config: { needs: 'viewer', group: 'configs' },
  lab: { needs: 'viewer', group: 'lab' },
  user: { needs: 'admin', group: 'users' },
  token: { needs: 'admin', group: 'tokens' },
}

export function mayHear(principal: Principal, topic: Topic): boolean {
  const { needs, group } = AUDIENCE[topic]
  return allowsRole(principal.role, needs) && allowsScope(principal.scopes, group, 'read')
}

/** All open event streams. */
export class EventStreams {
  readonly #api: Pick<ApiDependencies, 'access' | 'events'>
  readonly #streams = new Set<EventStream>()

  constructor(api: Pick<ApiDependencies, 'access' | 'events'>) {
    this.#api = api
  }

  get count(): number {
    return this.#streams.size
  }

  /** Turns the answer of this call into a stream of events. */
  open({ by, credential, reply }: Pick<Call<'events'>, 'by' | 'credential' | 'reply'>): void {
    const mine = [...this.#streams].filter((stream) => stream.user === by.name)
    if (this.#streams.size >= STREAMS || mine.length >= STREAMS_PER_USER)
      throw new TooManyRequests('too many event streams are open', 30_000)
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // nginx would keep events back until its buffer is full.
      'x-accel-buffering': 'no',
    })
    const stream = new EventStream(reply.raw, by.name, () => credential && this.#api.access.authenticate(credential))
    this.#streams.add(stream)
    const stopListening = this.#api.events.listen((event) => stream.tell(event))
    reply.raw.on('close', () => {
      stopListening()
      stream.end()
      this.#streams.delete(stream)
    })
  }

  close(): void {
    for (const stream of this.#streams) stream.end()
  }
}

/** One reader. What waits for it is kept once for each thing, so that a burst costs neither memory nor repetition. */
class EventStream {
  readonly user: string
  readonly #response: ServerResponse
  readonly #identify: () => Principal | undefined
  readonly #waiting = new Map<string, DomainEvent>()
  readonly #heartbeat: NodeJS.Timeout
  #flush: NodeJS.Timeout | undefined
  #lost = false
  #blocked = false

  constructor(response: ServerResponse, user: string, identify: () => Principal | undefined) {
    this.user = user
    this.#response = response
    this.#identify = identify
    response.on('drain', () => {
      this.#blocked = false
      this.#flushSoon()
    })
    response.on('error', () => this.end())
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS)
    this.#heartbeat.unref()
    this.#write('retry: 2000\n: follows\n\n')
  }

  tell(event: DomainEvent): void {
    if (this.#waiting.size >= MOST_WAITING) {
      this.#waiting.clear()
      this.#lost = true
    }
    const key = `${event.topic} ${event.id}`
    // The newest change comes last, also when an older one of the same thing waited already.
    this.#waiting.delete(key)
    this.#waiting.set(key, event)
    // A user may have been disabled: that ends their stream at once, not at the next heartbeat.
    if (event.topic === 'user' || event.topic === 'token') this.#checked()
    this.#flushSoon()
  }

  end(): void {
    clearInterval(this.#heartbeat)
    clearTimeout(this.#flush)
    this.#response.end()
  }

  #flushSoon(): void {
    if (this.#blocked || this.#flush || (this.#waiting.size === 0 && !this.#lost)) return
    this.#flush = setTimeout(() => {
      this.#flush = undefined
      this.#send()
    }, COALESCE_MS)
  }

  #send(): void {
    const principal = this.#checked()
    if (!principal) return
    const lost = this.#lost ? 'event: reset\ndata: {}\n\n' : ''
    const events = [...this.#waiting.values()].filter((event) => mayHear(principal, event.topic))
    this.#waiting.clear()
    this.#lost = false
    const text = lost + events.map((event) => `event: change\ndata: ${JSON.stringify(event)}\n\n`).join('')
    if (text !== '') this.#write(text)
  }

  #beat(): void {
    if (this.#checked() && !this.#blocked) this.#write(': still here\n\n')
  }

  /** Who listens, if they still may. */
  #checked(): Principal | undefined {
    const principal = this.#identify()
    if (!principal) this.end()
    return principal
  }

  #write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return
    this.#blocked = !this.#response.write(text)
  }
}
