import { Button } from '@mantine/core'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page } from '../parts/page.tsx'
import { DeploymentHead, DeploymentRow } from './row.tsx'
import { type DeploymentFilter, isOpen } from './words.ts'

type Show = NonNullable<DeploymentFilter['show']>
const SHOWS: readonly (readonly [Show | undefined, string])[] = [
  [undefined, 'open'],
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
  ['all', 'all'],
]

/** All orders: those that wait or run first, because they are what somebody looks for. */
export function DeploymentsPage() {
  const { q, show } = useSearch({ from: '/deployments' })
  const navigate = useNavigate({ from: '/deployments' })
  const query = show === undefined ? { q, open: 'true' } : show === 'all' ? { q } : { q, state: show }
  const list = useList('listDeployments', { query }, { refetchMs: (page) => (page?.items.some(isOpen) ? 2000 : false) })
  const filterText = useCallback(
    (text: string | undefined) => void navigate({ search: (before) => ({ ...before, q: text }), replace: true }),
    [navigate],
  )
  const showing = (to: Show | undefined) => void navigate({ search: (before) => ({ ...before, show: to }) })
  return (
    <Page
      title="Deployments"
      lead="Orders that a machine become a profile. Each machine does one at a time, in the order in which they were given; only armed disks are overwritten."
    >
      <Card flush open label="Deployments">
        <Filters>
          <FilterText
            label="Filter deployments"
            placeholder="Machine, profile, person"
            value={q}
            onChange={filterText}
          />
          <FilterChoice label="Which" words={SHOWS} value={show} onChange={showing} />
        </Filters>
        <Listing
          list={list}
          head={<DeploymentHead machine />}
          empty={<Nothing show={show} filtered={q !== undefined} showAll={() => showing('all')} />}
        >
          {(deployment) => <DeploymentRow key={deployment.id} deployment={deployment} machine />}
        </Listing>
      </Card>
    </Page>
  )
}

function Nothing(props: { show: Show | undefined; filtered: boolean; showAll: () => void }) {
  const { show, filtered } = props
  if (filtered) return <Empty title="No deployment matches" />
  return (
    <Empty
      title={
        show === undefined ? 'Nothing is being deployed' : show === 'all' ? 'Nothing was deployed yet' : `None ${show}`
      }
      action={
        show !== 'all' && (
          <Button variant="default" onClick={props.showAll}>
            Show all, with those of the past
          </Button>
        )
      }
    >
      Open a <Link to="/machines">machine</Link> and choose Deploy: it shows what would be done and overwritten before
      anything happens.
    </Empty>
  )
}
