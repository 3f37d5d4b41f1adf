import type { Machine } from '../machines/machine.ts'
import type { RenderedConfig } from './config.ts'
import type { BootFacts } from './facts.ts'

/** What boot stages ask of configs. */
export interface ConfigDesk {
  /** The name under which the first part is delivered; `undefined`: there is no such config. */
  deliveryOf(reference: string): string | undefined
  /** The names of all that is delivered, the first part first; nothing where there is no such config. */
  deliveriesOf(reference: string): readonly string[]
  /** Why a machine cannot be given it, in one line; `undefined`: it can. `disks`: its boot has some to log in to. */
  problemFor(reference: string, machine: Machine, disks: boolean): string | undefined
  /** Whether what it configures is told to phone home (`boot.home`). */
  phonesHome(reference: string): boolean
  /** With secrets: for a boot. Refused (`not-found`) when there is no such config. */
  render(reference: string, machine: Machine, boot: BootFacts): RenderedConfig
  /** Whether a part with secrets may go to this boot: the first time only. Durable. */
  takeOnce(boot: string, part: string): Promise<boolean>
  /** It did not arrive. */
  giveBack(boot: string, part: string): Promise<void>
}
