import { IconAlertTriangle, IconCheck, IconHourglass, IconLoader2, IconMinus, IconX } from '@tabler/icons-react'
import type { Trace } from '../../api/contract/traces.ts'
import { useTextOfNow } from '../parts/now.ts'
import { TRACE_LOOKS } from '../parts/status.tsx'
import { span } from '../parts/words.ts'
import { type StageProgress, stageProgress } from './progress.ts'
import style from './traces.module.css'

/** The stages of one boot from left to right, each with when it began and how long it took. */
export function Stages({ trace }: { trace: Trace }) {
  const stages = stageProgress(trace)
  const [tone] = TRACE_LOOKS[trace.state]
  const live = trace.state === 'running'
  const timed = stages.filter((stage) => stage.took !== null && stage.took > 0)
  return (
    <>
      <ol className={style.stages} aria-label="Stages of this boot">
        {stages.map((stage) => (
          <li
            key={stage.stage}
            className={style.stage}
            data-status={stage.status}
            data-tone={stage.status === 'here' ? tone : undefined}
            data-trouble={stage.trouble || undefined}
            data-live={live || undefined}
            aria-current={stage.status === 'here' ? 'step' : undefined}
          >
            <span className={style.sign}>
              <Sign stage={stage} state={trace.state} />
            </span>
            <strong>{stage.stage}</strong>
            <small className={style.asks}>{stage.asks}</small>
            <small className={`${style.when} figures`}>
              <When stage={stage} trace={trace} />
            </small>
          </li>
        ))}
      </ol>
      {timed.length > 1 && (
        <div
          className={style.strip}
          role="img"
          aria-label={`Where the time went: ${timed.map((s) => `${s.stage} ${span(s.took ?? 0)}`).join(', ')}`}
        >
          {timed.map((stage) => (
            <i
              key={stage.stage}
              data-stage={stage.stage}
              style={{ flexGrow: stage.took ?? 0 }}
              title={`${stage.stage}: ${span(stage.took ?? 0)}`}
            />
          ))}
        </div>
      )}
    </>
  )
}

function Sign({ stage, state }: { stage: StageProgress; state: Trace['state'] }) {
  if (stage.trouble) return <IconAlertTriangle size={13} aria-label="with trouble" />
  if (stage.status === 'passed') return <IconCheck size={13} stroke={3} aria-label="done" />
  if (stage.status === 'skipped') return <IconMinus size={13} aria-label="not needed" />
  if (stage.status === 'ahead') return null
  if (state === 'running') return <IconLoader2 size={14} className={style.spin} aria-label="now" />
  if (state === 'stalled') return <IconHourglass size={13} aria-label="stalled here" />
  if (state === 'failed') return <IconX size={13} stroke={3} aria-label="failed here" />
  return <IconCheck size={13} stroke={3} aria-label="reached" />
}

function When({ stage, trace }: { stage: StageProgress; trace: Trace }) {
  if (stage.sinceStart === null) return stage.status === 'skipped' ? 'not needed' : '–'
  return (
    <>
      +{span(stage.sinceStart)}
      {stage.took !== null && <span className={style.took}>took {span(stage.took)}</span>}
      {stage.status === 'here' && trace.state === 'running' && <Waiting deadlineAt={trace.deadlineAt} />}
    </>
  )
}

/** How long the next sign of life may take before the boot counts as stalled. */
function Waiting({ deadlineAt }: { deadlineAt: string | null }) {
  const text = useTextOfNow((now) => {
    const left = deadlineAt ? Math.ceil((new Date(deadlineAt).getTime() - now) / 1000) : 0
    return left > 0 ? `next within ${left} s` : ''
  })
  return <span className={style.took}>{text}</span>
}
