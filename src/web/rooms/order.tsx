import { Checkbox, NumberInput, Text } from '@mantine/core'
import { useState } from 'react'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { count } from '../parts/words.ts'
import { ProfileSelect } from '../profiles/choose.tsx'
import { ACTIONS, type BatchAction, startsIn } from './words.ts'

/** Whom an order is for: the whole room, or some machines by name. `tag` is null for machines of no room in particular. */
export type Crowd = { tag: string | null; total: number; chosen: readonly { id: string; name: string }[] }

/** Asks what is missing of an order for many machines, says what is lost by it, and starts it. */
export function OrderBatch(props: {
  action: BatchAction
  crowd: Crowd
  /** The profile that is chosen at first. */
  profile?: string | null
  onClose: () => void
  onStarted: (batch: string) => void
}) {
  const { action, crowd } = props
  const words = ACTIONS[action]
  const whole = crowd.chosen.length === 0
  const machines = whole ? crowd.total : crowd.chosen.length
  const [profile, setProfile] = useState<string | null>(props.profile ?? null)
  // Machines that start together draw much power and read the same blocks at once: a little apart is kinder to both.
  const [stagger, setStagger] = useState(action === 'on' || action === 'cycle' || action === 'switch' ? 1 : 0)
  const [kick, setKick] = useState(false)
  const start = useDo('startBatch', {
    quiet: true,
    after: (batch) => {
      props.onStarted(batch.id)
      props.onClose()
    },
  })
  const whom = whole ? `all ${count(machines, 'machine')} of ${crowd.tag}` : count(machines, 'machine')
  const names = crowd.chosen.slice(0, 8).map(({ name }) => name)
  return (
    <FormDialog
      title={`${words.title} ${whom}`}
      action={action === 'switch' ? 'Switch now' : words.word}
      danger={words.danger}
      {...(action === 'reset' && machines > 1 ? { typed: whole && crowd.tag ? crowd.tag : `reset ${machines}` } : {})}
      error={start.error}
      busy={start.isPending}
      disabled={machines === 0 || (words.profile && !profile)}
      onClose={props.onClose}
      onSend={() =>
        start.mutate({
          body: {
            ...{ action, profile: words.profile || action === 'reset' ? profile : null, staggerSeconds: stagger, kick },
            ...(whole && crowd.tag ? { tag: crowd.tag } : { machines: crowd.chosen.map(({ id }) => id) }),
          },
        })
      }
    >
      {words.danger ? (
        <Notice tone={action === 'reset' ? 'bad' : 'wait'} title="What is lost">
          <p>{words.does}</p>
        </Notice>
      ) : (
        <Text size="sm" c="dimmed">
          {words.does}
        </Text>
      )}
      {!whole && (
        <Text size="sm">
          {names.join(', ')}
          {crowd.chosen.length > names.length && ` and ${crowd.chosen.length - names.length} more`}
        </Text>
      )}
      {words.profile && (
        <ProfileSelect
          label="Profile"
          placeholder="Choose a profile"
          value={profile}
          error={fieldProblem(start.error, 'profile')}
          onChange={setProfile}
          data-autofocus
        />
      )}
      {action === 'reset' && (
        <ProfileSelect
          label="Disks of which profile"
          description="Disks whose policy is to keep what is written are reset only when their profile is named"
          kind="diskless"
          placeholder="All, but those that are kept"
          value={profile}
          error={fieldProblem(start.error, 'profile')}
          onChange={setProfile}
        />
      )}
      {action === 'reset' && (
        <Checkbox
          label="Reset machines that are on at once"
          description="Their sessions are ended: their disks go away under their running systems"
          checked={kick}
          onChange={(event) => setKick(event.currentTarget.checked)}
        />
      )}
      {!(action === 'boot' || action === 'boot-once') && machines > 1 && (
        <NumberInput
          label="Seconds between two machines"
          description={startsIn(machines, stagger)}
          min={0}
          max={600}
          decimalScale={1}
          value={stagger}
          onChange={(value) => setStagger(Number(value) || 0)}
        />
      )}
    </FormDialog>
  )
}
