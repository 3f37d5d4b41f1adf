import { Button, Checkbox, Menu } from '@mantine/core'
import { useInViewport } from '@mantine/hooks'
import {
  IconChevronDown,
  IconHistory,
  IconPlayerTrackNext,
  IconPower,
  IconRefresh,
  IconRotate,
  IconTemplate,
  IconTransfer,
  IconZzz,
} from '@tabler/icons-react'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { type ReactNode, useCallback, useMemo, useState } from 'react'
import { all } from '../../api/client/client.ts'
import type { IscsiSession } from '../../api/contract/iscsi.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { client } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { toastProblem, useGet } from '../api/use.ts'
import bars from '../machines/machines.module.css'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { useList } from '../parts/listing.tsx'
import { Card, Empty, Loaded, Page, Stacked } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { MACHINE_LOOKS, PowerState, Status, traceLook } from '../parts/status.tsx'
import { bytes, count } from '../parts/words.ts'
import { BatchPanel } from './batch.tsx'
import { type Crowd, OrderBatch } from './order.tsx'
import style from './rooms.module.css'
import { ACTIONS, type BatchAction } from './words.ts'

/** Tiles of one page: a whole room in most places. */
const LIMIT = 200
const STATES = Object.keys(MACHINE_LOOKS) as Machine['state'][]
type Chosen = ReadonlyMap<string, { id: string; name: string }>

/** The machines of a tag as a grid, and what is done with many of them. */
export function RoomPage() {
  const { tag } = useParams({ from: '/rooms/$tag' })
  const { q, state } = useSearch({ from: '/rooms/$tag' })
  const navigate = useNavigate({ from: '/rooms/$tag' })
  const [chosen, setChosen] = useState<Chosen>(new Map())
  const query = { tag, q, state }
  const machines = useList('listMachines', { query }, { limit: LIMIT })
  const sessions = useGet('listSessions', { query: { limit: 1000 } }, { refetchMs: 3000, keep: true })
  const batches = useGet(
    'listBatches',
    { query: { limit: 3 } },
    { refetchMs: (page) => (page?.items.some((each) => each.state === 'running') ? 2000 : 15_000) },
  )
  const [followed, setFollowed] = useState<string | null>(null)
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const shown = (batches.data?.items ?? []).filter(
    (batch) => !closed.has(batch.id) && (batch.state === 'running' || batch.id === followed),
  )
  const running = shown.some((batch) => batch.state === 'running')
  const bySession = useMemo(() => {
    const of = new Map<string, IscsiSession>()
    for (const session of sessions.data?.items ?? []) if (session.machine) of.set(session.machine, session)
    return of
  }, [sessions.data])
  const filterText = useCallback(
    (text: string | undefined) => void navigate({ search: (before) => ({ ...before, q: text }), replace: true }),
    [navigate],
  )
  const choose = (items: readonly Machine[], on: boolean) => {
    const next = new Map(chosen)
    for (const { id, name } of items) on ? next.set(id, { id, name }) : next.delete(id)
    setChosen(next)
  }
  const chooseAll = () =>
    all(client.listMachines, { query })
      .then((every) => setChosen(new Map(every.map(({ id, name }) => [id, { id, name }]))))
      .catch(toastProblem)
  const total = machines.query.data?.total ?? machines.query.data?.items.length ?? 0
  const filtered = q !== undefined || state !== undefined
  return (
    <Page
      title={tag}
      actions={
        <Button
          variant="default"
          leftSection={<IconHistory size={15} />}
          renderRoot={(props) => <Link to="/batches" {...props} />}
        >
          Batches
        </Button>
      }
    >
      <Stacked>
        {shown.map((batch) => (
          <BatchPanel key={batch.id} batch={batch} onClose={() => setClosed(new Set([...closed, batch.id]))} />
        ))}
        <Card flush open label={`Machines of ${tag}`}>
          <Filters>
            <FilterText label="Filter machines" placeholder="Name, MAC, address" value={q} onChange={filterText} />
            <FilterChoice
              label="State"
              words={[[undefined, 'all'], ...STATES.map((each) => [each, each] as const)]}
              value={state}
              onChange={(word) => void navigate({ search: (before) => ({ ...before, state: word }) })}
            />
          </Filters>
          <Orders
            crowd={{ tag, total, chosen: [...chosen.values()] }}
            wholeRoom={!filtered}
            onClear={() => setChosen(new Map())}
            onAll={chooseAll}
            onStarted={setFollowed}
          />
          <Loaded query={machines.query} lines={6}>
            {(page) =>
              page.items.length === 0 ? (
                <Empty title={filtered ? 'No machine of this room matches' : `No machine has the tag ${tag}`}>
                  {filtered ? (
                    <Link to="/rooms/$tag" params={{ tag }} search={{}}>
                      Show the whole room
                    </Link>
                  ) : (
                    <>
                      Give machines the tag {tag}: open one in <Link to="/machines">Machines</Link> and choose Edit.
                    </>
                  )}
                </Empty>
              ) : (
                <>
                  <ul className={style.tiles}>
                    {page.items.map((machine) => (
                      <Tile
                        key={machine.id}
                        machine={machine}
                        session={bySession.get(machine.name)}
                        chosen={chosen.has(machine.id)}
                        onChoose={(on) => choose([machine], on)}
                        hurry={running}
                      />
                    ))}
                  </ul>
                  <Pager
                    walk={machines.walk}
                    limit={LIMIT}
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

function Orders(props: {
  crowd: Crowd
  /** What is shown is all of the room: then an order without a choice is for all of it. */
  wholeRoom: boolean
  onClear: () => void
  onAll: () => void
  onStarted: (batch: string) => void
}) {
  const { crowd } = props
  const operator = useMay('operator')
  const [action, setAction] = useState<BatchAction | null>(null)
  const some = crowd.chosen.length > 0
  const none = !some && (!props.wholeRoom || crowd.total === 0)
  if (!operator) return null
  const button = (each: BatchAction, icon: ReactNode) => (
    <Button variant="default" leftSection={icon} disabled={none} onClick={() => setAction(each)}>
      {ACTIONS[each].word}
    </Button>
  )
  return (
    <div className={bars.bulk} role="toolbar" aria-label="What to do with them">
      <b className="figures">
        {some
          ? `${count(crowd.chosen.length, 'machine')} chosen`
          : none
            ? 'None chosen'
            : `The whole room: ${count(crowd.total, 'machine')}`}
      </b>
      {button('on', <IconPower size={14} />)}
      {button('soft', <IconZzz size={14} />)}
      {button('switch', <IconTransfer size={14} />)}
      {button('boot-once', <IconPlayerTrackNext size={14} />)}
      <Menu>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={13} />} disabled={none}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconTemplate size={15} />} onClick={() => setAction('boot')}>
            Set profile…
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={15} />} onClick={() => setAction('cycle')}>
            Off and on again…
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconPower size={15} />} onClick={() => setAction('off')}>
            Switch off hard…
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconRotate size={15} />} onClick={() => setAction('reset')}>
            Reset disks…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <span style={{ marginInlineStart: 'auto' }}>
        {some ? (
          <Button variant="subtle" color="gray" onClick={props.onClear}>
            Clear
          </Button>
        ) : (
          crowd.total > 0 && (
            <Button variant="subtle" color="gray" onClick={props.onAll}>
              {props.wholeRoom ? 'Choose all' : `Choose these ${crowd.total}`}
            </Button>
          )
        )}
      </span>
      {action && (
        <OrderBatch action={action} crowd={crowd} onClose={() => setAction(null)} onStarted={props.onStarted} />
      )}
    </div>
  )
}

