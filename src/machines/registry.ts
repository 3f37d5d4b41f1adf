import { countedName } from '../kit/counted-names.ts'
import { Refusal } from '../kit/errors.ts'
import { type Mac, parseMac } from '../kit/mac.ts'
import type { Machine } from './machine.ts'

/** All machines in memory, found by whatever names one. No two share a name, a MAC or a fixed address. */
export class MachineRegistry {
  readonly #byId = new Map<string, Machine>()
  readonly #byName = new Map<string, Machine>()
  readonly #byMac = new Map<Mac, Machine>()
  readonly #byIp = new Map<string, Machine>()
  readonly #byUuid = new Map<string, Map<string, Machine>>()
  #discovered = 0
  /** Ids in the order of names, while no name comes or goes. */
  #order: readonly string[] | undefined

  /** How many are in the state `discovered`. */
  get discovered(): number {
    return this.#discovered
  }

  all(): Machine[] {
    return [...this.#byId.values()]
  }

  /** Sorted by name, as people count. Lists are asked for all the time, and names hardly ever change. */
  sorted(): Machine[] {
    this.#order ??= this.all()
      .map(({ id, name }) => ({ id, key: countedName(name) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ id }) => id)
    return this.#order.map((id) => this.#byId.get(id)!)
  }

  get(id: string): Machine | undefined {
    return this.#byId.get(id)
  }

  byName(name: string): Machine | undefined {
    return this.#byName.get(name)
  }

  byMac(mac: Mac): Machine | undefined {
    return this.#byMac.get(mac)
  }

  /** The machine that has this fixed address (dotted decimal). */
  byIp(ip: string): Machine | undefined {
    return this.#byIp.get(ip)
  }

  byUuid(uuid: string): Machine[] {
    return [...(this.#byUuid.get(uuid)?.values() ?? [])]
  }

  find(reference: string): Machine | undefined {
    const mac = parseMac(reference)
    return this.#byId.get(reference) ?? this.#byName.get(reference) ?? (mac && this.#byMac.get(mac))
  }

  /** Inserts or replaces by id. Check with `assertUnique` before. */
  put(machine: Machine): void {
    const order = this.#byId.get(machine.id)?.name === machine.name ? this.#order : undefined
    this.remove(machine.id)
    this.#order = order
    this.#byId.set(machine.id, machine)
    this.#byName.set(machine.name, machine)
    for (const mac of machine.macs) this.#byMac.set(mac, machine)
    if (machine.ip !== null) this.#byIp.set(machine.ip, machine)
    if (machine.uuid !== null) {
      const sharing = this.#byUuid.get(machine.uuid) ?? new Map<string, Machine>()
      this.#byUuid.set(machine.uuid, sharing.set(machine.id, machine))
    }
    if (machine.state === 'discovered') this.#discovered++
  }

  remove(id: string): void {
    const machine = this.#byId.get(id)
    if (!machine) return
    this.#order = undefined
    this.#byId.delete(id)
    // A batch may have given the name, MAC or address to another machine already.
    if (this.#byName.get(machine.name)?.id === id) this.#byName.delete(machine.name)
    for (const mac of machine.macs) if (this.#byMac.get(mac)?.id === id) this.#byMac.delete(mac)
    if (machine.ip !== null && this.#byIp.get(machine.ip)?.id === id) this.#byIp.delete(machine.ip)
    if (machine.uuid !== null) {
      const sharing = this.#byUuid.get(machine.uuid)
      sharing?.delete(id)
      if (sharing?.size === 0) this.#byUuid.delete(machine.uuid)
    }
    if (machine.state === 'discovered') this.#discovered--
  }

  /**
   * Refuses (`conflict`) machines that would share a name, MAC or fixed address with one that stays as it is or with each
   * other. Machines may swap such things within one batch.
   */
  assertUnique(changed: readonly Machine[]): void {
    const replaced = new Set(changed.map((machine) => machine.id))
    const claims = new Map<string, Machine>()
    const claim = (machine: Machine, what: string, value: string, holder: Machine | undefined) => {
      const other = claims.get(`${what} ${value}`) ?? (holder && !replaced.has(holder.id) ? holder : undefined)
      if (other && other.id !== machine.id)
        throw new Refusal('conflict', `the ${what} ${value} belongs to ${other.name} already`, {
          next: `choose another ${what} for ${machine.name}, or change ${other.name} first`,
        })
      claims.set(`${what} ${value}`, machine)
    }
    for (const machine of changed) {
      claim(machine, 'name', machine.name, this.#byName.get(machine.name))
      for (const mac of machine.macs) claim(machine, 'MAC', mac, this.#byMac.get(mac))
      if (machine.ip !== null) claim(machine, 'address', machine.ip, this.#byIp.get(machine.ip))
    }
  }
}
