import { Button } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Card, ProblemNote } from '../parts/page.tsx'

/** A card whose content is asked of the BMC when somebody says so. */
export function Asked<T>(props: {
  title: string
  about: string
  query: { data: T | undefined; error: Error | null; isFetching: boolean; refetch: () => unknown }
  asked: boolean
  ask: () => void
  aside?: ReactNode
  children: (data: T) => ReactNode
}) {
  const { title, about, query, asked, ask, aside, children } = props
  return (
    <Card
      title={title}
      flush={asked && query.data !== undefined}
      aside={
        <>
          {aside}
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconRefresh size={13} />}
            loading={asked && query.isFetching}
            onClick={() => (asked ? query.refetch() : ask())}
          >
            {asked ? 'Read again' : 'Read'}
          </Button>
        </>
      }
    >
      {!asked && <span className="soft">{about}</span>}
      {asked && query.error && query.data === undefined && <ProblemNote error={query.error} />}
      {asked && !query.error && query.data === undefined && <span role="status">Asking its BMC…</span>}
      {asked && query.data !== undefined && children(query.data)}
    </Card>
  )
}
