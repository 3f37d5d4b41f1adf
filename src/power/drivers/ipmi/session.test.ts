import { describe, expect, it } from 'vitest'
import type { BmcFaults } from '../../../../test/fakes/bmc-simulator.ts'
import { BmcWire, CHASSIS_STATUS, type Outcome, powerRequest, seededRandom } from '../../../../test/fakes/bmc-wire.ts'
import { MaybeDone } from '../../driver.ts'

const data = (outcome: Outcome) => ('answer' in outcome ? [...outcome.answer.data] : outcome.refusal.message)
const refusal = (outcome: Outcome) => ('refusal' in outcome ? outcome.refusal : undefined)

describe('a session with a BMC', () => {
  it('is opened for the first request, used for the next ones, and closed when idle', () => {
    const wire = new BmcWire()
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    wire.ask(powerRequest(1))
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([1, 0, 0])
    expect(wire.bmc.opened).toBe(1)
    wire.run()
    expect(wire.bmc.closed).toBe(1)
    expect(wire.session.isAtRest).toBe(true)
    expect(wire.now).toBeGreaterThan(40_000)
    expect(wire.now).toBeLessThan(60_000)
  })

  it('takes the strongest suite that the BMC lists', () => {
    for (const [suites, used] of [
      [[3, 17], 17],
      [[17], 17],
      [[3], 3],
    ] as const) {
      const wire = new BmcWire({ suites })
      wire.ask(CHASSIS_STATUS)
      expect(wire.session.suite).toBe(used)
    }
  })

  it('tries 3 and then 17 with a BMC that does not list its suites', () => {
    for (const [suites, used] of [
      [[3, 17], 3],
      [[17], 17],
    ] as const) {
      const wire = new BmcWire({ suites, faults: { silentAboutSuites: true } })
      wire.ask(CHASSIS_STATUS)
      expect(wire.session.suite).toBe(used)
    }
  })

  it('never uses a suite other than 17 and 3, and says so', () => {
    const wire = new BmcWire({ suites: [] })
    expect(refusal(wire.ask(CHASSIS_STATUS))?.message).toMatch('does not take cipher suite')
    const pinned = new BmcWire({ suites: [3] }, { suite: 17 })
    expect(refusal(pinned.ask(CHASSIS_STATUS))?.message).toBe('The BMC at bmc.test:623 does not take cipher suite 17.')
    const liar = new BmcWire({ faults: { answersSuite: 3 } }, { suite: 17 })
    expect(refusal(liar.ask(CHASSIS_STATUS))?.message).toMatch('other algorithms')
  })

  it('takes BMCs that answer a maximum privilege of 0, and those that keep 16 bytes of a password', () => {
    expect(data(new BmcWire({ faults: { openPrivilege: 0 } }).ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    const password = 'exactly-20-bytes-lon'
    const short = new BmcWire({ password, faults: { passwordBytes: 16 } }, { password })
    expect(data(short.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    expect(data(new BmcWire({ password }, { password }).ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
  })

  it('needs the key of the BMC where it has one', () => {
    expect(data(new BmcWire({ kg: 'bmc-key' }, { kg: 'bmc-key' }).ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    const wrong = refusal(new BmcWire({ kg: 'bmc-key' }).ask(CHASSIS_STATUS))
    expect([wrong?.code, wrong?.message]).toEqual([
      'wrong-credentials',
      'The password fits at the BMC at bmc.test:623, but its key (Kg) does not.',
    ])
  })

  it('tells apart why a login fails, at once and with a next step', () => {
    const cases: readonly [BmcFaults, string, string][] = [
      [{ statuses: { open: 0x01 } }, 'not-available', 'no free session'],
      [{ statuses: { rakp2: 0x0b } }, 'not-available', 'no free session'],
      [{ statuses: { rakp2: 0x0a } }, 'wrong-credentials', 'privilege administrator'],
      [{ statuses: { rakp2: 0x0d } }, 'wrong-credentials', 'has no account "admin"'],
      [{ statuses: { rakp4: 0x0f } }, 'wrong-credentials', 'proof of the password'],
      [{ privilegeCode: 0x81 }, 'wrong-credentials', 'privilege administrator'],
      [{ statuses: { rakp2: 0x12 } }, 'not-available', 'status 12h'],
    ]
    for (const [faults, code, words] of cases) {
      const wire = new BmcWire({ faults })
      const found = refusal(wire.ask(CHASSIS_STATUS))
      expect(found?.code).toBe(code)
      expect(found?.message).toMatch(words)
      expect(found?.next).toBeTruthy()
      expect(wire.now).toBeLessThan(1000)
    }
    const wrong = refusal(new BmcWire({ password: 'other' }).ask(CHASSIS_STATUS))
    expect([wrong?.code, wrong?.message]).toEqual([
      'wrong-credentials',
      'The password of the account "admin" does not fit at the BMC at bmc.test:623.',
    ])
    expect(refusal(new BmcWire({ user: 'other' }).ask(CHASSIS_STATUS))?.message).toMatch('has no account "admin"')
    expect(`${wrong?.message}${wrong?.next}`).not.toMatch('secret')
  })

  it('never has two requests under way, and waits between them', () => {
    const wire = new BmcWire({ faults: { delay: () => 20, freeze: { burstMs: 2, freezeMs: 60_000 } } })
    const ids = Array.from({ length: 50 }, () => wire.begin(CHASSIS_STATUS))
    wire.run(() => ids.every((id) => wire.outcome(id)))
    expect(ids.every((id) => 'answer' in wire.outcome(id)!)).toBe(true)
    expect(wire.bmc.froze).toBe(0)
    expect(Math.min(...wire.sentAt.slice(1).map((at, i) => at - wire.sentAt[i]!))).toBeGreaterThanOrEqual(2)
  })

  it('gives a dead BMC up within 15 seconds and says what to check', () => {
    const wire = new BmcWire({ faults: { dropRequests: 1 } })
    const found = refusal(wire.ask(CHASSIS_STATUS))
    expect(found?.message).toBe('The BMC at bmc.test:623 does not answer.')
    expect(wire.now).toBeLessThan(15_000)
    expect(wire.sentAt.length).toBeLessThan(12)
    expect(wire.session.isAtRest).toBe(true)
  })

  it('gets through to a BMC that loses 30 % of all packets each way', () => {
    const random = seededRandom(7)
    let failed = 0
    for (let run = 0; run < 300; run++) {
      const wire = new BmcWire({ random, faults: { dropRequests: 0.3, dropAnswers: 0.3, redraws: run % 2 === 0 } })
      if (!('answer' in wire.ask(CHASSIS_STATUS))) failed++
    }
    // Half of all exchanges fail; what is left is a run of bad luck that takes longer than a call may.
    expect(failed).toBeLessThan(6)
  })

  it('takes late answers, and answers that come twice', () => {
    const wire = new BmcWire({ faults: { delay: () => 3500, duplicateAnswers: 1 } })
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    wire.ask(powerRequest(1))
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([1, 0, 0])
    expect(wire.bmc.opened).toBe(1)
  })

  it('learns how slow a BMC is, and does not press it', () => {
    const wire = new BmcWire({ faults: { delay: () => 1500 } })
    for (let i = 0; i < 10; i++) wire.ask(CHASSIS_STATUS)
    const before = wire.bmc.packets
    for (let i = 0; i < 10; i++) wire.ask(CHASSIS_STATUS)
    expect(wire.bmc.packets - before).toBe(10)
  })

  it('opens a session again that the BMC forgot', () => {
    const wire = new BmcWire()
    wire.ask(CHASSIS_STATUS)
    wire.bmc.forgetAll()
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    expect(wire.bmc.opened).toBe(2)
    const forgetful = new BmcWire({ faults: { forgetsAfter: 3 } })
    for (let i = 0; i < 10; i++) expect(data(forgetful.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
  })

  it('notices a forgotten session sooner after a pause', () => {
    const wire = new BmcWire()
    wire.ask(CHASSIS_STATUS)
    wire.run(undefined, 20_000)
    wire.bmc.forgetAll()
    const before = wire.now
    wire.ask(CHASSIS_STATUS)
    expect(wire.now - before).toBeLessThan(3000)
  })

  it('does not give a power cycle twice, and says when it cannot know', () => {
    const wire = new BmcWire()
    wire.ask(CHASSIS_STATUS)
    wire.bmc.faults.dropAnswers = 1
    const found = refusal(wire.ask(powerRequest(2), { once: true }))
    expect(found?.message).toMatch('may have done it or not')
    expect(wire.bmc.opened).toBe(1)
  })

  it('sends what is to be sent alone a single time, also when its answer is lost, and keeps the session', () => {
    const wire = new BmcWire()
    wire.ask(CHASSIS_STATUS)
    wire.bmc.faults.dropAnswers = 1
    const found = refusal(wire.ask(powerRequest(2), { once: true, alone: 700 }))
    expect(found).toBeInstanceOf(MaybeDone)
    expect(wire.bmc.switched, 'BMCs would obey each packet, however late they read it').toEqual(['cycle'])
    wire.bmc.faults.dropAnswers = 0
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([1, 0, 0])
    expect(wire.bmc.opened).toBe(1)
    wire.bmc.forgetAll()
    expect(refusal(wire.ask(powerRequest(2), { once: true, alone: 700 }))).toBeInstanceOf(MaybeDone)
    const before = wire.now
    expect(data(wire.ask(CHASSIS_STATUS)), 'and finds out soon when it is gone').toEqual([1, 0, 0])
    expect(wire.now - before).toBeLessThan(3000)
    expect(wire.bmc.switched).toEqual(['cycle'])
  })

  it('makes sure that a session still lives before a power cycle goes over it', () => {
    const wire = new BmcWire()
    wire.ask(CHASSIS_STATUS)
    wire.run(undefined, 20_000)
    wire.bmc.forgetAll()
    expect('answer' in wire.ask(powerRequest(2), { once: true })).toBe(true)
    expect(wire.bmc.switched).toEqual(['cycle'])
  })

  it('waits for a BMC that is busy', () => {
    let answers = 0
    const busy = () =>
      answers++ < 4
        ? { completionCode: 0xc0, data: new Uint8Array(0) }
        : { completionCode: 0, data: Uint8Array.of(1, 0, 0) }
    const wire = new BmcWire({ commands: { '00:01': busy } })
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([1, 0, 0])
  })

  it('takes sequence numbers that start anywhere, and none twice', () => {
    const far = new BmcWire({ faults: { sequence: 'from-far' } })
    for (let i = 0; i < 5; i++) expect(data(far.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    const same = new BmcWire({ faults: { sequence: 'same' } })
    // Whoever repeats packets of others repeats their numbers, so one that stands still is not believed.
    expect(refusal(same.ask(CHASSIS_STATUS))?.code).toBe('not-available')
  })

  it('ends each request in time with a BMC that never gets anywhere', () => {
    const always = () => ({ completionCode: 0xc0, data: new Uint8Array(0) })
    const wire = new BmcWire({ commands: { '00:01': always } })
    wire.ask(CHASSIS_STATUS, { forMs: 5000 })
    expect(wire.now).toBeLessThanOrEqual(5001)
    const slow = new BmcWire({ faults: { delay: () => 30_000 } })
    slow.ask(CHASSIS_STATUS)
    expect(slow.now).toBeLessThanOrEqual(45_001)
  })

  it('is not moved by packets of strangers', () => {
    const random = seededRandom(11)
    const wire = new BmcWire()
    wire.ask(CHASSIS_STATUS)
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 120) }, () => Math.floor(random() * 256))
      if (random() < 0.8)
        bytes.set([6, 0, 255, 7, 6, [0x00, 0x11, 0x13, 0x15, 0xc0, 0xc1][i % 6]!].slice(0, bytes.length))
      wire.deliver(bytes)
    }
    expect(data(wire.ask(CHASSIS_STATUS))).toEqual([0, 0, 0])
    expect(wire.bmc.opened).toBe(1)
  })
})
