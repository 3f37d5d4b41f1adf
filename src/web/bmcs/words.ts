import type { OutputOf } from '../../api/client/client.ts'
import type { Bmc } from '../../api/contract/bmcs.ts'

export type CommandClass = NonNullable<OutputOf<'explainBmc'>['class']>

/** What each class of commands is, and where it goes when the machine says nothing. */
export const CLASSES: readonly Readonly<{ name: CommandClass; word: string; about: string; usual: string }>[] = [
  { name: 'power.hard', word: 'Power', about: 'state, on, off, cycle, reset, NMI', usual: 'drivers' },
  { name: 'power.soft', word: 'Clean shutdown', about: 'power soft', usual: 'drivers' },
  { name: 'bootdev', word: 'Boot device', about: 'chassis bootdev', usual: 'reveille' },
  { name: 'identify', word: 'Lamp', about: 'chassis identify', usual: 'drivers' },
  { name: 'sensors', word: 'Sensors', about: 'sdr, sensor', usual: 'drivers' },
  { name: 'console', word: 'Console', about: 'sol activate', usual: 'drivers' },
  { name: 'fru', word: 'Parts', about: 'fru print', usual: 'reveille' },
  { name: 'sel', word: 'Event log', about: 'sel list', usual: 'reveille' },
  { name: 'media', word: 'Virtual drive', about: 'OEM commands, Redfish', usual: 'reveille' },
  { name: 'raw', word: 'Everything else', about: 'raw commands', usual: 'none' },
]

const TARGETS: Readonly<Record<string, string>> = {
  drivers: 'its drivers, in their order',
  reveille: 'answered by Reveille itself',
  none: 'refused',
}

/** Where commands go, for people. */
export const targetText = (target: string) => TARGETS[target] ?? `driver ${target}`

/** What a route can be set to; the usual way first. */
export function targetsOf(usual: string, drivers: readonly string[]): { value: string; label: string }[] {
  return [
    { value: '', label: `as usual: ${targetText(usual)}` },
    ...Object.keys(TARGETS).map((value) => ({ value, label: targetText(value) })),
    ...drivers.map((value) => ({ value, label: targetText(value) })),
  ]
}

/** How an IPMI client reaches it, as one would type it. */
export function tryIt({ host, port, cipherSuites }: Pick<Bmc, 'host' | 'port' | 'cipherSuites'>, user: string): string {
  const where = port === 623 ? host : `${host} -p ${port}`
  return `ipmitool -I lanplus -C ${cipherSuites.includes(17) ? 17 : 3} -H ${where} -U ${user} -a power status`
}
