import { ActionIcon, Button, Fieldset, Group, NumberInput, Select, Switch, Text, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import { fieldProblem } from '../api/call.ts'
import { VolumeSelect } from '../volumes/select.tsx'
import { type DiskFields, moved, NEW_DISK, POLICY_WORDS } from './disks.ts'
import { ImageSelect } from './image-select.tsx'
import type { Part } from './spec.ts'

const USES = [
  { value: 'overlay', label: "the machine's own writes over an image" },
  { value: 'volume', label: 'a volume by its name' },
  { value: 'rotation', label: 'the next volume of a rotation' },
]
const POLICIES = Object.entries(POLICY_WORDS).map(([value, label]) => ({ value, label }))

/** The disks of a machine in the order of their LUNs. */
export function DisksPart({ fields, set, error }: Part) {
  const { disks } = fields
  const change = (at: number, more: Partial<DiskFields>) =>
    set(
      'disks',
      disks.map((disk, index) => (index === at ? { ...disk, ...more } : disk)),
    )
  // A disk has no other identity than its place.
  const places = disks.map((_, place) => `${place} of ${disks.length}`)
  const boots = fields.kind === 'diskless'
  return (
    <>
      {disks.map((disk, index) => (
        <Fieldset
          key={places[index]}
          legend={
            <Group gap={4}>
              {boots && index === 0 ? 'Disk 0: it boots from this one' : `Disk ${index}`}
              <ActionIcon
                size="sm"
                aria-label={`Disk ${index} before`}
                disabled={index === 0}
                onClick={() => set('disks', moved(disks, index, -1))}
              >
                <IconArrowUp size={13} />
              </ActionIcon>
              <ActionIcon
                size="sm"
                aria-label={`Disk ${index} after`}
                disabled={index === disks.length - 1}
                onClick={() => set('disks', moved(disks, index, 1))}
              >
                <IconArrowDown size={13} />
              </ActionIcon>
              {(!boots || disks.length > 1) && (
                <ActionIcon
                  size="sm"
                  aria-label={`Remove disk ${index}`}
                  onClick={() =>
                    set(
                      'disks',
                      disks.filter((_, at) => at !== index),
                    )
                  }
                >
                  <IconTrash size={13} />
                </ActionIcon>
              )}
            </Group>
          }
        >
          <Disk disk={disk} index={index} error={error} change={(more) => change(index, more)} />
        </Fieldset>
      ))}
      <Group gap="xs">
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          disabled={disks.length >= 16}
          onClick={() =>
            set('disks', [...disks, boots && disks.length > 0 ? { ...NEW_DISK, use: 'volume' } : NEW_DISK])
          }
        >
          Add a disk
        </Button>
        {!boots && (
          <Text size="xs" c="dimmed">
            Attached over iSCSI before it starts, to install onto.
          </Text>
        )}
      </Group>
      {(fields.kind === 'diskless' || fields.kind === 'wim') && (
        <Switch
          label="Hide the gateway from the disk"
          description="Windows sends iSCSI through a gateway that it is told; without one it goes straight to the server"
          checked={fields.hideGateway}
          onChange={(event) => set('hideGateway', event.currentTarget.checked)}
        />
      )}
    </>
  )
}

function Disk(props: {
  disk: DiskFields
  index: number
  error: Error | null
  change: (more: Partial<DiskFields>) => void
}) {
  const { disk, index, error, change } = props
  const problem = (field: string) => fieldProblem(error, `disks.${index}.${field}`)
  return (
    <>
      <Select
        label="What it is"
        allowDeselect={false}
        data={USES}
        value={disk.use}
        onChange={(use) => change({ use: use as DiskFields['use'] })}
      />
      {disk.use === 'overlay' && (
        <>
          <ImageSelect
            label="Image"
            kinds={['disk']}
            value={disk.image}
            error={problem('image')}
            onChange={(image) => change({ image })}
          />
          <Select
            mt="xs"
            label="Its own writes are"
            allowDeselect={false}
            data={POLICIES}
            value={disk.policy}
            onChange={(policy) => change({ policy: policy as DiskFields['policy'] })}
          />
          <Group grow align="flex-start" mt="xs">
            <NumberInput
              label="Size in GiB"
              placeholder="that of the image"
              min={0}
              decimalScale={10}
              value={disk.gib ?? ''}
              error={problem('bytes')}
              onChange={(value) => change({ gib: value === '' ? null : Number(value) })}
            />
            <NumberInput
              label="Limit of its own, in GiB"
              placeholder="what the pool has"
              min={0}
              decimalScale={10}
              value={disk.limitGib ?? ''}
              error={problem('limitBytes')}
              onChange={(value) => change({ limitGib: value === '' ? null : Number(value) })}
            />
          </Group>
        </>
      )}
      {disk.use === 'volume' && (
        <>
          <VolumeSelect
            label="Volume"
            value={disk.volume || null}
            error={problem('volume')}
            onChange={(volume) => change({ volume: volume ?? '' })}
          />
          <Select
            mt="xs"
            label="Who may have it"
            allowDeselect={false}
            data={[
              { value: 'shared-read-only', label: 'any number of machines, read-only' },
              { value: 'exclusive', label: 'one machine at a time, writable' },
            ]}
            value={disk.access}
            onChange={(access) => change({ access: access as DiskFields['access'] })}
          />
        </>
      )}
      {disk.use === 'rotation' && (
        <TextInput
          label="Rotation"
          description="Volumes with the label rotation=NAME are served in turn: never used first, then the one not used for longest"
          placeholder="exam"
          value={disk.rotation}
          error={problem('rotation')}
          onChange={(event) => change({ rotation: event.currentTarget.value })}
        />
      )}
    </>
  )
}
