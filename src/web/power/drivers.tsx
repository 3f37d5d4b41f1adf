import { Button, Menu } from '@mantine/core'
import { IconActivity, IconChevronDown, IconCircleCheck, IconHandStop, IconPlus, IconZzz } from '@tabler/icons-react'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import type { PowerDriverInfo } from '../../api/contract/power.ts'
import { useMay } from '../api/me.tsx'
import { toast, useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Empty, Loaded } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { DriverForm } from './driver-form.tsx'
import { KINDS, placeOf } from './fields.ts'

const LOOKS: Readonly<Record<PowerDriverInfo['health']['circuit'], Look>> = {
  closed: ['good', IconCircleCheck, 'answers'],
  'half-open': ['wait', IconActivity, 'tried again'],
  open: ['bad', IconZzz, 'rests after failures'],
}

/** What switches a machine, in the order in which it is tried. */
export function Drivers({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const drivers = useGet('listPowerDrivers', { params: { machine: machine.id } }, { refetchMs: 10_000 })
  const [editing, setEditing] = useState<PowerDriverInfo | 'new' | null>(null)
  return (
    <Card
      title="Drivers"
      flush
      aside={
        operator && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconPlus size={13} />}
            onClick={() => setEditing('new')}
          >
            Add driver
          </Button>
        )
      }
    >
      <Loaded query={drivers} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing is known that could switch it">
              Add a driver: its BMC, Wake-on-LAN, a power strip, the API of a cloud, or SSH to its system.
            </Empty>
          ) : (
            <div className="scroll">
              <table className="rows">
                <thead>
                  <tr>
                    <th>Driver</th>
                    <th>State</th>
                    <th className="end">Health</th>
                    <th className="wide">Can</th>
                    {operator && <ActionsHead />}
                  </tr>
                </thead>
                <tbody>
                  {items.map((driver) => (
                    <DriverRow
                      key={driver.name}
                      machine={machine}
                      driver={driver}
                      operator={operator}
                      onEdit={() => setEditing(driver)}
                    />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      {editing && (
        <DriverForm
          machine={machine}
          driver={editing === 'new' ? undefined : editing}
          onClose={() => setEditing(null)}
        />
      )}
    </Card>
  )
}

function DriverRow(props: { machine: Machine; driver: PowerDriverInfo; operator: boolean; onEdit: () => void }) {
  const { machine, driver, operator, onEdit } = props
  const params = { machine: machine.id, driver: driver.name }
  const { health } = driver
  const kind = driver.kind === 'lab' || driver.kind === 'agent' ? driver.kind : KINDS[driver.kind].word
  const remove = useDo('removePowerDriver', { done: () => `${driver.name} is forgotten, with its secrets.` })
  const probe = useDo('probePowerDriver')
  return (
    <>
      <tr>
        <td>
          <b style={{ fontWeight: 580 }}>{driver.name}</b>
          <div className="soft">
            {kind} {placeOf(driver.settings)}
          </div>
        </td>
        <td>
          <Status look={LOOKS[health.circuit]} />
          {health.lastFailure && (
            <div className="soft">
              {health.lastFailure}
              {health.lastFailureAt && (
                <>
                  {' '}
                  (<Ago at={health.lastFailureAt} />)
                </>
              )}
            </div>
          )}
        </td>
        <td className="end figures" title={health.medianMs === null ? undefined : `${Math.round(health.medianMs)} ms`}>
          {health.score} %
        </td>
        <td className="wide soft">{driver.capabilities.join(', ')}</td>
        {operator && (
          <td className="end">
            <Menu position="bottom-end">
              <Menu.Target>
                <Button size="compact-xs" variant="default" rightSection={<IconChevronDown size={12} />}>
                  Driver
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item
                  onClick={() =>
                    probe.mutate(
                      { params },
                      { onSuccess: (said) => said.ok && toast(`${driver.name}: ${said.detail}`) },
                    )
                  }
                >
                  Try it (switches nothing)
                </Menu.Item>
                {!driver.builtIn && <Menu.Item onClick={onEdit}>Change</Menu.Item>}
                {!driver.builtIn && (
                  <Confirm
                    title={`Forget ${driver.name}?`}
                    text="Its secrets are deleted with it. Commands that were routed to it are refused until the route is changed."
                    action="Forget"
                    onConfirm={() => remove.mutate({ params })}
                  >
                    {(ask) => (
                      <Menu.Item closeMenuOnClick={false} onClick={ask}>
                        Forget
                      </Menu.Item>
                    )}
                  </Confirm>
                )}
              </Menu.Dropdown>
            </Menu>
          </td>
        )}
      </tr>
      {probe.data && !probe.data.ok && (
        <tr>
          <td colSpan={5}>
            <Notice tone="bad" title={probe.data.detail}>
              {probe.data.next && <p>{probe.data.next}</p>}
            </Notice>
          </td>
        </tr>
      )}
      {driver.kind === 'manual' && (
        <tr>
          <td colSpan={5}>
            <ByHand machine={machine} driver={driver.name} />
          </td>
        </tr>
      )}
    </>
  )
}

/** A person says what they did. */
function ByHand({ machine, driver }: { machine: Machine; driver: string }) {
  const user = useMay('user')
  const answer = useDo('answerManualPower', { done: (_, { body }) => `${machine.name} is ${body?.state}, as you say.` })
  if (!user) return null
  const say = (state: 'on' | 'off') => answer.mutate({ params: { machine: machine.id, driver }, body: { state } })
  return (
    <span className="soft">
      <IconHandStop size={13} aria-hidden /> Look at the machine: it is{' '}
      <Button size="compact-xs" variant="default" onClick={() => say('on')}>
        on
      </Button>{' '}
      <Button size="compact-xs" variant="default" onClick={() => say('off')}>
        off
      </Button>
    </span>
  )
}
