import { type Cause, detailOf } from './evidence.ts'
import type { Trace, TraceEvent } from './trace.ts'

/** How long a started system may take until it phones home, where its config says that it does: installers fetch packages first. */
export const HOME_MS = 20 * 60_000

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
  const since = events.slice(events.findLastIndex(expectsHome) + 1)
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
  if (since.some(({ kind }) => kind.startsWith('dhcp.')))
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
