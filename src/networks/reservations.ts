import { type Ipv4, parseIpv4 } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import type { Machine } from '../machines/machine.ts'

type Reserving = Pick<Machine, 'id' | 'macs' | 'ip'>

/** The fixed addresses of machines, by MAC and by address, kept up to date while machines change. */
export class Reservations {
  readonly #byMac = new Map<Mac, Ipv4>()
  readonly #byAddress = new Map<Ipv4, readonly Mac[]>()
  readonly #byMachine = new Map<string, { macs: readonly Mac[]; ip: Ipv4 }>()

  constructor(machines: Iterable<Reserving> = []) {
    for (const machine of machines) this.update(machine.id, machine)
  }

  /** Tells of a machine's present state; `undefined` when it was removed. */
  update(id: string, machine: Reserving | undefined): void {
    const before = this.#byMachine.get(id)
    if (before) {
      for (const mac of before.macs) this.#byMac.delete(mac)
      this.#byAddress.delete(before.ip)
      this.#byMachine.delete(id)
    }
    const ip = machine?.ip ? parseIpv4(machine.ip) : undefined
    if (!machine || ip === undefined) return
    for (const mac of machine.macs) this.#byMac.set(mac, ip)
    this.#byAddress.set(ip, machine.macs)
    this.#byMachine.set(id, { macs: machine.macs, ip })
  }

  addressOf(mac: Mac): Ipv4 | undefined {
    return this.#byMac.get(mac)
  }

  /** The MACs an address is kept for; `undefined` when it is not reserved. */
  ownersOf(ip: Ipv4): readonly Mac[] | undefined {
    return this.#byAddress.get(ip)
  }
}
