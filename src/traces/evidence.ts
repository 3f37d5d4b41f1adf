import { isFirmware } from './correlate.ts'
import type { Trace, TraceEvent } from './trace.ts'

/** What the events of a trace prove, in the order of a boot. */
export type Evidence = Readonly<{
  /** The name of the client architecture it told, or what kind of client it was. */
  architecture: string | undefined
  uefi: boolean
  /** The last DHCP question that we did not answer on purpose or could not answer. */
  unanswered: TraceEvent | undefined
  offered: TraceEvent | undefined
  /** Other DHCP servers heard, dotted decimal. */
  foreign: readonly string[]
  /** The other server whose offer it took. */
  tookOther: string | undefined
  acknowledged: TraceEvent | undefined
  refusedAddress: TraceEvent | undefined
  proxied: TraceEvent | undefined
  /** The last boot program asked for, over TFTP or HTTP. */
  programAsked: TraceEvent | undefined
  programDone: TraceEvent | undefined
  programFailed: TraceEvent | undefined
  ipxeAsked: TraceEvent | undefined
  ipxeOffered: TraceEvent | undefined
  /** The answer that tells iPXE its script: an ACK, or beside another DHCP server an offer without an address. */
  ipxeAnswered: TraceEvent | undefined
  start: TraceEvent | undefined
  script: TraceEvent | undefined
  fetched: readonly TraceEvent[]
  fetchFailed: TraceEvent | undefined
  launch: TraceEvent | undefined
  /** The script's own report of an error, unless it went on after it. */
  failed: TraceEvent | undefined
  system: TraceEvent | undefined
}>

export function evidenceOf(trace: Pick<Trace, 'events'>): Evidence {
  const { events } = trace
  const last = (match: (event: TraceEvent) => boolean) => events.findLast(match)
  const dhcp = events.filter((event) => event.kind.startsWith('dhcp.') && event.stage !== 'system')
  const firmware = dhcp.filter(isFirmware)
  const ipxe = dhcp.filter((event) => event.detail?.client === 'ipxe')
  const asked = firmware.length > 0 ? firmware : ipxe
  const named = dhcp.find((event) => event.detail?.architecture !== undefined)
  const architecture = named && String(named.detail?.architecture)
  const foreign = dhcp
    .filter((event) => event.kind === 'dhcp.foreign')
    .map((event) => String(event.detail?.server ?? ''))
  const requests = asked.filter((event) => event.kind === 'dhcp.request')
  const lastRequest = requests.at(-1)
  const failed = last((event) => event.kind === 'mark.failed')
  const wentOn =
    failed &&
    events.slice(events.indexOf(failed) + 1).some((event) => event.kind === 'http.blob' || event.kind === 'mark.launch')
  return {
    architecture,
    uefi: architecture?.includes('UEFI') ?? false,
    unanswered: dhcp.findLast((event) => event.outcome !== 'ok' && event.kind !== 'dhcp.foreign'),
    offered: asked.findLast((event) => event.detail?.reply === 'offer'),
    foreign: [...new Set(foreign.filter((server) => server !== ''))],
    tookOther:
      lastRequest && lastRequest.detail?.reply !== 'ack' && lastRequest.detail?.server !== undefined
        ? String(lastRequest.detail.server)
        : undefined,
    acknowledged: asked.findLast((event) => event.kind !== 'dhcp.proxy' && event.detail?.reply === 'ack'),
    refusedAddress: asked.findLast((event) => event.detail?.reply === 'nak'),
    proxied: asked.findLast((event) => event.kind === 'dhcp.proxy' && event.outcome === 'ok'),
    programAsked: last((event) => event.kind === 'tftp.read' || event.kind === 'http.program'),
    programDone: last(
      (event) =>
        event.outcome === 'ok' &&
        (event.kind === 'tftp.done' ||
          (event.kind === 'http.program' && event.detail?.method !== 'HEAD' && event.detail?.complete !== false)),
    ),
    programFailed: last(
      (event) =>
        (event.kind === 'tftp.read' || event.kind === 'tftp.done' || event.kind === 'http.program') &&
        (event.outcome !== 'ok' || event.detail?.complete === false),
    ),
    ipxeAsked: ipxe.at(-1),
    ipxeOffered: ipxe.findLast((event) => event.detail?.reply === 'offer'),
    ipxeAnswered: ipxe.findLast((event) => event.detail?.reply === 'ack' || isProxyOffer(event)),
    start: last((event) => event.kind === 'http.start'),
    script: last((event) => event.kind === 'http.script'),
    fetched: events.filter(
      (event) => event.kind === 'http.blob' && event.outcome === 'ok' && event.detail?.method !== 'HEAD',
    ),
    fetchFailed: last(
      (event) => event.kind === 'http.blob' && (event.outcome !== 'ok' || event.detail?.complete === false),
    ),
    launch: last((event) => event.kind === 'mark.launch'),
    failed: wentOn ? undefined : failed,
    system: last((event) => event.stage === 'system'),
  }
}

/** Beside another DHCP server we offer a boot program but no address. */
export function isProxyOffer(event: TraceEvent): boolean {
  const address = event.detail?.address
  return event.detail?.reply === 'offer' && (address === undefined || address === '' || address === '0.0.0.0')
}

/** A detail as text, or what to say when the stage did not tell. */
export function detailOf(event: TraceEvent | undefined, key: string, otherwise: string): string {
  const value = event?.detail?.[key]
  return value === undefined || value === '' ? otherwise : String(value)
}
