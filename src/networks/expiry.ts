import type { Ipv4 } from '../kit/ip.ts'

type Entry = Readonly<{ at: number; ip: Ipv4 }>

/**
 * Remembers when to look at an address again, the earliest first. There is one live entry for each address: setting a later time
 * than the one it has changes nothing, because whoever looks will set it again.
 */
export class ExpiryQueue {
  readonly #heap: Entry[] = []
  readonly #due = new Map<Ipv4, number>()

  get size(): number {
    return this.#due.size
  }

  set(ip: Ipv4, at: number): void {
    const due = this.#due.get(ip)
    if (due !== undefined && due <= at) return
    this.#due.set(ip, at)
    this.#heap.push({ at, ip })
    this.#rise(this.#heap.length - 1)
  }

  /** Takes out the next address that is due at `now`; `undefined` when there is none. */
  take(now: number): Ipv4 | undefined {
    while (true) {
      const first = this.#heap[0]
      if (!first || first.at > now) return undefined
      const last = this.#heap.pop()!
      if (this.#heap.length > 0) {
        this.#heap[0] = last
        this.#sink()
      }
      // An entry that was replaced by an earlier one stays in the heap and is passed over here.
      if (this.#due.get(first.ip) !== first.at) continue
      this.#due.delete(first.ip)
      return first.ip
    }
  }

  #rise(start: number): void {
    let at = start
    const entry = this.#heap[at]!
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#heap[parent]!.at <= entry.at) break
      this.#heap[at] = this.#heap[parent]!
      at = parent
    }
    this.#heap[at] = entry
  }

  #sink(): void {
    const entry = this.#heap[0]!
    let at = 0
    while (true) {
      let child = 2 * at + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.at < this.#heap[child]!.at) child += 1
      if (this.#heap[child]!.at >= entry.at) break
      this.#heap[at] = this.#heap[child]!
      at = child
    }
    this.#heap[at] = entry
  }
}
