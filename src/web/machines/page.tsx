import { Button, Drawer, Menu, Tabs } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconCheck,
  IconChevronDown,
  IconPencil,
  IconPlayerTrackNext,
  IconTemplate,
  IconTool,
  IconTrash,
} from '@tabler/icons-react'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Loaded, Page } from '../parts/page.tsx'
import { MachineState } from '../parts/status.tsx'
import { Traces } from '../traces/traces.tsx'
import { Verdict } from '../traces/verdict.tsx'
import { Approve } from './approve.tsx'
import { BootChoice } from './boot-choice.tsx'
import { MachineFacts } from './facts.tsx'
import { changes } from './fields.ts'
import { MachineForm } from './form.tsx'
import style from './machines.module.css'
import { PowerBadge, PowerMenu, usePower } from './power.tsx'
import { Script } from './script.tsx'

const SerialConsole = lazy(() => import('./console.tsx'))

export function MachinePage() {
  const { machine: reference } = useParams({ from: '/machines/$machine' })
  const machine = useGet('getMachine', { params: { machine: reference } })
  if (machine.data) return <MachineView key={machine.data.id} machine={machine.data} />
  return (
    <Page title={reference}>
      <Loaded query={machine}>{() => null}</Loaded>
    </Page>
  )
}

function MachineView({ machine }: { machine: Machine }) {
  const { tab = 'boot' } = useSearch({ from: '/machines/$machine' })
  const navigate = useNavigate({ from: '/machines/$machine' })
  const power = usePower(machine.id)
  const lab = machine.lab !== null || power.data?.driver === 'lab'
  const why = useGet('why', { params: { machine: machine.id } })
  return (
    <Page
      title={machine.name}
      beside={
        <>
          <MachineState state={machine.state} />
          <PowerBadge machine={machine.id} />
          {machine.tags.map((tag) => (
            <Link key={tag} to="/machines" search={{ tag }} className={style.tag} style={{ textDecoration: 'none' }}>
              {tag}
            </Link>
          ))}
        </>
      }
      actions={<Actions machine={machine} />}
    >
      <div className={style.stack}>
        {why.data && <Verdict why={why.data} />}
        <Tabs
          value={tab}
          onChange={(to) =>
            void navigate({
              search: (before) => ({ ...before, tab: to === 'boot' ? undefined : (to ?? undefined) }),
              replace: true,
            })
          }
          keepMounted={false}
        >
          <Tabs.List mb="sm">
            <Tabs.Tab value="boot">Boot trace</Tabs.Tab>
            <Tabs.Tab value="script">Script</Tabs.Tab>
            {lab && <Tabs.Tab value="console">Console</Tabs.Tab>}
          </Tabs.List>
          <div className={style.grid}>
            <div>
              <Tabs.Panel value="boot">
                <Traces machine={machine.id} lab={lab} />
              </Tabs.Panel>
              <Tabs.Panel value="script">
                <Script machine={machine.id} />
              </Tabs.Panel>
              {lab && (
                <Tabs.Panel value="console">
                  <Suspense fallback={null}>
                    <SerialConsole machine={machine.id} />
                  </Suspense>
                </Tabs.Panel>
              )}
            </div>
            <MachineFacts machine={machine} />
          </div>
        </Tabs>
      </div>
    </Page>
  )
}

function Actions({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const user = useMay('user')
  const navigate = useNavigate()
  const [approving, approve] = useDisclosure(false)
  const [editing, edit] = useDisclosure(false)
  const [choosing, choose] = useDisclosure(false)
  const [ordering, order] = useDisclosure(false)
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
      {user && machine.state !== 'discovered' && (
        <>
          <Button variant="default" leftSection={<IconPlayerTrackNext size={15} />} onClick={order.open}>
            Next boot
          </Button>
          <Button variant="default" leftSection={<IconTemplate size={15} />} onClick={choose.open}>
            Profile
          </Button>
        </>
      )}
      {operator && (
        <>
          <Button variant="default" leftSection={<IconPencil size={15} />} onClick={edit.open}>
            Edit
          </Button>
          <Confirm
            title={`Forget ${machine.name}?`}
            text="Its entry, tags and notes are deleted. If it boots here again it is discovered anew and parked. Nothing on the machine itself is touched."
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
                  {machine.state !== 'discovered' && machine.state !== 'maintenance' && (
                    <Menu.Item leftSection={<IconTool size={15} />} onClick={() => patchState('maintenance')}>
                      Take into maintenance
                    </Menu.Item>
                  )}
                  {machine.state !== 'discovered' && machine.state !== 'ready' && machine.state !== 'active' && (
                    <Menu.Item leftSection={<IconCheck size={15} />} onClick={() => patchState('ready')}>
                      Make ready again
                    </Menu.Item>
                  )}
                  {machine.state !== 'discovered' && machine.state !== 'retired' && (
                    <Menu.Item onClick={() => patchState('retired')}>Retire</Menu.Item>
                  )}
                  <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={ask}>
                    Forget…
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
          </Confirm>
        </>
      )}
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
