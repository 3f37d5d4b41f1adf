import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconDeviceFloppy } from '@tabler/icons-react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { Deploy } from '../deployments/deploy.tsx'
import { DeploymentHead, DeploymentRow } from '../deployments/row.tsx'
import { isOpen } from '../deployments/words.ts'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty } from '../parts/page.tsx'

/** What was ordered for one machine: the queue and the history, newest first. */
export function MachineDeployments({ machine }: { machine: Machine }) {
  const user = useMay('user')
  const [deploying, { open, close }] = useDisclosure(false)
  const list = useList(
    'listMachineDeployments',
    { params: { machine: machine.id } },
    { limit: 25, refetchMs: (page) => (page?.items.some(isOpen) ? 1000 : false) },
  )
  return (
    <Card flush open title="Deployments">
      <Listing
        list={list}
        head={<DeploymentHead />}
        empty={
          <Empty
            title="Nothing was deployed on it yet"
            action={
              user &&
              machine.state !== 'discovered' && (
                <Button leftSection={<IconDeviceFloppy size={15} />} onClick={open}>
                  Deploy…
                </Button>
              )
            }
          >
            {machine.state === 'discovered'
              ? 'Approve it first.'
              : 'A deployment writes images to its disks, or captures or wipes them. It shows beforehand what would be overwritten.'}
          </Empty>
        }
      >
        {(deployment) => <DeploymentRow key={deployment.id} deployment={deployment} />}
      </Listing>
      {deploying && <Deploy machine={machine} onClose={close} />}
    </Card>
  )
}
