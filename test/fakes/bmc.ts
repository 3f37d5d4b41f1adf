import type { BmcBackEnd, BmcCaller, BmcDirectory } from '../../src/gateway/back-end.ts'
import type { Bmc, BmcEvent, BmcUser, Privilege } from '../../src/gateway/bmc.ts'
import { Refusal } from '../../src/kit/errors.ts'
import type { BootOrder } from '../../src/power/boot-order.ts'
import type { ConsoleLine, Fru, RawAnswer, RawRequest } from '../../src/power/driver.ts'
import type { PowerAction, PowerState } from '../../src/power/power.ts'
import type { Sensor } from '../../src/power/sensor.ts'

/** An account of a BMC for tests. */
export function bmcUser(slot: number, name: string, privilege: Privilege = 'administrator', enabled = true): BmcUser {
  return { slot, name, privilege, enabled, sealed: '' }
}

/** A BMC for tests: accounts `admin` (administrator), `oper` (operator) and `user` (user), see `FakeBmc.passwords`. */
export function bmc(change: Partial<Bmc> = {}): Bmc {
  return {
    machine: 'machine-1',
    enabled: true,
    address: null,
    port: 0,
    guid: '00112233445566778899aabbccddeeff',
    users: [bmcUser(2, 'admin'), bmcUser(3, 'oper', 'operator'), bmcUser(4, 'user', 'user')],
    cipherSuites: [17, 3],
    clients: [],
    routes: {},
    bootOrder: null,
    bootOrdered: null,
    media: null,
    restartCause: 0,
    rule: null,
    createdAt: 0,
    updatedAt: 0,
    ...change,
  }
}

/** A machine of which everything is known and which does what it is told, in memory. What was asked stands in `calls`. */
export class FakeBmc implements BmcBackEnd {
  bmc: Bmc
  machine: BmcBackEnd['machine']
  power: PowerState = 'on'
  sensorList: Sensor[] = []
  fruFacts: Fru = {
    manufacturer: 'Reveille',
    product: 'Fake',
    partNumber: 'P1',
    serial: 'S1',
    assetTag: null,
    boardManufacturer: 'Reveille',
    boardProduct: 'Board',
    boardSerial: 'B1',
    chassisSerial: 'C1',
  }
  readonly passwords = new Map([
    ['admin', 'secret'],
    ['oper', 'operator-secret'],
    ['user', 'user-secret'],
  ])
  readonly log: BmcEvent[] = []
  readonly calls: string[] = []
  /** Lines that were opened; what is typed comes back, as a terminal in `cat` would. */
  readonly lines: FakeLine[] = []
  /** Waited for before each call is answered: a slow back end. */
  delay: () => Promise<void> = async () => {}
  /** Fails every call that reaches the machine. */
  failure: Error | undefined

  constructor(change: Partial<Bmc> = {}, machine: Partial<BmcBackEnd['machine']> = {}) {
    this.bmc = bmc(change)
    this.machine = {
      id: this.bmc.machine,
      name: this.bmc.machine,
      uuid: '4c4c4544-0032-3810-8050-b4c04f4e3132',
      serial: 'S1',
      manufacturer: 'Reveille',
      product: 'Fake',
      macs: ['52:54:00:12:34:56'],
      address: '192.0.2.10',
      ...machine,
    }
  }

