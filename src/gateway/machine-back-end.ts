import { randomBytes } from 'node:crypto'
import { Refusal } from '../kit/errors.ts'
import { Secret } from '../kit/secret.ts'
import type { BootOrder } from '../power/boot-order.ts'
import type { Capability, ConsoleLine, Fru, RawAnswer, RawRequest } from '../power/driver.ts'
import type { PowerAction, PowerState } from '../power/power.ts'
import type { Sensor } from '../power/sensor.ts'
import { hasCredentials } from '../power/settings.ts'
import {
  assertUserName,
  FIRST_SLOT,
  LAST_SLOT,
  passwordContext,
  sealPassword,
  withoutSlot,
  withUser,
} from './accounts.ts'
import type { GatewayAround, GatewayMachine, SeenOutcome } from './around.ts'
import type { BmcBackEnd, BmcCaller } from './back-end.ts'
import type { Bmc, BmcEvent, BmcUser } from './bmc.ts'
import { obeyedBy } from './boot-orders.ts'
import type { EventLogs, NewBmcEvent } from './event-logs.ts'
import type { CommandClass } from './routes.ts'
import { driversFor, type Route, routeOf } from './routing.ts'
import { callerOf, fromHardware, fruOf, lineOf } from './told.ts'
import { firstOf, withDeadline } from './waiting.ts'
import { DEVICE_NAMES } from './written-command.ts'

/** Clients read a log entry by entry: what a driver told is kept this long, in milliseconds. */
const LOG_KEPT_MS = 10_000
/** How long a client waits for the outcome of a power action, in milliseconds: ipmitool asks four times, a second apart. */
const ACCEPTED_MS = 2000
/** IPMI 2.0 table 28-11: a chassis control command. */
const CAUSE_COMMAND = 1
const STARTS: ReadonlySet<PowerAction> = new Set(['on', 'cycle', 'reset'])

export type BackEndParts = Readonly<{
  around: GatewayAround
  logs: EventLogs
  bmc: () => Bmc
  machine: () => GatewayMachine
  /** Changes the record, one change after another; durable when it resolves. */
  change: (edit: (bmc: Bmc) => Bmc) => Promise<Bmc>
  /** Counts a command. */
  count: (of: CommandClass, outcome: 'ok' | 'refused') => void
}>

/** One BMC: follows its routes, and writes down what clients ordered. */
export class MachineBackEnd implements BmcBackEnd {
  readonly #parts: BackEndParts
  #hardwareEvents: Readonly<{ at: number; events: Promise<readonly BmcEvent[]> }> | undefined

  constructor(parts: BackEndParts) {
    this.#parts = parts
  }

  get bmc(): Bmc {
    return this.#parts.bmc()
  }

  get machine(): GatewayMachine {
    return this.#parts.machine()
  }

  powerState(): Promise<PowerState> {
    return this.#routed('power.hard', 'state', (driver) => this.#powers.state(this.#id, driver))
  }

