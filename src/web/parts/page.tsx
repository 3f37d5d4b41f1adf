import { Button, Skeleton } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { type ReactNode, useEffect } from 'react'
import { ApiProblem } from '../../api/client/problem.ts'
import style from './page.module.css'

/** The frame of each page: title (also of the window), what may be done, and one sentence on what this is. */
export function Page(props: {
  title: string
  beside?: ReactNode
  actions?: ReactNode
  lead?: ReactNode
  children: ReactNode
}) {
  useEffect(() => {
    document.title = `${props.title} · Reveille`
  }, [props.title])
  return (
    <div className={style.page}>
      <div className={style.head}>
        <h1>{props.title}</h1>
        {props.beside}
        {props.actions && <div className={style.actions}>{props.actions}</div>}
      </div>
      {props.lead && <p className={style.lead}>{props.lead}</p>}
      {props.children}
    </div>
  )
}

/** A part of a page with a heading. */
export function Card(props: {
  title?: ReactNode
  aside?: ReactNode
  beside?: ReactNode
  flush?: boolean
  /** The parts inside scroll by themselves, so that a toolbar can stay in sight. */
  open?: boolean
  children: ReactNode
  label?: string
}) {
  return (
    <section className={style.card} aria-label={props.label}>
      {props.title && (
        <header>
          <h2>{props.title}</h2>
          {props.beside}
          {props.aside && <div className={style.aside}>{props.aside}</div>}
        </header>
      )}
      <div className={props.open ? undefined : props.flush ? style.scroll : style.inside}>{props.children}</div>
    </section>
  )
}

/** Nothing is here yet: says why that is and what to do about it. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={style.empty}>
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {action}
    </div>
  )
}

/** What went wrong, in the server's own words, and what to do next. */
export function ProblemNote({ error, retry }: { error: Error | null | undefined; retry?: () => void }) {
  if (!error) return null
  const problem = error instanceof ApiProblem ? error : undefined
  const fields = problem?.problems.filter((field) => !problem.detail.includes(field.message)) ?? []
  return (
    <div className={style.problem} role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <div>
        <p>{error.message}</p>
        {fields.map((field) => (
          <p key={field.path + field.message}>{field.message}</p>
        ))}
        {problem?.next && <p className={style.next}>{problem.next}</p>}
        {retry && (
          <Button variant="default" mt={8} onClick={retry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  )
}

/** The three ways in which an answer can be on its way. `children` is called once it is there. */
export function Loaded<T>(props: {
  query: { data: T | undefined; error: Error | null; refetch: () => unknown }
  lines?: number
  children: (data: T) => ReactNode
}) {
  const { data, error, refetch } = props.query
  if (data !== undefined) return props.children(data)
  if (error)
    return (
      <div className={style.inside}>
        <ProblemNote error={error} retry={() => void refetch()} />
      </div>
    )
  return (
    <div className={style.inside} role="status" aria-label="Loading">
      {Array.from({ length: props.lines ?? 4 }, (_, line) => line).map((line) => (
        <Skeleton key={line} height={14} my={10} width={`${90 - ((line * 17) % 45)}%`} />
      ))}
    </div>
  )
}

/** Names and their values. Rows without a value are left out. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="pairs">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
        .map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

/** Parts of a page one below the other. */
export function Stacked({ children }: { children: ReactNode }) {
  return <div className={style.stacked}>{children}</div>
}

/** What a page is about, and beside it, where there is room, what is known of it. */
export function Columns({ children, aside }: { children: ReactNode; aside: ReactNode }) {
  return (
    <div className={style.columns}>
      <Stacked>{children}</Stacked>
      {aside}
    </div>
  )
}
