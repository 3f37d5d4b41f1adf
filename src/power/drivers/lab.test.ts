import { expect, test } from 'vitest'
import { DriverSettings } from '../settings.ts'
import { labFactory } from './lab.ts'

const MAC = '52:54:00:00:00:01'

/** A lab machine whose firmware writes down what it was told at each start. */
function lab() {
  const told: string[] = []
  let on = false
  let order: 'network' | 'disk' = 'disk'
  const start = async () => {
    if (!on) told.push(order)
    on = true
  }
  const parts: Parameters<typeof labFactory>[0] = {
    nameOf: (mac) => (mac === MAC ? 'alpha' : undefined),
    powerState: async () => (on ? 'on' : 'off'),
    switchOn: start,
    switchOff: async () => {
      on = false
    },
    reset: async () => void told.push(order),
    pressPowerButton: async () => undefined,
    interrupt: async () => undefined,
    bootOrder: () => order,
    setBootOrder: async (_, wanted) => {
      order = wanted
    },
    firmware: () => 'bios',
    console: () => undefined,
  }
  const driver = labFactory(parts, 1)(
    DriverSettings.parse({ kind: 'lab' }),
    {},
    { id: 'm', name: 'alpha', macs: [MAC], address: () => null },
  )
  return { driver, told }
}

const ONCE = { device: 'pxe', persistent: false, efi: false } as const

test.each(['cycle', 'reset'] as const)('an order for one start is gone after a %s', async (action) => {
  const { driver, told } = lab()
  await driver.perform('on')
  await driver.setBootOrder!(ONCE)
  expect(await driver.bootOrder!()).toEqual(ONCE)
  await driver.perform(action)
  await driver.perform(action)
  expect(told).toEqual(['disk', 'network', 'disk'])
  expect(await driver.bootOrder!()).toEqual({ device: 'disk', persistent: true, efi: false })
})

test('it is used up by a start and not by switching on what is on', async () => {
  const { driver, told } = lab()
  await driver.perform('on')
  await driver.setBootOrder!(ONCE)
  await driver.perform('on')
  await driver.perform('off')
  await driver.perform('on')
  await driver.perform('off')
  await driver.perform('on')
  expect(told).toEqual(['disk', 'network', 'disk'])
})

test('one after the other put back what was before the first; none puts it back at once; one that stays, stays', async () => {
  const { driver, told } = lab()
  await driver.setBootOrder!(ONCE)
  await driver.setBootOrder!({ ...ONCE, device: 'disk' })
  await driver.setBootOrder!(ONCE)
  await driver.setBootOrder!(null)
  await driver.perform('on')
  await driver.setBootOrder!({ ...ONCE, persistent: true })
  await driver.perform('reset')
  await driver.perform('reset')
  expect(told).toEqual(['disk', 'network', 'network'])
})
