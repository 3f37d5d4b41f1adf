import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../../../kit/errors.ts'
import type { DriverFactory, DriverSecrets } from '../../configured.ts'
import type { PowerDriver, RestartNote } from '../../driver.ts'
import type { PowerAction, PowerState } from '../../power.ts'
import { refusedAction } from '../../refused-action.ts'
import type { SettingsOf } from '../../settings.ts'
import { OUTLET_MODELS, type OutletModel, outletOid } from './models.ts'
import { type Agent, openAgent } from './session.ts'

type SnmpSettings = SettingsOf<'snmp'>

/** How long an outlet may take to be off, and how often is looked, in milliseconds. */
const OFF_WAIT_MS = 12_000
const LOOK_MS = 500

/**
 * An outlet of a switched power strip. What hangs on it has power or has not: a computer that was shut down with its outlet on reads
 * as on here, and switching an outlet on starts a computer only if its firmware is set to start with the power.
 */
class Outlet implements PowerDriver {
  readonly kind = 'snmp'
  readonly actions: readonly PowerAction[] = ['on', 'off', 'cycle']
  readonly #settings: SnmpSettings
  readonly #secrets: DriverSecrets
  readonly #model: OutletModel
  readonly #at: Readonly<{ unit: number; feed: number; outlet: number }>

  constructor(settings: SnmpSettings, secrets: DriverSecrets, model: OutletModel) {
    this.#settings = settings
    this.#secrets = secrets
    this.#model = model
    this.#at = { unit: settings.unit ?? model.unit ?? 1, feed: settings.feed, outlet: settings.outlet }
  }

  state(): Promise<PowerState> {
    return this.#with((agent) => this.#read(agent))
  }

  perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    return this.#with(async (agent) => {
      if (action === 'on' || action === 'off') await this.#order(agent, action)
      else if (action === 'cycle') await this.#cycle(agent, note)
      else throw refusedAction(this.kind, action, this.actions)
    })
  }

  async probe(): Promise<string> {
    const { model, outlet, address } = this.#settings
    return `outlet ${outlet} of ${address} (${model}) is ${await this.state()}`
  }

  async close(): Promise<void> {}

  async #cycle(agent: Agent, note?: (what: RestartNote) => void): Promise<void> {
    const { pauseSeconds, outlet, address } = this.#settings
    await this.#order(agent, 'off')
    const until = Date.now() + OFF_WAIT_MS
    while ((await this.#read(agent)) !== 'off') {
      if (Date.now() > until)
        throw new Refusal(
          'wrong-state',
          `${address} took the order to switch outlet ${outlet} off, but it is not off`,
          {
            next: 'see in the strip whether the outlet is locked; then switch it on',
          },
        )
      await pause(LOOK_MS)
    }
    note?.('was-off')
    await pause(pauseSeconds * 1000)
    try {
      await this.#order(agent, 'on')
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw new Refusal(error.code, `outlet ${outlet} was switched off, and then not on again: ${error.message}`, {
        next: 'switch it on',
      })
    }
  }

  async #read(agent: Agent): Promise<PowerState> {
    const { oid, on, off } = this.#model.state
    const value = await agent.read(outletOid(oid, this.#at))
    if (on.includes(value)) return 'on'
    return off.includes(value) ? 'off' : 'unknown'
  }

  async #order(agent: Agent, order: 'on' | 'off'): Promise<void> {
    const { oid, value } = this.#model.control[order]
    await agent.write(outletOid(oid, this.#at), value)
  }

  async #with<T>(work: (agent: Agent) => Promise<T>): Promise<T> {
    const agent = openAgent(this.#settings, this.#secrets)
    try {
      return await work(agent)
    } finally {
      agent.close()
    }
  }
}

/** Refuses (`validation-failed`) a model that is not known, and version 3 without a user. */
export const snmpFactory: DriverFactory = (settings, secrets) => {
  const strip = settings as SnmpSettings
  const model = Object.hasOwn(OUTLET_MODELS, strip.model) ? OUTLET_MODELS[strip.model] : undefined
  if (!model)
    throw new Refusal('validation-failed', `power strips of the model ${strip.model} are not known`, {
      next: `known are ${Object.keys(OUTLET_MODELS).sort().join(', ')}`,
    })
  if (strip.version === '3' && strip.user === '')
    throw new Refusal('validation-failed', 'SNMP version 3 needs a user', { next: 'set `user` of the driver' })
  return new Outlet(strip, secrets, model)
}
