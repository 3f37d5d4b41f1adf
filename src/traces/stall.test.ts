import { describe, expect, test } from 'vitest'
import {
  discover,
  event,
  FIRMWARE,
  failedStep,
  foreign,
  IPXE,
  initrd,
  ipxeDiscover,
  ipxeRequest,
  kernel,
  launch,
  parked,
  read,
  request,
  script,
  start,
  systemDhcp,
  T0,
  traceOf,
  WHOLE_BOOT,
} from '../../test/traces/boots.ts'
import { advance, stall, supersede } from './progress.ts'
import { likeliestCause } from './stall.ts'
import type { TraceEvent } from './trace.ts'

type Unseen = Omit<TraceEvent, 'at'>
const bios = (seen: Unseen): Unseen => ({
  ...seen,
  detail: { ...seen.detail, architecture: 'x86 BIOS', file: 'undionly.kpxe' },
})
const proxyOffer = event('dhcp.discover', {
  client: 'firmware',
  architecture: 'x64 UEFI',
  reply: 'offer',
  file: 'snponly.efi',
})
const tookOther = event(
  'dhcp.request',
  { client: 'firmware', reply: 'none', server: '10.0.0.1' },
  { outcome: 'ignored', reason: 'it chose 10.0.0.1' },
)
/** In proxy mode taking the address of another server is as it should be. */
const tookTheirs = (client: 'firmware' | 'ipxe') =>
  event('dhcp.request', { client, reply: 'none', server: '10.0.0.1', address: '10.0.0.50' })
const ipxeProxyOffer = event('dhcp.discover', {
  client: 'ipxe',
  reply: 'offer',
  file: 'http://10.0.0.2:8080/boot/start.ipxe',
  xid: 'b2',
})
const theirFile = event('dhcp.foreign', { server: '10.0.0.1', message: 'offer', file: 'done.ipxe', xid: 'b2' })
const ipxeTookOther = event(
  'dhcp.request',
  { client: 'ipxe', reply: 'none', server: '10.0.0.1' },
  { outcome: 'ignored', reason: 'it chose 10.0.0.1' },
)
const gotSigned = (program: 'shim' | 'grub') => {
  const file = `debian/${program}x64.efi`
  return [event('tftp.read', { file }), event('tftp.done', { file })]
}
const PROXIED = [proxyOffer, foreign, tookTheirs('firmware'), read, event('tftp.done', { file: 'snponly.efi' })]
const unanswered = event(
  'dhcp.discover',
  { client: 'firmware', reply: 'none' },
  { outcome: 'refused', reason: 'no address is left in lan' },
)

