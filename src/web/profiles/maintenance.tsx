import { Button, Select, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCloudUpload, IconTool, IconTrash } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Maintenance } from '../../api/contract/maintenance.ts'
import { fieldProblem } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { MachineSelect } from '../machines/select.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Facts } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { JobMeter } from '../volumes/jobs.tsx'

const isOpen = (each: Maintenance) => each.state === 'open' || each.state === 'publishing'

/** The master of a diskless profile: one machine may change it, and what it made is published. */
export function MaintenanceCard({ profile, image }: { profile: string; image: string }) {
  const operator = useMay('operator')
  const [starting, start] = useDisclosure(false)
  const maintenances = useGet(
    'listMaintenances',
    { query: { limit: 200 } },
    { refetchMs: (page) => (page?.items.some((each) => each.state === 'publishing') ? 2000 : false) },
  )
  const own = (maintenances.data?.items ?? []).filter((each) => each.profile === profile)
  const open = own.find(isOpen)
  const past = own.filter((each) => !isOpen(each)).slice(0, 5)
  return (
    <Card
      title="Maintenance of the master"
      aside={
        operator &&
        !open &&
        maintenances.data && (
          <Button size="compact-xs" leftSection={<IconTool size={13} />} onClick={start.open}>
            Start
          </Button>
        )
      }
    >
      {open ? (
        <Open maintenance={open} />
      ) : (
        <Text size="sm" c="dimmed">
          To change what all machines of this profile have, let one of them boot {image} writable: install, update, set
          up; then publish what it made as the next version.
        </Text>
      )}
      {past.length > 0 && (
        <ul style={{ margin: '0.7rem 0 0', paddingInlineStart: '1.1rem' }} className="soft">
          {past.map((each) => (
            <li key={each.id}>
              {each.state === 'published' ? `${each.image}@${each.published ?? '?'} made on ` : `discarded on `}
              {each.machine} <Ago at={each.endedAt ?? each.startedAt} /> by {each.startedBy}
            </li>
          ))}
        </ul>
      )}
      {starting && <Start profile={profile} image={image} onClose={start.close} />}
    </Card>
  )
}

function Open({ maintenance }: { maintenance: Maintenance }) {
  const operator = useMay('operator')
  const [publishing, publish] = useDisclosure(false)
  const discard = useDo('discardMaintenance', { done: () => 'What was written is dropped; the master is as it was.' })
  const jobs = useGet(
    'listVolumeJobs',
    { query: { limit: 50 } },
    { enabled: maintenance.state === 'publishing', refetchMs: 1000 },
  )
  const job = jobs.data?.items.find((each) => each.volume === maintenance.volume && each.what === 'publish')
  return (
    <Notice
      tone="wait"
      title={
        maintenance.state === 'open'
          ? `${maintenance.machine} changes the master`
          : `What ${maintenance.machine} made is being published`
      }
      aside={
        operator &&
        maintenance.state === 'open' && (
          <div style={{ display: 'flex', gap: '0.4rem' }}>
            <Confirm
              title="Discard the changes?"
              text={`All that ${maintenance.machine} wrote since the maintenance was started is lost. ${maintenance.image}@${maintenance.from} stays as it is.`}
              action="Discard changes"
              onConfirm={() => discard.mutate({ params: { maintenance: maintenance.id } })}
            >
              {(ask) => (
                <Button
                  variant="default"
                  leftSection={<IconTrash size={14} />}
                  loading={discard.isPending}
                  onClick={ask}
                >
                  Discard
                </Button>
              )}
            </Confirm>
            <Button leftSection={<IconCloudUpload size={14} />} onClick={publish.open}>
              Publish
            </Button>
          </div>
        )
      }
    >
      <Facts
        rows={[
          ['Began with', `${maintenance.image}@${maintenance.from}`],
          [
            'Machine',
            <Link key="machine" to="/machines/$machine" params={{ machine: maintenance.machine }}>
              {maintenance.machine}
            </Link>,
          ],
          [
            'Volume',
            <Link key="volume" to="/volumes/$volume" params={{ volume: maintenance.volume }}>
              {maintenance.volume}
            </Link>,
          ],
          [
            'Others',
            maintenance.others === 'keep'
              ? 'go on with the version before'
              : 'are parked when they boot, until this has ended',
          ],
          ['Started', <Started key="started" maintenance={maintenance} />],
        ]}
      />
      {maintenance.state === 'open' && (
        <p>Boot the machine, change what you want, and shut it down: it is published once it is off.</p>
      )}
      {job && <JobMeter job={job} />}
      {publishing && <PublishMaintenance maintenance={maintenance} onClose={publish.close} />}
    </Notice>
  )
}

