import { Progress, Select, Text } from '@mantine/core'
import { IconBan, IconCircleCheck, IconCircleDashed } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Lease } from '../../api/contract/server.ts'
import { useGet } from '../api/use.ts'
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

/** The networks that our DHCP server serves, how full they are, and who has which address. */
export function NetworksPage() {
  const networks = useGet('listNetworks', {})
  const [state, setState] = useState<Lease['state'] | null>(null)
  const [network, setNetwork] = useState<string | null>(null)
  const query = { ...(state ? { state } : {}), ...(network ? { network } : {}) }
  const leases = useList('listLeases', { query }, { limit: 100 })
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
                          <b style={{ fontWeight: 580 }}>{each.name}</b>
                          <div className="soft">{each.interface ?? 'through relays'}</div>
                        </td>
                        <td className="mono">{each.subnet}</td>
                        <td>
                          <Text size="xs" className="figures" mb={3}>
                            {each.used} of {count(each.size, 'address', 'addresses')}
                          </Text>
                          <Progress
                            size="sm"
                            value={each.size > 0 ? (100 * each.used) / each.size : 0}
                            color={each.used > each.size * 0.9 ? 'red' : 'ink'}
                            aria-label={`${each.name}: addresses in use`}
                          />
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
        <Card
          title="Leases"
          flush
          aside={
            <>
              <Select
                size="xs"
                w={150}
                clearable
                aria-label="Network"
                placeholder="All networks"
                data={networks.data?.items.map((each) => each.name) ?? []}
                value={network}
                onChange={setNetwork}
              />
              <Select
                size="xs"
                w={130}
                clearable
                aria-label="State"
                placeholder="All states"
                data={Object.keys(LOOKS)}
                value={state}
                onChange={(value) => setState(value as Lease['state'] | null)}
              />
            </>
          }
        >
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
                {state || network ? 'None matches.' : 'Addresses appear here as soon as machines ask for them.'}
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
