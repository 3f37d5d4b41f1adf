import { Button, Menu } from '@mantine/core'
import {
  IconChevronDown,
  IconCloudUpload,
  IconCopy,
  IconDownload,
  IconEye,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconRotate,
  IconRuler,
  IconTrash,
  IconUpload,
} from '@tabler/icons-react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Volume } from '../../api/contract/volumes.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Columns, Facts, Loaded, Page, Stacked } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, count } from '../parts/words.ts'
import { CreateVolume } from './create.tsx'
import { Dump, EditVolume, Publish, Recreate, Resize, Restore } from './dialogs.tsx'
import { Examine, Exports } from './exports.tsx'
import { VolumeJobs } from './jobs.tsx'
import { BaseLink } from './list.tsx'
import { VolumeCondition } from './looks.tsx'
import { VolumeSessions } from './sessions.tsx'
import { Revert, Snapshots } from './snapshots.tsx'
import { attachedTo, CONDITION_HINTS, holdsWork, lostByDelete } from './words.ts'

type Dialog = 'edit' | 'revert' | 'resize' | 'clone' | 'recreate' | 'examine' | 'dump' | 'restore' | 'delete'

export function VolumePage() {
  const { volume: name } = useParams({ from: '/volumes/$volume' })
  // Nothing is told when somebody logs out: while anybody is in, it is asked again, so that what may be done now is right.
  const volume = useGet(
    'getVolume',
    { params: { volume: name } },
    { refetchMs: (data) => (data && attachedTo(data).length > 0 ? 2000 : false) },
  )
  if (volume.data) return <VolumeView key={volume.data.id} volume={volume.data} />
  return (
    <Page title={name}>
      <Loaded query={volume}>{() => null}</Loaded>
    </Page>
  )
}

function VolumeView({ volume }: { volume: Volume }) {
  const operator = useMay('operator')
  const [dialog, setDialog] = useState<Dialog | null>(null)
  const [publishing, setPublishing] = useState<string | null | undefined>(undefined)
  const close = () => setDialog(null)
  return (
    <Page
      title={volume.name}
      beside={<VolumeCondition condition={volume.condition} />}
      actions={operator && <Actions volume={volume} open={setDialog} publish={() => setPublishing(null)} />}
    >
      <Columns aside={<About volume={volume} />}>
        <ConditionNote volume={volume} revert={() => setDialog('revert')} examine={() => setDialog('examine')} />
        <VolumeJobs volume={volume} />
        <Snapshots volume={volume} onPublish={setPublishing} />
        <Exports volume={volume} />
        {attachedTo(volume).length > 0 && <VolumeSessions volume={volume} />}
      </Columns>
      {dialog === 'edit' && <EditVolume volume={volume} onClose={close} />}
      {dialog === 'revert' && <Revert volume={volume} snapshot={null} onClose={close} />}
      {dialog === 'resize' && <Resize volume={volume} onClose={close} />}
      {dialog === 'clone' && <CreateVolume clone={volume} onClose={close} />}
      {dialog === 'recreate' && <Recreate volume={volume} onClose={close} />}
      {dialog === 'examine' && <Examine volume={volume} onClose={close} />}
      {dialog === 'dump' && <Dump volume={volume} onClose={close} />}
      {dialog === 'restore' && <Restore volume={volume} onClose={close} />}
      {dialog === 'delete' && <Delete volume={volume} onClose={close} />}
      {publishing !== undefined && (
        <Publish volume={volume} snapshot={publishing} onClose={() => setPublishing(undefined)} />
      )}
    </Page>
  )
}

