import type { Why } from '../../api/contract/traces.ts'
import { Status, TRACE_LOOKS } from '../parts/status.tsx'
import { span } from '../parts/words.ts'
import style from './traces.module.css'

/** What became of the newest boot, and what to do, in plain sentences. */
export function Verdict({ why }: { why: Why }) {
  const look = why.state ? TRACE_LOOKS[why.state] : undefined
  const start = why.sentences[0] ? new Date(why.sentences[0].at).getTime() : 0
  return (
    <section className={style.verdict} data-tone={look?.[0] ?? 'calm'} aria-label="Newest boot">
      <div style={{ flex: 1, minWidth: 0 }}>
        {look && <Status look={look} />}
        <p className={style.says} aria-live="polite">
          {why.verdict}
        </p>
        {why.next.length > 0 && (
          <ul aria-label="What to do">
            {why.next.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ul>
        )}
        {why.sentences.length > 0 && (
          <details className={style.sentences}>
            <summary>
              The whole story in {why.sentences.length === 1 ? 'one sentence' : `${why.sentences.length} sentences`}
            </summary>
            <ol>
              {why.sentences.map((sentence) => (
                <li key={sentence.at + sentence.text}>
                  <span className={style.at}>+{span(new Date(sentence.at).getTime() - start)}</span>
                  <span>{sentence.text}</span>
                </li>
              ))}
            </ol>
          </details>
        )}
      </div>
    </section>
  )
}