function Started({ maintenance }: { maintenance: Maintenance }) {
  return (
    <>
      <Ago at={maintenance.startedAt} /> by {maintenance.startedBy}
    </>
  )
}

function Start({ profile, image, onClose }: { profile: string; image: string; onClose: () => void }) {
  const [machine, setMachine] = useState<string | null>(null)
  const [others, setOthers] = useState<'keep' | 'refuse'>('keep')
  const start = useDo('startMaintenance', {
    quiet: true,
    done: (made) => `${made.machine} has the master at its next boot.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Maintenance of ${profile}`}
      action="Start maintenance"
      error={start.error}
      busy={start.isPending}
      disabled={!machine}
      onClose={onClose}
      onSend={() => {
        if (machine) start.mutate({ body: { profile, machine, others } })
      }}
    >
      <Text size="sm" c="dimmed">
        At its next boot the machine gets the newest version of {image.replace(/@.*$/, '')}, writable, in place of its
        own disk. Its own overlay stays and comes back afterwards.
      </Text>
      <MachineSelect
        label="Machine"
        value={machine}
        error={fieldProblem(start.error, 'machine')}
        onChange={setMachine}
        data-autofocus
      />
      <Select
        label="Other machines of the profile"
        allowDeselect={false}
        data={[
          { value: 'keep', label: 'go on with the version that they have' },
          { value: 'refuse', label: 'are parked when they boot meanwhile' },
        ]}
        value={others}
        onChange={(value) => setOthers(value as typeof others)}
      />
    </FormDialog>
  )
}

function PublishMaintenance({ maintenance, onClose }: { maintenance: Maintenance; onClose: () => void }) {
  const [note, setNote] = useState('')
  const [rollout, setRollout] = useState<'none' | 'canary' | 'all'>('canary')
  const [canary, setCanary] = useState('')
  const publish = useDo('publishMaintenance', {
    quiet: true,
    done: () => 'The changes are being published.',
    after: onClose,
  })
  return (
    <FormDialog
      title={`Publish what ${maintenance.machine} made`}
      action="Publish"
      error={publish.error}
      busy={publish.isPending}
      disabled={rollout === 'canary' && !canary.trim()}
      onClose={onClose}
      onSend={() =>
        publish.mutate({
          params: { maintenance: maintenance.id },
          body: { note, rollout, canary: rollout === 'canary' ? canary.trim() : null },
        })
      }
    >
      <Text size="sm" c="dimmed">
        Becomes the next version of {maintenance.image}; @{maintenance.from} stays, and one step leads back to it.
      </Text>
      <TextInput
        label="Note"
        placeholder="What was changed"
        maxLength={500}
        data-autofocus
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <Select
        label="Which machines get it"
        allowDeselect={false}
        data={[
          { value: 'canary', label: 'those with a tag first' },
          { value: 'all', label: 'all of the profile' },
          { value: 'none', label: 'none yet: they keep the version that they have' },
        ]}
        value={rollout}
        onChange={(value) => setRollout(value as typeof rollout)}
      />
      {rollout === 'canary' && <CanaryTag value={canary} onChange={setCanary} />}
    </FormDialog>
  )
}

export function CanaryTag(props: { value: string; onChange: (tag: string) => void }) {
  return (
    <TextInput
      label="Tag of the machines that get it first"
      placeholder="canary"
      maxLength={63}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  )
}
