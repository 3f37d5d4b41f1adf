import { randomBytes } from 'node:crypto'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { type Log, SILENT } from '../kit/log.ts'
import type { Mac } from '../kit/mac.ts'
import { planDeclared } from './declared.ts'
import {
  blankMachine,
  changedFields,
  type DeclaredMachine,
  edited,
  type MachinePatch,
  type NewMachine,
} from './edit.ts'
import { learned, sameMachine, tellingUuid } from './identity.ts'
import { allows, assertBootable, assertRemovable, moved } from './lifecycle.ts'
import type { Machine, MachineState, Sighting } from './machine.ts'
import { type NamedBy, NameSequence } from './naming.ts'
import { MachineRegistry } from './registry.ts'
import type { MachineRepository } from './repository.ts'
import { SightingWriter } from './sighting-writer.ts'

/** Most machines that may wait for approval; more are refused, so that a flood of made-up MACs fills neither disk nor console. */
export const MAX_DISCOVERED = 10_000
/** How long a discovered machine that is not seen again is remembered, in milliseconds; when many wait, the shorter time counts. */
const FORGET_MS = 7 * 86_400_000
const FORGET_IN_A_FLOOD_MS = 600_000
const MOST_FORGOTTEN_AT_ONCE = 200
/** Most sightings that may wait for one write. */
const MAX_ARRIVALS = 1000
/** How old `lastSeenAt` on disk may be, in milliseconds. In memory it is exact. */
const SEEN_EVERY_MS = 60_000

type Dependencies = Readonly<{
  repository: MachineRepository
  events: { publish(event: { topic: 'machine'; id: string; change: 'saved' | 'removed' }): void }
  clock: Clock
  /** `machineNames` of the settings, such as `node-%04d`. */
  namePattern: string
  hasProfile: (name: string) => boolean
  /** Throws a `Refusal` when a machine may not be forgotten now. */
  assertForgettable?: (machine: Machine) => void
  log?: Log | undefined
}>

/** What an `apply` does or would do to one machine. */
export type MachineChange = Readonly<{
  name: string
  change: 'create' | 'update' | 'none'
  fields: readonly string[]
  before: Machine | undefined
  after: Machine
}>

