import { expect, test } from 'vitest'
import { Places } from './places.ts'

const rules = { firstPort: 7000, lastPort: 9999, host: '10.0.0.1', taken: [7001] }
const ANY = { address: null, port: undefined }

test('gives the lowest free port, also one that was given up', () => {
  const places = new Places(rules)
  const ports = ['a', 'b', 'c'].map((machine) => {
    const place = places.find(machine, ANY)
    places.put({ machine, ...place })
    return place.port
  })
  expect(ports).toEqual([7000, 7002, 7003])
  expect(places.find('b', ANY).port).toBe(7002)
  places.remove('b')
  expect(places.find('d', ANY).port).toBe(7002)
  places.put({ machine: 'a', address: '10.0.0.9', port: 623 })
  expect(places.find('d', ANY).port).toBe(7000)
})

test('knows what would be in the way: all addresses are on every one', () => {
  const places = new Places({ ...rules, host: '0.0.0.0' }, [{ machine: 'a', address: '10.0.0.9', port: 623 }])
  expect(() => places.find('b', { address: '10.0.0.9', port: undefined })).toThrow("10.0.0.9:623 is another BMC's")
  expect(places.find('b', { address: '10.0.0.8', port: undefined }).port).toBe(623)
  expect(() => places.find('b', { address: null, port: 623 })).toThrow("0.0.0.0:623 is another BMC's")
  expect(() => places.find('b', { address: null, port: 7001 })).toThrow("0.0.0.0:7001 is another BMC's")
  expect(places.find('a', { address: '10.0.0.9', port: undefined }).port).toBe(623)
})

test('does not look at all that are there for each new one', () => {
  let looks = 0
  const places = new Places({
    ...rules,
    get host() {
      looks += 1
      return '10.0.0.1'
    },
  })
  for (let n = 0; n < 2000; n++) places.put({ machine: `m_${n}`, ...places.find(`m_${n}`, ANY) })
  // A few looks for each, where going through the others would take two million.
  expect(looks).toBeLessThan(20_000)
})
