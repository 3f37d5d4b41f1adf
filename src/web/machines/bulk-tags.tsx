import { Progress, TagsInput, Text } from '@mantine/core'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { call } from '../api/call.ts'
import { queries, toast, useGet } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { count } from '../parts/words.ts'
import { type BulkResult, forEachMachine, retagged } from './bulk.ts'

/** Gives tags to many machines and takes tags away: this is how a room is made. */
export function BulkTags(props: {
  machines: readonly Pick<Machine, 'id' | 'name'>[]
  onClose: () => void
  onDone: () => void
}) {
  const { machines } = props
  const rooms = useGet('listRooms', { query: { limit: 1000 } })
  const known = rooms.data?.items.map(({ tag }) => tag) ?? []
  const [add, setAdd] = useState<string[]>([])
  const [remove, setRemove] = useState<string[]>([])
  const [ended, setEnded] = useState<number | null>(null)
  const [result, setResult] = useState<BulkResult | null>(null)
  const run = async () => {
    setEnded(0)
    const outcome = await forEachMachine(
      machines,
      async ({ id: machine }) => {
        // Its tags of now, not those of the list: somebody else may have changed them.
        const { tags: before } = await call('getMachine', { params: { machine } })
        const tags = retagged(before, { add, remove })
        if (tags) await call('updateMachine', { params: { machine }, body: { tags } })
      },
      setEnded,
    )
    void queries.invalidateQueries()
    setEnded(null)
    if (outcome.failed.length > 0) return setResult(outcome)
    toast(`The tags of ${count(outcome.done, 'machine')} are as wanted.`)
    props.onDone()
    props.onClose()
  }
  const both = add.filter((tag) => remove.includes(tag))
  return (
    <FormDialog
      title={`Tags of ${count(machines.length, 'machine')}`}
      action="Change tags"
      error={result?.failed[0]?.error ?? null}
      busy={ended !== null}
      disabled={add.length + remove.length === 0 || both.length > 0}
      onClose={props.onClose}
      onSend={() => void run()}
    >
      {result && (
        <Text size="sm">
          Done for {result.done}, refused for {result.failed.length}:{' '}
          {result.failed
            .slice(0, 8)
            .map(({ machine }) => machine)
            .join(', ')}
          {result.failed.length > 8 && ` and ${result.failed.length - 8} more`}
        </Text>
      )}
      <TagsInput
        label="Give"
        description="All machines with the same tag are a room. Press Enter after each"
        data={known}
        value={add}
        onChange={setAdd}
        acceptValueOnBlur
        openOnFocus={false}
        clearable
        data-autofocus
      />
      <TagsInput
        label="Take away"
        description="From those that have it; their other tags stay"
        data={known}
        value={remove}
        onChange={setRemove}
        error={both.length > 0 ? `${both.join(', ')} cannot be given and taken away at once` : undefined}
        acceptValueOnBlur
        openOnFocus={false}
        clearable
      />
      {ended !== null && <Progress value={(100 * ended) / machines.length} aria-label="Progress" animated />}
    </FormDialog>
  )
}
