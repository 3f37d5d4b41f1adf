import type { BootOrder } from './boot-order.ts'
import type { BootOrderReport } from './boot-ordering.ts'
import { besidesText, type PowerReport } from './outcome.ts'
import type { PowerAction, PowerFinder, PowerMachine, PowerState } from './power.ts'
import { notRestarted } from './refusals.ts'
import { causeOf, type TrackedDriver } from './tracked-driver.ts'

/** How long the outcome of an action that other parts of the server order is looked for, in seconds. */
const WAIT_S = 15
/** The same for a restart that nothing read can prove: they watch the boot themselves. */
const RESTART_WAIT_S = 5

type Dependencies = Readonly<{
  drivers: (machine: PowerMachine) => readonly TrackedDriver[]
  state: (machine: PowerMachine) => Promise<PowerState>
  perform: (
    machine: PowerMachine,
    action: PowerAction,
    how: Readonly<{ wait: number; thorough: boolean; apart?: boolean | undefined }>,
  ) => Promise<PowerReport>
  setBootOrder: (machine: PowerMachine, order: BootOrder) => Promise<BootOrderReport>
  /** What the firmware of a machine (by id) was seen to be. */
  firmwareOf: (machine: string) => 'bios' | 'uefi' | null
}>

/** Machines as other parts of the server switch them: one answer in a word, or a refusal. */
export function powerFinder({ drivers, state, perform, setBootOrder, firmwareOf }: Dependencies): PowerFinder {
  return (machine) => {
    const all = drivers(machine)
    const named = all.find(({ capabilities }) => capabilities.has('on') || capabilities.has('cycle')) ?? all[0]
    if (!named) return undefined
    return {
      driver: named.name,
      state: () => state(machine),
      async perform(action, { apart, told } = {}) {
        const restarts = action === 'cycle' || action === 'reset'
        const how = { wait: restarts ? RESTART_WAIT_S : WAIT_S, thorough: true, apart }
        const report = await perform(machine, action, how)
        if (restarts && report.confirmed === false && report.state === 'on') throw notRestarted(machine, report)
        const besides = besidesText(report)
        if (besides !== undefined) told?.(besides)
        return report.state
      },
      async prepareNetworkBoot() {
        if (drivers(machine).every(({ capabilities }) => !capabilities.has('boot-device'))) return null
        // Firmware that was never seen is taken for what is sold today.
        const efi = firmwareOf(machine.id) !== 'bios'
        try {
          const { confirmed, problems } = await setBootOrder(machine, { device: 'pxe', persistent: false, efi })
          return confirmed === false ? problems.map(({ driver, cause }) => `${driver}: ${cause}`).join('; ') : null
        } catch (error) {
          return causeOf(error)
        }
      },
    }
  }
}
