import { Switch } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { pathOf } from '../../api/client/client.ts'
import { ROUTES } from '../../api/client/routes.ts'
import { Card, Empty, ProblemNote } from '../parts/page.tsx'
import { clock } from '../parts/words.ts'
import style from './deployments.module.css'
import { useLog } from './log.ts'

/** What was done, line by line; the end stays in sight while it grows, unless somebody scrolled up. */
export function LogView({ deployment, live }: { deployment: string; live: boolean }) {
  const { lines, error } = useLog(deployment, live)
  const [follows, setFollows] = useState(true)
  const [debug, setDebug] = useState(false)
  const place = useRef<HTMLDivElement>(null)
  const shown = debug ? lines : lines.filter(({ level }) => level !== 'debug')
  const newest = shown.at(-1)?.n
  useEffect(() => {
    const box = place.current
    if (box && follows && newest !== undefined) box.scrollTop = box.scrollHeight
  }, [follows, newest])
  return (
    <Card
      title="Log"
      flush
      aside={
        <>
          <Switch
            size="xs"
            label="Details"
            checked={debug}
            onChange={(event) => setDebug(event.currentTarget.checked)}
          />
          <Switch
            size="xs"
            label="Follow"
            checked={follows}
            onChange={(event) => setFollows(event.currentTarget.checked)}
          />
          <a
            href={pathOf(ROUTES.getDeploymentLog[1], { deployment }, { limit: 5000 })}
            download={`deployment-${deployment}.json`}
            className={style.download}
          >
            <IconDownload size={14} aria-hidden /> Download
          </a>
        </>
      }
    >
      {error && lines.length === 0 && (
        <div style={{ padding: '0.8rem 0.9rem' }}>
          <ProblemNote error={error} />
        </div>
      )}
      {shown.length === 0 && !error ? (
        <Empty title="Nothing was said yet" />
      ) : (
        <div
          ref={place}
          className={style.log}
          role="log"
          aria-label="Log"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          tabIndex={0}
          onScroll={({ currentTarget: box }) => setFollows(box.scrollHeight - box.scrollTop - box.clientHeight < 40)}
        >
          {shown.map(({ n, at, level, text }) => (
            <div key={n} data-level={level}>
              <time dateTime={at} title={clock(at)}>
                {clock(at).slice(11)}
              </time>
              <span>
                {level === 'warn' || level === 'error' ? <b>{level === 'warn' ? 'warning: ' : 'error: '}</b> : null}
                {text}
              </span>
            </div>
          ))}
        </div>
      )}
    </Card>
  )
}
