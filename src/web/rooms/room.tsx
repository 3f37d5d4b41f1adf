import { Button } from '@mantine/core'
import { IconHistory, IconLayoutGrid, IconLayoutList } from '@tabler/icons-react'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { all } from '../../api/client/client.ts'
import type { IscsiSession } from '../../api/contract/iscsi.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { client } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { toastProblem, useGet } from '../api/use.ts'
import type { RoomFilter } from '../machines/search.ts'
import { useList } from '../parts/listing.tsx'
import { Card, Empty, Loaded, Page, Stacked } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { BatchPanel, FollowedBatch } from './batch.tsx'
import { RoomFilters } from './filters.tsx'
import { sharedStart } from './names.ts'
import { Orders } from './orders.tsx'
import style from './rooms.module.css'
import { Tile } from './tile.tsx'

/** Tiles of one page: a whole room in most places. Small ones are for seeing all of a large room at once. */
const LIMIT = { large: 200, small: 1000 } as const
/** Power that was read longer ago than this is read again for who looks. Readings come each minute by themselves, unless that is switched off. */
const OLD_MS = 150_000
type Chosen = ReadonlyMap<string, { id: string; name: string }>

/** The machines of a tag as a grid, and what is done with many of them. */
export function RoomPage() {
  const { tag } = useParams({ from: '/rooms/$tag' })
  const search = useSearch({ from: '/rooms/$tag' })
  const { q, state, boot, power, tiles } = search
  const navigate = useNavigate({ from: '/rooms/$tag' })
  const operator = useMay('operator')
  const [chosen, setChosen] = useState<Chosen>(new Map())
  const query = { tag, q, state, boot, power }
  const machines = useList('listMachines', { query }, { limit: LIMIT[tiles ?? 'large'] })
  const room = useGet('listRooms', { query: { q: tag, limit: 1000 } }).data?.items.find((each) => each.tag === tag)
  const bySession = useSessionsOf()
  const ask = usePowerToAsk(tag)
  const batches = useGet(
    'listBatches',
    { query: { limit: 3 } },
    { refetchMs: (page) => (page?.items.some((each) => each.state === 'running') ? 2000 : 15_000) },
  )
  const running = (batches.data?.items ?? []).filter(
    (batch) => batch.state === 'running' && batch.id !== search.batch && batch.machines.length > 0,
  )
  const change = useCallback(
    (more: Partial<RoomFilter>, replace = false) =>
      void navigate({ search: (before) => ({ ...before, ...more }), replace }),
    [navigate],
  )
  const choose = useCallback(
    ({ id, name }: Machine, on: boolean) =>
      setChosen((before) => {
        const next = new Map(before)
        on ? next.set(id, { id, name }) : next.delete(id)
        return next
      }),
    [],
  )
  const chooseAll = () =>
    all(client.listMachines, { query })
      .then((every) => setChosen(new Map(every.map(({ id, name }) => [id, { id, name }]))))
      .catch(toastProblem)
  const items = machines.query.data?.items
  const shared = useMemo(() => sharedStart((items ?? []).map(({ name }) => name)), [items])
  const total = machines.query.data?.total ?? items?.length ?? 0
  const filtered = Boolean(q || state || boot || power)
  const small = tiles === 'small'
  return (
    <Page
      title={tag}
      actions={
        <>
          <Button
            variant="default"
            leftSection={small ? <IconLayoutList size={15} /> : <IconLayoutGrid size={15} />}
            onClick={() => change({ tiles: small ? undefined : 'small' }, true)}
          >
            {small ? 'Large tiles' : 'Small tiles'}
          </Button>
          <Button
            variant="default"
            leftSection={<IconHistory size={15} />}
            renderRoot={(props) => <Link to="/batches" {...props} />}
          >
            Batches
          </Button>
        </>
      }
    >
      <Stacked>
        {search.batch && <FollowedBatch id={search.batch} onChange={(batch) => change({ batch }, true)} />}
        {running.map((batch) => (
          <BatchPanel key={batch.id} batch={batch} />
        ))}
        <Card flush open label={`Machines of ${tag}`}>
          <RoomFilters room={room} filter={search} onChange={change} />
          <Orders
            crowd={{ tag, total, chosen: [...chosen.values()] }}
            wholeRoom={!filtered}
            onClear={() => setChosen(new Map())}
            onAll={chooseAll}
            onStarted={(batch) => change({ batch }, true)}
          />
          <Loaded query={machines.query} lines={6}>
            {(page) =>
              page.items.length === 0 ? (
                <Nothing tag={tag} filtered={filtered} />
              ) : (
                <>
                  <ul className={small ? style.smalls : style.tiles}>
                    {page.items.map((machine) => (
                      <Tile
                        key={machine.id}
                        machine={machine}
                        session={small ? undefined : bySession.get(machine.name)}
                        chosen={operator ? chosen.has(machine.id) : undefined}
                        onChoose={choose}
                        shared={shared}
                        small={small}
                        ask={ask.has(machine.id)}
                      />
                    ))}
                  </ul>
                  <Pager
                    walk={machines.walk}
                    limit={machines.limit}
                    shown={page.items.length}
                    next={page.next}
                    total={page.total}
                  />
                </>
              )
            }
          </Loaded>
        </Card>
      </Stacked>
    </Page>
  )
}

/** Who has a disk now, by the name of the machine. */
function useSessionsOf(): ReadonlyMap<string, IscsiSession> {
  const sessions = useGet('listSessions', { query: { limit: 1000 } }, { refetchMs: 3000, keep: true })
  return useMemo(() => {
    const of = new Map<string, IscsiSession>()
    for (const session of sessions.data?.items ?? []) if (session.machine) of.set(session.machine, session)
    return of
  }, [sessions.data])
}

/** Machines of a room that can be switched and whose power nobody has read lately. */
function usePowerToAsk(tag: string): ReadonlySet<string> {
  const { data, dataUpdatedAt } = useGet('listPower', { query: { tag, limit: 1000 } }, { refetchMs: 60_000 })
  return useMemo(() => {
    const old = (readAt: string | null) => readAt === null || dataUpdatedAt - new Date(readAt).getTime() > OLD_MS
    return new Set((data?.items ?? []).filter(({ readAt }) => old(readAt)).map(({ machine }) => machine))
  }, [data, dataUpdatedAt])
}

function Nothing({ tag, filtered }: { tag: string; filtered: boolean }) {
  return (
    <Empty title={filtered ? 'No machine of this room matches' : `No machine has the tag ${tag}`}>
      {filtered ? (
        <Link to="/rooms/$tag" params={{ tag }} search={{}}>
          Show the whole room
        </Link>
      ) : (
        <>
          Give machines the tag {tag}: choose them in <Link to="/machines">Machines</Link>, then Tags.
        </>
      )}
    </Empty>
  )
}
