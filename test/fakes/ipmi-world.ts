import type { CipherSuite } from '../../src/gateway/bmc.ts'
import type { CommandSet } from '../../src/gateway/ipmi/command.ts'
import { ServedBmc } from '../../src/gateway/ipmi/served-bmc.ts'
import { IpmiServer } from '../../src/gateway/ipmi/server.ts'
import type { Endpoint, Peer } from '../../src/gateway/ipmi/session.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { type Log, SILENT } from '../../src/kit/log.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { FakeBmc, FakeDirectory } from './bmc.ts'
import { type ClientOptions, IpmiClient, PacketQueue, type Wire } from './ipmi-client.ts'

/** The IPMI server without sockets, on a clock that stands still. */
export class IpmiWorld {
  readonly clock = new ManualClock()
  readonly fakes: readonly FakeBmc[]
  readonly bmcs: readonly ServedBmc[]
  readonly server: IpmiServer
  readonly endpoints: readonly Endpoint[]
  readonly shared: Endpoint
  readonly #queues = new Map<string, PacketQueue>()
  readonly #timers = new Set<{ at: number; run: () => void }>()
  #nextPort = 40_000

  constructor(
    options: Readonly<{
      fakes?: readonly FakeBmc[]
      commands?: CommandSet
      sessions?: number
      suite3?: boolean
      log?: Log
    }> = {},
  ) {
    const { fakes = [new FakeBmc()], commands = { commands: [] }, sessions = 1000, suite3 = true } = options
    const directory = new FakeDirectory([...fakes])
    const clock = { now: () => this.clock.now(), after: (ms: number, run: () => void) => this.#after(ms, run) }
    this.fakes = fakes
    this.bmcs = fakes.map((fake) => new ServedBmc(fake, clock))
    this.server = new IpmiServer({
      crypto: IPMI_CRYPTOGRAPHY,
      clock,
      log: options.log ?? SILENT,
      commands,
      sessions,
      suites: (bmc) =>
        (bmc?.backEnd.bmc.cipherSuites ?? ([17, 3] as CipherSuite[])).filter((suite) => suite === 17 || suite3),
      ofUser: (name) => {
        const found = directory.ofUser(name)
        return this.bmcs.find((bmc) => bmc.backEnd === found)
      },
      anyBmc: () => this.bmcs[0],
    })
    this.endpoints = this.bmcs.map((bmc) => this.#endpoint(bmc.machine, bmc))
    this.shared = this.#endpoint('shared', undefined)
  }

  /** Moves time, and runs what was due. */
  advance(ms: number): void {
    const until = this.clock.now() + ms
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.delete(due)
      this.clock.advance(Math.max(0, due.at - this.clock.now()))
      due.run()
    }
    this.clock.advance(until - this.clock.now())
    this.server.sweep()
  }

  get timers(): number {
    return this.#timers.size
  }

  client(options: ClientOptions & { address?: string; endpoint?: Endpoint } = {}): IpmiClient {
    return new IpmiClient(this.wire(options.endpoint ?? this.endpoints[0]!, options.address), options)
  }

  async loggedIn(options: ClientOptions & { address?: string; endpoint?: Endpoint } = {}): Promise<IpmiClient> {
    const client = this.client(options)
    if (!(await client.login())) throw new Error(`the login failed: ${client.openStatus} ${client.rakpStatus}`)
    return client
  }

  wire(endpoint: Endpoint, address = '192.0.2.1'): Wire & { peer: Peer } {
    const peer = { address, port: this.#nextPort++ }
    const queue = new PacketQueue()
    this.#queues.set(`${address} ${peer.port}`, queue)
    return {
      peer,
      // Answers come at once or when a command is done, which takes no time here: soon is long enough to know that none comes.
      receive: () => queue.shift(25),
      send: (packet) => this.server.receive(endpoint, packet, peer),
      close: () => void this.#queues.delete(`${address} ${peer.port}`),
    }
  }

  #endpoint(name: string, bmc: ServedBmc | undefined): Endpoint {
    const send = (packet: Uint8Array, to: Peer) => this.#queues.get(`${to.address} ${to.port}`)?.push(packet)
    return { name, port: 623, bmc, send }
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { at: this.clock.now() + ms, run }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }
}
