import { Autocomplete, Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconCamera } from '@tabler/icons-react'
import { useState } from 'react'
import { ApiProblem } from '../../api/client/problem.ts'
import { fieldProblem } from '../api/call.ts'
import { useGet } from '../api/use.ts'
import { filesystemText } from '../machines/inventory.ts'
import { ProblemNote } from '../parts/page.tsx'
import { bytes } from '../parts/words.ts'
import { useInventory, useOrder } from './order.ts'
import { PlanView, UnknownDisks } from './plan.tsx'

/** Orders that a disk or partition of a machine become a new version of an image. */
export function Capture({ machine, onClose }: { machine: { id: string; name: string }; onClose: () => void }) {
  const params = { machine: machine.id }
  const inventory = useInventory(machine.id)
  const disks = (inventory.data?.inventory.disks ?? []).filter((disk) => disk.serial)
  const [serial, setSerial] = useState<string | null>(null)
  const chosen = disks.find((disk) => disk.serial === serial) ?? (disks.length === 1 ? disks[0] : undefined)
  const [partition, setPartition] = useState<string>('all')
  const [image, setImage] = useState('')
  const [note, setNote] = useState('')
  const kind = partition === 'all' ? 'disk' : 'partition'
  const images = useGet('listImages', { query: { kind, limit: 1000 } })
  const order = useOrder(onClose)
  const unknown = inventory.error instanceof ApiProblem && inventory.error.status === 404
  const body = {
    action: {
      kind: 'capture' as const,
      disk: chosen?.serial ? { serial: chosen.serial } : {},
      partition: partition === 'all' ? null : Number(partition),
      image: image.trim(),
      note,
    },
  }
  // Asked only with a name: the plan of an order without an image would be refused.
  const plan = useGet(
    'planDeployment',
    { params, body: { action: { ...body.action, note: '' } } },
    { enabled: chosen !== undefined && image.trim() !== '', keep: true },
  )
  return (
    <Modal opened onClose={onClose} size="lg" title={`Capture a disk of ${machine.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          order.mutate({ params, body })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={order.error ?? (unknown ? null : inventory.error)} />
          <Text size="sm" c="dimmed">
            The management OS reads the disk and keeps it as a new version. Only what the server does not have yet is
            moved, and nothing on the machine is changed.
          </Text>
          {unknown && (
            <UnknownDisks
              busy={order.isPending}
              onInventory={() => order.mutate({ params, body: { action: { kind: 'inventory' } } })}
            />
          )}
          <Group grow align="flex-start">
            <Select
              label="Disk"
              allowDeselect={false}
              disabled={unknown}
              placeholder="Choose a disk"
              data={disks.map((disk) => ({
                value: disk.serial ?? '',
                label: `${disk.model ?? 'disk'} · ${bytes(disk.bytes)} · ${disk.serial}`,
              }))}
              value={chosen?.serial ?? null}
              onChange={(value) => {
                setSerial(value)
                setPartition('all')
              }}
            />
            <Select
              label="What of it"
              allowDeselect={false}
              disabled={!chosen}
              data={[
                { value: 'all', label: 'the whole disk' },
                ...(chosen?.partitions ?? []).map((each) => ({
                  value: String(each.number),
                  label: `partition ${each.number}: ${filesystemText(each.filesystem)}, ${bytes(each.bytes)}`,
                })),
              ]}
              value={partition}
              onChange={(value) => setPartition(value ?? 'all')}
            />
          </Group>
          <Autocomplete
            label="Image"
            description={`One of kind ${kind}, or a new name`}
            required
            withAsterisk={false}
            data={(images.data?.items ?? []).map((each) => each.name)}
            value={image}
            error={fieldProblem(order.error, 'action.image')}
            onChange={setImage}
          />
          <TextInput
            label="Note"
            description="What is special about this version"
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          {chosen && image.trim() !== '' && <PlanView plan={plan} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              leftSection={<IconCamera size={15} />}
              disabled={!chosen || image.trim() === '' || plan.data?.possible === false}
              loading={order.isPending}
            >
              Capture
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