/** The registry of machines: all in memory, every change durable before it is seen. Changes happen one after another. */
export class Machines {
  readonly #with: Dependencies
  readonly #log: Log
  readonly #names: NameSequence
  readonly #registry = new MachineRegistry()
  readonly #arrivals = new Map<Mac, Sighting>()
  #admission: Promise<void> | undefined
  readonly #sightings: SightingWriter
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies, machines: readonly Machine[]) {
    this.#with = dependencies
    this.#log = dependencies.log ?? SILENT
    const save = (ids: readonly string[]) =>
      this.#alone(() => this.#with.repository.saveAll(ids.flatMap((id) => this.#registry.get(id) ?? [])))
    this.#sightings = new SightingWriter({ save, log: this.#log })
    this.#names = new NameSequence(dependencies.namePattern)
    // Known machines last: should the server have been killed while a discovered one was joined to them, the MAC is theirs.
    const discoveredFirst = (machine: Machine) => (machine.state === 'discovered' ? 0 : 1)
    for (const machine of [...machines].sort((a, b) => discoveredFirst(a) - discoveredFirst(b)))
      this.#registry.put(machine)
  }

  /** A name pattern that makes no names is a `Refusal`. */
  static async open(dependencies: Dependencies): Promise<Machines> {
    return new Machines(dependencies, await dependencies.repository.all())
  }

  /** Sorted by name. */
  all(): Machine[] {
    return this.#registry.sorted()
  }

  get(id: string): Machine | undefined {
    return this.#registry.get(id)
  }

  /** By id, name or MAC in any usual spelling. */
  find(reference: string): Machine | undefined {
    return this.#registry.find(reference)
  }

  byMac(mac: Mac): Machine | undefined {
    return this.#registry.byMac(mac)
  }

  /** The machine that has this fixed address (dotted decimal). */
  byAddress(ip: string): Machine | undefined {
    return this.#registry.byIp(ip)
  }

  /** Registers a machine; it is `ready` at once. `by` names the principal. */
  create(input: NewMachine, by: string): Promise<Machine> {
    return this.#alone(async () => {
      const name = input.name ?? this.#freeName({ macs: input.macs ?? [], tags: input.tags ?? [] })
      const machine = edited(this.#blank(name), input, this.#with.hasProfile)
      await this.#store([machine])
      this.#log.info({ machine: machine.id, name, by }, 'machine created')
      return machine
    })
  }

  update(id: string, patch: MachinePatch, by: string): Promise<Machine> {
    return this.#change(id, by, (machine) => {
      const next = edited(machine, patch, this.#with.hasProfile)
      return patch.state ? moved(next, patch.state, 'operator') : next
    })
  }

  /** Makes a discovered machine `ready`. */
  approve(
    id: string,
    choice: Readonly<{ name?: string | undefined; profile?: string | null | undefined }>,
    by: string,
  ) {
    return this.#change(id, by, (machine) => edited(moved(machine, 'ready', 'approve'), choice, this.#with.hasProfile))
  }

  /** Throws the `Refusal` that `remove` would give now. */
  assertRemovable(id: string): void {
    const machine = this.#known(id)
    this.#with.assertForgettable?.(machine)
    assertRemovable(machine)
  }

  /** Forgets a machine; when it boots again it is discovered anew. */
  remove(id: string, by: string): Promise<void> {
    return this.#alone(async () => {
      const { name } = this.#known(id)
      this.assertRemovable(id)
      await this.#forget(id)
      this.#log.info({ machine: id, name, by }, 'machine deleted')
    })
  }

  /** Chooses what it boots by default (`profile`) or just the next time (`once`); `null` takes a choice back. */
  setBoot(
    id: string,
    choice: Readonly<{ profile?: string | null | undefined; once?: string | null | undefined }>,
    by: string,
  ): Promise<Machine> {
    return this.#change(id, by, (machine) => {
      assertBootable(machine, choice.once)
      const next = edited(machine, { profile: choice.profile }, this.#with.hasProfile)
      if (choice.once === undefined) return next
      if (choice.once === null) return { ...next, nextBoot: null }
      edited(machine, { profile: choice.once }, this.#with.hasProfile)
      const order = { id: newId('n'), profile: choice.once, orderedAt: this.#with.clock.now(), orderedBy: by }
      return { ...next, nextBoot: order }
    })
  }

  /**
   * The boot of a machine got as far as its launch: the order `nextBootId` is consumed, if it is still the current one, and the
   * machine is `active`. Reports may come twice, late, or for a machine deleted meanwhile: then nothing changes.
   */
  launched(id: string, nextBootId: string | null): Promise<void> {
    return this.#alone(async () => {
      const machine = this.#registry.get(id)
      if (!machine) return
      const consumed = nextBootId !== null && machine.nextBoot?.id === nextBootId
      const state = ['ready', 'active', 'failed'].includes(machine.state) ? 'active' : machine.state
      if (!consumed && state === machine.state) return
      const next = moved({ ...machine, nextBoot: consumed ? null : machine.nextBoot }, state, 'launch')
      await this.#store([{ ...next, updatedAt: this.#with.clock.now() }])
    })
  }

  /** What a deployment makes of a machine; `undefined` and a profile that is gone leave its profile. One out of use stays as it is. */
  deploy(id: string, state: MachineState, profile?: string | null): Promise<void> {
    return this.#alone(async () => {
      const machine = this.#registry.get(id)
      if (!machine || !allows('deployment', machine.state, state)) return
      const next = profile && !this.#with.hasProfile(profile) ? machine.profile : profile
      const deployed = { ...machine, state, profile: next === undefined ? machine.profile : next }
      if (changedFields(machine, deployed).length > 0)
        await this.#store([{ ...deployed, updatedAt: this.#with.clock.now() }])
    })
  }

  /**
   * Remembers what was seen of a machine and returns it. An unknown MAC becomes a `discovered` machine, or a further MAC of a
   * known one where identity.ts finds no doubt; that is durable before it resolves. For a known machine memory is up to date at
   * once and the disk follows: a sighting is not an order. A `Refusal` when too many machines wait for approval.
   */
  async sight(sighting: Sighting): Promise<Machine> {
    const known = this.#registry.byMac(sighting.mac)
    if (known && !this.#twin(known, sighting)) return this.#seen(known, sighting)
    if ((!known && this.#registry.discovered >= MAX_DISCOVERED) || this.#arrivals.size >= MAX_ARRIVALS) throw tooMany()
    this.#arrivals.set(sighting.mac, sighting)
    this.#admission ??= this.#alone(() => this.#admit())
    await this.#admission
    const machine = this.#registry.byMac(sighting.mac)
    if (!machine) throw tooMany()
    return machine
  }

  /** What `applyAll` would do; nothing is changed. `hasProfile` also knows the profiles of the same manifest. */
  planApply(declared: readonly DeclaredMachine[], hasProfile = this.#with.hasProfile): MachineChange[] {
    return this.#plan(declared, hasProfile).map((each) => ({ ...each, name: each.after.name }))
  }

  /**
   * Makes machines match a manifest, all or none. A machine is found by its name, or as a discovered one by its MACs, which is
   * thereby approved. Tags, notes, address, host name and profile that are not declared go back to their defaults; facts that
   * were seen stay.
   */
  applyAll(
    declared: readonly DeclaredMachine[],
    by: string,
    hasProfile = this.#with.hasProfile,
  ): Promise<MachineChange[]> {
    return this.#alone(async () => {
      const plan = this.#plan(declared, hasProfile)
      const now = this.#with.clock.now()
      const changed = plan.filter(({ change }) => change !== 'none').map(({ after }) => ({ ...after, updatedAt: now }))
      if (changed.length > 0) await this.#store(changed)
      this.#log.info({ machines: changed.length, by }, 'machines applied')
      return plan.map((each) => ({ ...each, name: each.after.name }))
    })
  }

  /**
   * Housekeeping, to be called every minute: forgets machines that nobody approved and that were not seen for a week; for ten
   * minutes while the registry is more than half full, so that a flood of made-up MACs passes. A real one is discovered anew.
   */
  forgetUnseen(): Promise<void> {
    const patience = this.#registry.discovered > MAX_DISCOVERED / 2 ? FORGET_IN_A_FLOOD_MS : FORGET_MS
    const before = this.#with.clock.now() - patience
    return this.#alone(async () => {
      const unseen = this.#registry
        .all()
        .filter(({ state, lastSeenAt, createdAt }) => state === 'discovered' && (lastSeenAt ?? createdAt) < before)
      for (const { id } of unseen.slice(0, MOST_FORGOTTEN_AT_ONCE)) await this.#forget(id)
      if (unseen.length > 0) this.#log.info({ machines: unseen.length }, 'machines never approved and not seen again')
    })
  }

  /** Writes what only memory knows of sightings. Call it before the store closes. */
  flush(): Promise<void> {
    return this.#sightings.flush()
  }

  /** One change after another: what was checked still holds when it is written. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #change(id: string, by: string, change: (machine: Machine) => Machine): Promise<Machine> {
    return this.#alone(async () => {
      const before = this.#known(id)
      const after = change(before)
      const fields = changedFields(before, after)
      if (fields.length === 0) return before
      const next = { ...after, updatedAt: this.#with.clock.now() }
      await this.#store([next])
      this.#log.info({ machine: id, fields, by }, 'machine changed')
      return next
    })
  }

  async #store(machines: readonly Machine[]): Promise<void> {
    this.#registry.assertUnique(machines)
    const [only] = machines
    if (machines.length === 1 && only) await this.#with.repository.save(only)
    else await this.#with.repository.saveAll(machines)
    for (const machine of machines) {
      // A sighting may have come in while the write was on its way: when and where it was seen must not go back in time.
      const current = this.#registry.get(machine.id)
      const { lastSeenAt, lastAddress } = current ?? machine
      this.#registry.put({ ...machine, lastSeenAt, lastAddress })
      this.#with.events.publish({ topic: 'machine', id: machine.id, change: 'saved' })
    }
  }

  async #admit(): Promise<void> {
    this.#admission = undefined
    const arrivals = [...this.#arrivals.values()]
    this.#arrivals.clear()
    const changed = new Map<string, Machine>()
    const joined: Machine[] = []
    const taken = new Set<string>()
    let room = MAX_DISCOVERED - this.#registry.discovered
    for (const sighting of arrivals) {
      const known = this.#registry.byMac(sighting.mac)
      const twin = this.#twin(known, sighting)
      const same = twin && (changed.get(twin.id) ?? twin)
      if (same && same.macs.length < 16) {
        const macs = [...new Set([...same.macs, ...(known?.macs ?? [sighting.mac])])]
        changed.set(same.id, this.#noted({ ...same, macs }, sighting))
        if (known) joined.push(known)
      } else if (!known && room-- > 0) {
        const macs = [sighting.mac]
        const name = this.#freeName({ macs, tags: [] }, taken)
        const machine = { ...this.#blank(name), state: 'discovered' as const, macs }
        taken.add(machine.name)
        changed.set(machine.id, this.#noted(machine, sighting))
      }
    }
    for (const { id } of joined) this.#registry.remove(id)
    try {
      if (changed.size > 0) await this.#store([...changed.values()])
    } catch (error) {
      for (const machine of joined) this.#registry.put(machine)
      throw error
    }
    for (const { id } of joined) await this.#forget(id)
  }

  /** The approved machine that a sighting really belongs to, when its MAC is unknown or only `discovered` so far. */
  #twin(known: Machine | undefined, sighting: Sighting): Machine | undefined {
    if (known && known.state !== 'discovered') return undefined
    const uuid = tellingUuid(sighting.uuid)
    if (!uuid) return undefined
    return sameMachine(
      sighting,
      this.#registry.byUuid(uuid).filter(({ state }) => state !== 'discovered'),
    )
  }

  async #forget(id: string): Promise<void> {
    await this.#with.repository.remove(id)
    this.#registry.remove(id)
    this.#sightings.forget(id)
    this.#with.events.publish({ topic: 'machine', id, change: 'removed' })
  }

  #seen(machine: Machine, sighting: Sighting): Machine {
    const next = this.#noted(machine, sighting)
    const onDisk = this.#sightings.note(machine.id, machine.lastSeenAt ?? 0)
    const news = changedFields(machine, next).length > 0
    this.#registry.put(next)
    if (news) this.#with.events.publish({ topic: 'machine', id: machine.id, change: 'saved' })
    if (news || this.#with.clock.now() - onDisk >= SEEN_EVERY_MS) this.#sightings.soon()
    return next
  }

  #noted(machine: Machine, sighting: Sighting): Machine {
    const lastAddress = sighting.address ?? machine.lastAddress
    return { ...learned(machine, sighting), lastAddress, lastSeenAt: this.#with.clock.now() }
  }

  #plan(declared: readonly DeclaredMachine[], hasProfile: (name: string) => boolean) {
    return planDeclared(declared, this.#registry, (name) => this.#blank(name), hasProfile)
  }

  #known(id: string): Machine {
    const machine = this.#registry.get(id)
    if (!machine)
      throw new Refusal('not-found', `there is no machine ${id}`, { next: 'list them: reveille machine list' })
    return machine
  }

  #blank(name: string): Machine {
    return blankMachine(newId('m'), name, this.#with.clock.now())
  }

  #freeName(machine: NamedBy, taken: ReadonlySet<string> = new Set()): string {
    return this.#names.next((name) => taken.has(name) || this.#registry.byName(name) !== undefined, machine)
  }
}

function newId(kind: 'm' | 'n'): string {
  return `${kind}_${randomBytes(8).toString('hex')}`
}

function tooMany(): Refusal {
  return new Refusal(
    'too-many-requests',
    `${MAX_DISCOVERED} machines wait for approval or are being recorded; no more are`,
    {
      next: 'approve or delete discovered machines',
    },
  )
}
