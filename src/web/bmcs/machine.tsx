import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { Code } from '../parts/copy.tsx'
import { Card, Facts, ProblemNote } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { AddBmc } from './add.tsx'
import { bmcLook } from './list.tsx'

/** The BMC that is answered for a machine, on its own page. */
export function MachineBmc({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const [adding, add] = useDisclosure(false)
  const bmc = useGet('getBmc', { params: { machine: machine.id } })
  const none = bmc.error instanceof ApiProblem && bmc.error.code === 'not-found'
  return (
    <Card
      title="BMC answered here"
      beside={bmc.data && <Status look={bmcLook(bmc.data)} />}
      aside={
        bmc.data ? (
          <Link to="/bmcs/$machine" params={{ machine: machine.name }}>
            Accounts, routes, log
          </Link>
        ) : (
          none &&
          operator && (
            <Button size="compact-xs" variant="default" leftSection={<IconPlus size={13} />} onClick={add.open}>
              Add BMC
            </Button>
          )
        )
      }
    >
      {bmc.data && (
        <Facts
          rows={[
            ['Address', <Code key="host" copy>{`${bmc.data.host} port ${bmc.data.port}`}</Code>],
            [
              'Redfish',
              bmc.data.redfish && (
                <Code copy wrap>
                  {bmc.data.redfish}
                </Code>
              ),
            ],
            ['Problem', bmc.data.enabled ? bmc.data.problem : ''],
            ['Accounts', bmc.data.users.map(({ name }) => name).join(', ')],
          ]}
        />
      )}
      {none && (
        <span className="soft">None. Programs that speak IPMI or Redfish could drive this machine through one.</span>
      )}
      {bmc.error && !none && <ProblemNote error={bmc.error} />}
      {adding && <AddBmc machine={machine.name} onClose={add.close} />}
    </Card>
  )
}
