import { Button, Drawer, Menu } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconCamera,
  IconCheck,
  IconChevronDown,
  IconDeviceFloppy,
  IconEraser,
  IconPencil,
  IconPlayerTrackNext,
  IconTemplate,
  IconTool,
  IconTransfer,
  IconTrash,
} from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Capture } from '../deployments/capture.tsx'
import { Deploy } from '../deployments/deploy.tsx'
import { Wipe } from '../deployments/wipe.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Approve } from './approve.tsx'
import { BootChoice } from './boot-choice.tsx'
import { changes } from './fields.ts'
import { MachineForm } from './form.tsx'
import { PowerMenu, usePower } from './power.tsx'
import { SwitchNow } from './switch.tsx'

/** What can be done with a machine. */
export function Actions({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const user = useMay('user')
  const navigate = useNavigate()
  const [approving, approve] = useDisclosure(false)
  const [editing, edit] = useDisclosure(false)
  const [choosing, choose] = useDisclosure(false)
  const [ordering, order] = useDisclosure(false)
  const [dialog, setDialog] = useState<'deploy' | 'capture' | 'wipe' | 'switch' | null>(null)
  const power = usePower(machine.id)
  const known = machine.state !== 'discovered'
  const update = useDo('updateMachine', {
    quiet: true,
    done: (saved) => `${saved.name} is saved.`,
    after: (saved) => {
      edit.close()
      if (saved.name !== machine.name)
        void navigate({ to: '/machines/$machine', params: { machine: saved.name }, replace: true })
    },
  })
  const setState = useDo('updateMachine', { done: (saved) => `${saved.name} is ${saved.state} now.` })
  const forget = useDo('deleteMachine', {
    done: () => `${machine.name} is forgotten.`,
    after: () => void navigate({ to: '/machines' }),
  })
  const patchState = (state: 'ready' | 'maintenance' | 'retired') =>
    setState.mutate({ params: { machine: machine.id }, body: { state } })
  return (
    <>
      {operator && machine.state === 'discovered' && (
        <Button leftSection={<IconCheck size={15} />} onClick={approve.open}>
          Approve
        </Button>
      )}
      <PowerMenu machine={machine.id} name={machine.name} />
      {user && known && (
        <>
          <Button leftSection={<IconDeviceFloppy size={15} />} onClick={() => setDialog('deploy')}>
            Deploy
          </Button>
          <Button variant="default" leftSection={<IconPlayerTrackNext size={15} />} onClick={order.open}>
            Next boot
          </Button>
          <Button variant="default" leftSection={<IconTemplate size={15} />} onClick={choose.open}>
            Profile
          </Button>
        </>
      )}
      {operator && (
        <Button variant="default" leftSection={<IconPencil size={15} />} onClick={edit.open}>
          Edit
        </Button>
      )}
      {user && (known || operator) && (
        <Confirm
          title={`Forget ${machine.name}?`}
          text="Its entry, tags and notes are deleted, and its own disks over iSCSI with all that it wrote to them. If it boots here again it is discovered anew and parked. Its local disks are not touched."
          action="Forget it"
          onConfirm={() => forget.mutate({ params: { machine: machine.id } })}
        >
          {(ask) => (
            <Menu>
              <Menu.Target>
                <Button variant="default" rightSection={<IconChevronDown size={13} />}>
                  More
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {known && (
                  <>
                    {power.data && (
                      <Menu.Item leftSection={<IconTransfer size={15} />} onClick={() => setDialog('switch')}>
                        Switch to another profile now…
                      </Menu.Item>
                    )}
                    <Menu.Item leftSection={<IconCamera size={15} />} onClick={() => setDialog('capture')}>
                      Capture a disk…
                    </Menu.Item>
                    <Menu.Item leftSection={<IconEraser size={15} />} onClick={() => setDialog('wipe')}>
                      Wipe disks…
                    </Menu.Item>
                  </>
                )}
                {known && operator && <Menu.Divider />}
                {known && operator && machine.state !== 'maintenance' && (
                  <Menu.Item leftSection={<IconTool size={15} />} onClick={() => patchState('maintenance')}>
                    Take into maintenance
                  </Menu.Item>
                )}
                {known && operator && machine.state !== 'ready' && machine.state !== 'active' && (
                  <Menu.Item leftSection={<IconCheck size={15} />} onClick={() => patchState('ready')}>
                    Make ready again
                  </Menu.Item>
                )}
                {known && operator && machine.state !== 'retired' && (
                  <Menu.Item onClick={() => patchState('retired')}>Retire</Menu.Item>
                )}
                {operator && (
                  <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={ask}>
                    Forget…
                  </Menu.Item>
                )}
              </Menu.Dropdown>
            </Menu>
          )}
        </Confirm>
      )}
      {dialog === 'deploy' && <Deploy machine={machine} onClose={() => setDialog(null)} />}
      {dialog === 'switch' && <SwitchNow machine={machine} onClose={() => setDialog(null)} />}
      {dialog === 'capture' && <Capture machine={machine} onClose={() => setDialog(null)} />}
      {dialog === 'wipe' && <Wipe machine={machine} onClose={() => setDialog(null)} />}
      {approving && <Approve machine={machine} opened onClose={approve.close} />}
      {ordering && <BootChoice machine={machine} once opened onClose={order.close} />}
      {choosing && <BootChoice machine={machine} once={false} opened onClose={choose.close} />}
      <Drawer opened={editing} onClose={edit.close} title={`Edit ${machine.name}`} size="md">
        <MachineForm
          machine={machine}
          action="Save"
          error={update.error}
          busy={update.isPending}
          onClose={edit.close}
          onSend={(before, after) => update.mutate({ params: { machine: machine.id }, body: changes(before, after) })}
        />
      </Drawer>
    </>
  )
}
