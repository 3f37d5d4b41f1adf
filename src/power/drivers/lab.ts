import type { Power, PowerAction, PowerState } from '../power.ts'

/** The part of the lab that switches machines. */
export type LabSwitches = Readonly<{
  powerState(name: string): Promise<PowerState>
  switchOn(name: string): Promise<void>
  switchOff(name: string): Promise<void>
  reset(name: string): Promise<void>
  pressPowerButton(name: string): Promise<void>
}>

/** Switches a lab machine. `reset` and `soft` are refused (`wrong-state`) while it is off; `soft` leaves the rest to its system. */
export class LabPower implements Power {
  readonly driver = 'lab'
  readonly #lab: LabSwitches
  readonly #name: string

  constructor(lab: LabSwitches, name: string) {
    this.#lab = lab
    this.#name = name
  }

  state(): Promise<PowerState> {
    return this.#lab.powerState(this.#name)
  }

  async perform(action: PowerAction): Promise<PowerState> {
    switch (action) {
      case 'on':
        await this.#lab.switchOn(this.#name)
        break
      case 'off':
        await this.#lab.switchOff(this.#name)
        break
      case 'cycle':
        await this.#lab.switchOff(this.#name)
        await this.#lab.switchOn(this.#name)
        break
      case 'reset':
        await this.#lab.reset(this.#name)
        break
      case 'soft':
        await this.#lab.pressPowerButton(this.#name)
        break
    }
    return this.state()
  }
}
