import { IconAlertTriangle, IconBan, IconCheck, IconVolumeOff } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import type { Trace, TraceEvent } from '../../api/contract/traces.ts'
import { Facts } from '../parts/page.tsx'
import { bytes, clock, span } from '../parts/words.ts'
import { detailRows } from './progress.ts'
import style from './traces.module.css'

const SIGNS: Readonly<Record<TraceEvent['outcome'], readonly [typeof IconCheck, string]>> = {
  ok: [IconCheck, 'ok'],
  ignored: [IconVolumeOff, 'ignored'],
  refused: [IconBan, 'refused'],
  failed: [IconAlertTriangle, 'failed'],
}

/** Every packet and request of one boot in order, each with what was decided and why; more on a click. */
export function Events({ trace }: { trace: Trace }) {
  const shown = useRef({ trace: trace.id, events: trace.events.length })
  const seen = shown.current.trace === trace.id ? shown.current.events : trace.events.length
  useEffect(() => {
    shown.current = { trace: trace.id, events: trace.events.length }
  })
  // Events are only ever added at the end, and equal ones in a row are one: time, kind and place name an event.
  const keys = trace.events.map((event, place) => `${event.at} ${event.kind} ${place}`)
  const start = new Date(trace.startedAt).getTime()
  return (
    <>
      <ol className={style.events} aria-label="What happened">
        {trace.events.map((event, index) => (
          <Row key={keys[index]} event={event} start={start} fresh={index >= seen} />
        ))}
      </ol>
      {trace.dropped > 0 && (
        <p className={style.row}>{trace.dropped} more events were left out: a boot trace keeps a limited number.</p>
      )}
    </>
  )
}

function Row({ event, start, fresh }: { event: TraceEvent; start: number; fresh: boolean }) {
  const [Sign, word] = SIGNS[event.outcome]
  const repeated = event.count && event.count > 1 ? ` × ${event.count}` : ''
  const size = [
    event.bytes ? bytes(event.bytes) : '',
    event.durationMs === undefined || event.durationMs < 5 ? '' : span(event.durationMs),
  ].filter(Boolean)
  return (
    <li className={fresh ? style.new : undefined}>
      <details>
        <summary>
          <span className={style.at}>+{span(new Date(event.at).getTime() - start)}</span>
          <span className={style.which}>{event.stage}</span>
          <span className={style.outcome} data-outcome={event.outcome} title={word}>
            <Sign size={14} aria-label={word} />
          </span>
          <span className={style.what}>
            <p>
              {event.summary}
              {repeated && <b className="figures">{repeated}</b>}
            </p>
            <p className={style.why}>{event.reason}</p>
          </span>
          <span className={style.size}>{size.join(' · ')}</span>
        </summary>
        <div className={style.detail}>
          <Facts
            rows={[
              ['at', clock(event.at)],
              ...(event.lastAt ? [['last at', clock(event.lastAt)] as const] : []),
              ...detailRows(event).map(
                ([name, value]) =>
                  [
                    name,
                    <span key={name} className="mono">
                      {value}
                    </span>,
                  ] as const,
              ),
            ]}
          />
        </div>
      </details>
    </li>
  )
}
