import type { Bmc, BmcEvent, BmcRule, GatewayRepository } from '../../src/gateway/bmc.ts'

/** BMCs in memory, with the rules of the interface. */
export class MemoryGateway implements GatewayRepository {
  readonly bmcRows = new Map<string, Bmc>()
  readonly ruleRows = new Map<string, BmcRule>()
  readonly eventRows = new Map<string, BmcEvent[]>()

  bmcs = async () => [...this.bmcRows.values()]
  saveBmc = async (bmc: Bmc) => void this.bmcRows.set(bmc.machine, bmc)
  async removeBmc(machine: string) {
    this.bmcRows.delete(machine)
    this.eventRows.delete(machine)
  }
  rules = async () => [...this.ruleRows.values()]
  saveRule = async (rule: BmcRule) => void this.ruleRows.set(rule.name, rule)
  removeRule = async (name: string) => void this.ruleRows.delete(name)
  events = async (machine: string) => this.eventRows.get(machine) ?? []
  lastEventIds = async () => new Map([...this.eventRows].map(([machine, all]) => [machine, all.at(-1)?.id ?? 0]))
  async addEvent(event: BmcEvent, keepFrom: number) {
    const kept = (this.eventRows.get(event.machine) ?? []).filter(({ id }) => id >= keepFrom)
    this.eventRows.set(event.machine, [...kept, event])
  }
  clearEvents = async (machine: string) => void this.eventRows.delete(machine)
}
