import { Button, Group, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { fieldProblem } from '../api/call.ts'
import { ProblemNote } from '../parts/page.tsx'
import { ProfileSelect } from '../profiles/choose.tsx'
import { EMPTY, fieldsOf, type MachineFields } from './fields.ts'

export function MachineForm(props: {
  machine?: Machine
  error: Error | null
  busy: boolean
  action: string
  onSend: (before: MachineFields, after: MachineFields) => void
  onClose: () => void
}) {
  const { error } = props
  const [before] = useState(() => (props.machine ? fieldsOf(props.machine) : EMPTY))
  const [fields, setFields] = useState(before)
  const set = <F extends keyof MachineFields>(field: F, value: MachineFields[F]) =>
    setFields({ ...fields, [field]: value })
  const send = (event: FormEvent) => {
    event.preventDefault()
    props.onSend(before, fields)
  }
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <ProblemNote error={error} />
        <TextInput
          label="Name"
          data-autofocus
          placeholder={props.machine ? undefined : 'Made for you when left empty'}
          value={fields.name}
          error={fieldProblem(error, 'name')}
          onChange={(event) => set('name', event.currentTarget.value)}
        />
        <TagsInput
          label="MACs"
          description="Any usual spelling; Enter after each"
          placeholder={fields.macs.length === 0 ? '52:54:00:12:34:56' : undefined}
          value={fields.macs}
          error={fieldProblem(error, 'macs') ?? fieldProblem(error, 'macs.0')}
          onChange={(macs) => set('macs', macs)}
          acceptValueOnBlur
        />
        <ProfileSelect
          label="Profile"
          placeholder="None: it is parked"
          description="What it becomes at every boot"
          value={fields.profile}
          onChange={(profile) => set('profile', profile)}
        />
        <Group grow align="flex-start">
          <TextInput
            label="Fixed IP"
            placeholder="From the range"
            value={fields.ip}
            error={fieldProblem(error, 'ip')}
            onChange={(event) => set('ip', event.currentTarget.value.trim())}
          />
          <TextInput
            label="Host name"
            placeholder="Its name"
            value={fields.hostname}
            error={fieldProblem(error, 'hostname')}
            onChange={(event) => set('hostname', event.currentTarget.value.trim())}
          />
        </Group>
        <TagsInput
          label="Tags"
          placeholder={fields.tags.length === 0 ? 'rack=a3' : undefined}
          value={fields.tags}
          error={fieldProblem(error, 'tags')}
          onChange={(tags) => set('tags', tags)}
          acceptValueOnBlur
        />
        <Group grow align="flex-start">
          <Select
            label="Firmware"
            placeholder="Seen at boot"
            clearable
            data={['bios', 'uefi']}
            value={fields.firmware}
            onChange={(firmware) => set('firmware', firmware as Machine['firmware'])}
          />
          <Select
            label="Boot loader"
            description="GRUB for Secure Boot"
            allowDeselect={false}
            data={[
              { value: 'auto', label: 'automatic' },
              { value: 'ipxe', label: 'iPXE' },
              { value: 'grub', label: 'shim and GRUB' },
            ]}
            value={fields.bootLoader}
            onChange={(loader) => set('bootLoader', loader as Machine['bootLoader'])}
          />
          <TextInput
            label="Serial"
            placeholder="Seen at boot"
            value={fields.serial}
            error={fieldProblem(error, 'serial')}
            onChange={(event) => set('serial', event.currentTarget.value)}
          />
        </Group>
        <Textarea
          label="Notes"
          autosize
          minRows={2}
          maxRows={10}
          value={fields.notes}
          error={fieldProblem(error, 'notes')}
          onChange={(event) => set('notes', event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={props.busy}>
            {props.action}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
