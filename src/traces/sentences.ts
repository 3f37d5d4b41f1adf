import { detailOf, isProxyOffer } from './evidence.ts'
import type { TraceEvent } from './trace.ts'

/** One event as a sentence without its time: what the machine did, what we answered, and why when that is not obvious. */
export function describeEvent(event: TraceEvent): string {
  return `${told(event)}${repeated(event)}`
}

function told(event: TraceEvent): string {
  if (event.outcome !== 'ok') return refused(event)
  const file = detailOf(event, 'file', 'a file')
  switch (event.kind) {
    case 'dhcp.discover':
      return isProxyOffer(event)
        ? `${who(event)} asked for an address as ${architecture(event)}; we named ${offer(event)} and left the address to the other DHCP server`
        : `${who(event)} asked for an address as ${architecture(event)}; we offered ${offer(event)}`
    case 'dhcp.request':
      return request(event)
    case 'dhcp.proxy':
      return `it asked us for its boot program (port 4011) as ${architecture(event)}; we named ${file}`
    case 'dhcp.inform':
      return `${who(event)} has an address and asked for the rest; we answered`
    case 'dhcp.foreign':
      return `another DHCP server, ${detailOf(event, 'server', 'of unknown address')}, answered too${theirFile(event)}`
    case 'dhcp.decline':
      return `it found somebody else on ${detailOf(event, 'address', 'its address')} and declined it`
    case 'dhcp.release':
      return `it gave ${detailOf(event, 'address', 'its address')} back`
    case 'tftp.read':
      return event.detail?.probe === true ? `it asked for the size of ${file}` : `it began to fetch ${file} by TFTP`
    case 'tftp.done':
      return `it fetched ${file} by TFTP${amount(event)}`
    case 'http.program':
      return event.detail?.method === 'HEAD'
        ? `it asked for the size of ${file}`
        : `it fetched ${file} by HTTP${amount(event)}`
    case 'http.start':
      return `${detailOf(event, 'by', 'iPXE')} fetched the first script`
    case 'http.script':
      return `it asked what to run; ${event.reason}`
    case 'http.blob':
      return event.detail?.method === 'HEAD' ? `it asked for the size of ${file}` : `it fetched ${file}${amount(event)}`
    case 'mark.launch':
      return `it starts what it has loaded${event.detail?.profile ? ` (${event.detail.profile})` : ''}`
    case 'http.file':
      return event.stage === 'script' ? `it fetched ${file}` : `the system it runs fetched ${file}`
    default:
      return `${event.summary}: ${event.reason}`
  }
}

function refused(event: TraceEvent): string {
  const file = detailOf(event, 'file', 'a file')
  switch (event.kind) {
    case 'dhcp.discover':
      return `${who(event)} asked for an address as ${architecture(event)}; we did not answer: ${event.reason}`
    case 'dhcp.request':
      return request(event)
    case 'tftp.done':
    case 'http.blob':
    case 'http.program':
      return `it did not get the whole of ${file}: ${detailOf(event, 'error', event.reason)}`
    case 'tftp.read':
      return `it asked for ${file} and did not get it: ${event.reason}`
    default:
      return `${event.summary}: ${event.reason}`
  }
}

function request(event: TraceEvent): string {
  const address = detailOf(event, 'address', 'an address')
  switch (event.detail?.reply) {
    case 'ack':
      return `it took our offer of ${address}; we confirmed it`
    case 'nak':
      return `it asked for ${address}; we refused it: ${event.reason}`
    default:
      // As it should be in proxy mode; in server mode we have lost it.
      if (event.outcome === 'ok' && event.detail?.server !== undefined)
        return `${who(event)} took ${address} from the DHCP server ${event.detail.server}, which gives the addresses here`
      return event.detail?.server !== undefined
        ? `${who(event)} took the offer of another DHCP server, ${event.detail.server}`
        : `it asked for ${address}; we did not answer: ${event.reason}`
  }
}

function theirFile(event: TraceEvent): string {
  const file = detailOf(event, 'file', '')
  return file === '' ? '' : ` and told it to boot ${file}`
}

function who(event: TraceEvent): string {
  switch (event.detail?.client) {
    case 'ipxe':
      return 'iPXE'
    case 'system':
      return 'a running system'
    default:
      return 'it'
  }
}

function architecture(event: TraceEvent): string {
  return detailOf(event, 'architecture', 'a client that does not say what it is')
}

function offer(event: TraceEvent): string {
  const parts = [detailOf(event, 'address', ''), detailOf(event, 'file', '')].filter((part) => part !== '')
  return parts.length > 0 ? parts.join(' and ') : 'what it needs'
}

function amount(event: TraceEvent): string {
  const parts = [
    event.bytes !== undefined ? size(event.bytes) : undefined,
    event.durationMs !== undefined ? `in ${(event.durationMs / 1000).toFixed(1)} s` : undefined,
  ].filter((part) => part !== undefined)
  return parts.length > 0 ? ` (${parts.join(' ')})` : ''
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

function repeated(event: TraceEvent): string {
  if (event.count === undefined || event.count < 2) return ''
  const last = event.lastAt === undefined ? '' : `, last at ${new Date(event.lastAt).toISOString().slice(11, 19)} UTC`
  return ` (${event.count} times${last})`
}
