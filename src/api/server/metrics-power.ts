import { Gauge, type Registry } from 'prom-client'
import type { ApiDependencies } from './dependencies.ts'

/** Power drivers and states, in numbers. Names of machines and drivers are not in them. */
export function servePowerMetrics(registers: Registry[], { powers }: Pick<ApiDependencies, 'powers'>): void {
  new Gauge({
    name: 'reveille_power_machines',
    help: 'Machines by the power state that was read last',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(powers.counts().states)) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'reveille_power_drivers',
    help: 'Power drivers that were used since the start, by circuit; open: it failed too often and rests',
    labelNames: ['circuit'],
    registers,
    collect() {
      for (const [circuit, count] of Object.entries(powers.counts().circuits)) this.set({ circuit }, count)
    },
  })
}

/** Calls to drivers. `refused`: it answered no; `failed`: it did not answer, or not to these credentials. */
export function powerCounters({ powers }: Pick<ApiDependencies, 'powers'>): Record<string, number> {
  const { calls } = powers.counts()
  return Object.fromEntries(
    calls.map(({ kind, result, count }) => [`power_driver_calls_total{kind="${kind}",result="${result}"}`, count]),
  )
}