  async perform(action: PowerAction, by: BmcCaller): Promise<void> {
    const of = action === 'soft' ? 'power.soft' : 'power.hard'
    const words = POWER_WORDS[action]
    try {
      await this.#ordered(by, of, 'bmc.power', words, (route) => {
        // What no driver can do at once several may do together: off and on are a cycle.
        const alone = driversFor(route, action, this.#drivers).length > 0
        return this.#routed(of, action === 'cycle' && !alone ? 'on' : action, (driver) =>
          this.#accepted(words, this.#powers.perform(this.#id, action, driver)),
        )
      })
    } catch (error) {
      await this.#note('power', 'warning', `${words} by ${callerOf(by)} failed: ${messageOf(error)}`)
      throw error
    }
    if (STARTS.has(action) && this.bmc.restartCause !== CAUSE_COMMAND)
      await this.#parts.change((bmc) => ({ ...bmc, restartCause: CAUSE_COMMAND }))
    await this.#note('power', 'ok', `${words} by ${callerOf(by)}`)
    this.#around.trace(this.#id, `its BMC was told: ${words}`, `${callerOf(by)} ordered it`, true)
  }

  /** Clients wait a few seconds: an outcome that is not seen by then is written into the log when it is. */
  async #accepted(words: string, seen: Promise<SeenOutcome>): Promise<void> {
    const outcome = await firstOf(seen, ACCEPTED_MS)
    if (outcome) return this.#judge(words, outcome)
    seen
      .then((late) => this.#judge(words, late))
      .catch((error) => this.#note('power', 'warning', `${words} did not work: ${messageOf(error)}`))
      .catch((error) => this.#around.log.error({ machine: this.#id, error }, 'the log of a BMC could not be written'))
  }

  async #judge(words: string, { driver, confirmed, problems }: SeenOutcome): Promise<void> {
    if (confirmed === false)
      throw new Refusal('wrong-state', `${driver} took the order (${words}), but it was not carried out: ${problems}`)
    if (problems !== '')
      await this.#note('power', 'warning', `${words} was done by ${driver}; before that, ${problems}`)
  }

  async bootOrder(): Promise<BootOrder | null> {
    const route = this.#route('bootdev')
    const { bootOrder, bootOrdered } = this.bmc
    if (route.to === 'none') return null
    if (bootOrdered?.driver == null || driversFor(route, 'boot-device', this.#drivers).length === 0) return bootOrder
    const real = await this.#routed('bootdev', 'boot-device', (driver) =>
      this.#powers.bootOrder(this.#id, driver),
    ).catch(() => undefined)
    // The firmware has obeyed an order for its next boot once it shows none any more.
    if (real === null && bootOrder && !bootOrder.persistent) await this.obeyed(bootOrdered.id)
    return real === undefined ? bootOrder : real
  }

  async setBootOrder(order: BootOrder | null, by: BmcCaller): Promise<void> {
    const words = order
      ? `${DEVICE_NAMES[order.device]}, ${order.persistent ? 'from now on' : 'once'}`
      : 'boot as usual, what was ordered is taken back'
    await this.#ordered(by, 'bootdev', 'bmc.boot-order', words, async (route) => {
      if (route.to === 'reveille' && order && obeyedBy(order.device) === 'nobody')
        throw new Refusal('not-found', `Reveille cannot make the firmware of ${this.machine.name} do that`, {
          next: 'route bootdev to a driver that can: reveille bmc routes NAME bootdev=DRIVER',
        })
      if (route.to !== 'reveille')
        await this.#routed('bootdev', 'boot-device', (driver) => this.#powers.setBootOrder(this.#id, order, driver))
      await this.#keepOrder(order, by, route.to === 'reveille' ? null : route.target)
    })
    await this.#note('boot', 'ok', `${words}: ordered by ${callerOf(by)}`)
    this.#around.trace(this.#id, `its BMC was told: ${words}`, `${callerOf(by)} ordered it`, true)
  }

  /** The order was obeyed, or is past. Nothing happens when it is another by now, or one that stays. */
  async obeyed(order: string): Promise<void> {
    if (!isOnce(this.bmc, order)) return
    await this.#parts.change((bmc) => (isOnce(bmc, order) ? { ...bmc, bootOrder: null, bootOrdered: null } : bmc))
  }

  identify(seconds: number | null): Promise<void> {
    return this.#counted('identify', () =>
      this.#routed('identify', 'identify', (driver) => this.#powers.identify(this.#id, seconds, driver)),
    )
  }

  sensors(): Promise<readonly Sensor[]> {
    return this.#counted('sensors', () =>
      this.#routed('sensors', 'sensors', (driver) => this.#powers.sensors(this.#id, driver)),
    )
  }

  async fru(): Promise<Fru> {
    if (this.#route('fru').to === 'reveille') return fruOf(this.machine, await this.#around.smbios(this.#id))
    return this.#counted('fru', () => this.#routed('fru', 'fru', (driver) => this.#powers.fru(this.#id, driver)))
  }

  async events(): Promise<readonly BmcEvent[]> {
    const route = this.#route('sel')
    if (route.to === 'reveille') return this.#parts.logs.of(this.#id)
    const { clock } = this.#around
    const kept = this.#hardwareEvents
    if (kept && clock.now() - kept.at < LOG_KEPT_MS) return kept.events
    const read = this.#counted('sel', () =>
      this.#routed('sel', 'events', (driver) => this.#powers.events(this.#id, driver)),
    ).then((all) => all.map((event) => fromHardware(this.#id, event)))
    this.#hardwareEvents = { at: clock.now(), events: read }
    read.catch(() => {
      this.#hardwareEvents = undefined
    })
    return read
  }

  clearEvents(by: BmcCaller): Promise<void> {
    return this.#ordered(by, 'sel', 'bmc.events.clear', 'the log was cleared', async (route) => {
      this.#hardwareEvents = undefined
      if (route.to === 'reveille') return this.#parts.logs.clear(this.#id)
      return this.#routed('sel', 'events', (driver) => this.#powers.clearEvents(this.#id, driver))
    })
  }

  openConsole(by: BmcCaller): Promise<ConsoleLine> {
    return this.#ordered(by, 'console', 'bmc.console', 'the serial console was opened', async (route) => {
      if (route.to === 'none') throw this.#refused(route)
      const viewer = { who: `${by.user} (BMC)`, via: by.face, mayType: true }
      return lineOf(this.#around.consoles.attach(this.machine, viewer))
    })
  }

  media(): string | null {
    return this.bmc.media
  }

  async setMedia(media: string | null, by: BmcCaller): Promise<void> {
    // Before anything is written down: it would stand in logs, and be shown to everybody.
    if (media !== null && hasCredentials(media))
      throw new Refusal('validation-failed', 'an address with a user or password in it would be shown to everybody', {
        next: 'offer the disc without a password, or upload it as an iso image',
      })
    const words = media === null ? 'the disc was ejected' : `the disc ${media} was inserted`
    await this.#ordered(by, 'media', 'bmc.media', words, async (route) => {
      if (route.to === 'reveille') {
        const problem = media === null ? undefined : this.#around.mediaProblem(media)
        if (problem !== undefined)
          throw new Refusal('validation-failed', `${this.machine.name} cannot boot ${media}: ${problem}`, {
            next: 'name an image that can be booted (reveille image list), or an http address',
          })
      } else await this.#routed('media', 'media', (driver) => this.#powers.setMedia(this.#id, media, driver))
      await this.#parts.change((bmc) => {
        if (media !== null && route.to === 'reveille') return { ...bmc, media, ...this.#made(DISC, by, null) }
        const ordered = media === null && (bmc.bootOrder?.device === 'media' || bmc.bootOrder?.device === 'cdrom')
        return { ...bmc, media, ...(ordered ? { bootOrder: null, bootOrdered: null } : {}) }
      })
    })
    await this.#note('boot', 'ok', `${words} by ${callerOf(by)}`)
    this.#around.trace(this.#id, words, `${callerOf(by)} ordered it through its BMC`, true)
  }

  raw(request: RawRequest, by: BmcCaller): Promise<RawAnswer> {
    const { netFn, command } = request
    const words = `netFn 0x${netFn.toString(16)}, command 0x${command.toString(16)}, ${request.data.length} bytes`
    return this.#ordered(by, 'raw', 'bmc.raw', words, () =>
      this.#routed('raw', 'raw', (driver) => this.#powers.raw(this.#id, request, driver)),
    )
  }

  passwordOf(user: BmcUser): string | undefined {
    if (user.sealed === '') return undefined
    try {
      return this.#around.sealer.open(passwordContext(this.#id, user.slot), user.sealed)
    } catch (error) {
      this.#around.log.error({ machine: this.#id, slot: user.slot, error }, 'a password of a BMC cannot be opened')
      return undefined
    }
  }

  async setUser(
    slot: number,
    { name, privilege, enabled, password }: Parameters<BmcBackEnd['setUser']>[1],
    by: BmcCaller,
  ): Promise<void> {
    const what = [
      name === undefined ? '' : name === '' ? 'removed' : `name ${name}`,
      privilege === undefined ? '' : `privilege ${privilege}`,
      enabled === undefined ? '' : enabled ? 'enabled' : 'disabled',
      password === undefined ? '' : 'new password',
    ].filter((part) => part !== '')
    await this.#audited(by, 'bmc.user.set', `user in slot ${slot}: ${what.join(', ')}`, () =>
      this.#parts.change((bmc) => {
        if (!Number.isInteger(slot) || slot < FIRST_SLOT || slot > LAST_SLOT)
          throw new Refusal('validation-failed', `users have the slots ${FIRST_SLOT} to ${LAST_SLOT}`)
        const known = bmc.users.find((user) => user.slot === slot)
        if (name === '') return { ...bmc, users: withoutSlot(bmc.users, slot) }
        const called = name ?? known?.name
        if (called === undefined)
          throw new Refusal('not-found', `there is no user in slot ${slot}: give it a name first`)
        assertUserName(called)
        const user: BmcUser = {
          slot,
          name: called,
          privilege: privilege ?? known?.privilege ?? 'user',
          enabled: enabled ?? known?.enabled ?? false,
          sealed:
            password === undefined
              ? (known?.sealed ?? '')
              : sealPassword(this.#around, this.#id, slot, new Secret(password)),
        }
        return { ...bmc, users: withUser(bmc.users, user) }
      }),
    )
  }

  async record(event: NewBmcEvent): Promise<void> {
    await this.#parts.logs.add(this.#id, event)
  }

  get #around(): GatewayAround {
    return this.#parts.around
  }

  get #powers() {
    return this.#parts.around.powers
  }

  get #id(): string {
    return this.bmc.machine
  }

  get #drivers() {
    return this.#powers.driversOf(this.#id)
  }

  #route(of: CommandClass): Route {
    return routeOf(this.bmc.routes, of)
  }

  #keepOrder(order: BootOrder | null, by: BmcCaller, driver: string | null) {
    return this.#parts.change((bmc) => ({ ...bmc, ...this.#made(order, by, driver) }))
  }

  #made(order: BootOrder | null, by: BmcCaller, driver: string | null): Pick<Bmc, 'bootOrder' | 'bootOrdered'> {
    if (!order) return { bootOrder: null, bootOrdered: null }
    const id = `o_${randomBytes(8).toString('hex')}`
    return { bootOrder: order, bootOrdered: { id, at: this.#around.clock.now(), by: callerOf(by), driver } }
  }

  /** Asks the drivers that a class is routed to. Refused (`not-found`) when none is there that can. */
  async #routed<T>(of: CommandClass, capability: Capability, ask: (driver?: string) => Promise<T>): Promise<T> {
    const route = this.#route(of)
    if (driversFor(route, capability, this.#drivers).length === 0) throw this.#refused(route)
    return withDeadline(ask(route.to === 'driver' ? route.target : undefined), this.machine.name)
  }

  #refused({ class: of, to, target }: Route): Refusal {
    const { name } = this.machine
    const why = {
      none: 'to nobody',
      reveille: 'to Reveille, which cannot',
      drivers: 'to its drivers, none of which can',
      driver: `to its driver ${target}, which is not there or cannot`,
    }[to]
    return new Refusal('not-found', `${of} of ${name} goes ${why}`, {
      next: `see what would work: reveille bmc explain ${name} COMMAND`,
    })
  }

  async #counted<T>(of: CommandClass, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      this.#parts.count(of, 'ok')
      return result
    } catch (error) {
      this.#parts.count(of, 'refused')
      throw error
    }
  }

  #ordered<T>(by: BmcCaller, of: CommandClass, action: string, detail: string, work: (route: Route) => Promise<T>) {
    return this.#counted(of, () => this.#audited(by, action, detail, () => work(this.#route(of))))
  }

  async #audited<T>(by: BmcCaller, action: string, detail: string, work: () => Promise<T>): Promise<T> {
    const deed = { who: by.user, via: by.face, address: by.address, action, subject: this.machine.name }
    try {
      const result = await work()
      await this.#around.audit({ ...deed, outcome: 'ok', detail })
      return result
    } catch (error) {
      if (error instanceof Refusal)
        await this.#around.audit({ ...deed, outcome: 'refused', detail: `${detail}: ${error.message}` })
      throw error
    }
  }

  #note(kind: BmcEvent['kind'], severity: BmcEvent['severity'], text: string): Promise<void> {
    return this.#parts.logs.add(this.#id, { kind, severity, text })
  }
}

const DISC: BootOrder = { device: 'media', persistent: false, efi: false }
const POWER_WORDS: Readonly<Record<PowerAction, string>> = {
  on: 'power on',
  off: 'power off',
  cycle: 'power cycle',
  reset: 'hard reset',
  soft: 'clean shutdown',
  diag: 'diagnostic interrupt',
}

function isOnce({ bootOrder, bootOrdered }: Bmc, order: string): boolean {
  return bootOrdered?.id === order && bootOrder?.persistent === false
}

function messageOf(error: unknown): string {
  return error instanceof Refusal ? error.message : 'a fault of Reveille; its log says more'
}