  async #call(what: string): Promise<void> {
    this.calls.push(what)
    await this.delay()
    if (this.failure) throw this.failure
  }

  async powerState(): Promise<PowerState> {
    await this.#call('powerState')
    return this.power
  }

  async perform(action: PowerAction, by: BmcCaller): Promise<void> {
    await this.#call(`perform ${action} by ${by.user}`)
    if (action === 'on' || action === 'cycle' || action === 'reset') this.power = 'on'
    if (action === 'off' || action === 'soft') this.power = 'off'
  }

  async bootOrder(): Promise<BootOrder | null> {
    await this.#call('bootOrder')
    return this.bmc.bootOrder
  }

  async setBootOrder(order: BootOrder | null, by: BmcCaller): Promise<void> {
    await this.#call(`setBootOrder ${order === null ? 'none' : order.device} by ${by.user}`)
    this.bmc = { ...this.bmc, bootOrder: order }
  }

  async identify(seconds: number | null): Promise<void> {
    await this.#call(`identify ${seconds}`)
  }

  async sensors(): Promise<readonly Sensor[]> {
    await this.#call('sensors')
    return this.sensorList
  }

  async fru(): Promise<Fru> {
    await this.#call('fru')
    return this.fruFacts
  }

  async events(): Promise<readonly BmcEvent[]> {
    return this.log
  }

  async clearEvents(by: BmcCaller): Promise<void> {
    this.calls.push(`clearEvents by ${by.user}`)
    this.log.length = 0
  }

  async openConsole(by: BmcCaller): Promise<ConsoleLine> {
    await this.#call(`openConsole by ${by.user}`)
    const line = new FakeLine()
    this.lines.push(line)
    return line
  }

  media(): string | null {
    return this.bmc.media
  }

  async setMedia(media: string | null, by: BmcCaller): Promise<void> {
    await this.#call(`setMedia ${media} by ${by.user}`)
    this.bmc = { ...this.bmc, media }
  }

  async raw(request: RawRequest, by: BmcCaller): Promise<RawAnswer> {
    await this.#call(`raw ${request.netFn} ${request.command} by ${by.user}`)
    throw new Refusal('not-found', 'No driver answers this.')
  }

  passwordOf(user: BmcUser): string | undefined {
    return this.passwords.get(user.name)
  }

  async setUser(
    slot: number,
    change: Readonly<Partial<Pick<BmcUser, 'name' | 'privilege' | 'enabled'>> & { password?: string }>,
    by: BmcCaller,
  ): Promise<void> {
    await this.#call(`setUser ${slot} by ${by.user}`)
    const { password, ...rest } = change
    const old = this.bmc.users.find((user) => user.slot === slot) ?? bmcUser(slot, '', 'user', false)
    const user = { ...old, ...rest }
    this.bmc = { ...this.bmc, users: [...this.bmc.users.filter((other) => other.slot !== slot), user] }
    const kept = password ?? this.passwords.get(old.name)
    if (old.name !== user.name) this.passwords.delete(old.name)
    if (kept !== undefined) this.passwords.set(user.name, kept)
  }

  async record(event: Readonly<Pick<BmcEvent, 'kind' | 'severity' | 'text'>>): Promise<void> {
    this.log.push({ machine: this.bmc.machine, id: this.log.length + 1, at: 1_800_000_000_000, ...event })
  }
}

/** A serial line that says back what it hears. */
export class FakeLine implements ConsoleLine {
  typed = ''
  breaks = 0
  closed = false
  echo = true
  #received: ((bytes: Uint8Array) => void) | undefined
  #ended: ((why: string) => void) | undefined
  #kept: Uint8Array[] = []

  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void {
    this.#received = received
    this.#ended = ended
    for (const bytes of this.#kept.splice(0)) received(bytes)
  }

  write(bytes: Uint8Array): void {
    this.typed += Buffer.from(bytes).toString('latin1')
    if (this.echo) this.print(bytes)
  }

  sendBreak(): void {
    this.breaks++
  }

  close(): void {
    this.closed = true
  }

  /** What the machine prints. */
  print(bytes: Uint8Array | string): void {
    const copy = typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'latin1')) : bytes.slice()
    if (this.#received) this.#received(copy)
    else this.#kept.push(copy)
  }

  end(why: string): void {
    this.#ended?.(why)
  }
}

/** The BMCs that a test has; change `list` and tell the server. */
export class FakeDirectory implements BmcDirectory {
  list: FakeBmc[]

  constructor(list: FakeBmc[]) {
    this.list = list
  }

  all(): readonly FakeBmc[] {
    return this.list.filter((one) => one.bmc.enabled)
  }

  ofMachine(machine: string): FakeBmc | undefined {
    return this.all().find((one) => one.bmc.machine === machine)
  }

  ofUser(name: string): FakeBmc | undefined {
    const [user, machine] = name.split('@')
    const having = this.all().filter((one) => one.bmc.users.some((its) => its.name === user))
    if (machine !== undefined) return having.find((one) => one.machine.name.startsWith(machine))
    return having.length === 1 ? having[0] : undefined
  }
}
