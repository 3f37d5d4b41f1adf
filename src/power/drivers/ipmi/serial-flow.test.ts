import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../test/fakes/bmc-wire.ts'
import { decodeSol, encodeSol, SOL_FROM_BMC, SOL_FROM_CONSOLE } from '../../../protocols/ipmi/sol.ts'
import { charactersOf, type FlowStep, MOST_UNSENT_BYTES, SerialFlow } from './serial-flow.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const text = (data: Uint8Array) => Buffer.from(data).toString('latin1')
const NONE = new Uint8Array(0)
const sentOf = (steps: readonly FlowStep[]) =>
  steps.flatMap((step) => (step.do === 'send' ? [decodeSol(step.payload)] : []))
const dataOf = (steps: readonly FlowStep[]) =>
  steps.flatMap((step) => (step.do === 'data' ? [text(step.bytes)] : [])).join('')
const ack = (acknowledged: number, accepted: number, flags = 0) =>
  encodeSol({ sequence: 0, acknowledged, accepted, flags, data: NONE })

describe('the flow of a serial line', () => {
  it('sends one packet at a time, and the rest when it was acknowledged', () => {
    const flow = new SerialFlow(4)
    expect(sentOf(flow.write(0, bytes('abcdefg'))).map(({ sequence, data }) => [sequence, text(data)])).toEqual([
      [1, 'abcd'],
    ])
    expect(flow.write(1, bytes('h'))).toEqual([])
    expect(sentOf(flow.receive(2, ack(1, 4))).map(({ sequence, data }) => [sequence, text(data)])).toEqual([
      [2, 'efgh'],
    ])
    expect(flow.receive(3, ack(2, 4))).toEqual([])
    expect(flow.wakeAt).toBeUndefined()
  })

  it('sends what was not taken again, and waits where the BMC asks for it', () => {
    const flow = new SerialFlow(10)
    flow.write(0, bytes('abcdef'))
    expect(sentOf(flow.receive(1, ack(1, 2))).map(({ data }) => text(data))).toEqual(['cdef'])
    expect(flow.receive(2, ack(2, 1, SOL_FROM_BMC.nack))).toEqual([])
    expect(sentOf(flow.wake(flow.wakeAt!)).map(({ sequence, data }) => [sequence, text(data)])).toEqual([[3, 'def']])
  })

  it('hands a packet over once that comes twice, and only what is new of one that grew', () => {
    const flow = new SerialFlow(10)
    const packet = (sequence: number, data: string) =>
      encodeSol({ sequence, acknowledged: 0, accepted: 0, flags: 0, data: bytes(data) })
    expect(dataOf(flow.receive(0, packet(1, 'log')))).toBe('log')
    const again = flow.receive(1, packet(1, 'login'))
    expect([dataOf(again), sentOf(again)[0]]).toMatchObject(['in', { sequence: 0, acknowledged: 1, accepted: 5 }])
    expect(dataOf(flow.receive(2, packet(1, 'login')))).toBe('')
    expect(dataOf(flow.receive(3, packet(2, ': ')))).toBe(': ')
  })

  it('sends a break after what was typed before it', () => {
    const flow = new SerialFlow(10)
    flow.write(0, bytes('sync'))
    flow.sendBreak(1)
    expect(sentOf(flow.receive(2, ack(1, 4)))).toMatchObject([{ sequence: 2, flags: SOL_FROM_CONSOLE.break }])
  })

  it('ends when the BMC says so, and when it takes nothing any more', () => {
    const told = new SerialFlow(10)
    expect(told.receive(0, ack(0, 0, SOL_FROM_BMC.deactivated))).toMatchObject([{ do: 'ended' }])
    expect(told.write(1, bytes('x'))).toEqual([])
    const silent = new SerialFlow(10)
    silent.write(0, bytes('x'))
    const steps: FlowStep[] = []
    while (silent.wakeAt !== undefined) steps.push(...silent.wake(silent.wakeAt))
    expect(steps.at(-1)).toMatchObject({ do: 'ended' })
  })

  it('keeps so much that was typed and no more', () => {
    const flow = new SerialFlow(10)
    for (let i = 0; i < 100; i++) flow.write(0, new Uint8Array(4096))
    let received = 10
    for (let sequence = 1; ; sequence = (sequence % 15) + 1) {
      const [next] = sentOf(flow.receive(0, ack(sequence, 10)))
      if (!next) break
      received += next.data.length
    }
    expect(received).toBeLessThanOrEqual(MOST_UNSENT_BYTES + 10)
  })

  it('loses and doubles nothing on a wire that does both', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = seededRandom(seed)
    const flow = new SerialFlow(7)
    const typed = Array.from({ length: 400 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('')
    let arrived = ''
    let last = { sequence: 0, taken: 0 }
    // Fewer than the flow tries: after so many it says that nothing is taken any more, rightly.
    let lostInARow = 0
    const lost = () => {
      if (lostInARow === 8 || random() >= 0.3) return false
      lostInARow++
      return true
    }
    const pending = [...flow.write(0, bytes(typed))]
    for (let now = 0, turns = 0; turns < 20_000; turns++) {
      const step = pending.shift()
      if (!step) {
        if (flow.wakeAt === undefined) break
        now = flow.wakeAt
        pending.push(...flow.wake(now))
        continue
      }
      expect(step.do, `seed ${seed}`).toBe('send')
      if (step.do !== 'send' || lost()) continue
      const packet = decodeSol(step.payload)
      if (packet.sequence !== last.sequence) {
        last = { sequence: packet.sequence, taken: 1 + Math.floor(random() * packet.data.length) }
        arrived += text(packet.data.subarray(0, last.taken))
      }
      if (lost()) continue
      lostInARow = 0
      for (let copies = random() < 0.2 ? 2 : 1; copies > 0; copies--)
        pending.push(...flow.receive(now, ack(packet.sequence, last.taken)))
    }
    expect(arrived, `seed ${seed}`).toBe(typed)
  })

  it('makes sense of payload sizes that BMCs name wrongly', () => {
    expect([259, 64, 0x0001, 0x4000, 0x0400, 0, 0xffff].map(charactersOf)).toEqual([251, 60, 251, 60, 32, 32, 32])
  })
})
