import { expect, test } from 'vitest'
import { machine as kept } from '../../../test/conformance/values.ts'
import type { Machine } from '../../machines/machine.ts'
import { inOrder, type MachineSort, machineKey } from './machine-order.ts'

const named = (name: string, more: Partial<Machine> = {}): Machine => kept(1, { name, ...more })
const NOTHING = { power: null, bootAt: null }

function sorted(machines: readonly Machine[], sort: MachineSort, order: 'asc' | 'desc' = 'asc'): string[] {
  return inOrder(machines, order, (each) => machineKey(each, sort, order, () => NOTHING), sort).map(
    ({ machine }) => machine.name,
  )
}

test('addresses sort as numbers', () => {
  const at = (name: string, lastAddress: string | null) => named(name, { lastAddress, ip: null })
  const machines = [at('a', '10.0.0.100'), at('b', null), at('c', '9.0.0.1'), at('d', '10.0.0.20')]
  expect(sorted(machines, 'address')).toEqual(['c', 'd', 'a', 'b'])
  expect(sorted(machines, 'address', 'desc')).toEqual(['a', 'd', 'c', 'b'])
})

test('those seen last come first, those never seen last', () => {
  const seen = (name: string, lastSeenAt: number | null) => named(name, { lastSeenAt })
  const machines = [seen('a', 5), seen('b', null), seen('c', 1_700_000_000_000), seen('d', 90)]
  expect(sorted(machines, 'seen', 'desc')).toEqual(['c', 'd', 'a', 'b'])
  expect(sorted(machines, 'seen')).toEqual(['a', 'd', 'c', 'b'])
})

test('machines that are alike keep the order of their names', () => {
  const machines = ['a', 'b', 'c'].map((name) => named(name))
  expect(sorted(machines, 'state')).toEqual(['a', 'b', 'c'])
  expect(sorted(machines, 'power')).toEqual(['a', 'b', 'c'])
})
