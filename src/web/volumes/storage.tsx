import { Button, MultiSelect, NumberInput, Select, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { StorageState } from '../../api/contract/storage.ts'
import { useDo, useGet } from '../api/use.ts'
import { AddButton, RemoveButton } from '../parts/buttons.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { TextField } from '../parts/fields.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Loaded, Page, Stacked } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { bytes } from '../parts/words.ts'

type Device = StorageState['devices'][number]

/** LVM of the server, for admins. What is the pool's own is shown and not touched. */
export function StoragePage() {
  const storage = useGet('getStorage', {})
  return (
    <Page
      title="Storage"
      lead="Disks of this server and LVM on them. What is mounted or in use is never taken; Reveille’s own pool is shown only."
    >
      <Loaded query={storage}>
        {(state) => (
          <Stacked>
            <Devices state={state} />
            <Groups state={state} />
            <LogicalVolumes state={state} />
          </Stacked>
        )}
      </Loaded>
    </Page>
  )
}

function Rows({ head, empty, children }: { head: readonly string[]; empty: string; children: ReactNode[] }) {
  if (children.length === 0)
    return (
      <Text size="sm" c="dimmed" p="md">
        {empty}
      </Text>
    )
  return (
    <div className="scroll">
      <table className="rows">
        <thead>
          <tr>
            {head.map((word) => (
              <th key={word}>{word}</th>
            ))}
            <ActionsHead />
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

function Devices({ state }: { state: StorageState }) {
  const [adding, setAdding] = useState<Device>()
  const remove = useDo('deletePhysicalVolume', { done: (_, { query }) => `${query.path} is empty now.` })
  return (
    <Card flush title="Devices">
      <Rows head={['Device', 'Size', 'What is on it']} empty="No disk of this server can be managed.">
        {state.devices.map((device) => (
          <tr key={device.path}>
            <td className="mono">
              {device.path}
              {device.model && <div className="soft">{device.model}</div>}
            </td>
            <td className="figures">{bytes(device.bytes)}</td>
            <td>{device.holds.join(', ') || <span className="soft">nothing</span>}</td>
            <td className="end">
              {(device.state === 'free' || device.state === 'holds-data') && (
                <Button size="compact-xs" variant="default" onClick={() => setAdding(device)}>
                  Give to LVM…
                </Button>
              )}
              {state.physicalVolumes.some(({ path, group }) => path === device.path && group === '') && (
                <RemoveButton
                  title={`Take ${device.path} from LVM?`}
                  text="It belongs to no volume group, so nothing is lost."
                  busy={remove.isPending}
                  onConfirm={() => remove.mutate({ query: { path: device.path } })}
                />
              )}
            </td>
          </tr>
        ))}
      </Rows>
      {adding && <AddDevice device={adding} onClose={() => setAdding(undefined)} />}
    </Card>
  )
}

function AddDevice({ device, onClose }: { device: Device; onClose: () => void }) {
  const { path, holds } = device
  const add = useDo('createPhysicalVolume', {
    quiet: true,
    done: () => `${path} is a physical volume.`,
    after: onClose,
  })
  const wiping = device.state === 'holds-data'
  const wipe = wiping ? { path, bytes: device.bytes } : undefined
  return (
    <FormDialog
      title={`Give ${path} to LVM?`}
      action={wiping ? 'Wipe and add' : 'Add'}
      {...(wiping ? { danger: true, typed: path } : {})}
      error={add.error}
      busy={add.isPending}
      onClose={onClose}
      onSend={() => add.mutate({ body: { path, wipe } })}
    >
      {wiping ? (
        <Notice tone="bad" title={`All ${bytes(device.bytes)} on it are lost`}>
          <p>{holds.join(', ')}</p>
        </Notice>
      ) : (
        <Text size="sm">Nothing is on it. It becomes a physical volume, which a volume group can be made of.</Text>
      )}
    </FormDialog>
  )
}

function Groups({ state }: { state: StorageState }) {
  const [making, setMaking] = useState(false)
  const remove = useDo('deleteVolumeGroup', { done: (_, { params }) => `${params.group} is removed.` })
  return (
    <Card flush title="Volume groups" aside={<AddButton onClick={() => setMaking(true)}>Create group</AddButton>}>
      <Rows head={['Group', 'Size', 'Free', 'Devices']} empty="There is no volume group.">
        {state.volumeGroups.map(({ name, ours, missing, ...group }) => (
          <tr key={name}>
            <td>
              <b>{name}</b>
              {ours && <div className="soft">Reveille’s pool</div>}
            </td>
            <td className="figures">{bytes(group.bytes)}</td>
            <td className="figures">{bytes(group.freeBytes)}</td>
            <td className="mono">
              {state.physicalVolumes
                .filter((each) => each.group === name)
                .map(({ path }) => path)
                .join(', ')}
              {missing > 0 && <div>{missing} missing</div>}
            </td>
            <td className="end">
              {!ours && !state.logicalVolumes.some((each) => each.group === name) && (
                <RemoveButton
                  title={`Remove the group ${name}?`}
                  text="Nothing is in it. Its devices stay physical volumes."
                  busy={remove.isPending}
                  onConfirm={() => remove.mutate({ params: { group: name } })}
                />
              )}
            </td>
          </tr>
        ))}
      </Rows>
      {making && <CreateGroup state={state} onClose={() => setMaking(false)} />}
    </Card>
  )
}

function CreateGroup({ state, onClose }: { state: StorageState; onClose: () => void }) {
  const [name, setName] = useState('')
  const [devices, setDevices] = useState<string[]>([])
  const create = useDo('createVolumeGroup', { quiet: true, done: () => `${name} is there.`, after: onClose })
  const free = state.physicalVolumes.filter(({ group }) => group === '').map(({ path }) => path)
  return (
    <FormDialog
      title="Create a volume group"
      action="Create"
      error={create.error}
      busy={create.isPending}
      disabled={name === '' || devices.length === 0}
      onClose={onClose}
      onSend={() => create.mutate({ body: { name, devices } })}
    >
      <TextField label="Name" data-autofocus value={name} of="name" error={create.error} onChange={setName} />
      <MultiSelect
        label="Devices"
        description={free.length === 0 ? 'Give a device to LVM first' : 'Physical volumes of no group'}
        data={free}
        value={devices}
        onChange={setDevices}
      />
    </FormDialog>
  )
}

function LogicalVolumes({ state }: { state: StorageState }) {
  const [making, setMaking] = useState(false)
  const remove = useDo('deleteLogicalVolume', { done: (_, { params }) => `${params.group}/${params.name} is removed.` })
  return (
    <Card
      flush
      title="Logical volumes"
      aside={
        state.volumeGroups.length > 0 && <AddButton onClick={() => setMaking(true)}>Create logical volume</AddButton>
      }
    >
      <Rows head={['Logical volume', 'Size', 'Layout']} empty="There is no logical volume.">
        {state.logicalVolumes.map(({ group, name, ours, open, ...volume }) => (
          <tr key={`${group}/${name}`}>
            <td>
              {group}/{name}
              {ours && <div className="soft">Reveille’s pool</div>}
            </td>
            <td className="figures">{bytes(volume.bytes)}</td>
            <td>
              {volume.layout}
              {open && <span className="soft">, open</span>}
            </td>
            <td className="end">
              {!ours && !open && (
                <RemoveButton
                  title={`Remove ${group}/${name}?`}
                  text={`All that is in it is lost: up to ${bytes(volume.bytes)}.`}
                  busy={remove.isPending}
                  onConfirm={() => remove.mutate({ params: { group, name } })}
                />
              )}
            </td>
          </tr>
        ))}
      </Rows>
      {making && <CreateLogicalVolume state={state} onClose={() => setMaking(false)} />}
    </Card>
  )
}

function CreateLogicalVolume({ state, onClose }: { state: StorageState; onClose: () => void }) {
  const [group, setGroup] = useState(state.volumeGroups[0]?.name ?? '')
  const [name, setName] = useState('')
  const [gib, setGib] = useState<number | string>(10)
  const create = useDo('createLogicalVolume', { quiet: true, done: () => `${group}/${name} is there.`, after: onClose })
  const size = Math.round(Number(gib) * 2 ** 30)
  const free = state.volumeGroups.find((each) => each.name === group)?.freeBytes ?? 0
  return (
    <FormDialog
      title="Create a logical volume"
      action="Create"
      error={create.error}
      busy={create.isPending}
      disabled={name === '' || !(size > 0)}
      onClose={onClose}
      onSend={() => create.mutate({ body: { group, name, bytes: size } })}
    >
      <Select
        label="Volume group"
        description={`${bytes(free)} free`}
        allowDeselect={false}
        data={state.volumeGroups.map((each) => each.name)}
        value={group}
        onChange={(value) => setGroup(value ?? '')}
      />
      <TextField label="Name" data-autofocus value={name} of="name" error={create.error} onChange={setName} />
      <NumberInput label="Size" suffix=" GiB" min={0} value={gib} onChange={setGib} />
    </FormDialog>
  )
}
