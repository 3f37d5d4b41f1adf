import { isFirmware } from './correlate.ts'
import type { Trace, TraceEvent } from './trace.ts'

/** Why a boot does not go on, one sentence, and what to do about it. */
export type Cause = Readonly<{ text: string; next: readonly string[] }>

/** What the events of a trace prove, in the order of a boot. */
export type Evidence = Readonly<{
  /** The name of the client architecture it told, or what kind of client it was. */
  architecture: string | undefined
  uefi: boolean
  /** The last DHCP question that we did not answer on purpose or could not answer. */
  unanswered: TraceEvent | undefined
  offered: TraceEvent | undefined
  /** Other DHCP servers that answered the firmware, or iPXE where that came first. */
  foreign: readonly OtherServer[]
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
  /** The other DHCP servers that answered iPXE, and the one whose offer it took. */
  ipxeForeign: readonly OtherServer[]
  ipxeTookOther: string | undefined
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
  /** The management OS was started by its script; what it said last; the task it was at; and what it was refused since. */
  agentLaunched: TraceEvent | undefined
  agentHeard: TraceEvent | undefined
  agentTask: TraceEvent | undefined
  agentRefused: TraceEvent | undefined
}>

/** Another DHCP server, dotted decimal, and the boot file that it names; `''` for none. */
export type OtherServer = Readonly<{ server: string; file: string }>

export function evidenceOf(trace: Pick<Trace, 'events'>): Evidence {
  const { events } = trace
  const last = (match: (event: TraceEvent) => boolean) => events.findLast(match)
  const dhcp = events.filter((event) => event.kind.startsWith('dhcp.') && event.stage !== 'system')
  const firmware = dhcp.filter(isFirmware)
  const ipxe = dhcp.filter((event) => event.detail?.client === 'ipxe')
  const asked = firmware.length > 0 ? firmware : ipxe
  const named = dhcp.find((event) => event.detail?.architecture !== undefined)
  const architecture = named && String(named.detail?.architecture)
  const heard = dhcp.filter((event) => event.kind === 'dhcp.foreign')
  const [toIpxe, toFirmware] = [true, false].map((wanted) =>
    otherServers(heard.filter((reply) => (questionOf(reply, dhcp)?.detail?.client === 'ipxe') === wanted)),
  ) as [OtherServer[], OtherServer[]]
  const failed = last((event) => event.kind === 'mark.failed')
  const wentOn =
    failed &&
    events.slice(events.indexOf(failed) + 1).some((event) => event.kind === 'http.blob' || event.kind === 'mark.launch')
  return {
    architecture,
    uefi: architecture?.includes('UEFI') ?? false,
    unanswered: dhcp.findLast((event) => event.outcome !== 'ok' && event.kind !== 'dhcp.foreign'),
    offered: asked.findLast((event) => event.detail?.reply === 'offer'),
    foreign: asked === ipxe ? toIpxe : toFirmware,
    tookOther: tookOther(asked),
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
    ipxeForeign: toIpxe,
    ipxeTookOther: tookOther(ipxe),
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
    agentLaunched: last((event) => event.kind === 'mark.launch' && event.detail?.decision === 'agent'),
    agentHeard: last((event) => event.stage === 'install' && event.outcome !== 'refused'),
    agentTask: lastTask(events),
    agentRefused: last((event) => event.kind === 'agent.refused'),
  }
}

/** The task that the management OS began and did not end. */
function lastTask(events: readonly TraceEvent[]): TraceEvent | undefined {
  const began = events.findLastIndex(({ kind }) => kind === 'agent.task')
  return began < 0 || events.slice(began).some(({ kind }) => kind === 'agent.result') ? undefined : events[began]
}

/** The server that the last REQUEST names, unless we confirmed it. */
function tookOther(asked: readonly TraceEvent[]): string | undefined {
  const request = asked.findLast((event) => event.kind === 'dhcp.request')
  const server = request?.detail?.reply === 'ack' ? undefined : request?.detail?.server
  return server === undefined ? undefined : String(server)
}

/** The question that another server's reply answers. Replies do not say what asked: their `xid` tells, else what was asked last. */
function questionOf(reply: TraceEvent, dhcp: readonly TraceEvent[]): TraceEvent | undefined {
  const questions = dhcp.filter((event) => event.detail?.client !== undefined)
  const xid = reply.detail?.xid
  return (
    (xid === undefined ? undefined : questions.findLast((event) => event.detail?.xid === xid)) ??
    questions.findLast((event) => dhcp.indexOf(event) < dhcp.indexOf(reply)) ??
    questions[0]
  )
}

/** Each server once, with the last boot file that it named. */
function otherServers(replies: readonly TraceEvent[]): OtherServer[] {
  const files = new Map<string, string>()
  for (const reply of replies) {
    const server = detailOf(reply, 'server', '')
    if (server !== '') files.set(server, detailOf(reply, 'file', files.get(server) ?? ''))
  }
  return [...files].map(([server, file]) => ({ server, file }))
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
