import { IconAlertTriangle, IconCircleCheck, IconHourglass } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useGet } from '../api/use.ts'
import { Card } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { attention } from './attention.ts'

/** What a person should look at now, with the way to it. */
export function Attention() {
  const status = useGet('getStatus', {})
  const networks = useGet('listNetworks', {})
  const pools = useGet('listPools', {})
  if (!status.data) return null
  const matters = attention({
    status: status.data,
    networks: networks.data?.items ?? [],
    pools: pools.data?.items ?? [],
  })
  return (
    <Card title="What needs you">
      {matters.length === 0 ? (
        <Status look={['good', IconCircleCheck, 'Nothing: machines, networks and pools are well.']} bare />
      ) : (
        <ul style={{ display: 'grid', gap: '0.35rem', margin: 0, padding: 0, listStyle: 'none' }}>
          {matters.map(({ tone, text, to, search }) => (
            <li key={text} style={{ display: 'flex', gap: '0.4rem', alignItems: 'start' }}>
              <Status look={[tone, tone === 'bad' ? IconAlertTriangle : IconHourglass, '']} bare />
              <Link to={to} search={search}>
                {text}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
