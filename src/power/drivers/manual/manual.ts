import type { DriverFactory, DriverMachine } from '../../configured.ts'
import type { PowerDriver } from '../../driver.ts'
import type { ManualRequests } from '../../manual-requests.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../../power.ts'
import type { SettingsOf } from '../../settings.ts'

/** Asks a person for everything. Its state is what a person said last, however long ago: `ManualRequests.lastAnswer` has the time. */
class Manual implements PowerDriver {
  readonly kind = 'manual'
  readonly actions = POWER_ACTIONS
  readonly #requests: ManualRequests
  readonly #machine: DriverMachine
  readonly #instructions: string

  constructor(requests: ManualRequests, machine: DriverMachine, instructions: string) {
    this.#requests = requests
    this.#machine = machine
    this.#instructions = instructions
  }

  async state(): Promise<PowerState> {
    return this.#requests.lastAnswer(this.#machine.id)?.state ?? 'unknown'
  }

  perform(action: PowerAction): Promise<void> {
    const { id, name } = this.#machine
    return this.#requests.ask({ machine: id, name, action, instructions: this.#instructions })
  }

  answer(state: 'on' | 'off'): void {
    const open = this.#requests.pending().find(({ machine }) => machine === this.#machine.id)
    if (open) this.#requests.answer(open.id, state)
    else this.#requests.tell(this.#machine.id, state)
  }

  async probe(): Promise<string> {
    const answer = this.#requests.lastAnswer(this.#machine.id)
    if (!answer) return 'a person is asked; nobody has said yet whether it is on'
    return `a person is asked; at ${new Date(answer.at).toISOString()} one said that it is ${answer.state}`
  }

  async close(): Promise<void> {
    this.#requests.withdraw(this.#machine.id)
  }
}

export function manualFactory(requests: ManualRequests): DriverFactory {
  return (settings, _secrets, machine) => new Manual(requests, machine, (settings as SettingsOf<'manual'>).instructions)
}
