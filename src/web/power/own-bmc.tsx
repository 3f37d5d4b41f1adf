import { Button, Group, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAlertTriangle, IconBulb, IconCircleCheck, IconCircleX, IconHelpCircle } from '@tabler/icons-react'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import type { PowerDriverInfo } from '../../api/contract/power.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Card, Empty, Facts, Stacked } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { clock } from '../parts/words.ts'
import { Asked } from './asked.tsx'
import { BootOrder } from './boot-order.tsx'

type Capability = PowerDriverInfo['capabilities'][number]
type Severity = OutputOf<'readHardwareEvents'>['items'][number]['severity']

const LOOKS: Readonly<Record<Severity, Look>> = {
  ok: ['good', IconCircleCheck, 'ok'],
  warning: ['wait', IconAlertTriangle, 'warning'],
  critical: ['bad', IconCircleX, 'critical'],
  unknown: ['calm', IconHelpCircle, 'not known'],
}

/** What a machine's own BMC says and does. Asked when somebody wants it: BMCs are slow, and some choke on questions. */
export function OwnBmc({ machine }: { machine: Machine }) {
  const drivers = useGet('listPowerDrivers', { params: { machine: machine.id } })
  const can = (capability: Capability) =>
    drivers.data?.items.some((driver) => driver.capabilities.includes(capability)) ?? false
  return (
    <Stacked>
      {can('boot-device') && <BootOrder machine={machine} />}
      {can('identify') && <Lamp machine={machine} />}
      {can('media') && <Media machine={machine} />}
      {can('sensors') && <Sensors machine={machine} />}
      {can('events') && <Events machine={machine} />}
      {can('fru') && <Parts machine={machine} />}
    </Stacked>
  )
}

