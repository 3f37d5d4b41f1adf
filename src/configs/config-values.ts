import { Refusal } from '../kit/errors.ts'
import type { ConfigsAround } from './around.ts'
import type { Value, ValueScope } from './config.ts'

const MOST_VALUES = 100_000
/** Of a value as JSON. */
const MOST_BYTES = 262_144
/** Values of one commit. */
const SAVED_AT_ONCE = 500

export type GivenValue = Readonly<{ scope: ValueScope; name: string; value: unknown }>

/** Values of variables, of all machines, of tags and of single machines. */
export class ConfigValues {
  readonly #around: ConfigsAround
  /** By scope and name: rendering asks for a few of one machine, and there may be many of others. */
  readonly #values = new Map<ValueScope, Map<string, Value>>()
  #count = 0

  private constructor(around: ConfigsAround, values: readonly Value[]) {
    this.#around = around
    for (const value of values) this.#keep(value)
  }

  static async open(around: ConfigsAround): Promise<ConfigValues> {
    return new ConfigValues(around, await around.repository.values())
  }

  all(): readonly Value[] {
    return [...this.#values.values()].flatMap((ofScope) => [...ofScope.values()])
  }

  find(scope: ValueScope, name: string): Value | undefined {
    return this.#values.get(scope)?.get(name)
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
    const kept = this.#made(scope, name, given)
    await this.#save([kept])
    return kept
  }

  /** Values that are no secrets. A `Refusal` says which of them is wrong; some before it may be kept then. */
  async setAll(given: readonly GivenValue[]): Promise<void> {
    for (let from = 0; from < given.length; from += SAVED_AT_ONCE) {
      const part = given.slice(from, from + SAVED_AT_ONCE)
      await this.#save(part.map(({ scope, name, value }) => this.#made(scope, name, { value, secret: false })))
    }
  }

  #made(scope: ValueScope, name: string, { value, secret }: Readonly<{ value: unknown; secret: boolean }>): Value {
    const { clock, sealer } = this.#around
    if (value === undefined || value === null)
      throw new Refusal('validation-failed', `the value of ${name} is empty`, { next: 'give one, or remove it' })
    const isKnown = ['string', 'number', 'boolean'].includes(typeof value)
    if (!isKnown && !(Array.isArray(value) && value.every((item) => typeof item === 'string')))
      throw new Refusal('validation-failed', `the value of ${name} is no text, number, boolean or list of texts`)
    if (JSON.stringify(value).length > MOST_BYTES)
      throw new Refusal('too-large', `a value has at most ${MOST_BYTES} bytes`)
    if (secret && typeof value !== 'string') throw new Refusal('validation-failed', 'a secret is a text')
    return {
      scope,
      name,
      value: secret ? null : value,
      sealed: secret ? sealer.seal(`config-value ${scope} ${name}`, value as string) : null,
      updatedAt: clock.now(),
    }
  }

  async #save(values: readonly Value[]): Promise<void> {
    const { repository, events } = this.#around
    const fresh = values.filter(({ scope, name }) => !this.find(scope, name))
    if (fresh.length > 0 && this.#count + fresh.length > MOST_VALUES)
      throw new Refusal('too-large', `there are ${MOST_VALUES} values already`)
    await repository.saveValues(values)
    for (const value of values) this.#keep(value)
    for (const name of new Set(values.map((value) => value.name)))
      events.publish({ topic: 'config', id: name, change: 'saved' })
  }

  #keep(value: Value): void {
    const ofScope = this.#values.get(value.scope) ?? new Map<string, Value>()
    if (!ofScope.has(value.name)) this.#count += 1
    this.#values.set(value.scope, ofScope.set(value.name, value))
  }

  async remove(scope: ValueScope, name: string): Promise<void> {
    if (!this.find(scope, name))
      throw new Refusal('not-found', `${name} has no value for ${scope}`, { next: 'list them: reveille config values' })
    await this.#around.repository.removeValue(scope, name)
    const ofScope = this.#values.get(scope)
    if (ofScope?.delete(name)) this.#count -= 1
    if (ofScope?.size === 0) this.#values.delete(scope)
    this.#around.events.publish({ topic: 'config', id: name, change: 'removed' })
  }

  async forget(scope: ValueScope): Promise<void> {
    for (const name of [...(this.#values.get(scope)?.keys() ?? [])]) await this.remove(scope, name)
  }
}
