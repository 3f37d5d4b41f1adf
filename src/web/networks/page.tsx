import { Progress, Text } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconCircleCheck, IconCircleDashed } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { Lease, Network } from '../../api/contract/server.ts'
import { useGet } from '../api/use.ts'
import { FilterChoice, FilterSelect, Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { count, span } from '../parts/words.ts'

const LOOKS: Readonly<Record<Lease['state'], Look>> = {
  bound: ['good', IconCircleCheck, 'bound'],
  released: ['calm', IconCircleDashed, 'released'],
  declined: ['bad', IconBan, 'declined'],
}

const STATES = Object.keys(LOOKS) as Lease['state'][]

/** The networks that our DHCP server serves, how full they are, and who has which address. */
export function NetworksPage() {
  const networks = useGet('listNetworks', {})
  const search = useSearch({ from: '/networks' })
  const { q, network } = search
  const state = search.state as Lease['state'] | undefined
  const navigate = useNavigate({ from: '/networks' })
  const change = (more: typeof search, replace = false) =>
    void navigate({ search: (before) => ({ ...before, ...more }), replace, resetScroll: false })
  const leases = useList('listLeases', { query: { q, network, state } }, { limit: 100 })
  return (
    <Page
      title="Networks"
      lead="Subnets from the configuration (networks) and the addresses that were given out in them."
    >
      <div style={{ display: 'grid', gap: '0.9rem' }}>
        <Card title="Networks" flush>
          <Loaded query={networks}>
            {({ items }) =>
              items.length === 0 ? (
                <Empty title="No network is served">
                  Another DHCP server gives addresses here, or none does. Set dhcp.mode to server to let Reveille do it.
                </Empty>
              ) : (
                <table className="rows">
                  <thead>
                    <tr>
                      <th>Network</th>
                      <th>Subnet</th>
                      <th style={{ width: '14rem' }}>In use</th>
                      <th className="wide">Ranges</th>
                      <th className="wide">Router</th>
                      <th className="wide">DNS</th>
                      <th className="wide">Lease</th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((each) => (
                      <tr key={each.name}>
                        <td>
                          <Link
                            to="/networks"
                            search={{ network: each.name }}
                            className="name"
                            title={`Leases of ${each.name}`}
                          >
                            {each.name}
                          </Link>
                          <div className="soft">{each.interface ?? 'through relays'}</div>
                        </td>
                        <td className="mono">{each.subnet}</td>
                        <td>
                          <InUse network={each} />
                        </td>
                        <td className="wide mono">
                          {each.ranges.map((range) => (
                            <div key={range.first}>
                              {range.first} – {range.last}
                            </div>
                          ))}
                          {each.ranges.length === 0 && <span className="soft">reservations only</span>}
                        </td>
                        <td className="wide mono">{each.router ?? ''}</td>
                        <td className="wide mono">{each.dns.join(', ')}</td>
                        <td className="wide">{span(each.leaseSeconds * 1000)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )
            }
          </Loaded>
        </Card>
        <Card title="Leases" flush open>
          <Filters>
            <FilterText
              label="Filter leases"
              placeholder="Address, MAC, host name, machine"
              value={q}
              onChange={(text) => change({ q: text }, true)}
            />
            <FilterChoice
              label="State"
              words={[[undefined, 'all'], ...STATES.map((each) => [each, each] as const)]}
              value={state}
              onChange={(word) => change({ state: word })}
            />
            <FilterSelect
              label="Network"
              placeholder="Any network"
              data={networks.data?.items.map((each) => each.name) ?? []}
              value={network}
              onChange={(name) => change({ network: name })}
            />
          </Filters>
          <Listing
            list={leases}
            head={
              <>
                <th>Address</th>
                <th>Machine</th>
                <th>State</th>
                <th className="wide">MAC</th>
                <th className="wide">Host name</th>
                <th className="wide">Network</th>
                <th>Ends</th>
              </>
            }
            empty={
              <Empty title="No lease">
                {q || state || network ? 'None matches.' : 'Addresses appear here as soon as machines ask for them.'}
              </Empty>
            }
          >
            {(lease) => (
              <tr key={lease.ip}>
                <td className="mono">{lease.ip}</td>
                <td>
                  {lease.machine ? (
                    <Link to="/machines/$machine" params={{ machine: lease.machine.name }} className="name">
                      {lease.machine.name}
                    </Link>
                  ) : (
                    <span className="soft">not a machine of ours</span>
                  )}
                </td>
                <td>
                  <Status look={LOOKS[lease.state]} />
                </td>
                <td className="wide mono soft">{lease.mac}</td>
                <td className="wide">{lease.hostname}</td>
                <td className="wide">{lease.network}</td>
                <td className="soft">
                  <Ago at={lease.expiresAt} />
                </td>
              </tr>
            )}
          </Listing>
        </Card>
      </div>
    </Page>
  )
}

/** How many of the addresses that may be given out are, and whether there will soon be none. */
function InUse({ network: { name, used, size } }: { network: Network }) {
  if (size === 0) return <span className="soft">no dynamic addresses</span>
  const scarce = used > size * 0.9
  return (
    <>
      <Text size="xs" component="div" className="figures" mb={3}>
        {used.toLocaleString('en-US')} of {count(size, 'address', 'addresses')}
        {scarce && (
          <div>
            <Status look={['bad', IconAlertTriangle, '']} bare>
              {used >= size ? 'full' : `${(size - used).toLocaleString('en-US')} left`}
            </Status>
          </div>
        )}
      </Text>
      <Progress
        size="sm"
        value={(100 * used) / size}
        color={scarce ? 'red' : 'ink'}
        aria-label={`${name}: addresses in use`}
      />
    </>
  )
}
