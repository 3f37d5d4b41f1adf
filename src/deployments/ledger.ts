import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { ManyBy } from '../kit/many-by.ts'
import { type Deployment, isAtRest, isSettled, type LogLine } from './deployment.ts'
import { changed, type DiskRecord, type RecordChange } from './disk-records.ts'
import type {
  AgentBoot,
  DeploymentChange,
  DeploymentQuery,
  DeploymentRepository,
  NumberedLine,
  TakenInventory,
} from './repository.ts'

/** Most lines in the log of one deployment; what comes after is counted as lost by its last line. */
export const MOST_LINES = 20_000
/** Deleted in one commit: none may keep others waiting for long. */
const PRUNED_AT_ONCE = 50

type Dependencies = Readonly<{
  repository: DeploymentRepository
  events: { publish(event: { topic: 'deployment'; id: string; change: 'saved' | 'removed' }): void }
  clock: Clock
  log: Log
}>

/** What is written together with a deployment. */
export type Besides = Readonly<{
  /** A new deployment of the same machine. */
  also?: Deployment | undefined
  lines?: readonly LogLine[] | undefined
  records?: RecordChange | undefined
  inventory?: TakenInventory | undefined
}>

/** All deployments that something may still happen with, and what is known of disks: in memory, every change durable before it is seen. */
export class Ledger {
  readonly #with: Dependencies
  readonly #byId = new Map<string, Deployment>()
  /** Ids of the same by machine: whoever boots asks for its own, and thousands may be open. */
  readonly #ofMachine = new ManyBy<string, string>()
  readonly #records = new Map<string, readonly DiskRecord[]>()
  readonly #boots = new Map<string, AgentBoot>()
  readonly #lines = new Map<string, number>()
  readonly #last = new Map<string, Promise<unknown>>()
  #sequence: number

  private constructor(dependencies: Dependencies, sequence: number) {
    this.#with = dependencies
    this.#sequence = sequence
  }

  static async open(dependencies: Dependencies): Promise<Ledger> {
    const { repository } = dependencies
    const ledger = new Ledger(dependencies, await repository.lastSequence())
    for (const deployment of await repository.unsettled()) ledger.#put(deployment)
    for (const record of await repository.disks())
      ledger.#records.set(record.machine, [...ledger.records(record.machine), record])
    for (const boot of await repository.boots()) ledger.#boots.set(boot.id, boot)
    return ledger
  }

  now(): number {
    return this.#with.clock.now()
  }

  nextSequence(): number {
    return ++this.#sequence
  }

