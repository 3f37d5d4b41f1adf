import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ipv4 } from '../kit/ip.ts'
import { ExpiryQueue } from './expiry.ts'

it('gives addresses out in the order of their times, each once, at its earliest time', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(1000)), { maxLength: 100 }), (entries) => {
      const queue = new ExpiryQueue()
      const earliest = new Map<number, number>()
      for (const [ip, at] of entries) {
        queue.set(ipv4(ip), at)
        earliest.set(ip, Math.min(at, earliest.get(ip) ?? Number.POSITIVE_INFINITY))
      }
      expect(queue.size).toBe(earliest.size)
      for (let now = 0; now <= 1000; now += 1)
        for (let ip = queue.take(now); ip !== undefined; ip = queue.take(now)) {
          expect(earliest.get(ip)).toBe(now)
          earliest.delete(ip)
        }
      expect(earliest.size).toBe(0)
    }),
  )
})
