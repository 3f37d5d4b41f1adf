import { countedName } from '../../kit/counted-names.ts'
import type { Machine } from '../../machines/machine.ts'
import type { MACHINE_SORTS } from '../contract/machines.ts'

export type MachineSort = (typeof MACHINE_SORTS)[number]
type Order = 'asc' | 'desc'
/** What is known of a machine beside what is kept of it. Times in milliseconds since 1970. */
type Known = Readonly<{ power: string | null; bootAt: number | null }>

/**
 * By what machines are listed: texts that sort as what they stand for, each with the name behind it, so that no two are equal. What
 * a machine does not have sorts last in both orders.
 */
export function machineKey(machine: Machine, sort: MachineSort, order: Order, known: () => Known): string {
  const name = countedName(machine.name)
  if (sort === 'name') return name
  const value = wordOf(machine, sort, known)
  const has = value !== null && value !== ''
  return `${has === (order === 'asc') ? '0' : '1'}${value ?? ''}\u0000${name}`
}

function wordOf(machine: Machine, sort: Exclude<MachineSort, 'name'>, known: () => Known): string | null {
  switch (sort) {
    case 'state':
      return machine.state
    case 'profile':
      return machine.profile
    case 'power':
      return known().power
    case 'boot':
      return inTime(known().bootAt)
    case 'seen':
      return inTime(machine.lastSeenAt)
    case 'address':
      return (machine.lastAddress ?? machine.ip)?.replace(/\d+/g, (part) => part.padStart(3, '0')) ?? null
  }
}

const inTime = (at: number | null) => (at === null ? null : String(at).padStart(16, '0'))

/** Machines in an order; those that come sorted by name are not sorted again for that. */
export function inOrder(
  byName: readonly Machine[],
  order: Order,
  keyOf: (machine: Machine) => string,
  sort: MachineSort,
): { machine: Machine; key: string }[] {
  const keyed = byName.map((machine) => ({ machine, key: keyOf(machine) }))
  if (sort !== 'name') keyed.sort((a, b) => (a.key < b.key ? -1 : 1))
  return order === 'desc' ? keyed.reverse() : keyed
}
