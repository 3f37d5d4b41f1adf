import { countedName } from '../kit/counted-names.ts'
import { Refusal } from '../kit/errors.ts'
import { Secret } from '../kit/secret.ts'
import { assertUserName, freeSlot, randomPassword, sealPassword, withoutSlot, withUser } from './accounts.ts'
import type { GatewayAround, GatewayMachine } from './around.ts'
import type { BmcBackEnd, BmcDirectory } from './back-end.ts'
import type { Bmc, BmcEvent, BmcRule, BmcUser } from './bmc.ts'
import { type StandingOrder, standingOrder } from './boot-orders.ts'
import type { BmcPatch, UserChange } from './changes.ts'
import { EventLogs } from './event-logs.ts'
import { explainCommand, type RouteExplanation } from './explain.ts'
import { MachineBackEnd } from './machine-back-end.ts'
import { allowedSuites, assertRoutable, assertRoutes, checkedClients, makeBmc, type NewBmc, placeOf } from './making.ts'
import { Places } from './places.ts'
import type { Routes } from './routes.ts'
import { SharedNames } from './shared-names.ts'

type Entry = { bmc: Bmc; readonly backEnd: MachineBackEnd }

/** The BMCs that are answered here: all in memory, every change durable before it is seen. Changes happen one after another. */
export class Gateway implements BmcDirectory {
  readonly #with: GatewayAround
  readonly #entries = new Map<string, Entry>()
  readonly #rules = new Map<string, BmcRule>()
  readonly #logs: EventLogs
  readonly #places: Places
  readonly #names = new SharedNames()
  readonly #counts = new Map<string, number>()
  /** Why a rule could not make a BMC the last time. */
  #complaint = ''
  /** Machines have changed since the rules were applied. */
  #rulesDue: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(around: GatewayAround) {
    this.#with = around
    const { repository, clock, mostEvents } = around
    this.#places = new Places(around.places)
    this.#logs = new EventLogs({ repository, clock, most: mostEvents })
  }

  static async open(around: GatewayAround): Promise<Gateway> {
    const gateway = new Gateway(around)
    const { repository } = around
    for (const rule of await repository.rules()) gateway.#rules.set(rule.name, rule)
    const logged = await repository.lastEventIds()
    for (const bmc of await repository.bmcs()) {
      // The server may have been killed between the end of the machine and that of its BMC.
      if (around.machine(bmc.machine)) {
        gateway.#enter(bmc, logged.get(bmc.machine))
        gateway.#places.put(bmc)
      } else await repository.removeBmc(bmc.machine)
    }
    await gateway.#applyRules()
    return gateway
  }

  all(): readonly BmcBackEnd[] {
    return [...this.#entries.values()].filter(({ bmc }) => bmc.enabled).map(({ backEnd }) => backEnd)
  }

  ofMachine(machine: string): BmcBackEnd | undefined {
    const entry = this.#entries.get(machine)
    return entry?.bmc.enabled ? entry.backEnd : undefined
  }

  ofUser(name: string): BmcBackEnd | undefined {
    const machine = this.#names.find(name, () => this.all())
    return machine === undefined ? undefined : this.ofMachine(machine)
  }

  /** Sorted by the names of machines. */
  list(): { bmc: Bmc; machine: GatewayMachine }[] {
    return [...this.#entries.values()]
      .flatMap(({ bmc }) => {
        const machine = this.#with.machine(bmc.machine)
        return machine ? [{ bmc, machine, key: countedName(machine.name) }] : []
      })
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  get(machine: string): Bmc | undefined {
    return this.#entries.get(machine)?.bmc
  }

  rules(): readonly BmcRule[] {
    return [...this.#rules.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** What clients see as the log: Reveille's own, or by route that of a driver. */
  eventsOf(machine: string): Promise<readonly BmcEvent[]> {
    return this.#known(machine).backEnd.events()
  }

  explain(machine: string, command: string): RouteExplanation {
    const { bmc } = this.#known(machine)
    return explainCommand(command, {
      bmc,
      machine: this.#machine(machine),
      drivers: this.#with.powers.driversOf(machine),
    })
  }

  /** The driver that a machine's console comes from by route; `undefined`: the first that has one. `null`: nobody's. */
  consoleDriver(machine: string): string | null | undefined {
    const target = this.#entries.get(machine)?.bmc.routes.console
    if (target === 'none') return null
    return target === 'drivers' ? undefined : target
  }

  /** The password is told here and never again. */
  create(machine: string, wanted: NewBmc): Promise<{ bmc: Bmc; user: string; password: Secret }> {
    return this.#alone(async () => {
      const { name } = this.#machine(machine)
      if (this.#entries.has(machine))
        throw new Refusal('conflict', `${name} has a BMC already`, {
          next: `change it: reveille bmc set ${name}, or make a new password: reveille bmc user ${name} USER --new-password`,
        })
      const password = wanted.password === undefined ? randomPassword() : new Secret(wanted.password)
      const bmc = this.#made(machine, wanted, password, null)
      assertRoutes(this.#with, machine, bmc.routes)
      await this.#store(bmc)
      return { bmc, user: wanted.user, password }
    })
  }

  /** Throws the `Refusal` that making a BMC like this, or changing that of the machine to it, would give now. */
  assertPossible(machine: string, wanted: NewBmc): void {
    this.#made(machine, wanted, randomPassword(), null)
    if (this.#with.machine(machine)) assertRoutes(this.#with, machine, wanted.routes)
  }

  update(machine: string, patch: BmcPatch): Promise<Bmc> {
    return this.#change(machine, (bmc) => {
      const routes: Record<string, string> = { ...bmc.routes }
      for (const [of, target] of Object.entries(patch.routes ?? {}))
        if (target === null) delete routes[of]
        else if (target !== undefined) routes[of] = target
      assertRoutes(this.#with, machine, this.#notByRule(machine, patch.routes ?? {}))
      const moved = patch.address !== undefined || patch.port !== undefined
      const address = patch.address === undefined ? bmc.address : patch.address
      const port = patch.port ?? (patch.address === undefined || patch.address === bmc.address ? bmc.port : undefined)
      const place = moved ? placeOf(machine, { address, port }, this.#places) : { address: bmc.address, port: bmc.port }
      return {
        ...bmc,
        ...place,
        enabled: patch.enabled ?? bmc.enabled,
        cipherSuites: patch.cipherSuites ? allowedSuites(this.#with, patch.cipherSuites) : bmc.cipherSuites,
        clients: patch.clients ? checkedClients(patch.clients) : bmc.clients,
        routes,
      }
    })
  }

  /** Refused (`in-use`) while a rule would make it again at once. */
  remove(machine: string): Promise<void> {
    return this.#alone(async () => {
      this.#known(machine)
      const { name, tags } = this.#machine(machine)
      const rule = this.rules().find(({ tag }) => tags.includes(tag))
      if (rule)
        throw new Refusal('in-use', `the rule ${rule.name} gives ${name} a BMC, for it has the tag ${rule.tag}`, {
          next: `take the tag away, remove the rule, or switch the BMC off: reveille bmc set ${name} --off`,
        })
      await this.#forget(machine)
    })
  }

  /** Adds an account or changes it. A password that is new is returned; it is told here and never again. */
  async setUser(
    machine: string,
    name: string,
    wanted: UserChange,
  ): Promise<{ user: BmcUser; password: Secret | null }> {
    assertUserName(name)
    let password: Secret | null = null
    let user: BmcUser | undefined
    await this.#change(machine, (bmc) => {
      const known = bmc.users.find((each) => each.name === name)
      const slot = known?.slot ?? freeSlot(bmc.users)
      if (wanted.password !== undefined) password = new Secret(wanted.password)
      else if (!known || wanted.newPassword) password = randomPassword()
      const sealed = password ? sealPassword(this.#with, machine, slot, password) : (known?.sealed ?? '')
      const privilege = wanted.privilege ?? known?.privilege ?? 'administrator'
      user = { slot, name, privilege, enabled: wanted.enabled ?? known?.enabled ?? true, sealed }
      return { ...bmc, users: withUser(bmc.users, user) }
    })
    return { user: user!, password }
  }

  async removeUser(machine: string, name: string): Promise<void> {
    await this.#change(machine, (bmc) => {
      const known = bmc.users.find((each) => each.name === name)
      if (!known) throw new Refusal('not-found', `the BMC of ${this.#machine(machine).name} has no user ${name}`)
      return { ...bmc, users: withoutSlot(bmc.users, known.slot) }
    })
  }

  /** Gives all machines with the tag a BMC, now and later. Routes that are changed reach the BMCs that still have the old ones. */
  putRule(wanted: Omit<BmcRule, 'createdAt'>): Promise<BmcRule> {
    return this.#alone(async () => {
      assertUserName(wanted.user)
      assertRoutable(wanted.routes)
      const before = this.#rules.get(wanted.name)
      const rule = { ...wanted, createdAt: before?.createdAt ?? this.#with.clock.now() }
      await this.#with.repository.saveRule(rule)
      this.#rules.set(rule.name, rule)
      for (const { bmc } of this.#entries.values())
        if (before && bmc.rule === rule.name && sameRoutes(bmc.routes, before.routes))
          await this.#store({ ...bmc, routes: rule.routes, updatedAt: this.#with.clock.now() })
      await this.#applyRules()
      return rule
    })
  }

  /** Without what a rule says of the machine, which may name a driver that comes later. */
  #notByRule(machine: string, routes: NonNullable<BmcPatch['routes']>): NonNullable<BmcPatch['routes']> {
    const tags = this.#with.machine(machine)?.tags ?? []
    const ruled = this.rules().flatMap(({ tag, routes: given }) => (tags.includes(tag) ? Object.entries(given) : []))
    const asked = Object.entries(routes).filter(([of, to]) => !ruled.some(([known, its]) => known === of && its === to))
    return Object.fromEntries(asked)
  }

  removeRule(name: string, removeBmcs: boolean): Promise<void> {
    return this.#alone(async () => {
      if (!this.#rules.has(name)) throw new Refusal('not-found', `there is no rule ${name}`)
      await this.#with.repository.removeRule(name)
      this.#rules.delete(name)
      for (const { bmc } of [...this.#entries.values()])
        if (bmc.rule === name) {
          if (removeBmcs) await this.#forget(bmc.machine)
          else await this.#store({ ...bmc, rule: null })
        }
    })
  }

  /** How many BMCs a rule made. */
  madeBy(rule: string): number {
    return [...this.#entries.values()].filter(({ bmc }) => bmc.rule === rule).length
  }

  /** A machine was added or changed: it may have a tag now that a rule waits for. */
  machineChanged(id: string): Promise<void> {
    this.#names.changed()
    const machine = this.#with.machine(id)
    if (!machine || this.#entries.has(id) || !this.rules().some(({ tag }) => machine.tags.includes(tag)))
      return Promise.resolve()
    // Thousands may change at once: the rules are applied to all of them together.
    this.#rulesDue ??= this.#alone(() => {
      this.#rulesDue = undefined
      return this.#applyRules()
    })
    return this.#rulesDue
  }

  /** The machine is gone. Unknown ones are fine. */
  forget(machine: string): Promise<void> {
    return this.#alone(async () => {
      if (this.#entries.has(machine)) await this.#forget(machine)
    })
  }

  /** Writes the end of a deployment into the log of the machine's BMC. Being told twice is harmless. */
  async deploymentChanged(id: string): Promise<void> {
    const ended = this.#entries.size === 0 ? undefined : await this.#with.endedDeployment(id)
    if (!ended || !this.#entries.has(ended.machine)) return
    const text = `deployment ${id} of ${ended.what} ${ended.succeeded ? 'succeeded' : `failed: ${ended.reason}`}`
    const known = (await this.#logs.of(ended.machine)).some((event) => event.text.startsWith(`deployment ${id} `))
    if (!known)
      await this.#logs.add(ended.machine, { kind: 'deployment', severity: ended.succeeded ? 'ok' : 'critical', text })
  }

  /** What a machine was told of its next boot by its BMC, for the stage that answers it. */
  bootFor(machine: string): StandingOrder | undefined {
    const entry = this.#entries.get(machine)
    return entry?.bmc.enabled ? standingOrder(entry.bmc) : undefined
  }

  /** An order was obeyed: one for the next boot is used up. Unknown machines and orders are fine. */
  async obeyed(machine: string, order: string): Promise<void> {
    await this.#entries.get(machine)?.backEnd.obeyed(order)
  }

  /** Commands by class and outcome, for `/metrics`. */
  counters(): Readonly<Record<string, number>> {
    return { bmcs: this.#entries.size, ...Object.fromEntries(this.#counts) }
  }

  #made(machine: string, wanted: NewBmc, password: Secret, rule: string | null): Bmc {
    return makeBmc(this.#with, { machine, wanted, password, rule, places: this.#places })
  }

  async #applyRules(): Promise<void> {
    const rules = this.rules()
    for (const machine of rules.length > 0 ? this.#with.machines() : []) {
      const rule = rules.find(({ tag }) => machine.tags.includes(tag))
      if (!rule || this.#entries.has(machine.id)) continue
      try {
        const wanted = { user: rule.user, privilege: 'administrator', clients: [], routes: rule.routes } as const
        await this.#store(this.#made(machine.id, wanted, randomPassword(), rule.name))
        this.#with.log.info({ machine: machine.id, name: machine.name, rule: rule.name }, 'a rule made a BMC')
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        // Machines change all the time, and each change tries again.
        if (this.#complaint !== error.message)
          this.#with.log.warn(
            { machine: machine.id, rule: rule.name, reason: error.message },
            'a rule could not make a BMC',
          )
        this.#complaint = error.message
        return
      }
    }
  }

  #change(machine: string, edit: (bmc: Bmc) => Bmc): Promise<Bmc> {
    return this.#alone(async () => {
      const next = { ...edit(this.#known(machine).bmc), updatedAt: this.#with.clock.now() }
      await this.#store(next)
      return next
    })
  }

  async #store(bmc: Bmc): Promise<void> {
    await this.#with.repository.saveBmc(bmc)
    this.#places.put(bmc)
    const entry = this.#entries.get(bmc.machine)
    if (entry) entry.bmc = bmc
    else this.#enter(bmc)
    this.#names.changed()
    this.#with.events.publish({ topic: 'bmc', id: bmc.machine, change: 'saved' })
  }

  #enter(bmc: Bmc, lastEvent?: number): void {
    this.#logs.begin(bmc.machine, lastEvent)
    let machine = this.#machine(bmc.machine)
    const entry: Entry = {
      bmc,
      backEnd: new MachineBackEnd({
        around: this.#with,
        logs: this.#logs,
        bmc: () => entry.bmc,
        machine: () => {
          machine = this.#with.machine(bmc.machine) ?? machine
          return machine
        },
        change: (edit) => this.#change(bmc.machine, edit),
        count: (of, outcome) => {
          const name = `bmc_commands_total{class="${of}",outcome="${outcome}"}`
          this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
        },
      }),
    }
    this.#entries.set(bmc.machine, entry)
  }

  async #forget(machine: string): Promise<void> {
    await this.#with.repository.removeBmc(machine)
    this.#places.remove(machine)
    this.#entries.delete(machine)
    this.#logs.forget(machine)
    this.#names.changed()
    this.#with.events.publish({ topic: 'bmc', id: machine, change: 'removed' })
  }

  #known(machine: string): Entry {
    const entry = this.#entries.get(machine)
    const name = this.#with.machine(machine)?.name ?? machine
    if (!entry)
      throw new Refusal('not-found', `${name} has no BMC here`, { next: `make one: reveille bmc add ${name}` })
    return entry
  }

  #machine(id: string): GatewayMachine {
    const machine = this.#with.machine(id)
    if (!machine)
      throw new Refusal('not-found', `there is no machine ${id}`, { next: 'list them: reveille machine list' })
    return machine
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function sameRoutes(a: Routes, b: Routes): boolean {
  const text = (routes: Routes) => JSON.stringify(Object.entries(routes).sort())
  return text(a) === text(b)
}
