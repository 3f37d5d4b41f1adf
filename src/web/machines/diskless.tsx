import { Button, Checkbox, Select } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconRotate } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Empty, Stacked } from '../parts/page.tsx'
import { VolumeHead, VolumeRow } from '../volumes/list.tsx'
import { SessionsWhere } from '../volumes/sessions.tsx'
import { usePower } from './power.tsx'

/** The disks that a machine has over iSCSI, whether it is logged in, and the ways back to a clean one. */
export function MachineDisks({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const volumes = useList('listVolumes', { query: { machine: machine.name } }, { limit: 25 })
  const [resetting, reset] = useDisclosure(false)
  const items = volumes.query.data?.items ?? []
  return (
    <Stacked>
      <SessionsWhere
        label="Logged in now"
        where={(session) => session.machine === machine.name || session.machine === machine.id}
      />
      <Card
        flush
        title="Its disks over iSCSI"
        aside={
          operator &&
          items.length > 0 && (
            <Button size="compact-xs" variant="default" leftSection={<IconRotate size={13} />} onClick={reset.open}>
              Reset
            </Button>
          )
        }
      >
        <Listing
          list={volumes}
          lines={2}
          head={<VolumeHead />}
          empty={
            <Empty title="It has no disk over iSCSI of its own">
              Give it a <Link to="/profiles">profile</Link> of kind diskless; its overlay is made when it boots.
            </Empty>
          }
        >
          {(volume) => <VolumeRow key={volume.id} volume={volume} />}
        </Listing>
      </Card>
      {resetting && (
        <Reset
          machine={machine}
          profiles={[...new Set(items.flatMap(({ profile }) => profile ?? []))]}
          onClose={reset.close}
        />
      )}
    </Stacked>
  )
}

function Reset(props: { machine: Machine; profiles: readonly string[]; onClose: () => void }) {
  const { machine, profiles } = props
  const [profile, setProfile] = useState<string | null>(null)
  const [kick, setKick] = useState(false)
  const power = usePower(machine.id)
  const reset = useDo('resetMachine', {
    quiet: true,
    done: ({ reset, atNextBoot }) =>
      [
        reset.length > 0 && `${reset.join(', ')} ${reset.length === 1 ? 'is' : 'are'} clean again.`,
        atNextBoot.length > 0 && `${atNextBoot.join(', ')}: at the next boot.`,
        reset.length + atNextBoot.length === 0 && 'There was nothing to reset.',
      ]
        .filter(Boolean)
        .join(' '),
    after: props.onClose,
  })
  return (
    <FormDialog
      title={`Reset the disks of ${machine.name}?`}
      action={kick ? 'Reset now' : 'Reset'}
      danger
      error={reset.error}
      busy={reset.isPending}
      onClose={props.onClose}
      onSend={() => reset.mutate({ params: { machine: machine.id }, body: { kick, ...(profile ? { profile } : {}) } })}
    >
      <Notice tone="bad" title="What is lost">
        <p>
          All that {machine.name} itself wrote to its diskless disks{profile ? ` of ${profile}` : ''}: files, settings,
          installed programs. Images, shared volumes and its local disks stay.
        </p>
      </Notice>
      {profiles.length > 0 && (
        <Select
          label="Disks of which profile"
          description="Disks whose policy is to keep what is written are reset only when their profile is named"
          clearable
          placeholder="All, but those that are kept"
          data={[...profiles]}
          value={profile}
          onChange={setProfile}
        />
      )}
      {power.data?.state !== 'off' && (
        <Checkbox
          label="Now, even if it is on"
          description="Its session is ended and its disk goes away under its running system. Without this a machine that is logged in is reset at its next boot."
          checked={kick}
          onChange={(event) => setKick(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  )
}
