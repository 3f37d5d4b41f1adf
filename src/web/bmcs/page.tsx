import { Button } from '@mantine/core'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Columns, Facts, Loaded, Page } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { orderText } from '../power/boot-order.tsx'
import { Accounts } from './accounts.tsx'
import { bmcLook } from './list.tsx'
import { BmcLog, BmcSessions } from './log.tsx'
import { RouteTable } from './route-table.tsx'
import { tryIt } from './words.ts'

export function BmcPage() {
  const { machine } = useParams({ from: '/bmcs/$machine' })
  const bmc = useGet('getBmc', { params: { machine } })
  if (bmc.data) return <BmcView bmc={bmc.data} />
  return (
    <Page title={`BMC of ${machine}`}>
      <Loaded query={bmc}>{() => null}</Loaded>
    </Page>
  )
}

/** One BMC that is answered here: accounts, where commands go, who is logged in, its log. */
function BmcView({ bmc }: { bmc: Bmc }) {
  const operator = useMay('operator')
  const navigate = useNavigate()
  const params = { machine: bmc.machine }
  const patch = useDo('patchBmc', {
    done: (saved) => `The BMC of ${saved.machineName} ${saved.enabled ? 'answers' : 'is switched off'}.`,
  })
  const remove = useDo('removeBmc', {
    done: () => `Nothing answers as the BMC of ${bmc.machineName} any more.`,
    after: () => void navigate({ to: '/bmcs' }),
  })
  return (
    <Page
      title={`BMC of ${bmc.machineName}`}
      beside={<Status look={bmcLook(bmc)} />}
      actions={
        operator && (
          <>
            <Button
              variant="default"
              loading={patch.isPending}
              onClick={() => patch.mutate({ params, body: { enabled: !bmc.enabled } })}
            >
              {bmc.enabled ? 'Switch off' : 'Switch on'}
            </Button>
            <Confirm
              title={`Remove the BMC of ${bmc.machineName}?`}
              text="Its accounts, routes and log are deleted. The machine itself is not touched."
              action="Remove"
              onConfirm={() => remove.mutate({ params })}
            >
              {(ask) => (
                <Button variant="default" onClick={ask}>
                  Remove
                </Button>
              )}
            </Confirm>
          </>
        )
      }
    >
      <Columns
        aside={
          <Card title="About">
            <Facts
              rows={[
                [
                  'Machine',
                  <Link key="machine" to="/machines/$machine" params={{ machine: bmc.machineName }}>
                    {bmc.machineName}
                  </Link>,
                ],
                [
                  'Address',
                  <Code key="host" copy>
                    {bmc.host}
                  </Code>,
                ],
                [
                  'UDP port',
                  <Code key="port" copy>
                    {String(bmc.port)}
                  </Code>,
                ],
                [
                  'Redfish',
                  bmc.redfish && (
                    <Code copy wrap>
                      {bmc.redfish}
                    </Code>
                  ),
                ],
                ['Cipher suites', bmc.cipherSuites.join(', ')],
                ['Clients', bmc.clients.join(', ') || 'as the settings say'],
                ['Boot order', orderText(bmc.bootOrder)],
                ['Disc', bmc.media],
                ['Made by', bmc.rule ? `rule ${bmc.rule}` : 'a person'],
                ['Since', <Ago key="since" at={bmc.createdAt} />],
                [
                  'Try it',
                  bmc.users[0] && (
                    <Code copy wrap>
                      {tryIt(bmc, bmc.users[0].name)}
                    </Code>
                  ),
                ],
              ]}
            />
          </Card>
        }
      >
        {bmc.enabled && bmc.problem && <Notice tone="bad" title={bmc.problem} />}
        <RouteTable bmc={bmc} />
        <Accounts bmc={bmc} />
        <BmcSessions bmc={bmc} />
        <BmcLog bmc={bmc} />
      </Columns>
    </Page>
  )
}
