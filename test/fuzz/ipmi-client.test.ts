import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { eventOf } from '../../src/power/drivers/ipmi/events.ts'
import { fruOf } from '../../src/power/drivers/ipmi/fru.ts'
import { sensorOf } from '../../src/power/drivers/ipmi/sensor-words.ts'
import { SerialFlow } from '../../src/power/drivers/ipmi/serial-flow.ts'
import { knownSuites } from '../../src/power/drivers/ipmi/session-less.ts'
import { decodeSdr } from '../../src/protocols/ipmi/sdr.ts'
import { BmcWire, CHASSIS_STATUS } from '../fakes/bmc-wire.ts'

/** What BMCs send may be anything. Nothing throws, nothing hangs, and a session that is open stays so. */
const numRuns = Number(process.env.REVEILLE_FUZZ_COUNT ?? 20_000)
const seed = Math.floor(Math.random() * 2 ** 31)
const any = fc.uint8Array({ maxLength: 200 })

it(`sessions take any packet at any time (seed ${seed})`, () => {
  const idle = new BmcWire()
  const open = new BmcWire()
  open.ask(CHASSIS_STATUS)
  const opening = new BmcWire({ faults: { dropRequests: 1 } })
  opening.begin(CHASSIS_STATUS)
  const types = fc.constantFrom(0x00, 0x11, 0x13, 0x15, 0xc0, 0xc1, 0x40, 0x80)
  const length = fc.integer({ min: 0, max: 160 })
  const head = fc
    .tuple(types, fc.constantFrom(0, 0xa0000000, 1), fc.nat(40), length)
    .map(([type, id, sequence, size]) => {
      const bytes = new Uint8Array([6, 0, 255, 7, 6, type, 0, 0, 0, 0, sequence, 0, 0, 0, size, 0])
      new DataView(bytes.buffer).setUint32(6, id, true)
      return bytes
    })
  const shaped = fc.tuple(head, any).map(([start, rest]) => new Uint8Array([...start, ...rest]))
  fc.assert(
    fc.property(fc.oneof(any, shaped), (bytes) => {
      for (const wire of [idle, open, opening]) wire.deliver(bytes)
    }),
    { numRuns, seed },
  )
  expect('answer' in open.ask(CHASSIS_STATUS)).toBe(true)
  expect(open.bmc.opened).toBe(1)
})

it(`records, inventories and lists of suites are read or left aside (seed ${seed})`, () => {
  fc.assert(
    fc.property(any, fc.nat(255), fc.nat(0x7fff), (bytes, raw, states) => {
      fruOf(bytes)
      eventOf(bytes, () => undefined)
      expect(knownSuites(bytes).every((suite) => suite === 17 || suite === 3)).toBe(true)
      try {
        const record = decodeSdr(bytes)
        if (record.kind === 'full' || record.kind === 'compact') {
          const { value } = sensorOf(record, { raw, isAvailable: true, isScanned: true, states })
          expect(value === null || Number.isFinite(value)).toBe(true)
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns, seed },
  )
})

it(`serial lines take any payload (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(any, { maxLength: 20 }), (payloads) => {
      const flow = new SerialFlow(20)
      flow.write(0, new Uint8Array(100))
      for (const [now, payload] of payloads.entries()) {
        try {
          flow.receive(now, payload)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }
    }),
    { numRuns: Math.ceil(numRuns / 10), seed },
  )
})
