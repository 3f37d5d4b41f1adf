import { Button } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { all } from '../../api/client/client.ts'
import { client } from '../api/call.ts'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { count } from '../parts/words.ts'
import style from './rooms.module.css'
import { roomsOf } from './words.ts'

/** Every tag that a machine has is a room. */
export function RoomsPage() {
  // Asked for once in a while and not at each event: with thousands of machines it is the whole list, and tags seldom change.
  const rooms = useQuery({
    queryKey: ['rooms'],
    queryFn: async () => roomsOf(await all(client.listMachines, { query: {} })),
    refetchInterval: 60_000,
  })
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
      <Card flush label="Rooms">
        <Loaded query={rooms}>
          {(found) =>
            found.length === 0 ? (
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
            ) : (
              <div className={style.rooms}>
                {found.map(({ tag, machines }) => (
                  <Link key={tag} to="/rooms/$tag" params={{ tag }} search={{}} className={style.room}>
                    <b className="ellipsis" style={{ fontWeight: 580 }}>
                      {tag}
                    </b>
                    <span className="soft figures">{count(machines, 'machine')}</span>
                  </Link>
                ))}
              </div>
            )
          }
        </Loaded>
      </Card>
    </Page>
  )
}
