import { expect, it } from 'vitest'
import { Load } from './load.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

it('is too much after a tenth of a second without a pause, until there is one', async () => {
  let now = 0
  const load = new Load(() => now)
  expect(load.tooMuch).toBe(false)
  for (let turns = 0; turns < 10; turns += 1) {
    load.arrived()
    now += 12
    expect(load.tooMuch).toBe(now > 100)
    await turn()
  }
  await turn()
  await turn()
  expect(load.tooMuch).toBe(false)
  load.arrived()
  expect(load.tooMuch).toBe(false)
})

it('is never too much as long as there are pauses', async () => {
  let now = 0
  const load = new Load(() => now)
  for (let turns = 0; turns < 20; turns += 1) {
    load.arrived()
    now += 50
    expect(load.tooMuch).toBe(false)
    await turn()
    await turn()
    await turn()
  }
})
