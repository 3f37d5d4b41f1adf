import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { ProfileSelect } from '../profiles/choose.tsx'

/** Takes a discovered machine into the fleet: from then on it boots its profile. */
export function Approve({
  machine,
  opened,
  onClose,
  stay,
}: {
  machine: Machine
  opened: boolean
  onClose: () => void
  stay?: boolean
}) {
  const [name, setName] = useState(machine.name)
  const [profile, setProfile] = useState<string | null>(machine.profile)
  const navigate = useNavigate()
  const approve = useDo('approveMachine', {
    quiet: true,
    done: (approved) => `${approved.name} is approved.`,
    after: (approved) => {
      onClose()
      if (!stay && approved.name !== machine.name)
        void navigate({ to: '/machines/$machine', params: { machine: approved.name }, replace: true })
    },
  })
  return (
    <Modal opened={opened} onClose={onClose} title={`Approve ${machine.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          approve.mutate({ params: { machine: machine.id }, body: { name, profile } })
        }}
      >
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {[machine.manufacturer, machine.product].filter(Boolean).join(' ') || 'A machine'} with MAC{' '}
            <span className="mono">{machine.macs[0]}</span>
            {machine.serial && `, serial ${machine.serial}`}. It boots its profile from its next try on, within seconds
            if it is parked now.
          </Text>
          <ProblemNote error={approve.error} />
          <TextInput
            label="Name"
            data-autofocus
            required
            withAsterisk={false}
            value={name}
            error={fieldProblem(approve.error, 'name')}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <ProfileSelect
            label="Profile"
            placeholder="None: it stays parked"
            description="What it becomes at every boot"
            value={profile}
            onChange={setProfile}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={approve.isPending}>
              Approve
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
