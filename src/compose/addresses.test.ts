import { expect, test } from 'vitest'
import { parseIpv4 } from '../kit/ip.ts'
import { addressTeller } from './addresses.ts'

test('tells an address of this server thousands of times without looking each time, and follows changes', () => {
  let now = 0
  let looks = 0
  let interfaces = [{ address: parseIpv4('10.0.0.1')! }]
  const tell = addressTeller(
    () => now,
    () => {
      looks += 1
      return interfaces
    },
  )
  for (let n = 0; n < 1000; n++) expect(tell()).toBe('10.0.0.1')
  expect(looks).toBe(1)
  interfaces = []
  now = 1000
  expect(tell()).toBe('127.0.0.1')
})
