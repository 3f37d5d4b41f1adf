import { expect, test } from 'vitest'
import { Addresses } from './addresses.ts'

function book(answers: (() => Promise<string>)[]) {
  const at = { now: 0 }
  let asked = 0
  const addresses = new Addresses({
    lookup: async () => {
      const address = await answers[Math.min(asked++, answers.length - 1)]!()
      return { address, family: address.includes(':') ? 6 : 4 }
    },
    now: () => at.now,
    patienceMs: 5,
  })
  return { addresses, at, asked: () => asked }
}

test('a name is looked up once in a minute, and follows a BMC that moved', async () => {
  const { addresses, at, asked } = book([async () => '10.0.0.1', async () => '2001:DB8:0::2'])
  expect([await addresses.of('bmc'), await addresses.of('bmc'), asked()]).toEqual(['10.0.0.1', '10.0.0.1', 1])
  at.now = 60_000
  expect(await addresses.of('bmc'), 'in one spelling').toBe('2001:db8::2')
})

test('a name service that fails or says nothing keeps nobody from a BMC that is where it was', async () => {
  const failing = async () => {
    throw new Error('EAI_AGAIN')
  }
  const { addresses, at, asked } = book([async () => '10.0.0.1', failing, () => new Promise<string>(() => undefined)])
  expect(await addresses.of('bmc')).toBe('10.0.0.1')
  at.now = 60_000
  expect(await addresses.of('bmc')).toBe('10.0.0.1')
  expect([await addresses.of('bmc'), asked()], 'nor is it asked each time').toEqual(['10.0.0.1', 2])
  at.now = 120_000
  expect(await addresses.of('bmc')).toBe('10.0.0.1')
  at.now = 180_000
  expect([await addresses.of('bmc'), asked()], 'nor twice at a time').toEqual(['10.0.0.1', 3])
})

test('a name that was never known fails', async () => {
  const { addresses } = book([
    async () => {
      throw new Error('ENOTFOUND')
    },
  ])
  await expect(addresses.of('bmc')).rejects.toThrow('ENOTFOUND')
})
