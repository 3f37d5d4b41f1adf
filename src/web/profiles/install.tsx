import {
  ActionIcon,
  Button,
  Checkbox,
  Collapse,
  Fieldset,
  Group,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { fieldProblem } from '../api/call.ts'
import { ImageSelect } from './image-select.tsx'
import type { Part } from './spec.ts'
import { type IdentityFields, NEW_TARGET, type TargetFields } from './target.ts'

const TRANSPORTS = ['nvme', 'sata', 'sas', 'usb', 'virtio', 'mmc', 'other'] as const

/** What is written where, how it is checked, and what the system is given of its own. */
export function InstallPart({ fields, set, error }: Part) {
  const change = (at: number, more: Partial<TargetFields>) =>
    set(
      'targets',
      fields.targets.map((target, index) => (index === at ? { ...target, ...more } : target)),
    )
  // A target has no other identity than its place.
  const places = fields.targets.map((_, place) => `${place} of ${fields.targets.length}`)
  return (
    <>
      {fields.targets.map((target, index) => (
        <Target
          key={places[index]}
          target={target}
          index={index}
          error={error}
          change={(more) => change(index, more)}
          remove={
            fields.targets.length > 1
              ? () =>
                  set(
                    'targets',
                    fields.targets.filter((_, at) => at !== index),
                  )
              : undefined
          }
        />
      ))}
      <Group>
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => set('targets', [...fields.targets, NEW_TARGET])}
        >
          Add another image
        </Button>
      </Group>
      <Group grow align="flex-start">
        <Select
          label="Check what was written"
          allowDeselect={false}
          data={[
            { value: 'full', label: 'read all of it back' },
            { value: 'sampled', label: 'read samples back: faster' },
          ]}
          value={fields.verify}
          onChange={(verify) => set('verify', verify as typeof fields.verify)}
        />
        <Select
          label="Where the image has holes"
          allowDeselect={false}
          data={[
            { value: 'zero', label: 'make the disk zero' },
            { value: 'discard', label: 'discard: the disk may read anything' },
          ]}
          value={fields.holes}
          onChange={(holes) => set('holes', holes as typeof fields.holes)}
        />
      </Group>
      <Group grow align="flex-start">
        <Select
          label="In the end"
          allowDeselect={false}
          data={[
            { value: 'reboot', label: 'restart, from its own disk' },
            { value: 'power-off', label: 'switch off' },
            { value: 'kexec', label: 'start the system at once (kexec)' },
          ]}
          value={fields.finish}
          onChange={(finish) => set('finish', finish as typeof fields.finish)}
        />
        <Switch
          mt={26}
          label="Let the last partition fill the disk"
          checked={fields.grow}
          onChange={(event) => set('grow', event.currentTarget.checked)}
        />
      </Group>
      <IdentityPart identity={fields.identity} set={(identity) => set('identity', identity)} error={error} />
    </>
  )
}

