/** Fetches at once: enough to keep a disk and the processors busy, few enough that the next one to begin is soon done. */
const MOST_AT_ONCE = 4
/** Of these, those that nobody waits for yet. */
const MOST_AHEAD = 2

type Bounds = Readonly<{ most: number; ahead: number }>

/** Something that is fetched, or will be. */
export type Fetch<T> = Readonly<{ done: Promise<T> }>

type Waiting = { isBegun: boolean; isAhead: boolean; readonly begin: () => Promise<unknown> }

/**
 * Decides what is fetched next. Readers that wait have their turn one after the other, however much each of them wants; what is fetched ahead
 * of need begins only when no reader waits.
 */
export class FetchQueue {
  readonly #bounds: Bounds
  /** What each reader waits for; the reader whose turn it is comes first. */
  readonly #readers = new Map<string, Waiting[]>()
  readonly #ahead: Waiting[] = []
  readonly #known = new WeakMap<Fetch<unknown>, Waiting>()
  #running = 0
  #runningAhead = 0

  constructor(bounds: Bounds = { most: MOST_AT_ONCE, ahead: MOST_AHEAD }) {
    this.#bounds = bounds
  }

  /** Does it when its turn comes; without a reader: ahead of need. */
  add<T>(work: () => Promise<T>, reader: string | undefined): Fetch<T> {
    let begin: () => Promise<unknown> = work
    const done = new Promise<T>((resolve, reject) => {
      begin = () => work().then(resolve, reject)
    })
    const waiting: Waiting = { isBegun: false, isAhead: false, begin }
    const fetch = { done }
    this.#known.set(fetch, waiting)
    if (reader === undefined) this.#ahead.push(waiting)
    else this.#enqueue(waiting, reader)
    this.#next()
    return fetch
  }

  /** One more reader waits for it. */
  want(fetch: Fetch<unknown>, reader: string): void {
    const waiting = this.#known.get(fetch)
    if (!waiting || waiting.isBegun) return
    this.#enqueue(waiting, reader)
    this.#next()
  }

  #enqueue(waiting: Waiting, reader: string): void {
    const queue = this.#readers.get(reader)
    if (queue) queue.push(waiting)
    else this.#readers.set(reader, [waiting])
  }

  #next(): void {
    while (this.#running < this.#bounds.most) {
      const wanted = this.#nextWanted()
      const waiting = wanted ?? this.#nextAhead()
      if (!waiting) return
      waiting.isBegun = true
      waiting.isAhead = wanted === undefined
      this.#running++
      if (waiting.isAhead) this.#runningAhead++
      void waiting.begin().finally(() => {
        this.#running--
        if (waiting.isAhead) this.#runningAhead--
        this.#next()
      })
    }
  }

  #nextWanted(): Waiting | undefined {
    for (const [reader, queue] of this.#readers) {
      const waiting = queue.find((one) => !one.isBegun)
      this.#readers.delete(reader)
      if (!waiting) continue
      const rest = queue.slice(queue.indexOf(waiting) + 1)
      if (rest.length > 0) this.#readers.set(reader, rest)
      return waiting
    }
    return undefined
  }

  #nextAhead(): Waiting | undefined {
    if (this.#runningAhead >= this.#bounds.ahead) return undefined
    let waiting = this.#ahead.shift()
    while (waiting?.isBegun) waiting = this.#ahead.shift()
    return waiting
  }
}
