import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { negotiate } from './negotiate.ts'
import type { TftpOptions, TftpPacket } from './packet.ts'
import {
  MAX_TRIES,
  startTransfer,
  stepTransfer,
  type Transfer,
  type TransferEvent,
  type TransferStep,
} from './transfer.ts'

const terms = (size: number, options: TftpOptions = []) =>
  negotiate(options, { size, maxBlksize: 1468, maxWindowsize: 64, maxWindowBytes: 131_072 })
const ack = (block: number): TransferEvent => ({ kind: 'packet', packet: { op: 'ack', block } })
const tick: TransferEvent = { kind: 'tick' }
const data = (first: number, count = 1) => [{ kind: 'data', first, count }]
const oack = (...options: [string, string][]) => [{ kind: 'packet', packet: { op: 'oack', options } }]

/** Drives one transfer and shows what each event brought. */
function drive(size: number, options: TftpOptions = []) {
  let now = 0
  let step: TransferStep = startTransfer(terms(size, options), now)
  return {
    first: step.send,
    get state(): Transfer {
      return step.state
    },
    give(event: TransferEvent) {
      step = stepTransfer(step.state, event, now)
      return step
    },
    wait(ms: number) {
      now += ms
      return this.give(tick)
    },
  }
}

describe('without options', () => {
  test('DATA 1 answers the request; each ACK brings the next block; the ACK of the last one ends it', () => {
    const t = drive(1024)
    expect(t.first).toEqual(data(1))
    expect(t.give(ack(1)).send).toEqual(data(2))
    // 1024 is a multiple of 512: an empty third block says that it is the end (RFC 1350 §6).
    expect(t.give(ack(2)).send).toEqual(data(3))
    expect(t.give(ack(3))).toMatchObject({ send: [], done: { outcome: 'complete' } })
  })

  test('an empty file is one empty block', () => {
    const t = drive(0)
    expect(t.first).toEqual(data(1))
    expect(t.give(ack(1)).done?.outcome).toBe('complete')
  })

  test("a repeated ACK brings nothing (Sorcerer's Apprentice), nor does an ACK of what was not sent", () => {
    const t = drive(10_000)
    t.give(ack(1))
    expect(t.give(ack(1)).send).toEqual([])
    expect(t.give(ack(0)).send).toEqual([])
    expect(t.give(ack(3)).send).toEqual([])
    expect(t.give(ack(2)).send).toEqual(data(3))
  })

  test('silence brings the block again after 1, 2, 4, 8, 8 s, then the transfer is given up', () => {
    const t = drive(10_000)
    for (const seconds of [1, 2, 4, 8, 8]) {
      expect(t.wait(seconds * 1000 - 1).send).toEqual([])
      expect(t.wait(1).send).toEqual(data(1))
    }
    expect(t.state.tries).toBe(MAX_TRIES)
    expect(t.wait(7999).done).toBeUndefined()
    expect(t.wait(1)).toMatchObject({ done: { outcome: 'timeout' }, send: [{ packet: { op: 'error', code: 0 } }] })
  })

  test('progress starts the waiting anew', () => {
    const t = drive(10_000)
    t.wait(1000)
    t.wait(2000)
    expect(t.give(ack(1)).send).toEqual(data(2))
    expect(t.wait(999).send).toEqual([])
    expect(t.wait(1).send).toEqual(data(2))
  })
})

describe('with options', () => {
  test('the OACK is sent again until ACK 0 comes, and no DATA before', () => {
    const t = drive(10_000, [['tsize', '0']])
    expect(t.first).toEqual(oack(['tsize', '10000']))
    expect(t.give(ack(1)).send).toEqual([])
    expect(t.wait(1000).send).toEqual(oack(['tsize', '10000']))
    expect(t.give({ kind: 'repeated-request' }).send, 'the answer is on its way').toEqual([])
    t.wait(500)
    expect(t.give({ kind: 'repeated-request' }).send).toEqual(oack(['tsize', '10000']))
    expect(t.give(ack(0)).send).toEqual(data(1))
    expect(t.give(ack(0)).send).toEqual([])
    expect(t.give({ kind: 'repeated-request' }).send).toEqual([])
  })

  test('the time-out a client asks for is the first wait', () => {
    const t = drive(10_000, [['timeout', '3']])
    expect(t.wait(2999).send).toEqual([])
    expect(t.wait(1).send).toEqual(oack(['timeout', '3']))
    expect(t.wait(5999).send).toEqual([])
    expect(t.wait(1).send).toEqual(oack(['timeout', '3']))
  })

  test('error 8 after the OACK is a size probe; after the first block, or without tsize, it is an abort', () => {
    const error: TransferEvent = { kind: 'packet', packet: { op: 'error', code: 8, message: 'User aborted\x1b' } }
    expect(drive(9, [['tsize', '0']]).give(error).done?.outcome).toBe('probe')
    expect(drive(9, [['blksize', '8']]).give(error).done?.outcome).toBe('aborted')
    const late = drive(9000, [['tsize', '0']])
    late.give(ack(0))
    expect(late.give(error).done).toEqual({
      outcome: 'aborted',
      reason: 'the client ended it with error 8, "User aborted?"',
    })
  })

  test('a packet that has no place in a read ends it with error 4', () => {
    const t = drive(9)
    const step = t.give({ kind: 'packet', packet: { op: 'data', block: 1, data: new Uint8Array(0) } })
    expect(step).toMatchObject({ send: [{ packet: { op: 'error', code: 4 } }], done: { outcome: 'aborted' } })
  })
})

