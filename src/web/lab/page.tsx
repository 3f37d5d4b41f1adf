import { ActionIcon, Button, Group, Menu, Modal } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconCircleCheck,
  IconCircleX,
  IconDeviceDesktop,
  IconDots,
  IconPlus,
  IconPower,
  IconTrash,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { LabMachine, LabStatus } from '../../api/contract/lab.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { LabPowerMenu, PowerMenu } from '../machines/power.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Card, Empty, Loaded, Page, ProblemNote } from '../parts/page.tsx'
import { MachineState, PowerState, Status } from '../parts/status.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { AddLabMachine } from './add.tsx'
import { Screen } from './screen.tsx'

const LOOKS = {
  up: ['good', IconCircleCheck, 'up'],
  down: ['calm', IconPower, 'down'],
  impossible: ['bad', IconCircleX, 'not possible here'],
} as const

export function LabPage() {
  const admin = useMay('admin')
  const status = useGet('labStatus', {})
  const machines = useGet('listLabMachines', {})
  const [adding, { open, close }] = useDisclosure(false)
  const [screen, setScreen] = useState<string | null>(null)
  const up = useDo('labUp', { done: (lab) => `The lab is ${lab.state}.` })
  const destroy = useDo('labDestroy', { done: () => 'The lab is gone, with all its machines.' })
  const lab = status.data
  return (
    <Page
      title="Lab"
      beside={lab && <Status look={LOOKS[lab.state]} />}
      lead="Virtual machines wired like hardware, to try everything without any. They boot, wait and fail like real ones."
      actions={
        admin &&
        lab && (
          <>
            {lab.state === 'down' && (
              <Button variant="default" loading={up.isPending} onClick={() => up.mutate({})}>
                Build the lab network
              </Button>
            )}
            {lab.state !== 'impossible' && (
              <Button leftSection={<IconPlus size={15} />} onClick={open}>
                Add lab machine
              </Button>
            )}
            {lab.state === 'up' && (
              <Confirm
                title="Destroy the lab?"
                text="All lab machines are switched off and deleted with their disks, and the lab network with them. This cannot be undone."
                action="Destroy the lab"
                onConfirm={() => destroy.mutate({})}
              >
                {(ask) => (
                  <Button variant="default" leftSection={<IconTrash size={15} />} onClick={ask}>
                    Destroy
                  </Button>
                )}
              </Confirm>
            )}
          </>
        )
      }
    >
      <ProblemNote error={status.error} />
      {lab && <Reason lab={lab} />}
      <Card flush label="Lab machines">
        <Loaded query={machines}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty
                title="The lab has no machine yet"
                action={admin && lab?.state !== 'impossible' && <Button onClick={open}>Add lab machine</Button>}
              >
                Add one; it is switched on at once and appears under Machines as soon as it asks for a boot.
              </Empty>
            ) : (
              <table className="rows">
                <thead>
                  <tr>
                    <th>Lab machine</th>
                    <th>Power</th>
                    <th>Machine</th>
                    <th className="wide">Firmware</th>
                    <th className="wide">Memory</th>
                    <th className="wide">Disks</th>
                    <th className="wide">MAC</th>
                    <ActionsHead />
                  </tr>
                </thead>
                <tbody>
                  {items.map((machine) => (
                    <Row key={machine.name} machine={machine} admin={admin} onScreen={() => setScreen(machine.name)} />
                  ))}
                </tbody>
              </table>
            )
          }
        </Loaded>
      </Card>
      {adding && <AddLabMachine onClose={close} />}
      <Modal opened={screen !== null} onClose={() => setScreen(null)} title={`Screen of ${screen ?? ''}`} size="auto">
        {screen && <Screen name={screen} />}
      </Modal>
    </Page>
  )
}

function Reason({ lab }: { lab: LabStatus }) {
  return (
    <p className="soft" style={{ margin: '0 0 0.8rem', maxWidth: '60rem' }}>
      {lab.reason} {lab.subnet && `Subnet ${lab.subnet}.`}
    </p>
  )
}

function Row({ machine, admin, onScreen }: { machine: LabMachine; admin: boolean; onScreen: () => void }) {
  const remove = useDo('removeLabMachine', { done: () => `${machine.name} is deleted.` })
  const patch = useDo('patchLabMachine', { done: () => `${machine.name} is changed.` })
  const params = { name: machine.name }
  const other = machine.bootOrder === 'network' ? 'disk' : 'network'
  const found = machine.machine
  return (
    <tr>
      <td>
        <b style={{ fontWeight: 580 }}>{machine.name}</b>
      </td>
      <td>
        <PowerState state={machine.power} />
      </td>
      <td>
        {found ? (
          <Group gap={6}>
            <Link to="/machines/$machine" params={{ machine: found.name }}>
              {found.name}
            </Link>
            <MachineState state={found.state as Parameters<typeof MachineState>[0]['state']} />
          </Group>
        ) : (
          <span className="soft">not seen yet</span>
        )}
      </td>
      <td className="wide">
        {machine.firmware.toUpperCase()} <span className="soft">· {machine.rom}</span>
      </td>
      <td className="wide figures">{machine.memoryMiB} MiB</td>
      <td className="wide figures">
        {machine.disksGiB.length > 0 ? machine.disksGiB.map((size) => `${size} GiB`).join(', ') : 'none'}
      </td>
      <td className="wide mono soft">{machine.mac}</td>
      <td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          {found ? (
            <PowerMenu machine={found.id} name={machine.name} />
          ) : (
            admin && <LabPowerMenu name={machine.name} state={machine.power} />
          )}
          <ActionIcon aria-label={`Screen of ${machine.name}`} title="Screen" onClick={onScreen}>
            <IconDeviceDesktop size={17} />
          </ActionIcon>
          {admin && (
            <Confirm
              title={`Delete ${machine.name}?`}
              text="It is switched off and deleted with its disks. This cannot be undone."
              action="Delete lab machine"
              onConfirm={() => remove.mutate({ params })}
            >
              {(ask) => (
                <Menu>
                  <Menu.Target>
                    <ActionIcon aria-label={`More for ${machine.name}`}>
                      <IconDots size={17} />
                    </ActionIcon>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => patch.mutate({ params, body: { bootOrder: other } })}>
                      Boot from {other} first, from the next start
                    </Menu.Item>
                    <Menu.Item onClick={() => patch.mutate({ params, body: { attachDiskGiB: 10 } })}>
                      Attach a disk of 10 GiB
                    </Menu.Item>
                    <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={ask}>
                      Delete…
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              )}
            </Confirm>
          )}
        </Group>
      </td>
    </tr>
  )
}
