import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { ProfileSelect } from '../profiles/choose.tsx'

/** Chooses what a machine boots: `once` for just the next time, else at every boot. */
export function BootChoice(props: { machine: Machine; once: boolean; opened: boolean; onClose: () => void }) {
  const { machine, once } = props
  const [profile, setProfile] = useState<string | null>((once ? machine.nextBoot?.profile : machine.profile) ?? null)
  const order = useDo('setBoot', {
    quiet: true,
    done: () =>
      once
        ? profile
          ? `${machine.name} boots ${profile} the next time.`
          : `${machine.name} boots as always the next time.`
        : profile
          ? `${machine.name} boots ${profile} from now on.`
          : `${machine.name} has no profile and will be parked.`,
    after: props.onClose,
  })
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={once ? `Next boot of ${machine.name}` : `Profile of ${machine.name}`}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          order.mutate({ params: { machine: machine.id }, body: once ? { once: profile } : { profile } })
        }}
      >
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {once
              ? 'Used up when the machine reports that it launched; after that it boots its own profile again. Nothing is restarted now.'
              : 'What it becomes at every boot. Nothing is restarted now.'}
          </Text>
          <ProblemNote error={order.error} />
          <ProfileSelect
            label={once ? 'Boot just once' : 'Profile'}
            placeholder={once ? 'None: as always' : 'None: it is parked'}
            value={profile}
            onChange={setProfile}
            data-autofocus
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={props.onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={order.isPending}>
              {once ? 'Order next boot' : 'Set profile'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