describe('the likeliest cause names what was last seen and what never came', () => {
  test.each<[string, Unseen[], RegExp]>([
    ['nobody answered', [unanswered], /did not answer it: no address is left in lan/],
    ['offer not accepted', [discover], /got our offer and never accepted it/],
    ['another server won', [discover, foreign], /another DHCP server \(10\.0\.0\.1\) answered too and most likely won/],
    [
      'it took another offer',
      [discover, foreign, tookOther],
      /took the address of another DHCP server \(10\.0\.0\.1\)/,
    ],
    [
      'proxy: it never asked for the file',
      [proxyOffer, tookOther],
      /took the address of 10\.0\.0\.1 and got our boot information, but never asked for snponly\.efi/,
    ],
    [
      'proxy: it did what the other server said',
      [proxyOffer, event('dhcp.foreign', { server: '10.0.0.1', file: 'pxelinux.0' }), tookTheirs('firmware')],
      /got our boot information, but never asked for snponly\.efi; the DHCP server 10\.0\.0\.1 told it to boot pxelinux\.0/,
    ],
    [
      'proxy: nobody gives an address',
      [proxyOffer],
      /got our boot information, but no other DHCP server was heard to give it an address/,
    ],
    [
      'proxy: the address was not taken',
      [proxyOffer, foreign],
      /got our boot information, but never took the address that 10\.0\.0\.1 offered/,
    ],
    [
      'proxy: told on port 4011, and the server of addresses is no rival',
      [
        proxyOffer,
        foreign,
        tookTheirs('firmware'),
        event('dhcp.proxy', { client: 'firmware', reply: 'ack', file: 'a' }),
      ],
      /took our answer but never asked for a$/,
    ],
    [
      'NAK',
      [
        event(
          'dhcp.request',
          { client: 'firmware', reply: 'nak' },
          { outcome: 'refused', reason: '10.9.9.9 is not of this network' },
        ),
      ],
      /refused the address it asked for: 10\.9\.9\.9/,
    ],
    ['never asked for the file', [discover, request], /took our answer but never asked for snponly\.efi$/],
    [
      'never asked for the file, with a rival',
      [discover, foreign, request],
      /never asked for snponly\.efi; another DHCP server \(10\.0\.0\.1\) answered too/,
    ],
    [
      'no program for it',
      [
        event('dhcp.request', {
          client: 'firmware',
          architecture: 'ARM 64-bit UEFI',
          reply: 'ack',
          address: '10.0.0.9',
        }),
      ],
      /no boot program: there is none for ARM 64-bit UEFI/,
    ],
    ['transfer never ended', [discover, request, read], /began to fetch snponly\.efi but never finished/],
    [
      'transfer failed',
      [
        discover,
        request,
        event('tftp.read', { file: 'nope.efi' }, { outcome: 'refused', reason: 'there is no such boot program' }),
      ],
      /asked for nope\.efi and did not get it: there is no such/,
    ],
    ['Secure Boot', FIRMWARE, /fetched snponly\.efi but iPXE never started: Secure Boot/],
    ['BIOS program dead', FIRMWARE.map(bios), /fetched undionly\.kpxe but iPXE never asked.*network card/],
    [
      'iPXE without answer',
      [
        ...FIRMWARE,
        {
          ...ipxeDiscover,
          outcome: 'refused',
          reason: 'no address is left',
          detail: { client: 'ipxe', reply: 'none' },
        },
      ],
      /iPXE runs, but its question.*no address is left/,
    ],
    [
      'iPXE took another server',
      [...FIRMWARE, { ...ipxeDiscover, detail: { client: 'ipxe', reply: 'none' } }, foreign],
      /iPXE runs, but took the address from another DHCP server \(10\.0\.0\.1\)/,
    ],
    [
      'shim that firmware does not trust',
      [request, ...gotSigned('shim')],
      /^it fetched debian\/shimx64\.efi, which never asked for GRUB: its firmware does not trust/,
    ],
    [
      'GRUB that never came',
      [request, ...gotSigned('shim'), ...gotSigned('grub')],
      /^shim fetched debian\/grubx64\.efi, but GRUB never asked for its configuration \(\/grub\/grub\.cfg\)/,
    ],
    [
      'proxy: GRUB asks the other server',
      [proxyOffer, foreign, tookTheirs('firmware'), ...gotSigned('grub')],
      /^shim fetched debian\/grubx64\.efi, but .* the next server \(siaddr\) of .* the address, 10\.0\.0\.1, and not us$/,
    ],
    [
      'proxy: iPXE cannot reach us',
      [...PROXIED, ipxeProxyOffer, foreign, tookTheirs('ipxe')],
      /^iPXE runs, took the address of 10\.0\.0\.1 and got our boot information, but never asked for http\S+start\.ipxe$/,
    ],
    [
      'proxy: iPXE did what the other server said',
      [...PROXIED, ipxeProxyOffer, theirFile, tookTheirs('ipxe')],
      /got our boot information, but never asked for http\S+; the DHCP server 10\.0\.0\.1 told it to boot done\.ipxe/,
    ],
    [
      'proxy: nobody gives iPXE an address; what the firmware got is no matter',
      [...PROXIED, ipxeProxyOffer],
      /^iPXE runs and got our boot information, but no other DHCP server was heard/,
    ],
    [
      'another server won iPXE',
      [...FIRMWARE, ipxeDiscover, foreign, ipxeTookOther],
      /iPXE runs, but took the address from another DHCP server \(10\.0\.0\.1\) without our boot information/,
    ],
    [
      'another server most likely won iPXE; its reply was recorded before the question',
      [...FIRMWARE, event('dhcp.foreign', { server: '10.0.0.1', xid: 'b2' }), ipxeDiscover],
      /iPXE runs and took none of our offers: another DHCP server \(10\.0\.0\.1\)/,
    ],
    [
      'another server answered the firmware only',
      [discover, foreign, request, read, event('tftp.done', { file: 'snponly.efi' }), ipxeDiscover],
      /iPXE runs and got our offer, but never accepted it/,
    ],
    ['iPXE did not accept', [...FIRMWARE, ipxeDiscover], /iPXE runs and got our offer, but never accepted/],
    [
      'iPXE cannot reach us',
      [...FIRMWARE, ipxeDiscover, ipxeRequest],
      /never asked for http:\/\/10\.0\.0\.2:8080\/boot\/start\.ipxe/,
    ],
    ['first script only', [...FIRMWARE, ...IPXE], /fetched the first script but never asked for its own/],
    ['no file asked for', [...FIRMWARE, ...IPXE, script], /got its script but never asked for a file/],
    ['menu', [start, event('http.script', { decision: 'menu' })], /shows a menu and nobody chose/],
    [
      'GRUB, which may still be at its first file',
      [start, event('http.script', { decision: 'agent', by: 'GRUB' })],
      /no file got through to it by TFTP/,
    ],
    [
      'file broke off',
      [
        start,
        script,
        event(
          'http.blob',
          { file: 'initrd.gz', complete: false },
          { outcome: 'failed', reason: 'the connection was closed after 3 MiB' },
        ),
      ],
      /began to fetch initrd\.gz and broke off/,
    ],
    ['no launch', [start, script, kernel, initrd], /fetched initrd\.gz but never reported that it starts it/],
    [
      'reported error',
      [start, script, failedStep('0f0a6095')],
      /reported an error: the step kernel of debian failed: iPXE says error 0f0a6095/,
    ],
  ])('%s', (_, events, expected) => {
    const cause = likeliestCause(traceOf(events))
    expect(cause.text).toMatch(expected)
    expect(cause.next.length).toBeGreaterThan(0)
  })

  test('an error that the script got over is not the cause', () =>
    expect(likeliestCause(traceOf([start, script, failedStep('1'), script, kernel])).text).toMatch(/fetched vmlinuz/))
})

