import { describe, expect, test } from 'vitest'
import {
  discover,
  event,
  FIRMWARE,
  failedStep,
  foreign,
  parked,
  request,
  script,
  start,
  T0,
  traceOf,
  WHOLE_BOOT,
} from '../../test/traces/boots.ts'
import { stall, supersede } from './progress.ts'
import { duration, explain } from './why.ts'

const text = (explanation: ReturnType<typeof explain>) =>
  explanation.sentences.map((sentence) => sentence.text).join('; ')

test('tells the example of the specification in plain words', () => {
  const trace = stall(traceOf([discover, foreign, request]), T0 + 600_000)!
  const explanation = explain(trace, { now: T0 + 242_000 })
  expect(text(explanation)).toBe(
    'it asked for an address as x64 UEFI; we offered 10.0.0.150 and snponly.efi; another DHCP server, 10.0.0.1, answered too; it took our offer of 10.0.0.150; we confirmed it',
  )
  expect(explanation.verdict).toMatch(
    /^It does not go on; nothing was heard for 4 min\. Most likely: it took our answer but never asked for snponly\.efi; another DHCP server \(10\.0\.0\.1\) answered too/,
  )
  expect(explanation.next.join(' ')).toMatch(/UDP port 69/)
})

test('beside the DHCP server that gives the addresses, tells who gave what', () => {
  const told = { client: 'ipxe', architecture: 'x64 UEFI' }
  const trace = traceOf([
    event('dhcp.discover', { ...told, reply: 'offer', file: 'http://10.0.0.2/boot/start.ipxe', xid: '1' }),
    event('dhcp.foreign', { server: '10.0.0.1', message: 'offer', file: '', xid: '1' }),
    event('dhcp.request', { ...told, reply: 'none', server: '10.0.0.1', address: '10.0.0.50', xid: '1' }),
    start,
    script,
  ])
  const explanation = explain(trace, { now: T0 + 5000 })
  expect(text(explanation)).toBe(
    'iPXE asked for an address as x64 UEFI; we named http://10.0.0.2/boot/start.ipxe and left the address to the other DHCP server; another DHCP server, 10.0.0.1, answered too; iPXE took 10.0.0.50 from the DHCP server 10.0.0.1, which gives the addresses here; iPXE fetched the first script; it asked what to run; its default profile is debian',
  )
  expect(explanation.verdict).toMatch(/^It is on its way/)
})

test('tells a whole boot in order with its times, sizes and durations', () => {
  const explanation = explain(traceOf(WHOLE_BOOT), { now: T0 + 60_000 })
  expect(explanation.sentences.map((sentence) => sentence.at)).toEqual(WHOLE_BOOT.map((_, i) => T0 + i * 1000))
  expect(text(explanation)).toContain('it fetched initrd.gz (40.0 MiB in 2.1 s); it starts what it has loaded (debian)')
  expect(explanation.verdict).toBe('It started what it was given (debian) and has asked for nothing since.')
  expect(explanation.next).toEqual([])
})

test('says what a parked machine waits for, and how often it asked', () => {
  const explanation = explain(traceOf([start, parked, parked, parked]), { now: T0 + 5000 })
  expect(explanation.verdict).toContain('nobody has approved it yet')
  expect(explanation.next[0]).toContain('approve')
  expect(text(explanation)).toContain('nobody has approved it yet (3 times, last at 08:00:03 UTC)')
})

describe('firmware that starts over right after its boot program', () => {
  const previous = supersede(traceOf(FIRMWARE))
  test('is told as a refusal of that program', () => {
    const again = traceOf([discover], previous.updatedAt + 4000)
    const { verdict, next } = explain(again, { now: again.updatedAt, previous })
    expect(verdict).toMatch(/^It started again 4 s after the boot before: .*Secure Boot/)
    expect(next.join(' ')).toContain('Secure Boot off')
  })
  test('is not suspected when time has passed', () => {
    const later = traceOf([discover], previous.updatedAt + 600_000)
    expect(explain(later, { now: later.updatedAt, previous }).verdict).toMatch(/^It is on its way/)
  })
})

test('a failed and a superseded boot say so', () => {
  const failed = traceOf([start, script, failedStep('2e008081')])
  expect(explain(failed, { now: T0 }).verdict).toBe(
    'It failed: its script reported an error: the step kernel of debian failed: iPXE says error 2e008081.',
  )
  expect(explain(supersede(traceOf(FIRMWARE)), { now: T0 }).verdict).toMatch(
    /^This boot ended when the machine started again\. /,
  )
})

test('a very long boot is told by its beginning and its end, and says how much it leaves out', () => {
  const many = Array.from({ length: 500 }, (_, i) => event('tftp.read', { file: `file${i}` }))
  const trace = traceOf(many)
  const { sentences } = explain(trace, { now: T0 })
  expect(sentences.length).toBeLessThanOrEqual(61)
  expect(sentences[0]?.text).toContain('file0 ')
  expect(sentences.at(-1)?.text).toContain('file499 ')
  const leftOut = Number(/\((\d+) more/.exec(text({ verdict: '', sentences, next: [] }))?.[1])
  expect(leftOut + sentences.length - 1).toBe(500)
})

test('durations are rounded for people', () =>
  expect([90, 1400, 119_000, 240_000, 7_200_000, 200_000_000].map(duration)).toEqual([
    '90 ms',
    '1 s',
    '119 s',
    '4 min',
    '2 h',
    '2 days',
  ]))

test('says what the script said would help a parked machine', () => {
  const waits = { ...parked, detail: { ...parked.detail, next: 'build it: reveille agent build' } }
  expect(explain(traceOf([start, parked, waits]), { now: T0 + 5000 }).next).toEqual(['build it: reveille agent build'])
})
