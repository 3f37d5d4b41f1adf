import { lookup } from 'node:dns/promises'
import { SocketAddress } from 'node:net'

/** A name is looked up again after so long, in milliseconds. */
const KEPT_MS = 60_000
/** Names that were looked up before are waited for so long, in milliseconds; what they were then counts on. */
const PATIENCE_MS = 2000

type Lookup = (host: string) => Promise<Readonly<{ address: string; family: number }>>
type Known = { address: string; at: number; running: Promise<string> | undefined }

/**
 * The addresses of BMCs that are given by name. They change, as DHCP gives others, and are looked up again now and then; but a name
 * service that is down must not keep anybody from BMCs that are where they were.
 */
export class Addresses {
  readonly #lookup: Lookup
  readonly #now: () => number
  readonly #patienceMs: number
  readonly #known = new Map<string, Known>()

  constructor(given: Partial<{ lookup: Lookup; now: () => number; patienceMs: number }> = {}) {
    this.#lookup = given.lookup ?? lookup
    this.#now = given.now ?? (() => performance.now())
    this.#patienceMs = given.patienceMs ?? PATIENCE_MS
  }

  /** In one spelling for each address: packets are matched by it. Fails as the lookup does, where nothing is known from before. */
  async of(host: string): Promise<string> {
    const known = this.#known.get(host)
    if (!known) return this.#ask(host)
    if (this.#now() - known.at < KEPT_MS) return known.address
    known.running ??= this.#ask(host).finally(() => {
      known.running = undefined
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#patienceMs)
    })
    const found = await Promise.race([known.running.catch(() => undefined), late])
    clearTimeout(timer)
    if (found !== undefined) return found
    known.at = this.#now()
    return known.address
  }

  async #ask(host: string): Promise<string> {
    const { address, family } = await this.#lookup(host)
    const plain = new SocketAddress({ address, family: family === 6 ? 'ipv6' : 'ipv4' }).address
    const known = this.#known.get(host)
    if (known) Object.assign(known, { address: plain, at: this.#now() })
    else this.#known.set(host, { address: plain, at: this.#now(), running: undefined })
    return plain
  }
}
