import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBan, IconCircleCheck, IconCircleX, IconPlus } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { InputOf } from '../../api/client/client.ts'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { useMay } from '../api/me.tsx'
import { Code } from '../parts/copy.tsx'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page, Stacked } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { AddBmc } from './add.tsx'
import { Rules } from './rules.tsx'

export function bmcLook({ enabled, listening }: Bmc): Look {
  if (!enabled) return ['calm', IconBan, 'switched off']
  return listening ? ['good', IconCircleCheck, 'answers'] : ['bad', IconCircleX, 'does not answer']
}

type State = NonNullable<NonNullable<InputOf<'listBmcs'>['query']>['state']>
const STATES: readonly (readonly [State | undefined, string])[] = [
  [undefined, 'all'],
  ['answers', 'answers'],
  ['fails', 'does not answer'],
  ['off', 'switched off'],
]

/** The BMCs that are answered here, and the rules that make them. */
export function BmcsPage() {
  const operator = useMay('operator')
  const search = useSearch({ from: '/bmcs' })
  const { q } = search
  const state = search.state as State | undefined
  const navigate = useNavigate({ from: '/bmcs' })
  const filter = (text: string | undefined) => void navigate({ search: { ...search, q: text }, replace: true })
  const setState = (word: State | undefined) => void navigate({ search: { ...search, state: word } })
  const bmcs = useList('listBmcs', { query: { q, state } })
  const filtered = q !== undefined || state !== undefined
  const [adding, add] = useDisclosure(false)
  return (
    <Page
      title="BMCs"
      lead="Reveille answers IPMI and Redfish for these machines, and sends each command to what does it best."
      actions={
        operator && (
          <Button leftSection={<IconPlus size={15} />} onClick={add.open}>
            Add BMC
          </Button>
        )
      }
    >
      <Stacked>
        <Card flush open label="BMCs">
          <Filters>
            <FilterText label="Filter BMCs" placeholder="Machine, address, account, rule" value={q} onChange={filter} />
            <FilterChoice label="State" words={STATES} value={state} onChange={setState} />
          </Filters>
          <Listing
            list={bmcs}
            head={
              <>
                <th>Machine</th>
                <th>State</th>
                <th>Address</th>
                <th className="wide">Accounts</th>
                <th className="end">Sessions</th>
                <th className="wide">Made by</th>
              </>
            }
            empty={
              filtered ? (
                <Empty title="No BMC matches" />
              ) : (
                <Empty title="No BMC is answered here yet">
                  Add one to a machine whose own BMC is hidden, lies, or is not there. Clients that speak IPMI drive it
                  then.
                </Empty>
              )
            }
          >
            {(bmc) => (
              <tr key={bmc.machine}>
                <td>
                  <Link
                    to="/bmcs/$machine"
                    params={{ machine: bmc.machineName }}
                    className="name"
                    title={bmc.machineName}
                  >
                    {bmc.machineName}
                  </Link>
                </td>
                <td>
                  <Status look={bmcLook(bmc)} />
                  {bmc.enabled && bmc.problem && <div className="soft">{bmc.problem}</div>}
                </td>
                <td>
                  <Code copy>{bmc.port === 623 ? bmc.host : `${bmc.host}:${bmc.port}`}</Code>
                </td>
                <td className="wide soft">{bmc.users.map(({ name }) => name).join(', ')}</td>
                <td className="end figures" data-label="sessions">
                  {bmc.sessions || ''}
                </td>
                <td className="wide soft">{bmc.rule ? `rule ${bmc.rule}` : 'a person'}</td>
              </tr>
            )}
          </Listing>
        </Card>
        {/* Not before what stands above it has its height: nothing moves under a finger. */}
        {bmcs.query.data && <Rules />}
      </Stacked>
      {adding && <AddBmc onClose={add.close} />}
    </Page>
  )
}
