import type { Mac } from '../../src/kit/mac.ts'
import { stageOf, type TraceClient, type TraceKind } from '../../src/traces/kinds.ts'
import { advance } from '../../src/traces/progress.ts'
import type { Trace, TraceEvent } from '../../src/traces/trace.ts'

/** Events as the boot stages record them, and whole boots made of them, for the tests of traces. */

export const MAC = '52:54:00:12:34:56' as Mac
export const T0 = 1_800_000_000_000

type Rest = Partial<Pick<TraceEvent, 'outcome' | 'summary' | 'reason' | 'bytes' | 'durationMs'>>

export function event(
  kind: TraceKind,
  detail: NonNullable<TraceEvent['detail']> = {},
  rest: Rest = {},
): Omit<TraceEvent, 'at'> {
  return {
    stage: stageOf(kind, detail.client as TraceClient | undefined),
    kind,
    outcome: 'ok',
    summary: kind,
    reason: 'as configured',
    detail,
    ...rest,
  }
}

const UEFI = { client: 'firmware', architecture: 'x64 UEFI', arch: 7 }
const ADDRESS = '10.0.0.150'

export const discover = event('dhcp.discover', {
  ...UEFI,
  reply: 'offer',
  address: ADDRESS,
  file: 'snponly.efi',
  xid: 'a1',
})
export const request = event('dhcp.request', {
  ...UEFI,
  reply: 'ack',
  server: '10.0.0.2',
  address: ADDRESS,
  file: 'snponly.efi',
  xid: 'a1',
})
export const foreign = event('dhcp.foreign', { server: '10.0.0.1', message: 'offer' })
export const read = event('tftp.read', { file: 'snponly.efi', blksize: 1468 })
export const done = event('tftp.done', { file: 'snponly.efi' }, { bytes: 238_080, durationMs: 700 })
export const ipxeDiscover = event('dhcp.discover', {
  client: 'ipxe',
  architecture: 'x64 UEFI',
  arch: 7,
  reply: 'offer',
  address: ADDRESS,
  file: 'http://10.0.0.2:8080/boot/start.ipxe',
  xid: 'b2',
})
export const ipxeRequest = event('dhcp.request', {
  client: 'ipxe',
  architecture: 'x64 UEFI',
  arch: 7,
  reply: 'ack',
  address: ADDRESS,
  file: 'http://10.0.0.2:8080/boot/start.ipxe',
  xid: 'b2',
})
export const start = event('http.start')
export const script = event(
  'http.script',
  { decision: 'live', profile: 'debian', status: 200 },
  { reason: 'its default profile is debian' },
)
export const parked = event(
  'http.script',
  { decision: 'park', status: 200 },
  { summary: 'parked', reason: 'nobody has approved it yet' },
)
export const kernel = event('http.blob', { file: 'vmlinuz', role: 'kernel' }, { bytes: 8_388_608, durationMs: 600 })
export const initrd = event('http.blob', { file: 'initrd.gz', role: 'initrd' }, { bytes: 41_943_040, durationMs: 2100 })
/** A step of a script failed with an error of iPXE. */
export const failedStep = (error: string) =>
  event(
    'mark.failed',
    { error },
    { outcome: 'failed', summary: 'the step kernel of debian failed', reason: `iPXE says error ${error}` },
  )
export const launch = event('mark.launch', { boot: 'x', profile: 'debian' })
export const systemDhcp = event('dhcp.request', { client: 'system', reply: 'ack', address: ADDRESS })

export const FIRMWARE = [discover, request, read, done]
export const IPXE = [ipxeDiscover, ipxeRequest, start]
export const WHOLE_BOOT = [...FIRMWARE, ...IPXE, script, kernel, initrd, launch]

export function emptyTrace(at = T0): Trace {
  return {
    id: 't_0000000000000001',
    mac: MAC,
    startedAt: at,
    updatedAt: at,
    stage: 'offer',
    state: 'running',
    headline: '',
    deadlineAt: null,
    profile: null,
    bytesSent: 0,
    events: [],
    dropped: 0,
  }
}

/** A trace of events one second apart. */
export function traceOf(events: readonly Omit<TraceEvent, 'at'>[], at = T0): Trace {
  return events.reduce((trace, next, i) => advance(trace, { ...next, at: at + i * 1000 }), emptyTrace(at))
}
