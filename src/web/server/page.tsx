import { Button, TextInput } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { Card, Empty, Facts, Loaded, Page, Stacked } from '../parts/page.tsx'
import { FindingStatus, ListenerState } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { Attention } from './attention.tsx'
import { ManagementSystem } from './management.tsx'

/** What the server does, whether everything it needs is there, and how it is set. */
export function ServerPage() {
  const status = useGet('getStatus', {}, { refetchMs: 15_000 })
  const operator = useMay('operator')
  const admin = useMay('admin')
  return (
    <Page title="Status">
      <Stacked>
        <Attention />
        <Card title="Server">
          <Loaded query={status}>
            {(data) => (
              <Facts
                rows={[
                  ['Version', data.version],
                  ['Started', <Ago key="started" at={data.startedAt} />],
                  ...(
                    [
                      ['Machines', '/machines', Object.values(data.machines).reduce((a, b) => a + b, 0)],
                      ['Leases', '/networks', data.leases],
                      ['Images', '/images', data.images],
                      ['Profiles', '/profiles', data.profiles],
                    ] as const
                  ).map(
                    ([word, to, n]) =>
                      [
                        word,
                        <Link key={word} to={to} className="figures">
                          {n.toLocaleString('en-US')}
                        </Link>,
                      ] as const,
                  ),
                ]}
              />
            )}
          </Loaded>
        </Card>
        <Card title="Listens" flush>
          <Loaded query={status}>
            {({ listeners }) => (
              <table className="rows">
                <thead>
                  <tr>
                    <th>Service</th>
                    <th>Where</th>
                    <th>State</th>
                    <th>Reason</th>
                  </tr>
                </thead>
                <tbody>
                  {listeners.map((listener) => (
                    <tr key={listener.service + listener.where}>
                      <td>{listener.service}</td>
                      <td className="mono">{listener.where}</td>
                      <td>
                        <ListenerState state={listener.state} />
                      </td>
                      <td className="soft">{listener.reason}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Loaded>
        </Card>
        <ManagementSystem />
        {operator && <Doctor />}
        {admin && <Settings />}
      </Stacked>
    </Page>
  )
}

function Doctor() {
  const doctor = useGet('doctor', {})
  return (
    <Card
      title="Doctor"
      flush
      beside={<span className="soft">what a boot needs, and whether it is there</span>}
      aside={
        <Button
          variant="default"
          leftSection={<IconRefresh size={14} />}
          loading={doctor.isFetching}
          onClick={() => void doctor.refetch()}
        >
          Check again
        </Button>
      }
    >
      <Loaded query={doctor} lines={6}>
        {({ findings }) => (
          <table className="rows">
            <tbody>
              {[...findings]
                .sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status))
                .map((finding) => (
                  <tr key={finding.check + finding.found}>
                    <td style={{ width: '6.5rem', verticalAlign: 'top' }}>
                      <FindingStatus status={finding.status} />
                    </td>
                    <td>
                      <b style={{ fontWeight: 580 }}>{finding.check}</b>: {finding.found}
                      {finding.next && <div>{finding.next}</div>}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        )}
      </Loaded>
    </Card>
  )
}

const ORDER = ['failed', 'warning', 'ok']

function Settings() {
  const settings = useGet('listSettings', {})
  const [text, setText] = useState('')
  const wanted = text.trim().toLowerCase()
  return (
    <Card
      title="Settings"
      flush
      beside={<span className="soft">reveille.yaml &lt; environment &lt; flags</span>}
      aside={
        <TextInput
          size="xs"
          aria-label="Find a setting"
          placeholder="Find a setting"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      }
    >
      <Loaded query={settings} lines={8}>
        {(data) => {
          const shown = data.settings.filter((setting) =>
            `${setting.name} ${setting.description}`.toLowerCase().includes(wanted),
          )
          if (shown.length === 0) return <Empty title={`No setting has “${text}” in its name or description`} />
          return (
            <table className="rows">
              <thead>
                <tr>
                  <th>Setting</th>
                  <th>Value</th>
                  <th className="wide">From</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((setting) => (
                  <tr key={setting.name}>
                    <td>
                      <span className="mono">{setting.name}</span>
                      <div className="soft">{setting.description}</div>
                    </td>
                    <td className="mono" style={{ whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                      {setting.value === null || setting.value === undefined ? (
                        <span className="soft">not set</span>
                      ) : typeof setting.value === 'string' ? (
                        setting.value
                      ) : (
                        JSON.stringify(setting.value)
                      )}
                    </td>
                    <td className="wide">
                      {setting.source === 'default' ? <span className="soft">default</span> : setting.source}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }}
      </Loaded>
    </Card>
  )
}
