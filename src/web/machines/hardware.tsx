import { Button } from '@mantine/core'
import { IconCircleCheck, IconCircleX, IconPlugConnected, IconPlugConnectedX, IconSearch } from '@tabler/icons-react'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useInventory, useOrder } from '../deployments/order.ts'
import { Code } from '../parts/copy.tsx'
import { Card, Empty, Facts, Loaded, Stacked } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, count } from '../parts/words.ts'
import { DiskCard } from './disk-card.tsx'
import type { Inventory } from './inventory.ts'

/** What the management OS last found in a machine. */
export function Hardware({ machine }: { machine: Machine }) {
  const found = useInventory(machine.id)
  const user = useMay('user')
  const order = useOrder(() => undefined)
  const take = () => order.mutate({ params: { machine: machine.id }, body: { action: { kind: 'inventory' } } })
  const button = user && machine.state !== 'discovered' && (
    <Button variant="default" leftSection={<IconSearch size={14} />} loading={order.isPending} onClick={take}>
      Take inventory
    </Button>
  )
  if (found.error instanceof ApiProblem && found.error.status === 404)
    return (
      <Card>
        <Empty title="Nobody has looked into this machine yet" action={button}>
          {machine.state === 'discovered'
            ? 'Approve it first. Then the management OS can look at its disks and hardware.'
            : 'The management OS boots once, tells what it finds, and changes nothing. Disks can be armed only when they are known.'}
        </Empty>
      </Card>
    )
  return (
    <Loaded query={found} lines={8}>
      {({ takenAt, inventory }) => (
        <Stacked>
          <Card
            title={inventory.disks.length === 1 ? 'Disk' : `Disks · ${inventory.disks.length}`}
            beside={
              <span className="soft">
                as found <Ago at={takenAt} />
              </span>
            }
            aside={button}
          >
            {inventory.disks.length === 0 ? (
              <Empty title="It has no disk">Nothing can be written to it; it can still run live systems.</Empty>
            ) : (
              <Stacked>
                {inventory.disks.map((disk) => (
                  <DiskCard key={disk.name} disk={disk} />
                ))}
              </Stacked>
            )}
          </Card>
          <Machinery inventory={inventory} />
          <Nics inventory={inventory} />
          {inventory.bootEntries.length > 0 && <BootEntries inventory={inventory} />}
        </Stacked>
      )}
    </Loaded>
  )
}

function Machinery({ inventory }: { inventory: Inventory }) {
  const { cpu, smbios, memoryBytes } = inventory
  const bios = [smbios.biosVersion, smbios.biosDate].filter(Boolean).join(', ')
  return (
    <Card title="Hardware">
      <Facts
        rows={[
          ['Model', [smbios.manufacturer, smbios.product].filter(Boolean).join(' ')],
          ['Serial', smbios.serial && <Code copy>{smbios.serial}</Code>],
          ['Board', smbios.board],
          [
            'CPU',
            `${cpu.model} · ${count(cpu.sockets, 'socket')}, ${count(cpu.cores, 'core')}, ${count(cpu.threads, 'thread')}`,
          ],
          ['Memory', bytes(memoryBytes)],
          ['Firmware', `${inventory.firmware.toUpperCase()}${bios ? ` · ${bios}` : ''}`],
          ['Secure boot', inventory.secureBoot === null ? null : inventory.secureBoot ? 'on' : 'off'],
          ['BMC', inventory.ipmi ? 'answers on the local interface' : 'none that answers'],
        ]}
      />
    </Card>
  )
}

function Nics({ inventory }: { inventory: Inventory }) {
  return (
    <Card title="Network" flush>
      <table className="rows">
        <thead>
          <tr>
            <th>Name</th>
            <th>MAC</th>
            <th>Link</th>
            <th className="wide">Driver</th>
            <th className="wide">Where</th>
          </tr>
        </thead>
        <tbody>
          {inventory.nics.map((nic) => (
            <tr key={nic.mac + nic.name}>
              <td className="mono">{nic.name}</td>
              <td className="mono">{nic.mac}</td>
              <td>
                {nic.link ? (
                  <Status look={['good', IconPlugConnected, 'up']} bare>
                    up{nic.speedMbps !== null && `, ${nic.speedMbps.toLocaleString('en-US')} Mbit/s`}
                  </Status>
                ) : (
                  <Status look={['calm', IconPlugConnectedX, 'no link']} bare />
                )}
              </td>
              <td className="wide">{nic.driver}</td>
              <td className="wide mono soft">{nic.byPath}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function BootEntries({ inventory }: { inventory: Inventory }) {
  return (
    <Card title="Boot entries" flush beside={<span className="soft">of the firmware, in their order</span>}>
      <table className="rows">
        <tbody>
          {inventory.bootEntries.map((entry) => (
            <tr key={entry.number}>
              <td className="mono" style={{ width: '5rem' }}>
                {entry.number}
              </td>
              <td>
                {entry.name}
                {entry.current && <span className="soft"> · booted from it then</span>}
              </td>
              <td className="end">
                {entry.active ? (
                  <Status look={['good', IconCircleCheck, 'active']} bare />
                ) : (
                  <Status look={['calm', IconCircleX, 'switched off']} bare />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