describe('states', () => {
  test('a whole boot ends launched, with nothing awaited, all bytes counted and its profile', () => {
    const trace = traceOf(WHOLE_BOOT)
    expect(trace).toMatchObject({ state: 'launched', stage: 'launch', deadlineAt: null, profile: 'debian' })
    expect(trace.bytesSent).toBe(238_080 + 8_388_608 + 41_943_040)
    expect(advance(trace, { ...systemDhcp, at: T0 + 60_000 })).toMatchObject({
      state: 'launched',
      stage: 'system',
      headline: trace.headline,
    })
  })

  test('at every step of a boot but the last something is awaited, and its absence stalls the trace with a cause', () => {
    for (let steps = 1; steps < WHOLE_BOOT.length; steps++) {
      const trace = traceOf(WHOLE_BOOT.slice(0, steps))
      expect(trace.state).toBe('running')
      const deadline = trace.deadlineAt!
      expect(deadline).toBeGreaterThan(trace.updatedAt)
      expect(stall(trace, deadline - 1)).toBeUndefined()
      expect(stall(trace, deadline)).toMatchObject({
        state: 'stalled',
        deadlineAt: null,
        headline: likeliestCause(trace).text,
      })
    }
  })

  test('a stalled boot goes on when it is heard again', () => {
    const stalled = stall(traceOf(FIRMWARE), T0 + 3_600_000)!
    expect(advance(stalled, { ...ipxeDiscover, at: T0 + 3_600_000 }).state).toBe('running')
  })

  test('asking for the same address again and again is no progress: the time runs from the first question', () => {
    const once = traceOf([ipxeDiscover, ipxeRequest])
    let trace = once
    for (let at = once.deadlineAt! - 30_000; at < once.deadlineAt!; at += 10_000)
      for (const asked of [ipxeDiscover, ipxeRequest]) trace = advance(trace, { ...asked, at })
    expect(trace.deadlineAt).toBe(once.deadlineAt)
    const stalled = stall(trace, once.deadlineAt!)!
    expect(advance(stalled, { ...ipxeDiscover, at: once.deadlineAt! + 5000 }).state).toBe('stalled')
    expect(advance(stalled, { ...start, at: once.deadlineAt! + 9000 }).state).toBe('running')
  })

  test('GRUB has longer for its first file, which is recorded when it is through', () => {
    const by = event('http.script', { decision: 'live', by: 'GRUB' })
    const [slow, fast] = [by, event('http.script', { decision: 'live' })].map((asked) => traceOf([start, asked]))
    expect(slow!.deadlineAt! - fast!.deadlineAt!).toBe(240_000)
  })

  test('a parked machine waits without a deadline, and leaves when it gets a script', () => {
    const trace = traceOf([start, parked])
    expect(trace).toMatchObject({ state: 'parked', deadlineAt: null })
    expect(advance(trace, { ...script, at: T0 + 9000 })).toMatchObject({ state: 'running', profile: 'debian' })
  })

  test('a system that asks for its address without having been launched by us has booted all the same', () =>
    expect(traceOf([unanswered, systemDhcp])).toMatchObject({
      state: 'launched',
      stage: 'system',
      headline: expect.stringContaining('a system runs'),
    }))

  test('a failed script stays failed when it is not heard again', () => {
    const failed = traceOf([start, script, failedStep('34012006')])
    expect(failed.state).toBe('failed')
    expect(stall(failed, failed.deadlineAt!)).toMatchObject({
      state: 'failed',
      headline: expect.stringContaining('34012006'),
    })
  })

  test('a boot cut short by the next is superseded and says how far it came; a finished one keeps its end', () => {
    expect(supersede(traceOf(FIRMWARE))).toMatchObject({
      state: 'superseded',
      deadlineAt: null,
      headline: expect.stringContaining('Secure Boot'),
    })
    expect(supersede(traceOf([start, parked])).state).toBe('superseded')
    const launched = traceOf([start, script, kernel, launch])
    expect(supersede(launched)).toBe(launched)
  })

  test('the end of one transfer is awaited longer than an answer', () =>
    expect(traceOf([discover, request, read]).deadlineAt! - traceOf([discover, request]).deadlineAt!).toBeGreaterThan(
      60_000,
    ))
})
