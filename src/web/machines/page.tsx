import { Tabs } from '@mantine/core'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { Loaded, Page, Stacked } from '../parts/page.tsx'
import { MachineState } from '../parts/status.tsx'
import { Traces } from '../traces/traces.tsx'
import { Verdict } from '../traces/verdict.tsx'
import { Actions } from './actions.tsx'
import { MachineFacts } from './facts.tsx'
import style from './machines.module.css'
import { PowerBadge, usePower } from './power.tsx'
import { Script } from './script.tsx'
import { UnderWay } from './under-way.tsx'

const SerialConsole = lazy(() => import('./console.tsx'))
const Hardware = lazy(() => import('./hardware.tsx').then((module) => ({ default: module.Hardware })))
const MachineDisks = lazy(() => import('./diskless.tsx').then((module) => ({ default: module.MachineDisks })))
const Guest = lazy(() => import('./guest.tsx').then((module) => ({ default: module.Guest })))
const Drivers = lazy(() => import('../power/drivers.tsx').then((module) => ({ default: module.Drivers })))
const OwnBmc = lazy(() => import('../power/own-bmc.tsx').then((module) => ({ default: module.OwnBmc })))
const MachineBmc = lazy(() => import('../bmcs/machine.tsx').then((module) => ({ default: module.MachineBmc })))
const ConsoleRecord = lazy(() => import('../consoles/record.tsx').then((module) => ({ default: module.ConsoleRecord })))
const MachineDeployments = lazy(() =>
  import('./deployments.tsx').then((module) => ({ default: module.MachineDeployments })),
)

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
  const operator = useMay('operator')
  const agent = useGet('getAgent', {})
  const shell = operator && (agent.data?.running.some((each) => each.machine === machine.name) ?? false)
  const why = useGet('why', { params: { machine: machine.id } })
  return (
    <Page
      title={machine.name}
      beside={
        <>
          <MachineState state={machine.state} />
          <PowerBadge machine={machine.id} />
          {machine.tags.map((tag) => (
            <Link key={tag} to="/rooms/$tag" params={{ tag }} className={style.tag} style={{ textDecoration: 'none' }}>
              {tag}
            </Link>
          ))}
        </>
      }
      actions={<Actions machine={machine} />}
    >
      <div className={style.stack}>
        {why.data && <Verdict why={why.data} />}
        <UnderWay machine={machine.id} />
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
            <Tabs.Tab value="volumes">Diskless</Tabs.Tab>
            <Tabs.Tab value="deployments">Deployments</Tabs.Tab>
            <Tabs.Tab value="hardware">Disks and hardware</Tabs.Tab>
            {operator && <Tabs.Tab value="guest">System</Tabs.Tab>}
            <Tabs.Tab value="script">Script</Tabs.Tab>
            <Tabs.Tab value="power">Power and BMC</Tabs.Tab>
            <Tabs.Tab value="console">Console</Tabs.Tab>
            {shell && <Tabs.Tab value="shell">Shell</Tabs.Tab>}
          </Tabs.List>
          <div className={style.grid}>
            <div>
              <Tabs.Panel value="boot">
                <Traces machine={machine.id} lab={lab} />
              </Tabs.Panel>
              <Tabs.Panel value="deployments">
                <Suspense fallback={null}>
                  <MachineDeployments machine={machine} />
                </Suspense>
              </Tabs.Panel>
              <Tabs.Panel value="hardware">
                <Suspense fallback={null}>
                  <Hardware machine={machine} />
                </Suspense>
              </Tabs.Panel>
              <Tabs.Panel value="volumes">
                <Suspense fallback={null}>
                  <MachineDisks machine={machine} />
                </Suspense>
              </Tabs.Panel>
              {operator && (
                <Tabs.Panel value="guest">
                  <Suspense fallback={null}>
                    <Guest machine={machine} />
                  </Suspense>
                </Tabs.Panel>
              )}
              <Tabs.Panel value="script">
                <Script machine={machine.id} />
              </Tabs.Panel>
              <Tabs.Panel value="power">
                <Suspense fallback={null}>
                  <Stacked>
                    <Drivers machine={machine} />
                    <MachineBmc machine={machine} />
                    <OwnBmc machine={machine} />
                  </Stacked>
                </Suspense>
              </Tabs.Panel>
              <Tabs.Panel value="console">
                <Suspense fallback={null}>
                  <Stacked>
                    <SerialConsole machine={machine.id} />
                    <ConsoleRecord machine={machine} />
                  </Stacked>
                </Suspense>
              </Tabs.Panel>
              {shell && (
                <Tabs.Panel value="shell">
                  <Suspense fallback={null}>
                    <SerialConsole machine={machine.id} shell />
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