function Sensors({ machine }: { machine: Machine }) {
  const [asked, { open }] = useDisclosure(false)
  const sensors = useGet('readSensors', { params: { machine: machine.id } }, { enabled: asked })
  return (
    <Asked
      title="Sensors"
      about="Temperatures, fans, voltages and power, as its BMC reads them."
      query={sensors}
      asked={asked}
      ask={open}
    >
      {({ items }) =>
        items.length === 0 ? (
          <Empty title="It has no sensors that can be read" />
        ) : (
          <table className="rows">
            <thead>
              <tr>
                <th>Sensor</th>
                <th className="end">Reading</th>
                <th>State</th>
                <th className="end wide">Low</th>
                <th className="end wide">High</th>
              </tr>
            </thead>
            <tbody>
              {items.map((each) => (
                <tr key={each.name}>
                  <td>{each.name}</td>
                  <td className="end figures">
                    {each.value === null ? each.text || '—' : `${each.value} ${each.unit}`}
                  </td>
                  <td>
                    <Status look={LOOKS[each.state]} />
                  </td>
                  <td className="end figures wide soft">{each.lowCritical ?? each.lowWarning}</td>
                  <td className="end figures wide soft">{each.highCritical ?? each.highWarning}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      }
    </Asked>
  )
}

function Events({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const [asked, { open }] = useDisclosure(false)
  const events = useGet('readHardwareEvents', { params: { machine: machine.id } }, { enabled: asked })
  const clear = useDo('clearHardwareEvents', { done: () => `The event log of ${machine.name} is cleared.` })
  return (
    <Asked
      title="Event log"
      about="What its own BMC wrote down (SEL)."
      query={events}
      asked={asked}
      ask={open}
      aside={
        operator &&
        asked && (
          <Confirm
            title="Clear the event log?"
            text="What its BMC wrote down is gone for good."
            action="Clear"
            onConfirm={() => clear.mutate({ params: { machine: machine.id } })}
          >
            {(ask) => (
              <Button size="compact-xs" variant="default" onClick={ask}>
                Clear
              </Button>
            )}
          </Confirm>
        )
      }
    >
      {({ items }) =>
        items.length === 0 ? (
          <Empty title="The log is empty" />
        ) : (
          <table className="rows">
            <thead>
              <tr>
                <th>When</th>
                <th>Severity</th>
                <th>Event</th>
              </tr>
            </thead>
            <tbody>
              {items.toReversed().map((each) => (
                <tr key={each.id}>
                  <td className="figures soft">{each.at === null ? 'clock not set' : clock(each.at)}</td>
                  <td>
                    <Status look={LOOKS[each.severity]} />
                  </td>
                  <td>
                    {each.sensor && <b style={{ fontWeight: 580 }}>{each.sensor}: </b>}
                    {each.text}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      }
    </Asked>
  )
}

function Parts({ machine }: { machine: Machine }) {
  const [asked, { open }] = useDisclosure(false)
  const fru = useGet('readFru', { params: { machine: machine.id } }, { enabled: asked })
  return (
    <Asked
      title="What it is made of"
      about="Manufacturer, product and serial numbers, as its BMC keeps them (FRU)."
      query={fru}
      asked={asked}
      ask={open}
    >
      {(said) => (
        <div style={{ padding: '0.75rem' }}>
          <Facts
            rows={[
              ['Manufacturer', said.manufacturer],
              ['Product', said.product],
              ['Part number', said.partNumber],
              ['Serial', said.serial],
              ['Asset tag', said.assetTag],
              ['Board', [said.boardManufacturer, said.boardProduct].filter(Boolean).join(' ')],
              ['Board serial', said.boardSerial],
              ['Chassis serial', said.chassisSerial],
              ['Said by', said.driver],
            ]}
          />
        </div>
      )}
    </Asked>
  )
}

function Lamp({ machine }: { machine: Machine }) {
  const user = useMay('user')
  const light = useDo('identifyMachine', { done: () => `${machine.name} was told so.` })
  if (!user) return null
  const tell = (seconds: number | null) => light.mutate({ params: { machine: machine.id }, body: { seconds } })
  return (
    <Card title="Lamp">
      <Group gap="xs">
        <Button
          variant="default"
          leftSection={<IconBulb size={14} />}
          loading={light.isPending}
          onClick={() => tell(60)}
        >
          Light it for a minute
        </Button>
        <Button variant="default" onClick={() => tell(null)}>
          Until put out
        </Button>
        <Button variant="default" onClick={() => tell(0)}>
          Put it out
        </Button>
      </Group>
    </Card>
  )
}

function Media({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const [asked, { open }] = useDisclosure(false)
  const [disc, setDisc] = useState('boot')
  const media = useGet('getMedia', { params: { machine: machine.id } }, { enabled: asked })
  const put = useDo('setMedia', {
    done: (said) => (said.url === null ? 'The drive is empty.' : `${said.url} is in the drive.`),
  })
  const send = (wanted: string | null) => put.mutate({ params: { machine: machine.id }, body: { media: wanted } })
  return (
    <Asked
      title="Virtual drive"
      about="A disc that its BMC fetches from this server and shows to the machine."
      query={media}
      asked={asked}
      ask={open}
    >
      {(said) => (
        <div style={{ padding: '0.75rem' }}>
          <p style={{ margin: '0 0 0.5rem' }}>{said.url ?? 'It is empty.'}</p>
          {operator && (
            <Group gap="xs" align="flex-end">
              <TextInput
                label="Disc"
                description="boot (starts from this server without DHCP), an iso image, or an address"
                value={disc}
                onChange={(event) => setDisc(event.currentTarget.value)}
              />
              <Button
                variant="default"
                loading={put.isPending}
                disabled={disc.trim() === ''}
                onClick={() => send(disc.trim())}
              >
                Put in
              </Button>
              {said.url !== null && (
                <Button variant="default" onClick={() => send(null)}>
                  Take out
                </Button>
              )}
            </Group>
          )}
        </div>
      )}
    </Asked>
  )
}
