import type { Config, ConfigRepository, Value } from '../../src/configs/config.ts'

/** Configs in memory, with the rules of the interface. */
export class MemoryConfigs implements ConfigRepository {
  readonly rows = new Map<string, Config>()
  readonly valueRows = new Map<string, Value>()
  readonly taken = new Map<string, number>()

  configs = async () => [...this.rows.values()]
  saveConfig = async (config: Config) => void this.rows.set(config.name, config)
  removeConfig = async (name: string) => void this.rows.delete(name)
  values = async () => [...this.valueRows.values()]
  async saveValues(values: readonly Value[]) {
    for (const value of values) this.valueRows.set(`${value.scope} ${value.name}`, value)
  }
  removeValue = async (scope: string, name: string) => void this.valueRows.delete(`${scope} ${name}`)
  async takeOnce(boot: string, part: string, at: number) {
    if (this.taken.has(`${boot} ${part}`)) return false
    this.taken.set(`${boot} ${part}`, at)
    return true
  }
  giveBack = async (boot: string, part: string) => void this.taken.delete(`${boot} ${part}`)
  async forgetTaken(before: number) {
    for (const [key, at] of this.taken) if (at < before) this.taken.delete(key)
  }
}
