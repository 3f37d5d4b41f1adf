import type { BootOrder } from './boot-order.ts'
import type { PowerProblem } from './outcome.ts'
import type { PowerMachine } from './power.ts'
import { allFailed } from './refusals.ts'
import { causeOf, type TrackedDriver } from './tracked-driver.ts'

/** What firmware was told. `confirmed`: whether just that was read back; `null`: the driver cannot read it. */
export type BootOrderReport = Readonly<{
  driver: string
  order: BootOrder | null
  confirmed: boolean | null
  problems: readonly PowerProblem[]
}>

/** Tells firmware what to boot and reads it back, with the first of these drivers that keeps its word. Refused when none took it. */
export async function orderBoot(
  machine: PowerMachine,
  drivers: readonly TrackedDriver[],
  order: BootOrder | null,
): Promise<BootOrderReport> {
  const problems: PowerProblem[] = []
  const errors: unknown[] = []
  let last: Omit<BootOrderReport, 'problems'> | undefined
  for (const driver of drivers) {
    try {
      const read = await driver.ask(async (each) => {
        await each.setBootOrder?.(order)
        return each.bootOrder?.()
      })
      const confirmed = read === undefined ? null : sameOrder(read, order)
      last = { driver: driver.name, order: read === undefined ? order : read, confirmed }
      if (confirmed !== false) return { ...last, problems }
      problems.push({
        driver: driver.name,
        cause: `it took the boot order, but what is read back is ${words(read ?? null)}`,
      })
    } catch (error) {
      errors.push(error)
      problems.push({ driver: driver.name, cause: causeOf(error) })
    }
  }
  if (!last) throw allFailed(machine, 'boot-device', problems, errors)
  return { ...last, problems }
}

/** `pxe, once, as UEFI` */
function words(order: BootOrder | null): string {
  if (!order) return 'none'
  return `${order.device}, ${order.persistent ? 'always' : 'once'}, as ${order.efi ? 'UEFI' : 'legacy BIOS'}`
}

function sameOrder(a: BootOrder | null, b: BootOrder | null): boolean {
  return a?.device === b?.device && a?.persistent === b?.persistent && a?.efi === b?.efi
}
