import { IconCircleCheck, IconCircleDashed, IconCircleX, IconLoader2 } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { OutputOf } from '../../api/client/client.ts'
import { Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'

type Console = OutputOf<'listConsoles'>['items'][number]

const LOOKS: Readonly<Record<Console['state'], Look>> = {
  closed: ['calm', IconCircleDashed, 'closed'],
  opening: ['busy', IconLoader2, 'opening'],
  open: ['good', IconCircleCheck, 'open'],
  failed: ['bad', IconCircleX, 'failed'],
}

/** Serial consoles that are open, or of which something was kept. */
export function ConsolesPage() {
  const { q } = useSearch({ from: '/consoles' })
  const navigate = useNavigate({ from: '/consoles' })
  const filter = (text: string | undefined) => void navigate({ search: { q: text }, replace: true })
  const consoles = useList('listConsoles', { query: { q } }, { refetchMs: () => 10_000 })
  return (
    <Page
      title="Consoles"
      lead="Serial consoles that somebody looks at now, or that printed something that was kept. Any machine's console opens on its own page."
    >
      <Card flush open label="Consoles">
        <Filters>
          <FilterText label="Filter consoles" placeholder="Machine, who looks" value={q} onChange={filter} />
        </Filters>
        <Listing
          list={consoles}
          head={
            <>
              <th>Machine</th>
              <th>Line</th>
              <th>Who looks</th>
              <th className="end">Kept</th>
              <th className="wide">Last printed</th>
            </>
          }
          empty={
            q !== undefined ? (
              <Empty title="No console matches" />
            ) : (
              <Empty title="Nobody looks at a console, and nothing was kept">
                Open the console of a <Link to="/machines">machine</Link>. What it prints while somebody looks is kept;
                with consoles.record: always, all of it.
              </Empty>
            )
          }
        >
          {(each) => (
            <tr key={each.machine}>
              <td>
                <Link
                  to="/machines/$machine"
                  params={{ machine: each.machine }}
                  search={{ tab: 'console' }}
                  className="name"
                  title={each.name}
                >
                  {each.name}
                </Link>
                <div className="soft">{each.source}</div>
              </td>
              <td>
                <Status look={LOOKS[each.state]} />
                {each.problem && <div className="soft">{each.problem}</div>}
              </td>
              <td>
                {each.viewers.map(({ who, via, mayType, since }) => (
                  <div key={`${who} ${via} ${since}`}>
                    {who}
                    <span className="soft">
                      {via === 'api' ? '' : ` by ${via}`}
                      {mayType ? '' : ', looks only'}
                    </span>
                  </div>
                ))}
              </td>
              <td className="end figures" data-label="kept">
                {bytes(each.recordedBytes)}
              </td>
              <td className="wide soft">{each.lastAt && <Ago at={each.lastAt} />}</td>
            </tr>
          )}
        </Listing>
      </Card>
    </Page>
  )
}
