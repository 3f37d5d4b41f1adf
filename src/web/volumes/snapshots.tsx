import { ActionIcon, Button, Checkbox, Menu, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCamera, IconDots } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import type { Volume } from '../../api/contract/volumes.ts'
import { fieldProblem } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import style from './volumes.module.css'
import { attachedTo, baseText, lostByRevert } from './words.ts'

/** The states of a volume from its base to now; the one that it went on from last is marked. */
export function Snapshots({ volume, onPublish }: { volume: Volume; onPublish: (snapshot: string) => void }) {
  const operator = useMay('operator')
  const [taking, take] = useDisclosure(false)
  const [reverting, setReverting] = useState<string | null | undefined>(undefined)
  const remove = useDo('deleteSnapshot', { done: (_, { params }) => `Snapshot ${params.snapshot} is deleted.` })
  return (
    <Card
      title="Snapshots"
      aside={
        operator && (
          <Button size="compact-xs" leftSection={<IconCamera size={13} />} onClick={take.open}>
            Take a snapshot
          </Button>
        )
      }
    >
      <ol className={style.line} aria-label="States of this volume">
        <li>
          <State
            name={volume.base ? baseText(volume) : 'empty'}
            about={volume.base ? 'its base' : 'as it was made'}
            active={volume.active === null}
          >
            {operator && (
              <ActionIcon
                size="sm"
                aria-label="Revert to its base"
                title="Revert to its base"
                onClick={() => setReverting(null)}
              >
                <IconDots size={14} />
              </ActionIcon>
            )}
          </State>
        </li>
        {volume.snapshots.map((snapshot) => (
          <li key={snapshot.name}>
            <State
              name={snapshot.name}
              about={
                <>
                  <Ago at={snapshot.createdAt} /> by {snapshot.createdBy}
                </>
              }
              note={snapshot.note}
              active={volume.active === snapshot.name}
            >
              {operator && (
                <Confirm
                  title={`Delete the snapshot ${snapshot.name}?`}
                  text={`What ${volume.name} was when it was taken can then not be had back. The content that it has now stays as it is.`}
                  action="Delete snapshot"
                  onConfirm={() => remove.mutate({ params: { volume: volume.id, snapshot: snapshot.name } })}
                >
                  {(ask) => (
                    <Menu>
                      <Menu.Target>
                        <ActionIcon size="sm" aria-label={`What to do with ${snapshot.name}`}>
                          <IconDots size={14} />
                        </ActionIcon>
                      </Menu.Target>
                      <Menu.Dropdown>
                        <Menu.Item onClick={() => setReverting(snapshot.name)}>Revert to it…</Menu.Item>
                        <Menu.Item onClick={() => onPublish(snapshot.name)}>Publish it…</Menu.Item>
                        <Menu.Item color="red" onClick={ask}>
                          Delete…
                        </Menu.Item>
                      </Menu.Dropdown>
                    </Menu>
                  )}
                </Confirm>
              )}
            </State>
          </li>
        ))}
        <li>
          <div className={style.state} data-now>
            <div className={style.stateHead}>now</div>
            <span className="soft">
              went on from {volume.active ?? (volume.base ? 'its base' : 'nothing')}
              {attachedTo(volume).length > 0 && '; in use'}
            </span>
          </div>
        </li>
      </ol>
      {taking && <TakeSnapshot volume={volume} onClose={take.close} />}
      {reverting !== undefined && (
        <Revert volume={volume} snapshot={reverting} onClose={() => setReverting(undefined)} />
      )}
    </Card>
  )
}

function State(props: { name: string; about: ReactNode; note?: string; active: boolean; children: ReactNode }) {
  return (
    <div className={style.state} data-active={props.active || undefined} aria-current={props.active || undefined}>
      <div className={style.stateHead}>
        <span className="ellipsis">{props.name}</span>
        {props.children}
      </div>
      <span className="soft">{props.about}</span>
      {props.note && <span>{props.note}</span>}
      {props.active && <Text size="xs">active: it went on from here</Text>}
    </div>
  )
}

function TakeSnapshot({ volume, onClose }: { volume: Volume; onClose: () => void }) {
  const [name, setName] = useState('')
  const [note, setNote] = useState('')
  const take = useDo('createSnapshot', {
    quiet: true,
    done: () => `Snapshot ${name.trim()} of ${volume.name} is taken.`,
    after: onClose,
  })
  const used = attachedTo(volume)
  return (
    <FormDialog
      title={`Snapshot of ${volume.name}`}
      action="Take snapshot"
      error={take.error}
      busy={take.isPending}
      onClose={onClose}
      onSend={() => take.mutate({ params: { volume: volume.id }, body: { name: name.trim(), note } })}
    >
      {used.length > 0 && (
        <Text size="sm" c="dimmed">
          {used[0]} goes on writing. What it has written so far is in the snapshot; what its system still keeps in
          memory is not.
        </Text>
      )}
      <TextInput
        label="Name"
        data-autofocus
        required
        withAsterisk={false}
        placeholder="clean"
        value={name}
        error={fieldProblem(take.error, 'name')}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput label="Note" maxLength={500} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
    </FormDialog>
  )
}

/** Asks with what is lost, and whether those who are logged in are thrown out. */
export function Revert(props: { volume: Volume; snapshot: string | null; onClose: () => void }) {
  const { volume, snapshot, onClose } = props
  const [kick, setKick] = useState(false)
  const used = attachedTo(volume)
  const target = snapshot ?? (volume.base ? baseText(volume) : 'empty')
  const revert = useDo('revertVolume', {
    quiet: true,
    done: () => `${volume.name} is as it was at ${target}.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Revert ${volume.name} to ${target}?`}
      action="Revert"
      danger
      error={revert.error}
      busy={revert.isPending}
      disabled={used.length > 0 && !kick}
      onClose={onClose}
      onSend={() => revert.mutate({ params: { volume: volume.id }, body: { snapshot, kick } })}
    >
      <Notice tone="wait" title="What is lost">
        <p>{lostByRevert(volume, snapshot)}</p>
      </Notice>
      <Kick used={used} kick={kick} onChange={setKick} />
    </FormDialog>
  )
}

/** Shown only where somebody is logged in. */
export function Kick(props: { used: readonly string[]; kick: boolean; onChange: (kick: boolean) => void }) {
  if (props.used.length === 0) return null
  return (
    <Checkbox
      label={`End the sessions of ${props.used.join(', ')}`}
      description="It is in use. Their disk goes away under them: shut them down first if you can."
      checked={props.kick}
      onChange={(event) => props.onChange(event.currentTarget.checked)}
    />
  )
}
