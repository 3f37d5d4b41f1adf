import { Refusal } from '../kit/errors.ts'
import type { ConfigsAround } from './around.ts'
import type { Value, ValueScope } from './config.ts'

const MOST_VALUES = 100_000
/** Of a value as JSON. */
const MOST_BYTES = 262_144

/** Values of variables, of all machines, of tags and of single machines. */
export class ConfigValues {
  readonly #around: ConfigsAround
  readonly #values: Map<string, Value>

  private constructor(around: ConfigsAround, values: readonly Value[]) {
    this.#around = around
    this.#values = new Map(values.map((value) => [keyOf(value.scope, value.name), value]))
  }

  static async open(around: ConfigsAround): Promise<ConfigValues> {
    return new ConfigValues(around, await around.repository.values())
  }

  all(): readonly Value[] {
    return [...this.#values.values()]
  }

  find(scope: ValueScope, name: string): Value | undefined {
    return this.#values.get(keyOf(scope, name))
  }

  /** `all`, `tag:NAME`, or `machine:` with an id, a name or a MAC. Refused when it is none of them. */
  scopeOf(text: string): ValueScope {
    if (text === 'all') return text
    if (/^tag:[A-Za-z0-9][A-Za-z0-9._:=/-]{0,62}$/.test(text)) return text as ValueScope
    const reference = /^machine:(.+)$/.exec(text)?.[1]
    const machine = reference === undefined ? undefined : this.#around.machine(reference)
    if (machine) return `machine:${machine.id}`
    throw new Refusal('validation-failed', `values belong to all, to a tag, or to a machine; ${text} is none of them`, {
      next: 'name the scope as all, tag:NAME or machine:NAME',
    })
  }

  async set(scope: ValueScope, name: string, given: Readonly<{ value: unknown; secret: boolean }>): Promise<Value> {
    const { clock, repository, sealer, events } = this.#around
    const { value, secret } = given
    if (value === undefined || value === null)
      throw new Refusal('validation-failed', `the value of ${name} is empty`, { next: 'give one, or remove it' })
    const isKnown = ['string', 'number', 'boolean'].includes(typeof value)
    if (!isKnown && !(Array.isArray(value) && value.every((item) => typeof item === 'string')))
      throw new Refusal('validation-failed', `the value of ${name} is no text, number, boolean or list of texts`)
    if (JSON.stringify(value).length > MOST_BYTES)
      throw new Refusal('too-large', `a value has at most ${MOST_BYTES} bytes`)
    if (secret && typeof value !== 'string') throw new Refusal('validation-failed', 'a secret is a text')
    if (this.#values.size >= MOST_VALUES && !this.find(scope, name))
      throw new Refusal('too-large', `there are ${MOST_VALUES} values already`)
    const kept: Value = {
      scope,
      name,
      value: secret ? null : value,
      sealed: secret ? sealer.seal(`config-value ${scope} ${name}`, value as string) : null,
      updatedAt: clock.now(),
    }
    await repository.saveValue(kept)
    this.#values.set(keyOf(scope, name), kept)
    events.publish({ topic: 'config', id: name, change: 'saved' })
    return kept
  }

  async remove(scope: ValueScope, name: string): Promise<void> {
    if (!this.find(scope, name))
      throw new Refusal('not-found', `${name} has no value for ${scope}`, { next: 'list them: reveille config values' })
    await this.#around.repository.removeValue(scope, name)
    this.#values.delete(keyOf(scope, name))
    this.#around.events.publish({ topic: 'config', id: name, change: 'removed' })
  }

  async forget(scope: ValueScope): Promise<void> {
    for (const value of this.all()) if (value.scope === scope) await this.remove(scope, value.name)
  }
}

const keyOf = (scope: ValueScope, name: string) => `${scope} ${name}`
