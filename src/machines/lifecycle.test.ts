import { describe, expect, test } from 'vitest'
import { blankMachine } from './edit.ts'
import { allows, assertBootable, assertRemovable, moved } from './lifecycle.ts'
import { MACHINE_STATES, type MachineState } from './machine.ts'

const machine = (state: MachineState) => ({ ...blankMachine('m_1', 'node-0001', 0), state })

describe('transitions', () => {
  test('approval is for discovered machines alone', () => {
    expect(moved(machine('discovered'), 'ready', 'approve').state).toBe('ready')
    for (const state of MACHINE_STATES.filter((other) => other !== 'discovered'))
      expect(() => moved(machine(state), 'ready', 'approve')).toThrow(`node-0001 is ${state}`)
  })

  test('a person does not make a discovered machine ready by the way, and is told how', () => {
    expect(() => moved(machine('discovered'), 'ready', 'operator')).toThrow(
      expect.objectContaining({
        code: 'wrong-state',
        next: expect.stringContaining('reveille machine approve node-0001'),
      }),
    )
  })

  test('nobody takes a machine out of a deployment by setting its state', () => {
    for (const to of ['ready', 'maintenance', 'retired'] as const)
      expect(() => moved(machine('deploying'), to, 'operator')).toThrow('deploying')
  })

  test('a launch makes ready and failed machines active, and nothing else', () => {
    const launched = MACHINE_STATES.filter((state) => state !== 'active' && allows('launch', state, 'active'))
    expect(launched).toEqual(['ready', 'failed'])
  })

  test('staying in a state is always possible', () => {
    for (const state of MACHINE_STATES) expect(moved(machine(state), state, 'operator').state).toBe(state)
  })
})

test('only a machine that is being deployed cannot be deleted', () => {
  for (const state of MACHINE_STATES)
    if (state === 'deploying') expect(() => assertRemovable(machine(state))).toThrow('deployed')
    else assertRemovable(machine(state))
})

test('a boot choice is refused where the machine would not act on it', () => {
  expect(() => assertBootable(machine('discovered'), undefined)).toThrow('not approved')
  expect(() => assertBootable(machine('maintenance'), 'debian')).toThrow('maintenance')
  expect(() => assertBootable(machine('retired'), 'debian')).toThrow('retired')
  assertBootable(machine('maintenance'), null)
  assertBootable(machine('active'), 'debian')
})
