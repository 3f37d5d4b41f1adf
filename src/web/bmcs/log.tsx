import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import type { OutputOf } from '../../api/client/client.ts'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { useGet } from '../api/use.ts'
import { Card, Empty, Loaded } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { clock } from '../parts/words.ts'

const LOOKS: Readonly<Record<OutputOf<'listBmcEvents'>['items'][number]['severity'], Look>> = {
  ok: ['good', IconCircleCheck, 'ok'],
  warning: ['wait', IconAlertTriangle, 'warning'],
  critical: ['bad', IconCircleX, 'critical'],
}

/** Who is logged in to a BMC now; nothing when nobody is. */
export function BmcSessions({ bmc }: { bmc: Bmc }) {
  const sessions = useGet('listBmcSessions', { params: { machine: bmc.machine } }, { refetchMs: 5000 })
  const items = sessions.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Card title="Logged in" flush>
      <table className="rows">
        <thead>
          <tr>
            <th>Account</th>
            <th>From</th>
            <th className="wide">Suite</th>
            <th>Since</th>
          </tr>
        </thead>
        <tbody>
          {items.map((each) => (
            <tr key={each.id}>
              <td>
                {each.user} <span className="soft">as {each.privilege}</span>
              </td>
              <td className="mono">{each.address}</td>
              <td className="wide figures">
                {each.cipherSuite}
                {each.console && ', console open'}
              </td>
              <td className="soft">
                <Ago at={each.since} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}

/** What a BMC's event log (SEL) shows, the newest first. */
export function BmcLog({ bmc }: { bmc: Bmc }) {
  const events = useGet('listBmcEvents', { params: { machine: bmc.machine } })
  return (
    <Card title="Log" flush>
      <Loaded query={events} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing has happened yet">What clients order, and who logs in, is written down here.</Empty>
          ) : (
            <table className="rows">
              <thead>
                <tr>
                  <th>When</th>
                  <th>Severity</th>
                  <th>What</th>
                </tr>
              </thead>
              <tbody>
                {items.toReversed().map((event) => (
                  <tr key={event.id}>
                    <td className="figures soft">{clock(event.at)}</td>
                    <td>
                      <Status look={LOOKS[event.severity]} />
                    </td>
                    <td>{event.text}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </Card>
  )
}
