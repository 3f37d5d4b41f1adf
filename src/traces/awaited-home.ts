import { type Cause, detailOf } from './evidence.ts'
import type { Trace, TraceEvent } from './trace.ts'

/** How long a started system may take until it phones home, in milliseconds, where the launch does not say it. */
export const HOME_MS = 20 * 60_000

/** The same after a launch that is followed by a call home: installers fetch packages first. */
export function homePatienceMs({ detail }: Pick<TraceEvent, 'detail'>): number {
  return typeof detail?.homeSeconds === 'number' ? detail.homeSeconds * 1000 : HOME_MS
}

/** Whether a launch is one that is followed by a call home. */
export function expectsHome({ kind, detail }: Pick<TraceEvent, 'kind' | 'detail'>): boolean {
  return kind === 'mark.launch' && detail?.awaits === 'home'
}

export function isHome({ kind, outcome }: Pick<TraceEvent, 'kind' | 'outcome'>): boolean {
  return kind === 'http.home' && outcome === 'ok'
}

/** Whether the system that this boot started was to phone home and has not. */
export function awaitsHome({ events }: Pick<Trace, 'events'>): boolean {
  const launch = events.findLastIndex(expectsHome)
  return launch >= 0 && !events.slice(launch).some(isHome)
}

/** Why a started system did not phone home, from what it asked for since. `console`: what always helps. */
export function whyNotHome({ events }: Pick<Trace, 'events'>, console: string): Cause {
  const launch = events.findLastIndex(expectsHome)
  const since = events.slice(launch + 1)
  const asked = since.filter(({ kind }) => kind === 'http.file')
  const last = asked.at(-1)
  if (last && last.outcome !== 'ok')
    return {
      text: `it was started, but it was refused ${detailOf(last, 'file', 'a file')} (${last.reason}) and did not phone home`,
      next: ['see what it would be given: reveille config render', console],
    }
  if (last)
    return {
      text: `it was started and fetched ${detailOf(last, 'file', 'a file')} last, but did not phone home: something that it was told to do failed or takes very long`,
      next: [
        `${console}: journalctl on it tells which unit or command failed`,
        'see what it was given: reveille config render',
      ],
    }
  const heard = since.some(({ kind }) => kind.startsWith('dhcp.'))
  const given = events.slice(0, launch).findLast(({ kind, outcome }) => kind === 'http.file' && outcome === 'ok')
  const has = given
    ? `was started with ${detailOf(given, 'file', 'its config')}`
    : events[launch]?.detail?.decision === 'install'
      ? 'was started from its disk, which holds its config,'
      : undefined
  if (heard && has !== undefined)
    return {
      text: `it ${has} and asked for an address, but did not phone home: what its config tells it to do failed or takes very long`,
      next: [`${console}: what its first start did is told there`, 'see what it was given: reveille config render'],
    }
  if (heard)
    return {
      text: 'it was started and asked for an address, but it never fetched its config and did not phone home',
      next: [
        'look whether the command line of its profile names {{config}} or {{nocloud}}: reveille profile show',
        console,
      ],
    }
  return {
    text: 'it was started and nothing was heard of it since: no request for an address, for its config, nor its call home',
    next: ['its kernel may hang, or have no driver for the network card', console],
  }
}
