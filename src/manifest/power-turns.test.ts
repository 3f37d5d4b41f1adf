import { expect, test } from 'vitest'
import type { Manifest } from '../api/contract/server.ts'
import { type PowerKeeper, planPower } from './power.ts'

test('the drivers of a thousand machines are checked in turns', async () => {
  const power = [{ name: 'bmc', settings: { kind: 'manual', instructions: '' } }]
  const declared = Array.from({ length: 1000 }, (_, n) => ({ name: `pc${n}`, macs: [], power }))
  const powers = {
    checkDriver: async () => undefined,
    driverDiffers: () => true,
    drivers: () => [],
  } as unknown as PowerKeeper
  let turns = 0
  let going = true
  const turn = () => {
    turns += 1
    if (going) setImmediate(turn)
  }
  setImmediate(turn)
  const changing = await planPower(declared as unknown as Manifest['machines'], () => undefined, powers)
  going = false
  expect([changing.size, turns >= 10]).toEqual([1000, true])
})
