import { Button, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'
import type { IscsiSession } from '../../api/contract/iscsi.ts'
import type { Volume } from '../../api/contract/volumes.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { type List, Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page, Stacked } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, count } from '../parts/words.ts'
import { History, points } from './history.ts'
import { NotServed } from './serving.tsx'
import style from './volumes.module.css'
import { busy, hitShare, latency, percent } from './words.ts'

const EVERY_MS = 2000
/** One minute. */
const MOST = 30

/** The sessions of one page of the list, asked again and again, with what they did lately. */
function useSessions(limit: number): List<IscsiSession> & { history: History } {
  const list = useList('listSessions', {}, { limit, refetchMs: () => EVERY_MS })
  const [history] = useState(() => new History(MOST))
  const { data, dataUpdatedAt } = list.query
  useEffect(() => {
    if (data && dataUpdatedAt > 0)
      history.take(data.items.map((each) => [each.id, each.readBytesPerSecond + each.writtenBytesPerSecond]))
  }, [data, dataUpdatedAt, history])
  return { ...list, history }
}

/** Who is logged in, since when, and how busy. */
export function SessionsPage() {
  const sessions = useSessions(100)
  const page = sessions.query.data
  const all = busy(page?.items ?? [])
  return (
    <Page
      title="Sessions"
      lead="Who has a disk over iSCSI now and how busy it is; latencies are those of the last minute."
    >
      <Stacked>
        <NotServed />
        <Card flush open label="Sessions">
          {page && page.items.length > 0 && (
            <div className={style.sums}>
              <Sum word={page.next ? 'sessions on this page' : 'sessions'} value={String(page.items.length)} />
              <Sum word="IOPS" value={Math.round(all.iops).toLocaleString('en-US')} />
              <Sum word="read" value={`${bytes(Math.round(all.read))}/s`} />
              <Sum word="written" value={`${bytes(Math.round(all.written))}/s`} />
            </div>
          )}
          <SessionList
            list={sessions}
            history={sessions.history}
            empty={
              <Empty title="Nobody is logged in">
                Start a machine with a diskless profile, or log in to an exported <Link to="/volumes">volume</Link>. It
                appears here within two seconds.
              </Empty>
            }
          />
        </Card>
      </Stacked>
    </Page>
  )
}

function Sum({ word, value }: { word: string; value: string }) {
  return (
    <div className="figures">
      <b>{value}</b>
      <span className="soft">{word}</span>
    </div>
  )
}

/** The sessions of one volume. */
export function VolumeSessions({ volume }: { volume: Volume }) {
  return (
    <SessionsWhere
      label="Sessions"
      where={(each) => each.volumes.includes(volume.name) || each.volumes.includes(volume.id)}
    />
  )
}

/** The sessions that are wanted, in a card; nothing where there is none. */
export function SessionsWhere(props: { label: string; where: (session: IscsiSession) => boolean }) {
  const sessions = useSessions(1000)
  const data = sessions.query.data
  const items = data?.items.filter(props.where) ?? []
  if (items.length === 0) return null
  const list = { ...sessions, query: { ...sessions.query, data: { items, next: null } } } as List<IscsiSession>
  return (
    <Card title={props.label} flush>
      <SessionList list={list} history={sessions.history} empty={null} slim />
    </Card>
  )
}

function SessionList(props: {
  list: List<IscsiSession>
  history: History
  empty: ReactNode
  /** Beside other things: without what stands there already. */
  slim?: boolean
}) {
  const { slim } = props
  const operator = useMay('operator')
  const end = useDo('endSession', { done: () => 'The session is ended.' })
  return (
    <Listing
      list={props.list}
      head={
        <>
          <th>Who</th>
          {!slim && <th className="wide">Volumes</th>}
          <th className="wide">Since</th>
          <th className="end">IOPS</th>
          <th className="end">Read</th>
          <th className="end">Written</th>
          {!slim && <th className="wide" aria-label="Lately" />}
          <th className="end wide">Latency p50 / p99</th>
          <th className="end widest">Not flushed</th>
          <th className="end widest">From cache</th>
          {operator && <ActionsHead />}
        </>
      }
      empty={props.empty}
    >
      {(each) => (
        <tr key={each.id}>
          <td>
            {each.machine ? (
              <Link to="/machines/$machine" params={{ machine: each.machine }} className="name">
                {each.machine}
              </Link>
            ) : (
              <div className={`mono ellipsis ${style.initiator}`} title={each.initiator}>
                {each.initiator}
              </div>
            )}
            <div className="soft mono">{each.address}</div>
          </td>
          {!slim && (
            <td className="wide">
              {each.volumes.slice(0, 2).map((name) => (
                <div key={name}>
                  <Link to="/volumes/$volume" params={{ volume: name }}>
                    {name}
                  </Link>
                </div>
              ))}
              {each.volumes.length > 2 && <span className="soft">and {each.volumes.length - 2} more</span>}
            </td>
          )}
          <td className="wide soft">
            <Ago at={each.since} />
          </td>
          <td className={figures}>{Math.round(each.readsPerSecond + each.writesPerSecond).toLocaleString('en-US')}</td>
          <td className={figures} title={`${bytes(each.bytesRead)} in ${count(each.reads, 'request')}`}>
            {bytes(Math.round(each.readBytesPerSecond))}/s
          </td>
          <td className={figures} title={`${bytes(each.bytesWritten)} in ${count(each.writes, 'request')}`}>
            {bytes(Math.round(each.writtenBytesPerSecond))}/s
          </td>
          {!slim && (
            <td className="wide">
              <Spark values={props.history.of(each.id)} />
            </td>
          )}
          <td className={`${figures} wide`}>
            <Latency word="read" p50={each.readP50} p99={each.readP99} />
            <Latency word="write" p50={each.writeP50} p99={each.writeP99} />
          </td>
          <td className="end widest figures">{each.dirtyBytes === null ? '' : bytes(each.dirtyBytes)}</td>
          <td className="end widest figures">{cached(each)}</td>
          {operator && (
            <td className="end">
              <Confirm
                title={`End the session of ${each.machine ?? each.initiator}?`}
                text={`Its requests under way are dropped and its disk (${each.volumes.join(', ')}) goes away for a moment. Most systems log in again by themselves; what they had not flushed is sent again.`}
                action="End session"
                onConfirm={() => end.mutate({ params: { session: each.id } })}
              >
                {(ask) => (
                  <Button size="compact-xs" variant="default" onClick={ask}>
                    Kick
                  </Button>
                )}
              </Confirm>
            </td>
          )}
        </tr>
      )}
    </Listing>
  )
}

/** A figure with its unit stays on one line. */
const figures = `end figures ${style.figure}`

function cached(session: IscsiSession): string {
  const share = hitShare(session)
  return share === null ? '' : percent(share)
}

function Latency({ word, p50, p99 }: { word: string; p50: number; p99: number }) {
  if (p99 <= 0) return null
  return (
    <Text size="xs" component="div">
      <span className="soft">{word}</span> {latency(p50)} / {latency(p99)}
    </Text>
  )
}

/** The bytes a second of the last minute. */
export function Spark({ values }: { values: readonly number[] }) {
  return (
    <svg className={style.spark} width={72} height={18} viewBox="0 0 72 18" aria-hidden>
      <polyline points={points(values, MOST, 72, 18)} />
    </svg>
  )
}
