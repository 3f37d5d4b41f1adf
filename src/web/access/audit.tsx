import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconBan, IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { clock } from '../parts/words.ts'

export function AuditPage() {
  const [who, setWho] = useState('')
  const [subject, setSubject] = useState('')
  const [query] = useDebouncedValue({ who: who.trim() || undefined, subject: subject.trim() || undefined }, 250)
  const audit = useList('listAudit', { query }, { limit: 100 })
  return (
    <Page title="Audit" lead="Who changed what, and from where. Newest first.">
      <Card
        flush
        title="Changes"
        aside={
          <>
            <TextInput
              size="xs"
              w={130}
              aria-label="By whom"
              placeholder="By whom"
              value={who}
              onChange={(event) => setWho(event.currentTarget.value)}
            />
            <TextInput
              size="xs"
              w={150}
              aria-label="To what"
              placeholder="To what"
              value={subject}
              onChange={(event) => setSubject(event.currentTarget.value)}
            />
          </>
        }
      >
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