function Tile(props: {
  machine: Machine
  session: IscsiSession | undefined
  chosen: boolean
  onChoose: (on: boolean) => void
  /** Something is being done with machines: their power is asked for more often. */
  hurry: boolean
}) {
  const { machine, session, chosen } = props
  const operator = useMay('operator')
  const { ref, inViewport } = useInViewport<HTMLLIElement>()
  const power = useGet(
    'getPower',
    // Screens that show the same room share what was read.
    { params: { machine: machine.id }, query: { maxAge: props.hurry ? 3 : 15 } },
    { enabled: inViewport, refetchMs: (data) => (data ? (props.hurry ? 4000 : 20_000) : false) },
  )
  const boot = machine.boot ? traceLook(machine.boot.state) : undefined
  const odd = machine.state === 'failed' || machine.state === 'maintenance' || machine.state === 'deploying'
  const look = odd || !boot ? MACHINE_LOOKS[machine.state] : boot
  const rate = session ? session.readBytesPerSecond + session.writtenBytesPerSecond : 0
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the checkbox inside is for the keyboard; this is a larger target for the mouse
    <li
      ref={ref}
      className={style.tile}
      data-tone={power.data?.state === 'off' ? 'calm' : look[0]}
      data-chosen={chosen || undefined}
      onClick={(event) => {
        if (operator && !(event.target instanceof HTMLElement && event.target.closest('a, input, label')))
          props.onChoose(!chosen)
      }}
    >
      <div className={style.tileHead}>
        {operator && (
          <Checkbox
            size="xs"
            aria-label={`Choose ${machine.name}`}
            checked={chosen}
            onChange={(event) => props.onChoose(event.currentTarget.checked)}
          />
        )}
        <Link to="/machines/$machine" params={{ machine: machine.name }} className="ellipsis">
          {machine.name}
        </Link>
        {power.data && <PowerState state={power.data.state} />}
      </div>
      <div className="ellipsis" title={machine.boot?.headline}>
        {power.data?.state === 'off' ? (
          <span className="soft">switched off</span>
        ) : (
          <Status look={look} bare>
            {machine.boot?.state === 'running' ? machine.boot.stage : look[2]}
          </Status>
        )}
      </div>
      <div className="ellipsis">
        {machine.profile ?? <span className="soft">no profile: parked</span>}
        {machine.nextBoot && (
          <span className={bars.once}>
            <IconPlayerTrackNext size={13} aria-label="next boot" /> {machine.nextBoot.profile}
          </span>
        )}
      </div>
      <div className={`${style.tileFoot} figures`}>
        {session ? (
          <>
            <span>{Math.round(session.readsPerSecond + session.writesPerSecond)} IOPS</span>
            <span>{bytes(Math.round(rate))}/s</span>
          </>
        ) : (
          'no disk attached'
        )}
      </div>
    </li>
  )
}
