import { Button } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Filters, FilterText } from '../parts/filters.tsx'
import { useList } from '../parts/listing.tsx'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { MACHINE_LOOKS, Status } from '../parts/status.tsx'
import { count } from '../parts/words.ts'
import style from './rooms.module.css'

/** What somebody should look at in a room, worst first. */
const NOTABLE = ['failed', 'deploying', 'discovered', 'maintenance'] as const

/** Every tag that a machine has is a room. */
export function RoomsPage() {
  const [q, filter] = useState<string>()
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
                  {items.map(({ tag, machines, states }) => (
                    <Link key={tag} to="/rooms/$tag" params={{ tag }} search={{}} className={style.room} title={tag}>
                      <b className="ellipsis">{tag}</b>
                      <span className="soft figures">{count(machines, 'machine')}</span>
                      {NOTABLE.map((state) => {
                        const n = states[state] ?? 0
                        return n > 0 && <Status key={state} bare look={MACHINE_LOOKS[state]}>{`${n} ${state}`}</Status>
                      })}
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
      Give machines a tag, such as cafe-north: open one and choose Edit. All with the same tag are a room.
    </Empty>
  )
}
