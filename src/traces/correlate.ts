import { STAGES, type Stage, type Trace, type TraceEvent } from './trace.ts'

export type NewEvent = Omit<TraceEvent, 'count' | 'lastAt'>

/**
 * `begin`: the event is the first of a new power-on. `join`: it belongs to the trace at hand. `skip`: it tells of no boot
 * (a running system renews its address) and there is no trace it could add to.
 */
export type Correlation = Readonly<{ action: 'begin' | 'join' | 'skip'; reason: string }>

/** PXE gives up after about 60 s of DISCOVERs (4 + 8 + 16 + 32 s, PXE 2.1 §2.2.1), then firmware may start over. */
const FIRMWARE_GAP_MS = 120_000
/** Our scripts wait at most minutes between two requests; longer silence means that the machine was off. */
const SCRIPT_GAP_MS = 600_000

/** Kinds that only ever add to a trace: they do not come first after a power-on. */
const NEVER_FIRST = new Set([
  'dhcp.foreign',
  'dhcp.conflict',
  'dhcp.dropped',
  'dhcp.decline',
  'dhcp.release',
  'tftp.done',
  'http.blob',
  'http.file',
  'disk.ready',
  'disk.refused',
  'disk.login',
  'disk.logout',
  'agent.pass',
  'agent.hello',
  'agent.inventory',
  'agent.task',
  'agent.wait',
  'agent.progress',
  'agent.result',
  'agent.refused',
  'bmc.order',
  'power.order',
])

/** Does an event belong to the running trace of its MAC, or has the machine been switched on again? */
export function correlate(trace: Trace | undefined, event: NewEvent): Correlation {
  if (event.stage === 'system' || event.detail?.client === 'system')
    return trace ? join('a running system asks') : skip('a running system asks and no boot of it was seen')
  if (!trace)
    return NEVER_FIRST.has(event.kind) ? skip('it cannot be the first of a boot') : begin('nothing was seen before')
  if (NEVER_FIRST.has(event.kind)) return join('it follows what came before')

  const silence = event.at - trace.updatedAt
  const limit = reached(trace, 'script') ? SCRIPT_GAP_MS : FIRMWARE_GAP_MS
  if (silence > limit) return begin(`nothing was heard for ${Math.round(silence / 1000)} s`)

  if (event.kind.startsWith('dhcp.')) return correlateDhcp(trace, event)
  if (event.kind === 'tftp.read' || event.kind === 'http.program')
    return reached(trace, 'script')
      ? begin('it asked for a boot program after it had run a script')
      : join('the boot program follows the offer')
  if (event.kind === 'http.start' && trace.state === 'launched')
    return begin('it asked for the first script after a launch')
  return join('the scripts of one boot')
}

function correlateDhcp(trace: Trace, event: NewEvent): Correlation {
  if (event.detail?.client === 'ipxe') {
    if (!reached(trace, 'script')) return join('iPXE asks again after the firmware')
    // iPXE that came from us is preceded by firmware; only iPXE in a ROM comes first after a power-on.
    return trace.events.some((seen) => seen.stage === 'loader' || isFirmware(seen))
      ? join('a script made iPXE ask again')
      : begin('iPXE in the ROM asked again after it had run a script')
  }
  if (event.kind === 'dhcp.discover')
    return reached(trace, 'loader') || trace.events.some((seen) => seen.detail?.client === 'ipxe')
      ? begin('the firmware asked again from the start')
      : join('the firmware repeats its question')
  return reached(trace, 'script') ? begin('the firmware asked again') : join('the firmware goes on')
}

export function isFirmware(event: Pick<TraceEvent, 'detail'>): boolean {
  const client = event.detail?.client
  return client === 'firmware' || client === 'http'
}

export function reached(trace: Pick<Trace, 'stage'>, stage: Stage): boolean {
  return STAGES.indexOf(trace.stage) >= STAGES.indexOf(stage)
}

const begin = (reason: string): Correlation => ({ action: 'begin', reason })
const join = (reason: string): Correlation => ({ action: 'join', reason })
const skip = (reason: string): Correlation => ({ action: 'skip', reason })
