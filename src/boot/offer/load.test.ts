import { beforeEach, expect, it } from 'vitest'
import { Load } from './load.ts'

let now: number
let load: Load

beforeEach(() => {
  now = 0
  load = new Load(() => now)
})

/** One turn of the event loop in which so many packets came in. */
async function turn(packets: number, ms: number): Promise<void> {
  for (let packet = 0; packet < packets; packet += 1) load.arrived()
  now += ms
  await new Promise((resolve) => setImmediate(resolve))
}

it('is too much after half a second of full sockets, until they were empty once', async () => {
  for (let turns = 0; turns < 5; turns += 1) {
    await turn(32, 125)
    expect(load.tooMuch).toBe(false)
  }
  await turn(32, 125)
  expect(load.tooMuch).toBe(true)
  await turn(31, 1)
  expect(load.tooMuch).toBe(false)
})

it('is never too much as long as the sockets run empty', async () => {
  for (let turns = 0; turns < 20; turns += 1) {
    await turn(turns % 3 === 0 ? 10 : 32, 200)
    expect(load.tooMuch).toBe(false)
  }
})
