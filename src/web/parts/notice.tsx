import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import style from './notice.module.css'

const SIGNS = { bad: IconAlertTriangle, wait: IconAlertTriangle, good: IconCircleCheck, calm: IconInfoCircle } as const

/** Something that should be read before the rest of the page. */
export function Notice(props: { tone: keyof typeof SIGNS; title: ReactNode; children?: ReactNode; aside?: ReactNode }) {
  const Sign = SIGNS[props.tone]
  return (
    <section className={style.notice} data-tone={props.tone} role={props.tone === 'bad' ? 'alert' : 'status'}>
      <Sign size={18} aria-hidden />
      <div>
        <strong>{props.title}</strong>
        {props.children}
      </div>
      {props.aside && <div className={style.aside}>{props.aside}</div>}
    </section>
  )
}
