import { Button, Checkbox } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { all } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { client } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { toastProblem, useGet } from '../api/use.ts'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { Pager, useCursor } from '../parts/pager.tsx'
import { MACHINE_LOOKS } from '../parts/status.tsx'
import { count } from '../parts/words.ts'
import { AddMachine } from './add.tsx'
import { BulkBar, type Chosen } from './bulk-bar.tsx'
import style from './machines.module.css'
import { MachineRow } from './row.tsx'

const LIMIT = 50
const STATES = Object.keys(MACHINE_LOOKS) as Machine['state'][]

export function MachinesPage() {
  const filter = useSearch({ from: '/machines' })
  const navigate = useNavigate({ from: '/machines' })
  const operator = useMay('operator')
  const user = useMay('user')
  const status = useGet('getStatus', {})
  const [chosen, setChosen] = useState<Chosen>(new Map())
  const { q, state, profile, tag } = filter
  const query = { q, state, profile, tag }
  const walk = useCursor(JSON.stringify(query))
  const machines = useGet('listMachines', { query: { ...query, limit: LIMIT, cursor: walk.cursor } }, { keep: true })

  const filterText = useCallback(
    (text: string | undefined) => void navigate({ search: (before) => ({ ...before, q: text }), replace: true }),
    [navigate],
  )

  const items = machines.data?.items ?? []
  const total = machines.data?.total
  const counts = status.data?.machines ?? {}
  const sum = Object.values(counts).reduce((a, b) => a + b, 0)
  const filtered = Boolean(q || state || profile || tag)
  const pageChosen = items.length > 0 && items.every((machine) => chosen.has(machine.id))
  const choose = (machines: readonly Machine[], on: boolean) => {
    const next = new Map(chosen)
    for (const { id, name, state } of machines) on ? next.set(id, { id, name, state }) : next.delete(id)
    setChosen(next)
  }
  const chooseAll = () =>
    all(client.listMachines, { query })
      .then((every) => setChosen(new Map(every.map((machine) => [machine.id, machine]))))
      .catch(toastProblem)
  const setState = (to: Machine['state'] | undefined) =>
    void navigate({ search: (before) => ({ ...before, state: to }) })
  const shownStates = STATES.filter((each) => (counts[each] ?? 0) > 0 || each === state)

  return (
    <Page
      title="Machines"
      actions={
        operator && (
          <Button
            leftSection={<IconPlus size={15} />}
            onClick={() => void navigate({ search: (before) => ({ ...before, add: true }) })}
          >
            Add machine
          </Button>
        )
      }
    >
      <Card flush open label="Machines">
        <Filters>
          <FilterText
            label="Filter machines"
            placeholder="Name, MAC, address, serial, tag"
            value={q}
            onChange={filterText}
          />
          <FilterChoice
            label="State"
            words={[
              [undefined, <Counted key="all" word="all" n={sum} />],
              ...shownStates.map((each) => [each, <Counted key={each} word={each} n={counts[each] ?? 0} />] as const),
            ]}
            value={state}
            onChange={setState}
          />
          {(profile || tag) && (
            <Button
              variant="light"
              rightSection={<span aria-hidden>×</span>}
              onClick={() => void navigate({ search: (before) => ({ ...before, profile: undefined, tag: undefined }) })}
            >
              {profile ? `profile ${profile}` : `tag ${tag}`}
            </Button>
          )}
        </Filters>
        {chosen.size > 0 && <BulkBar chosen={chosen} onClear={() => setChosen(new Map())} mayApprove={operator} />}
        {pageChosen && total !== undefined && total > chosen.size && (
          <div className={style.everything}>
            The machines of this page are chosen.{' '}
            <Button variant="subtle" size="compact-xs" onClick={chooseAll}>
              Choose all {total.toLocaleString('en-US')}
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
                        <th>Machine</th>
                        <th>State</th>
                        <th>Newest boot</th>
                        <th className="wide">Profile</th>
                        <th className="wide">Address</th>
                        <th className="widest">MAC</th>
                        <th className="wide">Seen</th>
                      </tr>
                    </thead>
                    <tbody>
                      {page.items.map((machine) => (
                        <MachineRow
                          key={machine.id}
                          machine={machine}
                          chosen={user ? chosen.has(machine.id) : undefined}
                          onChoose={(on) => choose([machine], on)}
                        />
                      ))}
                    </tbody>
                  </table>
                </div>
                <Pager walk={walk} limit={LIMIT} shown={page.items.length} next={page.next} total={page.total} />
              </>
            )
          }
        </Loaded>
      </Card>
      {sum > 0 && total !== undefined && filtered && <p className="soft">{count(total, 'machine')} match.</p>}
      <AddMachine
        opened={filter.add === true}
        onClose={() => void navigate({ search: (before) => ({ ...before, add: undefined }) })}
      />
    </Page>
  )
}

function Counted({ word, n }: { word: string; n: number }) {
  return (
    <>
      {word} <span className="figures">{n.toLocaleString('en-US')}</span>
    </>
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