describe('with a window', () => {
  const window4: TftpOptions = [['windowsize', '4']]

  test('a whole window is sent, and the next one behind its ACK; the last window is short', () => {
    const t = drive(512 * 9, window4)
    expect(t.give(ack(0)).send).toEqual(data(1, 4))
    expect(t.give(ack(4)).send).toEqual(data(5, 4))
    expect(t.give(ack(8)).send).toEqual(data(9, 2))
    expect(t.give(ack(10)).done?.outcome).toBe('complete')
  })

  test('an ACK in the middle moves the window behind it; its repetitions bring nothing', () => {
    const t = drive(512 * 20, window4)
    t.give(ack(0))
    expect(t.give(ack(2)).send).toEqual(data(3, 4))
    expect(t.give(ack(2)).send).toEqual([])
    expect(t.give(ack(1)).send).toEqual([])
  })

  test('the ACK before the window says that its first block is missing: the window comes again, once', () => {
    const t = drive(512 * 40, window4)
    t.give(ack(0))
    t.give(ack(4))
    expect(t.give(ack(4)).send).toEqual(data(5, 4))
    expect(t.give(ack(4)).send).toEqual([])
    // The window that follows must not be doubled by an echo of the doubled one.
    expect(t.give(ack(8)).send).toEqual(data(9, 4))
  })

  test('silence brings the window again from its first block', () => {
    const t = drive(512 * 20, window4)
    t.give(ack(0))
    t.give(ack(2))
    expect(t.wait(1000).send).toEqual(data(3, 4))
  })
})

test('block numbers roll over from 65535 to 0 inside a window', () => {
  const t = drive(512 * 70_000, [['windowsize', '64']])
  let step = t.give(ack(0))
  for (let block = 64; block < 65_600; block += 64) step = t.give(ack(block & 0xffff))
  expect(t.state.acked).toBe(65_536 + 0)
  expect(step.send).toEqual(data(65_537, 64))
  expect(t.give(ack(10)).send).toEqual(data(65_547, 64))
})

/** A client by the RFCs, which acknowledges windows and says what is missing; every packet may be lost, doubled or late. */
test('over a path that loses, doubles and delays, every file arrives whole and nothing is sent without end', () => {
  const path = fc.array(fc.constantFrom('ok', 'ok', 'ok', 'ok', 'lost', 'twice', 'late'), {
    minLength: 5,
    maxLength: 200,
  })
  const asked = fc.constantFrom<TftpOptions>(
    [],
    [['tsize', '0']],
    [['windowsize', '4']],
    [
      ['windowsize', '7'],
      ['blksize', '8'],
    ],
  )
  fc.assert(
    fc.property(fc.nat(9000), asked, path, (size, options, fates) => {
      const given = terms(size, options)
      const last = Math.floor(size / given.blksize) + 1
      let now = 0
      let fate = 0
      let sent = 0
      let got = 0
      let inWindow = 0
      let begun = given.oack.length === 0
      let step = startTransfer(given, now)
      const toClient: (number | 'oack')[] = []
      const toServer: TftpPacket[] = []
      const cross = <T>(queue: T[], item: T) => {
        const what = fates[fate++ % fates.length]
        // The last fates of a run are good, so that every run ends.
        const good = fate > fates.length * 3
        if (good || what === 'ok') queue.push(item)
        else if (what === 'twice') queue.push(item, item)
        else if (what === 'late') queue.unshift(item)
      }
      const perform = () => {
        for (const send of step.send) {
          if (send.kind === 'packet') cross(toClient, 'oack')
          else for (let i = 0; i < send.count; i++) cross(toClient, send.first + i)
          sent += send.kind === 'packet' ? 1 : send.count
        }
      }
      perform()
      for (let round = 0; !step.done && round < 20_000; round++) {
        const arrived = toClient.shift()
        if (arrived === 'oack') {
          if (got === 0) cross(toServer, { op: 'ack', block: 0 })
          begun = true
        } else if (arrived !== undefined && begun) {
          if (arrived === got + 1) {
            got = arrived
            if (++inWindow === given.windowsize || got === last) {
              inWindow = 0
              cross(toServer, { op: 'ack', block: got & 0xffff })
            }
          } else {
            inWindow = 0
            cross(toServer, { op: 'ack', block: got & 0xffff })
          }
        }
        const answer = toServer.shift()
        if (answer) step = stepTransfer(step.state, { kind: 'packet', packet: answer }, now)
        else if (arrived === undefined) {
          now += 500
          step = stepTransfer(step.state, { kind: 'tick' }, now)
        } else continue
        perform()
      }
      expect(step.done?.outcome, step.done?.reason).toBeOneOf(['complete', 'timeout'])
      if (step.done?.outcome === 'complete') expect(got).toBe(last)
      expect(sent).toBeLessThan(last * 40 + 200)
    }),
  )
})
