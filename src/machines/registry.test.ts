import { expect, test } from 'vitest'
import { machine } from '../../test/conformance/values.ts'
import { Watched } from '../../test/fakes/watched.ts'
import { MachineRegistry } from './registry.ts'

const names = (registry: MachineRegistry) => registry.sorted().map(({ name }) => name)

test('is sorted by name, whatever comes, goes and is renamed', () => {
  const registry = new MachineRegistry()
  for (const [n, name] of ['c', 'a', 'b'].entries()) registry.put(machine(n, { name }))
  expect(names(registry)).toEqual(['a', 'b', 'c'])
  registry.put(machine(1, { name: 'z', notes: 'renamed' }))
  expect(names(registry)).toEqual(['b', 'c', 'z'])
  registry.put(machine(2, { name: 'b', notes: 'changed' }))
  expect(registry.sorted()[0]?.notes).toBe('changed')
  registry.remove('m_0')
  registry.put(machine(4, { name: 'd' }))
  expect(names(registry)).toEqual(['b', 'd', 'z'])
})

test('sorts again only when a name has changed', () => {
  const watched = new Watched()
  const registry = new MachineRegistry()
  for (let n = 0; n < 1000; n++) registry.put(watched.watch(machine(n)))
  registry.sorted()
  registry.put(watched.watch(machine(7, { notes: 'seen again' })))
  expect(watched.during(() => registry.sorted())).toBe(0)
})
