import type { Trace } from './trace.ts'

/** Kinds that firmware and iPXE send once for each start. */
const AT_EACH_START = new Set(['tftp.read', 'http.program', 'http.start'])
const FIRMWARE = new Set<unknown>(['firmware', 'http'])

/**
 * Whether a machine was seen to start after this time. A start that looks like the goings-on of an earlier one (a machine that is
 * parked, or was cut off early) adds to its trace: its first steps give it away.
 */
export function startedSince({ startedAt, events }: Pick<Trace, 'startedAt' | 'events'>, at: number): boolean {
  return startedAt >= at || events.some((event) => (event.lastAt ?? event.at) >= at && isFirstStep(event))
}

function isFirstStep({ kind, detail }: Trace['events'][number]): boolean {
  return AT_EACH_START.has(kind) || (kind.startsWith('dhcp.') && FIRMWARE.has(detail?.client))
}
