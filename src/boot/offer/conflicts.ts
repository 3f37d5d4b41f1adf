import type { Clock } from '../../kit/clock.ts'
import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Asker, Leases } from '../../networks/leases.ts'
import type { TraceRecorder } from '../../traces/trace.ts'

/** How long an answer to a probe counts, in ms: by then the client has asked for the address or never will. */
const WAIT_MS = 5000
/** Probes that may be open at once; when a whole room boots, some addresses go unprobed rather than late. */
const MOST_OPEN = 256

type Probe = Readonly<{ asker: Asker; at: number }>

/**
 * Finds out whether an offered address is used by a stranger, while the offer is on its way: nobody waits for it. A stranger's
 * answer quarantines the address, so that the client's request is refused and it starts over with another one.
 */
export class Conflicts {
  readonly #leases: Leases
  readonly #traces: TraceRecorder
  readonly #clock: Clock
  readonly #open = new Map<Ipv4, Probe>()

  constructor(leases: Leases, traces: TraceRecorder, clock: Clock) {
    this.#leases = leases
    this.#traces = traces
    this.#clock = clock
  }

  /** Notes that an address is being probed; false when too many are. */
  expect(asker: Asker, ip: Ipv4): boolean {
    const now = this.#clock.now()
    for (const [address, probe] of this.#open) {
      if (now - probe.at < WAIT_MS) break
      this.#open.delete(address)
    }
    if (this.#open.size >= MOST_OPEN) return false
    this.#open.delete(ip)
    this.#open.set(ip, { asker, at: now })
    return true
  }

  /** Somebody says that an address is its own. */
  heard(ip: Ipv4, mac: Mac): void {
    const probe = this.#open.get(ip)
    if (!probe || mac === probe.asker.mac || this.#clock.now() - probe.at >= WAIT_MS) return
    this.#open.delete(ip)
    this.#leases.drop(probe.asker)
    void this.#leases
      .apply({ kind: 'decline', ip, network: probe.asker.network.name, client: `mac:${mac}`, mac })
      ?.catch(() => undefined)
    this.#traces.record(
      { mac: probe.asker.mac },
      {
        stage: 'offer',
        kind: 'dhcp.conflict',
        outcome: 'refused',
        summary: `the address ${formatIpv4(ip)} is used by ${mac} without a lease, so it is not given`,
        reason: `A device answered the probe for an address of network ${probe.asker.network.name} that nobody was given`,
        detail: { address: formatIpv4(ip), device: mac },
      },
    )
  }
}
