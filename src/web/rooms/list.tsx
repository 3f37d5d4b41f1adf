import { Button } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Filters, FilterText } from '../parts/filters.tsx'
import { useList } from '../parts/listing.tsx'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { type Look, MACHINE_LOOKS, POWER_LOOKS, Status, TRACE_LOOKS } from '../parts/status.tsx'
import { count } from '../parts/words.ts'
import style from './rooms.module.css'

/** What somebody should look at in a room, worst first. */
const NOTABLE = ['failed', 'deploying', 'discovered', 'maintenance'] as const
const BOOTS = ['failed', 'stalled'] as const
const POWER = ['on', 'off', 'unknown'] as const

/** Every tag that a machine has is a room. */
export function RoomsPage() {
  const { q } = useSearch({ from: '/rooms' })
  const navigate = useNavigate({ from: '/rooms' })
  const filter = (text: string | undefined) => void navigate({ search: { q: text }, replace: true })
  const rooms = useList('listRooms', { query: { q } }, { limit: 200 })
  return (
    <Page
      title="Rooms"
      lead="Machines that carry the same tag: seen, started, switched and reset together."
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
      <Card flush open label="Rooms">
        <Filters>
          <FilterText label="Filter rooms" placeholder="Tag" value={q} onChange={filter} />
        </Filters>
        <Loaded query={rooms.query}>
          {({ items, next, total }) =>
            items.length === 0 ? (
              <Nothing filtered={q !== undefined} />
            ) : (
              <>
                <div className={style.rooms}>
                  {items.map(({ tag, machines, states, boots, power }) => (
                    <Link key={tag} to="/rooms/$tag" params={{ tag }} search={{}} className={style.room} title={tag}>
                      <b className="ellipsis">{tag}</b>
                      <span className="soft figures">{count(machines, 'machine')}</span>
                      {POWER.map((each) => (
                        <Amount
                          key={each}
                          n={power[each]}
                          look={POWER_LOOKS[each]}
                          word={each === 'unknown' ? 'power unknown' : each}
                        />
                      ))}
                      {NOTABLE.map((each) => (
                        <Amount key={each} n={states[each]} look={MACHINE_LOOKS[each]} word={each} />
                      ))}
                      {BOOTS.map((each) => (
                        <Amount
                          key={each}
                          n={boots[each]}
                          look={TRACE_LOOKS[each]}
                          word={each === 'failed' ? 'boots failed' : 'stalled'}
                        />
                      ))}
                    </Link>
                  ))}
                </div>
                <Pager walk={rooms.walk} limit={rooms.limit} shown={items.length} next={next} total={total} />
              </>
            )
          }
        </Loaded>
      </Card>
    </Page>
  )
}

/** How many of something there are; nothing where there is none. */
function Amount({ n, look, word }: { n: number | undefined; look: Look; word: string }) {
  if (!n) return null
  return (
    <Status bare look={look}>
      {n.toLocaleString('en-US')} {word}
    </Status>
  )
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="No room matches" />
  return (
    <Empty
      title="There is no room yet"
      action={
        <Button variant="default" renderRoot={(props) => <Link to="/machines" {...props} />}>
          Go to the machines
        </Button>
      }
    >
      Give machines a tag, such as cafe-north: choose them in the list, then Tags. All with the same tag are a room.
    </Empty>
  )
}
