import { Button, Checkbox } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { all } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { client } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { toastProblem, useGet } from '../api/use.ts'
import { inHeldOrder } from '../parts/held.ts'
import { useList } from '../parts/listing.tsx'
import { Card, Empty, Loaded, Page, Stacked } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import type { Sorting } from '../parts/sorting.ts'
import { SortHead } from '../parts/table.tsx'
import { count } from '../parts/words.ts'
import { FollowedBatch } from '../rooms/batch.tsx'
import { AddMachine } from './add.tsx'
import { BulkBar, type Chosen } from './bulk-bar.tsx'
import { MachineFilters } from './filters.tsx'
import style from './machines.module.css'
import { MachineRow } from './row.tsx'
import type { MachineFilter } from './search.ts'

type Column = NonNullable<MachineFilter['sort']>

export function MachinesPage() {
  const search = useSearch({ from: '/machines' })
  const navigate = useNavigate({ from: '/machines' })
  const operator = useMay('operator')
  const user = useMay('user')
  const status = useGet('getStatus', {})
  const [chosen, setChosen] = useState<Chosen>(new Map())
  const { q, state, profile, tag, boot, power } = search
  const now: Sorting<Column> = { sort: search.sort ?? 'name', order: search.order ?? 'asc' }
  const query = { q, state, profile, tag, boot, power, ...now }
  const list = useList('listMachines', { query })
  const machines = list.query

  const change = useCallback(
    (more: Partial<MachineFilter>, replace = false) =>
      void navigate({ search: (before) => ({ ...before, ...more }), replace }),
    [navigate],
  )
  const sortBy = ({ sort, order }: Sorting<Column>) =>
    change({ sort: sort === 'name' ? undefined : sort, order: order === 'asc' ? undefined : order })
  const head = { now, onSort: sortBy }

  // Lists by time change their order with every boot: not under somebody's pointer.
  const [held, hold] = useState<{ about: string; ids: readonly string[] } | null>(null)
  const about = JSON.stringify([query, list.walk.cursor])
  const fresh = machines.data?.items ?? []
  const items = held?.about === about ? inHeldOrder(held.ids, fresh) : fresh
  const total = machines.data?.total
  const filtered = Boolean(q || state || profile || tag || boot || power)
  const pageChosen = items.length > 0 && items.every((machine) => chosen.has(machine.id))
  const choose = useCallback(
    (machines: readonly Machine[], on: boolean) =>
      setChosen((before) => {
        const next = new Map(before)
        for (const { id, name, state } of machines) on ? next.set(id, { id, name, state }) : next.delete(id)
        return next
      }),
    [],
  )
  const chooseOne = useCallback((machine: Machine, on: boolean) => choose([machine], on), [choose])
  const chooseAll = () =>
    all(client.listMachines, { query })
      .then((every) => choose(every, true))
      .catch(toastProblem)
  // Those of other filters may be chosen too: what matters is whether any of these is not.
  const more = pageChosen && total !== undefined && total > items.length && chosen.size < total

  return (
    <Page
      title="Machines"
      actions={
        operator && (
          <Button leftSection={<IconPlus size={15} />} onClick={() => change({ add: true })}>
            Add machine
          </Button>
        )
      }
    >
      <Stacked>
        {search.batch && <FollowedBatch id={search.batch} onChange={(batch) => change({ batch }, true)} />}
        <Card flush open label="Machines">
          <MachineFilters filter={search} counts={status.data} onChange={change} />
          {chosen.size > 0 && (
            <BulkBar
              chosen={chosen}
              onClear={() => setChosen(new Map())}
              onBatch={(batch) => change({ batch }, true)}
              operator={operator}
            />
          )}
          {more && (
            <div className={style.everything}>
              The machines of this page are chosen.{' '}
              <Button variant="subtle" size="compact-xs" onClick={chooseAll}>
                Choose all {total.toLocaleString('en-US')}
                {filtered && ' that match'}
              </Button>
            </div>
          )}
          <Loaded query={machines} lines={8}>
            {(page) =>
              page.items.length === 0 ? (
                <Nothing filtered={filtered} operator={operator} lab={status.data?.lab ?? false} />
              ) : (
                <>
                  <div className="scroll">
                    <table className="rows">
                      <thead>
                        <tr>
                          {user && (
                            <th style={{ width: 32 }}>
                              <Checkbox
                                size="xs"
                                aria-label="Choose all machines of this page"
                                checked={pageChosen}
                                indeterminate={!pageChosen && items.some((machine) => chosen.has(machine.id))}
                                onChange={(event) => choose(items, event.currentTarget.checked)}
                              />
                            </th>
                          )}
                          <SortHead column="name" word="Machine" {...head} />
                          <SortHead column="state" word="State" {...head} />
                          <SortHead column="power" word="Power" {...head} />
                          <SortHead column="boot" word="Newest boot" first="desc" {...head} />
                          <SortHead column="profile" word="Profile" className="wide" {...head} />
                          <SortHead column="address" word="Address" className="wide" {...head} />
                          <th className="widest">MAC</th>
                          <SortHead column="seen" word="Seen" first="desc" className="wider" {...head} />
                        </tr>
                      </thead>
                      <tbody
                        onPointerEnter={() => hold({ about, ids: items.map(({ id }) => id) })}
                        onPointerLeave={() => hold(null)}
                      >
                        {items.map((machine) => (
                          <MachineRow
                            key={machine.id}
                            machine={machine}
                            chosen={user ? chosen.has(machine.id) : undefined}
                            onChoose={chooseOne}
                          />
                        ))}
                      </tbody>
                    </table>
                  </div>
                  <Pager
                    walk={list.walk}
                    limit={list.limit}
                    shown={page.items.length}
                    next={page.next}
                    total={page.total}
                  />
                </>
              )
            }
          </Loaded>
        </Card>
        {total !== undefined && total > 0 && filtered && <p className="soft">{count(total, 'machine')} match.</p>}
      </Stacked>
      <AddMachine opened={search.add === true} onClose={() => change({ add: undefined })} />
    </Page>
  )
}

function Nothing({ filtered, operator, lab }: { filtered: boolean; operator: boolean; lab: boolean }) {
  const navigate = useNavigate()
  if (filtered)
    return (
      <Empty
        title="No machine matches"
        action={
          <Button variant="default" onClick={() => void navigate({ to: '/machines', search: {} })}>
            Show all machines
          </Button>
        }
      />
    )
  return (
    <Empty
      title="No machine was seen yet"
      action={
        lab && operator ? (
          <Button onClick={() => void navigate({ to: '/lab' })}>Make a virtual machine in the lab</Button>
        ) : undefined
      }
    >
      Switch one on with network boot first in its boot order; it will appear here within seconds, and stay parked until
      you approve it.
    </Empty>
  )
}