  unsettled(): Deployment[] {
    return [...this.#byId.values()]
  }

  /** From memory: not those that are settled. */
  get(id: string): Deployment | undefined {
    return this.#byId.get(id)
  }

  /** Those of a machine that are not settled. */
  ofMachine(machine: string): Deployment[] {
    return [...this.#ofMachine.of(machine)].flatMap((id) => this.#byId.get(id) ?? [])
  }

  /** Those of a machine that are not at rest, in the order in which they have their turn. */
  open(machine: string): Deployment[] {
    return this.ofMachine(machine)
      .filter((deployment) => !isAtRest(deployment))
      .sort((a, b) => Number(a.follows === null) - Number(b.follows === null) || a.sequence - b.sequence)
  }

  /** The one that has its turn on this machine. */
  current(machine: string): Deployment | undefined {
    return this.ofMachine(machine).find((deployment) => deployment.state !== 'queued' && !isAtRest(deployment))
  }

  records(machine: string): readonly DiskRecord[] {
    return this.#records.get(machine) ?? []
  }

  boot(id: string): AgentBoot | undefined {
    return this.#boots.get(id)
  }

  boots(machine?: string): AgentBoot[] {
    return [...this.#boots.values()].filter((boot) => machine === undefined || boot.machine === machine)
  }

  /** One change of a machine's deployments after another: what was checked still holds when it is written. */
  alone<T>(machine: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(machine) ?? Promise.resolve()).then(work)
    const settled = result.catch(() => undefined)
    this.#last.set(machine, settled)
    void settled.then(() => {
      if (this.#last.get(machine) === settled) this.#last.delete(machine)
    })
    return result
  }

  /** Saves a deployment with what belongs to the same change. Only to be called within `alone` of its machine. */
  async save(deployment: Deployment, { also, lines = [], records, inventory }: Besides = {}): Promise<Deployment> {
    const { id, machine } = deployment
    const numbered = await this.#numbered(id, lines)
    await this.#with.repository.commit({
      deployments: also ? [deployment, also] : [deployment],
      lines: numbered.map((line) => ({ deployment: id, line })),
      ...(records ? { disks: records.put, disksGone: records.gone } : {}),
      ...(inventory ? { inventory: { machine, ...inventory } } : {}),
    })
    if (also) this.#put(also)
    if (isSettled(deployment)) {
      this.#drop(deployment)
      this.#lines.delete(id)
    } else this.#put(deployment)
    if (records) this.#records.set(machine, changed(this.records(machine), records))
    this.#publish(id)
    if (also) this.#publish(also.id)
    return deployment
  }

  /** Changes only what memory knows of a deployment, such as its progress. */
  remember(deployment: Deployment): void {
    if (!this.#byId.has(deployment.id)) return
    this.#byId.set(deployment.id, deployment)
    this.#publish(deployment.id)
  }

  inventory(machine: string): Promise<TakenInventory | undefined> {
    return this.#with.repository.inventory(machine)
  }

  /** Also those that are settled. */
  async find(id: string): Promise<Deployment | undefined> {
    return this.#byId.get(id) ?? this.#with.repository.get(id)
  }

  /** Newest first, also those that are settled. */
  async list(query: DeploymentQuery): Promise<Deployment[]> {
    return (await this.#with.repository.list(query)).map((each) => this.#byId.get(each.id) ?? each)
  }

  log(deployment: string, after: number, limit: number): Promise<NumberedLine[]> {
    return this.#with.repository.log(deployment, after, limit)
  }

  /** Saves what belongs to a machine and to no deployment in memory. */
  async saveRecords(machine: string, records: RecordChange): Promise<void> {
    if (records.put.length + records.gone.length === 0) return
    await this.#with.repository.commit({ disks: records.put, disksGone: records.gone })
    this.#records.set(machine, changed(this.records(machine), records))
  }

  async saveInventory(machine: string, inventory: TakenInventory): Promise<void> {
    await this.#with.repository.commit({ inventory: { machine, ...inventory } })
  }

  /** Forgets what is known of a machine that is no more; its deployments stay, as history. */
  async forgetMachine(machine: string): Promise<void> {
    await this.#with.repository.commit({ machineGone: machine })
    this.#records.delete(machine)
    for (const { id } of this.boots(machine)) this.#boots.delete(id)
  }

  /** Machines of which something is known. */
  async machines(): Promise<ReadonlySet<string>> {
    const inventoried = await this.#with.repository.inventoried()
    return new Set([...inventoried, ...this.#records.keys(), ...this.boots().map(({ machine }) => machine)])
  }

  /** Deletes settled deployments that were ordered before a time; returns how many. */
  async prune(orderedBefore: number): Promise<number> {
    let count = 0
    for (;;) {
      const gone = await this.#with.repository.prune({ orderedBefore, most: PRUNED_AT_ONCE })
      for (const id of gone) {
        this.#lines.delete(id)
        this.#with.events.publish({ topic: 'deployment', id, change: 'removed' })
      }
      count += gone.length
      if (gone.length < PRUNED_AT_ONCE) return count
    }
  }

  async saveBoot(boot: AgentBoot, gone: readonly AgentBoot[] = []): Promise<void> {
    const bootsGone = gone.map(({ id }) => id)
    await this.#with.repository.commit({ boots: [boot], bootsGone })
    for (const id of bootsGone) this.#boots.delete(id)
    this.#boots.set(boot.id, boot)
  }

  async forgetBoots(gone: readonly AgentBoot[]): Promise<void> {
    if (gone.length === 0) return
    const change: DeploymentChange = { bootsGone: gone.map(({ id }) => id) }
    await this.#with.repository.commit(change)
    for (const { id } of gone) this.#boots.delete(id)
  }

  /** Adds lines to the log of a deployment, also of one that is settled. */
  async append(deployment: string, lines: readonly LogLine[]): Promise<void> {
    const numbered = await this.#numbered(deployment, lines)
    if (numbered.length === 0) return
    await this.#with.repository.commit({ lines: numbered.map((line) => ({ deployment, line })) })
    this.#publish(deployment)
  }

  line(level: LogLine['level'], text: string): LogLine {
    return { at: this.now(), level, text }
  }

  async #numbered(deployment: string, lines: readonly LogLine[]): Promise<NumberedLine[]> {
    if (lines.length === 0) return []
    let n = this.#lines.get(deployment) ?? (await this.#with.repository.lastLine(deployment))
    // Whoever came in the meantime has counted on.
    n = Math.max(n, this.#lines.get(deployment) ?? 0)
    const numbered: NumberedLine[] = []
    for (const line of lines) {
      if (n >= MOST_LINES) break
      const text = n + 1 === MOST_LINES ? `the log is full (${MOST_LINES} lines); no more are kept` : line.text
      numbered.push({ ...line, text, n: ++n })
    }
    this.#lines.set(deployment, n)
    return numbered
  }

  #put(deployment: Deployment): void {
    this.#byId.set(deployment.id, deployment)
    this.#ofMachine.add(deployment.machine, deployment.id)
  }

  #drop({ id, machine }: Deployment): void {
    this.#byId.delete(id)
    this.#ofMachine.remove(machine, id)
  }

  #publish(id: string): void {
    this.#with.events.publish({ topic: 'deployment', id, change: 'saved' })
  }
}
