import { IconBan, IconCircleCheck } from '@tabler/icons-react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { clock, zone } from '../parts/words.ts'

export function AuditPage() {
  const query = useSearch({ from: '/audit' })
  const navigate = useNavigate({ from: '/audit' })
  const filter = (more: typeof query) => void navigate({ search: (before) => ({ ...before, ...more }), replace: true })
  const audit = useList('listAudit', { query }, { limit: 100 })
  return (
    <Page
      title="Audit"
      lead={`Who changed what, and from where. Newest first; times are those of this browser (${zone(Date.now())}).`}
    >
      <Card flush open label="Changes">
        <Filters>
          <FilterText
            label="By whom"
            placeholder="By whom (whole name)"
            value={query.who}
            onChange={(who) => filter({ who })}
          />
          <FilterText
            label="To what"
            placeholder="To what (whole name)"
            value={query.subject}
            onChange={(subject) => filter({ subject })}
          />
        </Filters>
        <Listing
          list={audit}
          lines={8}
          head={
            <>
              <th>When</th>
              <th>Who</th>
              <th>Action</th>
              <th>What</th>
              <th>Outcome</th>
              <th className="wide">From</th>
            </>
          }
          empty={
            <Empty title="Nothing to show">
              {query.who || query.subject
                ? 'No entry matches: names must be whole.'
                : 'Every change will be listed here.'}
            </Empty>
          }
        >
          {(entry) => (
            <tr key={entry.id}>
              <td className="figures" style={{ whiteSpace: 'nowrap' }}>
                {clock(entry.at)}
              </td>
              <td>{entry.who}</td>
              <td className="mono">{entry.action}</td>
              <td style={{ overflowWrap: 'anywhere' }}>
                {entry.subject}
                {entry.detail && <div className="soft">{entry.detail}</div>}
              </td>
              <td>
                {entry.outcome === 'ok' ? (
                  <Status look={['good', IconCircleCheck, 'ok']} bare />
                ) : (
                  <Status look={['bad', IconBan, 'refused']} bare />
                )}
              </td>
              <td className="wide soft">
                <span className="mono">{entry.address}</span> by {entry.via}
              </td>
            </tr>
          )}
        </Listing>
      </Card>
    </Page>
  )
}
