import { Text } from '@mantine/core'
import { IconTransfer } from '@tabler/icons-react'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useDo } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { ProfileSelect } from '../profiles/choose.tsx'
import { usePower } from './power.tsx'

/** Boots another profile just once, at once: the order for the next boot, and a power cycle. */
export function SwitchNow({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const [profile, setProfile] = useState<string | null>(machine.nextBoot?.profile ?? null)
  const power = usePower(machine.id)
  const cycle = useDo('setPower', {
    quiet: true,
    done: () => `${machine.name} starts ${profile ?? ''} now.`,
    after: onClose,
  })
  const order = useDo('setBoot', {
    quiet: true,
    after: () =>
      cycle.mutate({
        params: { machine: machine.id },
        body: { action: power.data?.state === 'off' ? 'on' : 'cycle' },
      }),
  })
  const off = power.data?.state === 'off'
  return (
    <FormDialog
      title={`Switch ${machine.name} now`}
      action={off ? 'Start it' : 'Switch now'}
      danger={!off}
      error={order.error ?? cycle.error}
      busy={order.isPending || cycle.isPending}
      disabled={!profile}
      onClose={onClose}
      onSend={() => order.mutate({ params: { machine: machine.id }, body: { once: profile } })}
    >
      {off ? (
        <Text size="sm" c="dimmed">
          It is off: it is switched on and boots this profile just once.
        </Text>
      ) : (
        <Notice tone="wait" title="What is lost">
          <p>
            Its power is cut and comes back. What was not saved is lost, and files that are being written may be
            damaged. Shut it down first if you can.
          </p>
        </Notice>
      )}
      <ProfileSelect
        label="Boot just once"
        value={profile}
        onChange={setProfile}
        data-autofocus
        leftSection={<IconTransfer size={15} />}
      />
    </FormDialog>
  )
}