function Target(props: {
  target: TargetFields
  index: number
  error: Error | null
  change: (more: Partial<TargetFields>) => void
  remove: (() => void) | undefined
}) {
  const { target, index, error, change, remove } = props
  const [hints, setHints] = useState(
    () =>
      Boolean(target.serial || target.wwn || target.model || target.byPath || target.transport) ||
      target.rotational !== null ||
      target.leastGiB !== null ||
      target.mostGiB !== null,
  )
  const text = (field: 'serial' | 'wwn' | 'model' | 'byPath', label: string, placeholder: string) => (
    <TextInput
      size="xs"
      label={label}
      placeholder={placeholder}
      value={target[field]}
      error={fieldProblem(error, `targets.${index}.disk.${field}`)}
      onChange={(event) => change({ [field]: event.currentTarget.value })}
    />
  )
  return (
    <Fieldset
      legend={
        <Group gap={4}>
          {index === 0 ? 'Image' : `Image ${index + 1}`}
          {remove && (
            <ActionIcon size="sm" aria-label={`Remove ${target.image || 'this image'}`} onClick={remove}>
              <IconTrash size={14} />
            </ActionIcon>
          )}
        </Group>
      }
    >
      <Stack gap="xs">
        <Group grow align="flex-start">
          <ImageSelect
            label="Image"
            kinds={target.partition === null ? ['disk', 'partition'] : ['partition', 'disk']}
            value={target.image}
            error={fieldProblem(error, `targets.${index}.image`)}
            onChange={(image) => change({ image })}
          />
          <NumberInput
            label="Partition"
            placeholder="the whole disk"
            min={1}
            max={128}
            allowDecimal={false}
            value={target.partition ?? ''}
            error={fieldProblem(error, `targets.${index}.partition`)}
            onChange={(value) => change({ partition: Number(value) || null })}
          />
        </Group>
        <Checkbox
          size="xs"
          label="Write back: save it as a new version before the next deployment writes to the machine"
          checked={target.writeBack}
          onChange={(event) => change({ writeBack: event.currentTarget.checked })}
        />
        <Checkbox
          size="xs"
          label="Say which disk, for machines with several; else the armed one is meant"
          checked={hints}
          onChange={(event) => {
            setHints(event.currentTarget.checked)
            if (!event.currentTarget.checked)
              change({ ...NEW_TARGET, image: target.image, partition: target.partition, writeBack: target.writeBack })
          }}
        />
        <Collapse expanded={hints}>
          <Stack gap="xs">
            <Text size="xs" c="dimmed">
              All that is given must fit, and exactly one disk; names such as /dev/sda change between boots and are not
              offered.
            </Text>
            <Group grow align="flex-start">
              {text('model', 'Model contains', 'Samsung SSD 980')}
              {text('serial', 'Serial number', 'S64DNF0R123456')}
            </Group>
            <Group grow align="flex-start">
              {text('byPath', 'Where it is plugged in', 'pci-0000:00:05.0')}
              {text('wwn', 'WWN', '0x5002538f42b0a1c2')}
            </Group>
            <Group grow align="flex-start">
              <Select
                size="xs"
                label="Bus"
                clearable
                placeholder="any"
                data={TRANSPORTS}
                value={target.transport ?? null}
                onChange={(transport) => change({ transport: transport as TargetFields['transport'] })}
              />
              <Select
                size="xs"
                label="Sort"
                clearable
                placeholder="any"
                data={[
                  { value: 'false', label: 'solid state' },
                  { value: 'true', label: 'rotating' },
                ]}
                value={target.rotational === null ? null : String(target.rotational)}
                onChange={(value) => change({ rotational: value === null ? null : value === 'true' })}
              />
              <NumberInput
                size="xs"
                label="At least, GiB"
                min={0}
                value={target.leastGiB ?? ''}
                error={fieldProblem(error, `targets.${index}.disk.leastBytes`)}
                onChange={(value) => change({ leastGiB: value === '' ? null : Number(value) })}
              />
              <NumberInput
                size="xs"
                label="At most, GiB"
                min={0}
                value={target.mostGiB ?? ''}
                error={fieldProblem(error, `targets.${index}.disk.mostBytes`)}
                onChange={(value) => change({ mostGiB: value === '' ? null : Number(value) })}
              />
            </Group>
          </Stack>
        </Collapse>
      </Stack>
    </Fieldset>
  )
}

function IdentityPart(props: {
  identity: IdentityFields
  set: (identity: IdentityFields) => void
  error: Error | null
}) {
  const { identity, set, error } = props
  const [opened, setOpened] = useState(() => Object.values(identity).some(Boolean))
  const area = (field: 'sshKeys' | 'userData' | 'metaData' | 'ignition', label: string, hint: string) => (
    <Textarea
      label={label}
      description={hint}
      autosize
      minRows={2}
      maxRows={12}
      spellCheck={false}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      value={identity[field]}
      error={fieldProblem(error, `identity.${field}`) ?? fieldProblem(error, `identity.${field}.0`)}
      onChange={(event) => set({ ...identity, [field]: event.currentTarget.value })}
    />
  )
  return (
    <Fieldset legend="What each system is given of its own">
      <Stack gap="xs">
        <Checkbox
          size="xs"
          label="The machine’s name as its host name"
          checked={identity.hostname}
          onChange={(event) => set({ ...identity, hostname: event.currentTarget.checked })}
        />
        <Checkbox
          size="xs"
          label="SSH keys, a password, cloud-init or Ignition"
          checked={opened}
          onChange={(event) => setOpened(event.currentTarget.checked)}
        />
        <Collapse expanded={opened}>
          <Stack gap="xs">
            {area('sshKeys', 'SSH keys', 'Public keys of who may log in as root, one a line')}
            <TextInput
              label="Password hash of root"
              description={
                identity.passwordHash.startsWith('$kept$')
                  ? 'One is set and not shown; it stays as long as this is not changed'
                  : 'As openssl passwd -6 prints it; never the password itself'
              }
              placeholder="$6$…"
              autoComplete="off"
              value={identity.passwordHash}
              error={fieldProblem(error, 'identity.passwordHash')}
              onChange={(event) => set({ ...identity, passwordHash: event.currentTarget.value })}
            />
            {area('userData', 'cloud-init user-data', 'Kept on the disk as a NoCloud seed')}
            {area('metaData', 'cloud-init meta-data', 'Left empty, it is made from the machine’s name')}
            {area('ignition', 'Ignition', 'JSON, for Flatcar and Fedora CoreOS')}
          </Stack>
        </Collapse>
      </Stack>
    </Fieldset>
  )
}
