import { expect, test } from 'vitest'
import { type Candidate, chosen, stepsTo } from './choice.ts'
import type { CircuitState } from './circuit.ts'
import type { Capability } from './driver.ts'

const driver = (name: string, capabilities: Capability[], circuit: CircuitState = 'closed'): Candidate => ({
  name,
  capabilities: new Set(capabilities),
  circuit,
})
const names = (candidates: readonly Candidate[]) => candidates.map(({ name }) => name)

const bmc = driver('bmc', ['state', 'on', 'off'])
const ssh = driver('ssh', ['soft', 'console'])
const plug = driver('plug', ['state', 'on', 'off'])

test('those that can, in their order', () => {
  expect(names(chosen([bmc, ssh, plug], 'off'))).toEqual(['bmc', 'plug'])
  expect(names(chosen([bmc, ssh, plug], 'soft'))).toEqual(['ssh'])
  expect(names(chosen([bmc, ssh, plug], 'media'))).toEqual([])
})

test('one that rests is tried last, and not at all when nobody waits for it', () => {
  const resting = driver('bmc', ['off'], 'open')
  expect(names(chosen([resting, ssh, plug], 'off'))).toEqual(['plug', 'bmc'])
  expect(names(chosen([resting, ssh, plug], 'off', { background: true }))).toEqual(['plug'])
  expect(names(chosen([driver('bmc', ['off'], 'half-open'), plug], 'off', { background: true }))).toEqual([
    'bmc',
    'plug',
  ])
})

test('one that is named is the only one, even when it rests', () => {
  expect(names(chosen([driver('bmc', ['off'], 'open'), plug], 'off', { only: 'bmc' }))).toEqual(['bmc'])
  expect(names(chosen([bmc, plug], 'soft', { only: 'bmc' }))).toEqual([])
})

test('a restart is made of off and on, or of soft and on, where nothing can do it at once', () => {
  const can = (...capabilities: Capability[]) => new Set(capabilities)
  expect(stepsTo('cycle', can('cycle', 'on', 'off'))).toEqual(['cycle'])
  expect(stepsTo('cycle', can('on', 'off', 'soft'))).toEqual(['off', 'on'])
  expect(stepsTo('cycle', can('on', 'soft'))).toEqual(['soft', 'on'])
  expect(stepsTo('cycle', can('off', 'soft'))).toBeUndefined()
  expect(stepsTo('reset', can('on', 'off', 'cycle')), 'a reset keeps the power').toBeUndefined()
  expect(stepsTo('diag', can('diag'))).toEqual(['diag'])
})
