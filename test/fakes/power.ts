import type { BootOrder } from '../../src/power/boot-order.ts'
import type { ConfiguredDriver, DriverFactory, PowerRepository } from '../../src/power/configured.ts'
import type { ConsoleLine, Fru, PowerDriver, RestartNote } from '../../src/power/driver.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../../src/power/power.ts'
import type { DriverKind } from '../../src/power/settings.ts'
import type { Sealer } from '../../src/secrets/sealer.ts'

/** A machine that does what it is told, unless it is told otherwise. */
export class FakeDriver implements PowerDriver {
  readonly kind: DriverKind
  readonly actions: readonly PowerAction[]
  now: PowerState = 'off'
  order: BootOrder | null = null
  disc: string | null = null
  /** What every call fails with. */
  fails: Error | undefined
  /** It says yes and does nothing. */
  ignores = false
  /** It notes that a power cycle shows an off, for so many reads; `undefined`: it notes nothing. */
  showsOff: number | undefined
  /** How many further reads of the state still show the old one. */
  lag = 0
  readonly done: string[] = []
  /** Set where it asks people. */
  answer?: (state: 'on' | 'off') => void
  #before: PowerState = 'off'
  #offReads = 0
  closed = 0

  constructor({ kind = 'lab', actions = POWER_ACTIONS }: { kind?: DriverKind; actions?: readonly PowerAction[] } = {}) {
    this.kind = kind
    this.actions = actions
  }

  async state(): Promise<PowerState> {
    this.#call('state')
    if (this.#offReads > 0) {
      this.#offReads--
      return 'off'
    }
    return this.lag-- > 0 ? this.#before : this.now
  }
  async perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    this.#call(action)
    if (action === 'cycle' && this.showsOff !== undefined) note?.('shows-off')
    if (this.ignores || action === 'diag') return
    this.#before = this.now
    this.now = action === 'off' || action === 'soft' ? 'off' : 'on'
    if (action === 'cycle') this.#offReads = this.showsOff ?? 0
  }
  async bootOrder(): Promise<BootOrder | null> {
    this.#call('boot order?')
    return this.order
  }
  async setBootOrder(order: BootOrder | null): Promise<void> {
    this.#call(`boot order ${order?.device}`)
    if (!this.ignores) this.order = order
  }
  async identify(seconds: number | null): Promise<void> {
    this.#call(`identify ${seconds}`)
  }
  async sensors() {
    this.#call('sensors')
    const limits = { lowCritical: null, lowWarning: null, highWarning: 80, highCritical: 90 }
    return [{ name: 'CPU', kind: 'temperature', unit: '°C', value: 41, state: 'ok', text: '', ...limits }] as const
  }
  async events() {
    this.#call('events')
    return [{ id: 1, at: 1_800_000_000_000, sensor: 'PSU', text: 'lost', severity: 'critical' }] as const
  }
  async clearEvents(): Promise<void> {
    this.#call('clear events')
  }
  async fru(): Promise<Fru> {
    this.#call('fru')
    const none = { boardManufacturer: null, boardProduct: null, boardSerial: null, chassisSerial: null }
    return { manufacturer: 'Acme', product: 'Box', partNumber: null, serial: 'S1', assetTag: null, ...none }
  }
  async setMedia(url: string | null): Promise<void> {
    this.#call(`media ${url}`)
    this.disc = url
  }
  async media(): Promise<string | null> {
    return this.disc
  }
  async openConsole(): Promise<ConsoleLine> {
    this.#call('console')
    return { listen: () => undefined, write: () => undefined, close: () => undefined }
  }
  async probe(): Promise<string> {
    this.#call('probe')
    return 'a fake, well'
  }
  async close(): Promise<void> {
    this.closed++
  }

  #call(what: string): void {
    this.done.push(what)
    if (this.fails) throw this.fails
  }
}

/** Rows in memory, as every repository of power drivers keeps them. */
export class MemoryPower implements PowerRepository {
  readonly rows = new Map<string, ConfiguredDriver>()
  all = async () => [...this.rows.values()]
  async save(drivers: readonly ConfiguredDriver[]) {
    for (const driver of drivers) this.rows.set(`${driver.machine} ${driver.name}`, driver)
  }
  remove = async (machine: string, name: string) => void this.rows.delete(`${machine} ${name}`)
  async forget(machine: string) {
    for (const [key, row] of this.rows) if (row.machine === machine) this.rows.delete(key)
  }
}

/** Nobody could read this for a secret, nor open it in another context. */
export const FAKE_SEALER: Sealer = {
  seal: (context, text) => Buffer.from(JSON.stringify([context, text])).toString('base64'),
  open(context, sealed) {
    const [of, text] = JSON.parse(Buffer.from(sealed, 'base64').toString()) as [string, string]
    if (of !== context) throw new Error('sealed in another context')
    return text
  },
}

/** Hands out one driver for every configured row, and remembers what each was made with. */
export function fakeFactory(driver: PowerDriver): DriverFactory & { made: Parameters<DriverFactory>[] } {
  const made: Parameters<DriverFactory>[] = []
  const make: DriverFactory = (...given) => {
    made.push(given)
    return driver
  }
  return Object.assign(make, { made })
}
