import { type Deployment, isSettled } from '../../src/deployments/deployment.ts'
import type { DiskRecord } from '../../src/deployments/disk-records.ts'
import type {
  AgentBoot,
  DeploymentChange,
  DeploymentQuery,
  DeploymentRepository,
  NumberedLine,
  TakenInventory,
} from '../../src/deployments/repository.ts'

/** Deployments in memory, kept as JSON so that nothing is shared with who gave it. `failing` makes every write fail, as a full disk would. */
export class MemoryDeployments implements DeploymentRepository {
  failing: Error | undefined
  /** Every change that was kept, in order. */
  readonly commits: DeploymentChange[] = []
  readonly #deployments = new Map<string, string>()
  readonly #lines = new Map<string, NumberedLine[]>()
  readonly #boots = new Map<string, AgentBoot>()
  readonly #inventories = new Map<string, string>()
  readonly #disks = new Map<string, DiskRecord>()

  #all(): Deployment[] {
    return [...this.#deployments.values()].map((text) => JSON.parse(text) as Deployment)
  }

  async unsettled() {
    return this.#all().filter((each) => !isSettled(each))
  }

  async get(id: string) {
    return this.#all().find((each) => each.id === id)
  }

  async list({ limit, before = Number.POSITIVE_INFINITY, machine, states, search }: DeploymentQuery) {
    const fits = (d: Deployment) =>
      d.sequence < before &&
      (machine ?? d.machine) === d.machine &&
      (states?.includes(d.state) ?? true) &&
      (!search ||
        search.machines.includes(d.machine) ||
        d.orderedBy.includes(search.text) ||
        (d.action.kind === 'install' && d.action.profile.includes(search.text)))
    const newestFirst = this.#all().sort((a, b) => b.sequence - a.sequence)
    return newestFirst.filter(fits).slice(0, limit)
  }

  async lastSequence() {
    return Math.max(0, ...this.#all().map(({ sequence }) => sequence))
  }

  async commit(change: DeploymentChange) {
    await Promise.resolve()
    if (this.failing) throw this.failing
    this.commits.push(change)
    for (const deployment of change.deployments ?? []) this.#deployments.set(deployment.id, JSON.stringify(deployment))
    for (const { deployment, line } of change.lines ?? []) {
      const lines = this.#lines.get(deployment) ?? []
      if (lines.some(({ n }) => n === line.n)) throw new Error(`line ${line.n} of ${deployment} is there already`)
      this.#lines.set(deployment, [...lines, line])
    }
    for (const id of change.bootsGone ?? []) this.#boots.delete(id)
    for (const boot of change.boots ?? []) this.#boots.set(boot.id, boot)
    const key = ({ machine, serial, partition }: Pick<DiskRecord, 'machine' | 'serial' | 'partition'>) =>
      JSON.stringify([machine, serial, partition])
    for (const record of change.disksGone ?? []) this.#disks.delete(key(record))
    if (change.machineGone !== undefined) {
      this.#inventories.delete(change.machineGone)
      for (const [id, { machine }] of this.#boots) if (machine === change.machineGone) this.#boots.delete(id)
      for (const [place, { machine }] of this.#disks) if (machine === change.machineGone) this.#disks.delete(place)
    }
    for (const record of change.disks ?? []) this.#disks.set(key(record), record)
    if (change.inventory) this.#inventories.set(change.inventory.machine, JSON.stringify(change.inventory))
  }

  async log(deployment: string, after: number, limit: number) {
    return (this.#lines.get(deployment) ?? []).filter(({ n }) => n > after).slice(0, limit)
  }

  async lastLine(deployment: string) {
    return this.#lines.get(deployment)?.at(-1)?.n ?? 0
  }

  async boots() {
    return [...this.#boots.values()]
  }

  async inventory(machine: string): Promise<TakenInventory | undefined> {
    const text = this.#inventories.get(machine)
    if (text === undefined) return undefined
    const { takenAt, inventory } = JSON.parse(text)
    return { takenAt, inventory }
  }

  async disks() {
    return [...this.#disks.values()]
  }

  async prune({ orderedBefore, most }: { orderedBefore: number; most: number }) {
    const newest = await this.lastSequence()
    const old = this.#all().filter(
      (each) => isSettled(each) && each.createdAt < orderedBefore && each.sequence < newest,
    )
    const ids = old.sort((a, b) => a.sequence - b.sequence).map(({ id }) => id)
    for (const id of ids.slice(0, most)) {
      this.#deployments.delete(id)
      this.#lines.delete(id)
    }
    return ids.slice(0, most)
  }

  async inventoried() {
    return [...this.#inventories.keys()]
  }
}