function Actions(props: { volume: Volume; open: (dialog: Dialog) => void; publish: () => void }) {
  const { volume, open } = props
  const setCondition = useDo('updateVolume', { done: (saved) => `${saved.name} is ${saved.condition} now.` })
  const condition = (to: 'ready' | 'modified' | 'offline') =>
    setCondition.mutate({ params: { volume: volume.id }, body: { condition: to } })
  return (
    <>
      <Button leftSection={<IconCloudUpload size={15} />} onClick={props.publish}>
        Publish
      </Button>
      <Button variant="default" leftSection={<IconRotate size={15} />} onClick={() => open('revert')}>
        Revert
      </Button>
      <Button variant="default" leftSection={<IconPencil size={15} />} onClick={() => open('edit')}>
        Edit
      </Button>
      <Menu>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={13} />} loading={setCondition.isPending}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconCopy size={15} />} onClick={() => open('clone')}>
            Clone…
          </Menu.Item>
          <Menu.Item leftSection={<IconRuler size={15} />} onClick={() => open('resize')}>
            Resize…
          </Menu.Item>
          <Menu.Item leftSection={<IconDownload size={15} />} onClick={() => open('dump')}>
            Dump to a file…
          </Menu.Item>
          <Menu.Item leftSection={<IconUpload size={15} />} onClick={() => open('restore')}>
            Restore from a file…
          </Menu.Item>
          <Menu.Item leftSection={<IconEye size={15} />} onClick={() => open('examine')}>
            Hand to a machine for examination…
          </Menu.Item>
          <Menu.Divider />
          {volume.condition === 'ready' ? (
            <>
              <Menu.Item leftSection={<IconPlayerPause size={15} />} onClick={() => condition('offline')}>
                Take out of service
              </Menu.Item>
              <Menu.Item onClick={() => condition('modified')}>Set aside as modified</Menu.Item>
            </>
          ) : (
            volume.condition !== 'damaged' && (
              <Menu.Item leftSection={<IconPlayerPlay size={15} />} onClick={() => condition('ready')}>
                Take into service again
              </Menu.Item>
            )
          )}
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconRefresh size={15} />} onClick={() => open('recreate')}>
            Recreate…
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => open('delete')}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}

function Delete({ volume, onClose }: { volume: Volume; onClose: () => void }) {
  const navigate = useNavigate()
  const remove = useDo('deleteVolume', {
    quiet: true,
    done: () => `${volume.name} is deleted.`,
    after: () => void navigate({ to: '/volumes' }),
  })
  return (
    <FormDialog
      title={`Delete ${volume.name}?`}
      action="Delete volume"
      danger
      {...(holdsWork(volume) ? { typed: volume.name } : {})}
      error={remove.error}
      busy={remove.isPending}
      onClose={onClose}
      onSend={() => remove.mutate({ params: { volume: volume.id } })}
    >
      <Notice tone="bad" title="What is lost">
        <p>{lostByDelete(volume)}</p>
      </Notice>
    </FormDialog>
  )
}

/** Why it is not served, and the ways out. */
function ConditionNote(props: { volume: Volume; revert: () => void; examine: () => void }) {
  const { volume } = props
  const operator = useMay('operator')
  if (volume.condition === 'ready') return null
  return (
    <Notice
      tone={volume.condition === 'damaged' ? 'bad' : 'wait'}
      title={`This volume is ${volume.condition}`}
      aside={
        operator &&
        volume.condition === 'modified' && (
          <>
            <Button variant="default" onClick={props.examine}>
              Examine
            </Button>{' '}
            <Button onClick={props.revert}>Revert</Button>
          </>
        )
      }
    >
      <p>{CONDITION_HINTS[volume.condition]}</p>
    </Notice>
  )
}

function About({ volume }: { volume: Volume }) {
  const labels = Object.entries(volume.labels)
  return (
    <Stacked>
      <Card title="About">
        <Facts
          rows={[
            ['Size', bytes(volume.bytes)],
            [
              'Own',
              volume.ownBytes === null
                ? 'not known now'
                : `${bytes(volume.ownBytes)}${volume.base ? ' beside its base' : ''}`,
            ],
            ['Not flushed', volume.dirtyBytes ? bytes(volume.dirtyBytes) : null],
            ['Limit', volume.limitBytes !== null && `${bytes(volume.limitBytes)} of its own`],
            ['Base', <BaseLink key="base" volume={volume} />],
            ['Use', purpose(volume)],
            [
              'Machine',
              volume.machine && (
                <Link to="/machines/$machine" params={{ machine: volume.machine }}>
                  {volume.machine}
                </Link>
              ),
            ],
            ['Profile', volume.profile],
            ['Boots left', volume.bootsLeft !== null && count(volume.bootsLeft, 'boot')],
            ['Pool', volume.pool],
            ['Owner', volume.owner],
            ...labels.map(([key, value]) => [key, value || 'yes'] as const),
            ['As a disk', [volume.scsi.vendor, volume.scsi.product, volume.scsi.revision].filter(Boolean).join(' ')],
            [
              'Id',
              <span key="id" className="mono">
                {volume.id}
              </span>,
            ],
            ['Attached', volume.lastAttachedAt && <Ago at={volume.lastAttachedAt} />],
            ['Made', <Ago key="made" at={volume.createdAt} />],
            ['Changed', <Ago key="changed" at={volume.updatedAt} />],
          ]}
        />
      </Card>
      {volume.notes && (
        <Card title="Notes">
          <div style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{volume.notes}</div>
        </Card>
      )}
    </Stacked>
  )
}

function purpose({ use }: Volume): string {
  if (use === 'overlay') return "a machine's own writes over the image"
  return use === 'maintenance' ? 'a master that is being changed' : 'made by a person'
}
