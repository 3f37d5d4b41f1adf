import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../../kit/errors.ts'
import type { BootDevice, BootOrder } from '../boot-order.ts'
import type { DriverFactory } from '../configured.ts'
import type { ConsoleLine, Fru, PowerDriver, RestartNote } from '../driver.ts'
import { EarlyBytes } from '../early-bytes.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../power.ts'

/** The part of the lab that switches machines. */
type LabSwitches = Readonly<{
  powerState(name: string): Promise<PowerState>
  switchOn(name: string): Promise<void>
  switchOff(name: string): Promise<void>
  reset(name: string): Promise<void>
  pressPowerButton(name: string): Promise<void>
}>

type LabBootOrder = 'network' | 'disk'

/** The part of the lab that a driver needs. The order of booting holds from the next start or reset on. */
export type LabParts = LabSwitches &
  Readonly<{
    nameOf(mac: string): string | undefined
    interrupt(name: string): Promise<void>
    bootOrder(name: string): LabBootOrder | undefined
    setBootOrder(name: string, order: LabBootOrder): Promise<void>
    firmware(name: string): 'bios' | 'uefi' | undefined
    console(name: string):
      | Readonly<{
          follow(listener: (bytes: Uint8Array) => void, ended: () => void): () => void
          type(bytes: Uint8Array): void
        }>
      | undefined
  }>

const ORDERS: Partial<Record<BootDevice, LabBootOrder>> = { pxe: 'network', http: 'network', disk: 'disk' }

/** QEMU says yes to a reset before it is done; measured without KVM it takes less than half a second. */
const RESET_MS = 3_000

/**
 * A machine of the lab, by QMP and its files. Its firmware has one order of booting; an order for the next start is put back by
 * this driver right after it started the machine, for firmware reads it at the start. A restart that comes from within the
 * machine follows it too, and does not use it up.
 */
export class LabDriver implements PowerDriver {
  readonly kind = 'lab'
  readonly actions = POWER_ACTIONS
  readonly #lab: LabParts
  readonly #macs: readonly string[]
  readonly #resetMs: number
  /** What to put back after the next start. */
  #after: LabBootOrder | undefined

  /** `resetMs`: how long the firmware may take to have read the order after a reset. */
  constructor(lab: LabParts, macs: readonly string[], resetMs = RESET_MS) {
    this.#lab = lab
    this.#resetMs = resetMs
    this.#macs = macs
  }

  async state(): Promise<PowerState> {
    return this.#lab.powerState(this.#name())
  }

  async perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    const name = this.#name()
    if (action === 'diag') return this.#lab.interrupt(name)
    if (action === 'reset') await this.#lab.reset(name)
    if (action === 'soft') await this.#lab.pressPowerButton(name)
    if (action === 'off' || action === 'cycle') await this.#lab.switchOff(name)
    if (action === 'cycle' && (await this.#lab.powerState(name)) === 'off') note?.('was-off')
    const starts = action === 'on' && (await this.#lab.powerState(name)) === 'off'
    if (action === 'on' || action === 'cycle') await this.#lab.switchOn(name)
    if (this.#after !== undefined && (starts || action === 'cycle' || action === 'reset')) {
      const before = this.#after
      this.#after = undefined
      if (action === 'reset') await pause(this.#resetMs)
      await this.#lab.setBootOrder(name, before)
    }
  }

  async bootOrder(): Promise<BootOrder | null> {
    const name = this.#name()
    const order = this.#lab.bootOrder(name)
    if (order === undefined) return null
    return {
      device: order === 'disk' ? 'disk' : 'pxe',
      persistent: this.#after === undefined,
      efi: this.#lab.firmware(name) === 'uefi',
    }
  }

  /** `null` ends an order for the next start. */
  async setBootOrder(order: BootOrder | null): Promise<void> {
    const name = this.#name()
    if (order === null) {
      if (this.#after !== undefined) await this.#lab.setBootOrder(name, this.#after)
      this.#after = undefined
      return
    }
    const wanted = ORDERS[order.device]
    if (wanted === undefined)
      throw new Refusal('wrong-state', `a lab machine cannot be told to boot from ${order.device}`, {
        next: 'it knows pxe, http (as its network card does it) and disk',
      })
    const before = this.#after ?? this.#lab.bootOrder(name)
    await this.#lab.setBootOrder(name, wanted)
    this.#after = order.persistent ? undefined : before
  }

  async fru(): Promise<Fru> {
    const name = this.#name()
    return {
      manufacturer: 'Reveille',
      product: 'Lab machine',
      partNumber: null,
      serial: `LAB-${name}`,
      assetTag: null,
      boardManufacturer: null,
      boardProduct: null,
      boardSerial: null,
      chassisSerial: null,
    }
  }

  async openConsole(): Promise<ConsoleLine> {
    const console = this.#lab.console(this.#name())
    if (!console) throw this.#gone()
    const early = new EarlyBytes()
    const stop = console.follow(
      (bytes) => early.receive(bytes),
      () => early.end('the lab ended the console'),
    )
    return {
      listen: (received, ended) => early.listen(received, ended),
      write: (bytes) => console.type(bytes),
      close: () => {
        if (early.close()) stop()
      },
    }
  }

  async probe(): Promise<string> {
    return `lab machine ${this.#name()} is ${await this.state()}`
  }

  async close(): Promise<void> {}

  #name(): string {
    const name = this.#macs.map((mac) => this.#lab.nameOf(mac)).find((found) => found !== undefined)
    if (name === undefined) throw this.#gone()
    return name
  }

  #gone(): Refusal {
    return new Refusal('not-available', 'no lab machine has an address of this machine', {
      next: 'reveille lab list shows the machines of the lab',
    })
  }
}

export function labFactory(lab: LabParts, resetMs = RESET_MS): DriverFactory {
  return (_settings, _secrets, machine) => new LabDriver(lab, machine.macs, resetMs)
}
